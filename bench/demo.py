"""Generate a repository with default answers and take it to a served prediction, timing each step."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from capstone_kit.report.browser import NAMES

TEMPLATE = Path(__file__).resolve().parent.parent
FOLDER = TEMPLATE / "build" / "demo"
REPOSITORY = FOLDER / "capstone-project"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}  # that of `make` itself
STEPS = {
    "generate": (["cookiecutter", str(TEMPLATE), "--no-input", "--output-dir", str(FOLDER)], TEMPLATE),
    "install": (["uv", "sync", "--quiet"], REPOSITORY),
    "pipeline": (["uv", "run", "dvc", "repro"], REPOSITORY),
    "serve": (["uv", "run", "python", "-m", "project.smoke"], REPOSITORY),
    "page": (["uv", "run", "capstone", "report"], REPOSITORY),
}
if any(map(shutil.which, NAMES)):  # a browser is here: the sponsor's page shows the service's
    STEPS["page"][0].append("--screenshot")


def main() -> None:
    """Run each step; stop at the first that fails."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name, (command, folder) in STEPS.items():
        print(f"--- {name}: {' '.join(command)}", flush=True)
        started = time.perf_counter()
        if subprocess.run(command, cwd=folder, env=ENVIRONMENT).returncode:
            sys.exit(f"{name} failed")
        print(f"--- {name}: {time.perf_counter() - started:.1f} s", flush=True)
    print(f"The sponsor's page opens in a browser: {(REPOSITORY / 'site/index.html').as_uri()}")
    print(f"The repository is in {REPOSITORY}. Serve it yourself: cd there, then uv run bentoml serve")


if __name__ == "__main__":
    main()
