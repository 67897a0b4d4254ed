"""Schemathesis against the running service: whatever it sends, no 5xx, and every answer is as described."""

import subprocess
import sys
from pathlib import Path

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
PROGRAM = Path(sys.executable).with_name("schemathesis")


def test_no_request_breaks_the_service(service: str, tmp_path: Path) -> None:
    """Sixty generated requests for each operation, valid and broken, from the service's own document."""
    options = ["--checks", CHECKS, "--max-examples", "60", "--generation-deterministic", "--request-timeout", "20"]
    command = [str(PROGRAM), "run", f"{service}/docs.json", "--url", service, *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
