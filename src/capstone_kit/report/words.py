"""Markdown of the team's documents as a part of a page: no HTML of theirs, no pictures, no addresses of people."""

import re
from collections.abc import Collection
from pathlib import PurePosixPath
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from capstone_kit.project import safe

MOST = 20_000  # letters of a text that are shown
PERSON = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def markdown(text: str, file: str, kept: Collection[str]) -> Markup:
    """Give a text of `file` as HTML. A link to a file that is `kept` beside the page leads there; others are text."""
    reader = MarkdownIt("js-default", {"html": False, "linkify": False}).disable(["image", "heading", "lheading"])
    tokens = reader.parse(plain(text))
    for token in tokens:
        token.children = _linked(token.children or [], PurePosixPath(file).parent, kept) if token.children else None
    return Markup(reader.renderer.render(tokens, reader.options, {}))


def plain(text: str) -> str:
    """Give a text without what steers the reader's machine, and without addresses of people."""
    return people_left_out(safe(text[:MOST]))


def people_left_out(text: str) -> str:
    """Give a text without addresses of people."""
    return PERSON.sub("(address left out)", text)


def _linked(tokens: list[Token], folder: PurePosixPath, kept: Collection[str]) -> list[Token]:
    """Keep the links that resolve; take the others' marks away and leave their words."""
    found, dropped = [], 0
    for token in tokens:
        if token.type == "link_open":
            address = _address(str(token.attrGet("href") or ""), folder, kept)
            if address:
                token.attrSet("href", address)
            dropped += not address
            if not address:
                continue
        if token.type == "link_close" and dropped:
            dropped -= 1
            continue
        found.append(token)
    return found


def _address(href: str, folder: PurePosixPath, kept: Collection[str]) -> str:
    """Give where a link leads from the page: elsewhere by https, or to a file beside it; "" where it leads nowhere."""
    if href.startswith("https://"):
        return href
    parts: list[str] = []
    for part in (folder / unquote(href).partition("#")[0]).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    name = "/".join(parts)
    return f"files/{name}" if name in kept else ""
