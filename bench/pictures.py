"""Take the pictures in docs/: the service before and after `capstone adopt`, the project's and the cohort's page.

uv run python bench/pictures.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/kit")]

from conftest import Repository, serving
from small import cohort
from tables import TABLES

from capstone_kit.report import matrix

PICTURES = ROOT / "docs/pictures"
TABLE = next(table for table in TABLES if table.name == "penguins")
SIZE = ViewportSize(width=1100, height=900)


def picture(repository: Repository, name: str) -> None:
    """Serve the repository's model, ask for the prediction that the form holds, and keep the page as a picture."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with serving(repository, "uv", "run", "bentoml", "serve", "--port", "{port}") as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        page.click("#predict")
        page.wait_for_selector("#answer .value")
        page.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


def page_of(file: Path, name: str) -> None:
    """Keep the upper part of a page that works from disk as a picture."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(file.as_uri())
        page.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


def cohort_page(folder: Path) -> None:
    """Picture the page of a made-up cohort."""
    folder.mkdir()
    page_of(matrix.write(folder, cohort(24), {}, {})[0], "cohort")


def main() -> None:
    """Generate, train, picture; adopt, train, picture."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder) / "capstone-project", Path(folder))
        command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--output-dir", folder]
        subprocess.run(command, check=True)
        repository.run("uv", "sync", "--quiet")
        repository.run("uv", "run", "dvc", "repro")
        picture(repository, "before")
        repository.run("uv", "run", "capstone", "report")
        page_of(repository.path / "site/index.html", "project")
        cohort_page(Path(folder) / "cohort")
        source = TABLE.write(Path(folder))
        repository.run("uv", "run", "capstone", "adopt", str(source), "--target", TABLE.target, "--yes")
        repository.run("uv", "run", "dvc", "repro")
        picture(repository, "after")


if __name__ == "__main__":
    main()
