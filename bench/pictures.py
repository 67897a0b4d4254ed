"""Take the pictures in docs/: the service before and after `capstone adopt`, the project's and the cohort's page.

uv run python bench/pictures.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/kit")]

from conftest import Repository
from small import cohort
from tables import TABLES

from capstone_kit.report import matrix
from capstone_kit.report.browser import PICTURE

PICTURES = ROOT / "docs/pictures"
TABLE = next(table for table in TABLES if table.name == "penguins")
SIZE = ViewportSize(width=1100, height=900)


def page_of(browser: Browser, file: Path, picture: Path) -> None:
    """Keep the upper part of a page that works from disk as a picture."""
    page = browser.new_page(viewport=SIZE)
    page.goto(file.as_uri())
    page.screenshot(path=picture)
    page.close()


def service_of(repository: Repository, picture: Path) -> None:
    """Picture the service's page of a trained repository, as its own report does."""
    repository.run("uv", "run", "capstone", "report", "--screenshot")
    shutil.move(repository.path / PICTURE, picture)


def made_up_cohort(browser: Browser, picture: Path) -> None:
    """Picture the page of a made-up cohort."""
    with tempfile.TemporaryDirectory() as folder:
        page_of(browser, matrix.write(Path(folder), cohort(24), {}, {})[0], picture)


def adopt(repository: Repository, folder: Path) -> None:
    """Move a repository to a table of its own, and train."""
    source = TABLE.write(folder)
    repository.run("uv", "run", "capstone", "adopt", str(source), "--target", TABLE.target, "--yes")
    repository.run("uv", "run", "dvc", "repro")


def main() -> None:
    """Generate, train, picture; adopt, train, picture."""
    PICTURES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        made_up_cohort(browser, PICTURES / "cohort.png")
        repository = Repository(Path(folder) / "capstone-project", Path(folder))
        command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--output-dir", folder]
        subprocess.run(command, check=True)
        repository.run("uv", "sync", "--quiet")
        repository.run("uv", "run", "dvc", "repro")
        service_of(repository, PICTURES / "before.png")
        page_of(browser, repository.path / "site/index.html", PICTURES / "project.png")
        adopt(repository, Path(folder))
        service_of(repository, PICTURES / "after.png")


if __name__ == "__main__":
    main()
