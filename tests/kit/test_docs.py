"""The documentation: it builds without a warning, and what is generated is current."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ("capstone_kit.cli", "utils", "docs", "--name", "capstone")


def test_the_site_builds_without_a_warning_and_asks_nobody(tmp_path: Path) -> None:
    """Every link leads to a page or heading that is there; no page fetches a script, style, font or picture."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > len(list((ROOT / "docs" / "decisions").glob("0*.md")))
    for page in pages:
        fetched = re.findall(r'<(?:script|img)[^>]+src="(https?:[^"]+)"', page.read_text(encoding="utf-8"))
        fetched += re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="(https?:[^"]+)"', page.read_text(encoding="utf-8"))
        assert not fetched, page


def test_the_reference_of_the_commands_is_current(tmp_path: Path) -> None:
    """Written anew by typer it is what docs/cli.md holds."""
    made = tmp_path / "cli.md"
    command = [sys.executable, "-m", "typer", *REFERENCE, "--output", str(made)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    again = f"run `uv run python -m typer {' '.join(REFERENCE)} --output docs/cli.md`"
    assert made.read_text(encoding="utf-8") == (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), again
