"""Fill the measured results into the documents, between their two markers."""

import re
from pathlib import Path
from typing import Any

from project import stage
from project.contract import Capstone, Criterion

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
STATE = Path("README.md")
MODEL_CARD = Path("docs/model-card.md")
SYNTHETIC = "**Measured on synthetic rows (`data/sample.csv`): these figures say nothing about the real data.**\n\n"
PICTURES = (
    "\n".join(f"![{name}](../reports/figures/{name}.svg)" for name in ("outcomes", "calibration", "importance")) + "\n"
)


def fill(
    capstone: Capstone,
    metrics: dict[str, Any],
    slices: list[dict[str, Any]],
    constraints: dict[str, float],
    synthetic: bool,
) -> None:
    """Write the state into the README, and with it the slices and all metrics into the model card."""
    state = (SYNTHETIC if synthetic else "") + state_table(capstone, metrics, constraints)
    _replace(STATE, state)
    parts = [state, _metric_table(metrics), _slice_table(slices, capstone.task.headline), PICTURES]
    _replace(MODEL_CARD, "\n".join(parts))


def state_table(capstone: Capstone, metrics: dict[str, Any], constraints: dict[str, float]) -> str:
    """Give each acceptance criterion and engineering constraint: asked, measured, met or not."""
    lines = ["| criterion | asked | measured | met |", "| --- | --- | --- | --- |"]
    for criterion in (*capstone.acceptance, *capstone.constraint):
        found = metrics.get(criterion.metric, {"value": constraints.get(criterion.metric)})
        value = found["value"]
        met = "not measured" if value is None else "yes" if criterion.shortfall(value) <= 0 else "**no**"
        asked = f"{bound(criterion)} (proposed)" if criterion.proposed else bound(criterion)
        lines.append(f"| {criterion.metric} | {asked} | {shown(found)} {criterion.unit} | {met} |")
    return "\n".join(line.replace("  ", " ") for line in lines) + "\n"


def bound(criterion: Criterion) -> str:
    """Give the bound of a criterion in words."""
    if criterion.at_least is not None:
        return f"at least {criterion.at_least:g} {criterion.unit}".strip()
    return f"at most {criterion.at_most:g} {criterion.unit}".strip()


def _cell(text: str) -> str:
    """Give a name or a value from the data as plain text in a table."""
    return re.sub(r"([\\|<>&*_`\[\]$])", r"\\\1", " ".join(text.split()))


def _metric_table(metrics: dict[str, Any]) -> str:
    rows = [f"| {name} | {shown(found)} |" for name, found in metrics.items()]
    return "\n".join(["| metric | value (95 % bootstrap interval) |", "| --- | --- |", *rows]) + "\n"


def _slice_table(slices: list[dict[str, Any]], headline: str) -> str:
    rows = [f"| {_cell(part['field'])} | {_cell(part['slice'])} | {part['rows']} | {shown(part)} |" for part in slices]
    return "\n".join([f"| slice of | values | test rows | {headline} |", "| --- | --- | --- | --- |", *rows]) + "\n"


def shown(found: dict[str, Any]) -> str:
    """Give a measured value with its interval, if it has one, in words."""
    if found["value"] is None:
        return "undefined"
    if found.get("low") is None:
        return f"{found['value']:.4g}"
    return f"{found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g})"


def _replace(path: Path, text: str) -> None:
    """Put `text` between the markers in the document at `path`; a document without them is left alone."""
    if not path.exists():
        return
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        with stage.replacing(path) as temporary:
            temporary.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8", newline="\n")
