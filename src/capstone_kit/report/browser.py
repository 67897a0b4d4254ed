"""What a Chromium of this machine makes of a page: a PDF, and a picture of the running service."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from capstone_kit.project import KitError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PICTURE = "docs/pictures/page.png"
SIZE = "1100,1000"  # CSS pixels: the form and the answer side by side
PATIENCE = 60.0  # seconds


def print_pdf(page: Path) -> Path:
    """Print a page beside itself. Raises `KitError` that says what is missing."""
    made = page.with_suffix(".pdf")
    address = page.resolve().as_uri()
    _browse("--pdf", made, "--no-pdf-header-footer", f"--print-to-pdf={made.resolve()}", address)
    return made


def photograph(root: Path) -> Path:
    """Serve the project's model, and keep its page with a prediction as a picture in `docs/pictures/`.

    Raises `KitError` that says what is missing: a browser, or a model that can be served.
    """
    made = root / PICTURE
    made.parent.mkdir(parents=True, exist_ok=True)
    with _service(root) as address:
        waits = "--virtual-time-budget=10000"  # milliseconds of the page's own clock, at whose end it is pictured
        words = ("--hide-scrollbars", f"--window-size={SIZE}", waits, f"--screenshot={made.resolve()}")
        _browse("--screenshot", made, *words, f"{address}/#predict")
    return made


def _browse(asked: str, made: Path, *words: str) -> None:
    """Start the browser without a window; it has to write `made`."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if not browser:
        raise KitError(f"{asked} needs Chromium or Chrome, and none is on the path; {made} was not made")
    rights = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # its sandbox refuses root
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / made.name  # the browser refuses a picture whose name does not end in .png
        command = [browser, "--headless", "--disable-gpu", f"--user-data-dir={folder}/profile", *rights]
        command += [word.replace(str(made.resolve()), str(fresh)) for word in words]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode or not fresh.is_file():
            raise KitError(f"{asked}: {Path(browser).name} wrote nothing; {made} was not made")
        shutil.move(fresh, made)


@contextmanager
def _service(root: Path) -> Generator[str]:
    """Start the project's service on a free port of this machine, give its address, and stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", port]
    with tempfile.TemporaryFile() as output:
        server = subprocess.Popen(
            command, cwd=root, env=os.environ | {"PREDICTION_LOG": "off"}, stdout=output, stderr=output
        )
        try:
            _wait(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            return urllib.request.urlopen(f"{address}/readyz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
    raise KitError("--screenshot: the service does not start here: run `uv run dvc repro`, then `uv run bentoml serve`")
