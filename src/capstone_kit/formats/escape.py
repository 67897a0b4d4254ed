"""Texts of untrusted repositories, made harmless for the place where they are shown."""

import re

from capstone_kit.project import safe

LATEX = {c: f"\\{c}" for c in "{}$&#_%"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
LATEX |= {"^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}"}
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!&~$@:()])")


def line(text: object) -> str:
    """Give a text as one line without what steers a terminal or turns the direction of writing."""
    return " ".join(safe(str(text)).split())


def markdown(text: object) -> str:
    """Give a text that Markdown shows as it is: no table, link, mention, HTML or emphasis can begin in it."""
    return MARKDOWN.sub(r"\\\1", line(text))


def latex(text: object) -> str:
    """Give a text that LaTeX shows as it is."""
    return "".join(LATEX.get(c, c) for c in line(text))


def code(text: object) -> str:
    """Give a text as a span of code in Markdown, "" for an empty one."""
    plain = line(text).replace("`", "'").replace("|", "¦")
    return f"`{plain}`" if plain else ""


def cell(text: object) -> str:
    """Give a text for a spreadsheet's cell, where nothing in it is taken for a formula."""
    plain = line(text)
    return f"'{plain}" if plain[:1] in ("=", "+", "-", "@") or str(text)[:1] in ("\t", "\r") else plain


def xml(text: object) -> str:
    """Give a text whose characters XML 1.0 allows; the writer escapes the rest."""
    return "".join(c for c in line(text) if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD)
