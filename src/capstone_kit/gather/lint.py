"""Lint, format and types by the examiner's tools and settings."""

import re
from dataclasses import dataclass
from typing import Any

from capstone_kit.gather.lab import Lab

SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore|ty:\s*ignore|pragma:\s*no cover)")
MOST = 400  # files


@dataclass(frozen=True)
class Linted:
    """What the tools found."""

    findings: tuple[str, ...]  # "file:line text"
    silenced: int  # comments that silence a finding, beyond those of the template
    lines: int


def lint(lab: Lab) -> Linted:
    """Run the tools on copies of the Python files, with the pristine template's settings."""
    lab.say("linting")
    root = lab.project.root
    names = [
        p.relative_to(root).as_posix() for folder in ("src", "tests") for p in sorted((root / folder).rglob("*.py"))
    ]
    files = {name: root / name for name in names[:MOST] if lab.project.exists(name)}
    answer = lab.judged(
        "lint",
        files | {"pyproject.toml": lab.pristine.parent / "pyproject.toml"},
        {"python": lab.judge.inside(lab.box.environment)},
    )
    told = [f for kind in ("lint", "format", "types") for f in answer[kind]]
    texts = {name: lab.project.text(name) for name in files}
    own = sum(_silenced(text) for text in texts.values())
    shipped = sum(_silenced(lab.scaffold.text(name)) for name in texts)
    lines = sum(text.count("\n") for text in texts.values())
    return Linted(tuple(_line(f) for f in told), max(0, own - shipped), lines)


def _silenced(text: str) -> int:
    return len(SILENCED.findall(text))


def _line(found: dict[str, Any]) -> str:
    return f"{found['file']}:{found['line']} {' '.join(str(found['text']).split())[:100]}"
