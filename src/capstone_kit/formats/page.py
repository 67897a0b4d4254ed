"""The report as one page that works from disk: no script, nothing from elsewhere."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from capstone_kit.formats.escape import line
from capstone_kit.result import Report

HERE = Path(__file__).parent


def render(report: Report) -> str:
    """Give the page."""
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["line"] = line
    style = (HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("page.html.j2").render(report=report, style=style, digest=digest)
