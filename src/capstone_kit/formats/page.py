"""The report as one page that works from disk: no script, nothing from elsewhere."""

from pathlib import Path

from capstone_kit import webpage
from capstone_kit.result import Report

HERE = Path(__file__).parent


def render(report: Report) -> str:
    """Give the page."""
    return webpage.render(HERE / "page.html.j2", HERE / "page.css", {"report": report})
