"""Start the service, ask it for one prediction, and stop it: `python -m project.smoke`."""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

from project import stage

PATIENCE = 60.0  # seconds until the service has to be ready


def ask(address: str, body: Any = None) -> Any:
    """Give the JSON answer of `address`; a `body` is posted as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return json.load(response)


def wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return when the service answers; raises `ProjectError` if it ends or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=2).close()  # noqa: S310
            return
        except OSError:
            time.sleep(0.1)
    raise stage.ProjectError(
        f"the service was not ready within {PATIENCE:.0f} s: run `uv run bentoml serve` to see why"
    )


def main() -> None:
    """Post the typical row that the page shows, and print the prediction."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryFile() as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_until_ready(address, server)
            row = {field["name"]: field["typical"] for field in ask(f"{address}/form.json")["fields"]}
            answer = ask(f"{address}/predict", row)
            found = answer["predictions"][0]
            print(f"smoke: version {answer['model_version']} predicts {found['prediction']!r} for {json.dumps(row)}")
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    stage.run(main)
