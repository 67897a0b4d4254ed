"""Personal data where none should be: among the features, in samples, prediction logs, reports and models."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from capstone_kit.project import DATA_CONTRACT, Project, safe

SAMPLE = "data/sample.csv"
PLACES = (SAMPLE, "reports", "logs", "notebooks", "models")
KINDS = (".csv", ".json", ".jsonl", ".md", ".txt", ".log", ".svg", ".ipynb", ".html")
LARGEST = 5_000_000  # bytes of a file that are looked into, from its beginning
FEW = 2  # different values of a kind that may be chance
PATTERNS = {
    "e-mail addresses": re.compile(r"\b[\w.+-]{2,}@[\w-]{2,}\.[a-z]{2,}\b"),
    "telephone numbers": re.compile(r"(?<![\w.,-])\+\d{1,3}[ -]\(?\d{2,4}\)?[ -]\d{3,4}[ -]?\d{2,4}(?![\w.])"),
    "US social security numbers": re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"),
    "IBANs": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b"),
}
HARMLESS = re.compile(r"@(?:example|localhost|users\.noreply)|\.example\b|example\.(?:com|org|edu)")

Table = dict[str, list[str]]


def examine(project: Project) -> int:
    """Print a line for each finding; give the exit status: 1 where there are any."""
    found = list(findings(project))
    for line in found:
        print(safe(line))
    if not found:
        print(f"nothing in {', '.join(PLACES)} looks like a person's")
    return int(bool(found))


def findings(project: Project) -> Iterator[str]:
    """Say of the contract and of each file what in it looks like a person's.

    A field with `personal: false` in the contract was looked at by somebody: its values raise no suspicion.
    """
    fields = {str(field["name"]): field for field in project.fields()}
    for name, field in fields.items():
        if field.get("personal") and field.get("role", "feature") == "feature":
            yield f"{DATA_CONTRACT}: the model is given {name}, which is marked personal ({field['personal']})"
    for file in _files(project):
        text = _beginning(project, file)
        table = _table(file, text)
        yield from _of_columns(file, table, fields) if table else _of_text(file, text)


def _of_columns(file: str, table: Table, fields: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Name the columns that the contract marks, those that `capstone adopt` would suspect, and texts that hold some."""
    import pandas as pd

    from capstone_kit.adopt.description import Field
    from capstone_kit.adopt.suspect import personal

    for name, values in table.items():
        known = {value for value in values if value and not HARMLESS.search(value)}
        marked = fields.get(name, {}).get("personal")
        if len(known) <= FEW or marked is False:
            continue
        if marked and file != SAMPLE:  # `capstone sample` draws such columns without looking at them
            yield f"{file}: {len(known)} values of {name}, which the contract marks personal ({marked})"
        elif held := personal(Field(name, "string"), pd.Series(sorted(known))):
            yield f"{file}: {len(known)} values of {name} look like {held}"
        else:
            yield from _of_text(f"{file}: {name}", "\n".join(known))


def _of_text(file: str, text: str) -> Iterator[str]:
    for kind, pattern in PATTERNS.items():
        values = {hit[0] for hit in pattern.finditer(text) if not HARMLESS.search(hit[0])}
        if len(values) > FEW:
            yield f"{file} holds {len(values)} {kind}"


def _table(file: str, text: str) -> Table:
    """Give the columns of a CSV table, or of the inputs in a prediction log; none of anything else."""
    rows: Iterator[Any] = iter(())
    if file.endswith(".csv"):
        rows = csv.DictReader(io.StringIO(text))
    elif file.endswith(".jsonl"):
        rows = _inputs(text)
    table: Table = {}
    try:
        for row in rows:
            for name, value in row.items():
                if isinstance(name, str) and isinstance(value, (str, int)):
                    table.setdefault(name, []).append(str(value))
    except csv.Error:  # no table after all: it is searched as text
        return {}
    return table


def _inputs(log: str) -> Iterator[dict[str, Any]]:
    """Give the rows that a prediction log holds, one or several a line."""
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):  # the last line may be cut short
            continue
        inputs = entry.get("inputs") if isinstance(entry, dict) else None
        yield from (row for row in (inputs if isinstance(inputs, list) else [inputs]) if isinstance(row, dict))


def _beginning(project: Project, file: str) -> str:
    with project.path(file).open("rb") as opened:
        return opened.read(LARGEST).decode("utf-8", errors="replace")


def _files(project: Project) -> Iterator[str]:
    for place in PLACES:
        path = project.path(place)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            name = file.relative_to(project.root).as_posix()
            if file.suffix.lower() in KINDS and project.exists(name):
                yield name
