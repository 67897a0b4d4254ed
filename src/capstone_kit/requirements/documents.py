"""What the documents are compared with: the project's measured facts."""

import json

from capstone_kit import prose
from capstone_kit.evidence import Recomputed
from capstone_kit.project import TASK_CONTRACT, KitError, Project
from capstone_kit.requirements.base import Examined

MEASURED = ("reports/metrics.json", "reports/constraints.json")


def figures_of(examined: Examined) -> dict[str, float | None]:
    """Give the measured values by name: the re-run's where it was run, else the committed ones."""
    if Recomputed in examined.evidence:
        return examined.evidence[Recomputed].metrics
    return {name: value for file in MEASURED for name, value in _values(examined.project, file).items()}


def _values(project: Project, file: str) -> dict[str, float | None]:
    if not project.exists(file):
        return {}
    try:
        found = json.loads(project.text(file))
    except ValueError as error:
        raise KitError(f"{file} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise KitError(f"{file}: found {type(found).__name__}, expected values by name")
    values = {name: value.get("value") if isinstance(value, dict) else value for name, value in found.items()}
    return {name: value for name, value in values.items() if value is None or isinstance(value, (int, float))}


def facts(project: Project) -> set[str]:
    """Give the names that a text about this project mentions: of its columns, metrics and slices."""
    fields, task = project.fields(), project.toml(TASK_CONTRACT)
    names = {str(field[key]) for field in fields for key in ("name", "title") if field.get(key)}
    return names | {str(c["metric"]) for c in [*task.get("acceptance", []), *task.get("constraint", [])]}


def spoken(examined: Examined, file: str, *names: str) -> str:
    """Give why a section of a document is no answer of the team's own, "" if it is one."""
    text = prose.section(examined.project.text(file), *names)
    if not text:
        return "the section is missing or empty"
    return prose.complaint(text, (examined.scaffold.text(file),))


def grounded(examined: Examined, text: str, least: int = 2) -> str:
    """Give why a text does not speak of this project, "" if it does: it names its columns or metrics."""
    told = prose.mentions(text, facts(examined.project))
    return "" if len(told) >= least else f"it names {len(told)} of the project's columns and metrics"
