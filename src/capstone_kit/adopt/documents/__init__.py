"""The documents that speak of the data, filled with facts; what only people know is asked for."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from capstone_kit.adopt.description import Field, Inference
from capstone_kit.adopt.source import Source
from capstone_kit.project import DATA_CONTRACT, Project

BEGIN, END = "<!-- data:begin -->", "<!-- data:end -->"
NAMES = ("datasheet.md", "charter.md", "impact-assessment.md")
SHOWN = 60  # columns in the datasheet's table
CLASSES = 8  # classes named in it
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!&~$])")


def markdown(value: object) -> str:
    """Give `value` as one line of Markdown that shows it literally, in a table too."""
    return SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def code(value: object) -> str:
    """Give `value` for a span of code within a table."""
    return " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")


def limits(field: Field) -> str:
    """Give the limits of a field in words."""
    found = field.constraints
    if "enum" in found:
        values = [str(value) for value in found["enum"]]
        return ", ".join(values[:CLASSES]) + (f" and {len(values) - CLASSES} more" if len(values) > CLASSES else "")
    if "minimum" in found:
        return f"{found['minimum']:g} to {found['maximum']:g}" + (f" {field.unit}" if field.unit else "")
    return str(field.more.get("format", ""))


def written(project: Project, source: Source, found: Inference, confidentiality: str) -> dict[str, str]:
    """Give the documents' new texts by name; where data were adopted before, all stays but the facts between marks."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=False, trim_blocks=False)
    environment.filters |= {"markdown": markdown, "code": code}
    facts = _facts(project, source, found, confidentiality)
    texts = {}
    for name in NAMES:
        fresh = re.sub(r"\n{3,}", "\n\n", environment.get_template(f"{name}.j2").render(facts)).strip() + "\n"
        path = project.path(f"docs/{name}")
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        texts[f"docs/{name}"] = _merged(before, fresh, before if _adopted(project) and before else fresh)
    return texts


def _adopted(project: Project) -> bool:
    return "adopted" in project.yaml(DATA_CONTRACT)


def replaced(project: Project) -> list[str]:
    """Give the documents that the first adoption writes anew, as they hold no facts between marks."""
    there = [] if _adopted(project) else [f"docs/{name}" for name in NAMES if project.path(f"docs/{name}").exists()]
    return [name for name in there if BEGIN not in project.text(name)]


def _facts(project: Project, source: Source, found: Inference, confidentiality: str) -> dict[str, Any]:
    personal = [f"`{code(f.name)}` seems to hold {f.personal}." for f in found.fields if f.personal]
    alone = [sign for f in found.fields for sign in f.more.get("missingValues", ())]  # of single fields
    unit = f" {found.target.unit}" if found.target.unit else ""
    return {
        "project": project.toml("capstone.toml")["project"],
        "title": source.path.stem,
        "origin": source.origin,
        "found": found,
        "shown": found.fields[:SHOWN],
        "shares": list(zip(found.labels, found.shares, strict=True))[:CLASSES],
        "more": max(0, len(found.labels) - CLASSES),
        "signs": ", ".join(map(repr, dict.fromkeys([*found.missing, *alone]))),
        "limits": limits,
        "confidentiality": confidentiality,
        "people": "\n".join(personal),
        "findings": [*(f"{f.name} {f.leakage}" for f in found.fields if f.leakage), *found.remarks],
        "baseline": f"{found.baseline:.4g}{unit}",
        "begin": BEGIN,
        "end": END,
    }


def _merged(before: str, fresh: str, unmarked: str) -> str:
    """Give `before` with the facts of `fresh` between its marks; `unmarked` where there are none."""
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        return unmarked
    facts = fresh.partition(BEGIN)[2].partition(END)[0]
    return f"{head}{BEGIN}{facts}{END}{tail}"
