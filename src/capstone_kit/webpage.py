"""A page that works from disk: one shared look, nothing from elsewhere, whatever a team wrote stays text."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup, escape

from capstone_kit.formats.escape import line

LOOK = Path(__file__).parent / "look.css"  # the service's stylesheet begins with it: docs/decisions/0015-pages.md


def render(template: Path, styles: Path, values: dict[str, Any], script: Path | None = None) -> str:
    """Give the page that `template` makes of `values`, with the look and its own `styles` inside.

    The policy in its head allows this style, this script and pictures inside the page, and nothing else.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,
    )
    environment.filters |= {"line": line, "spans": spans}
    style = "\n".join(path.read_text(encoding="utf-8") for path in (LOOK, styles))
    code = script.read_text(encoding="utf-8") if script else ""
    policy = f"default-src 'none'; img-src data:; style-src '{_digest(style)}'"
    policy += f"; script-src '{_digest(code)}'" if code else ""
    return environment.get_template(template.name).render(values, style=style, script=code, policy=Markup(policy))


def spans(text: object) -> Markup:
    """Give a line in which what stands between backticks is code; all else stays text."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(line(text)))))


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
