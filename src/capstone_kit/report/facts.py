"""What the page says, read from the repository without running it. No grades, no rows of data, no names of people."""

import csv
import io
import json
import math
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from capstone_kit import prose
from capstone_kit.project import DATA_CONTRACT, PARAMETERS, PIPELINE, TASK_CONTRACT, KitError, Project
from capstone_kit.report import history, signature
from capstone_kit.report.history import CONSTRAINTS, METRICS, State, number

CHARTER = "docs/charter.md"
RISKS = "docs/impact-assessment.md"
RUNBOOK = "docs/runbook.md"
DECISIONS = "docs/decisions"
STATUS = "docs/status"
SLICES = "reports/slices.json"
TRUST = "reports/trust.json"
DRIFT = "reports/drift.json"
RECEIPT = "models/receipt.json"
MODEL = "models/model.json"
PLOTS = "reports/plots"
FIGURES = (METRICS, CONSTRAINTS, history.VALIDATION, SLICES, TRUST, DRIFT, "reports/training.json")
PLOTTED = (f"{PLOTS}/calibration.csv", f"{PLOTS}/importance.csv")
COPIED = (PARAMETERS, PIPELINE, RECEIPT, RUNBOOK, *FIGURES, *PLOTTED)  # what names nobody and holds no row of data
GRADES = {"high": 2, "medium": 1, "low": 0}
FEATURES = 12  # in the figure
PARTS = 16  # slices in the figure


@dataclass(frozen=True)
class Criterion:
    """What was asked about one measured value, and what was measured."""

    metric: str
    title: str
    bound: float
    upper: bool  # the bound is the most that is allowed
    unit: str
    reason: str
    proposed: bool
    file: str
    value: float | None
    low: float | None
    high: float | None
    since: str  # the commit from which on it is as it is, "" for the working folder
    day: str

    @property
    def met(self) -> bool | None:
        """Whether the bound holds; None while nothing is measured."""
        return None if self.value is None else holds(self.value, self.bound, self.upper)

    @property
    def sure(self) -> bool:
        """Whether the whole interval lies on the side of the verdict."""
        ends = [end for end in (self.low, self.high) if end is not None]
        return all(holds(end, self.bound, self.upper) is self.met for end in ends)

    @property
    def asked(self) -> str:
        """The bound in words."""
        return f"at {'most' if self.upper else 'least'} {shown(self.bound)}{f' {self.unit}' if self.unit else ''}"

    @property
    def measured(self) -> str:
        """The value in words."""
        return f"{shown(self.value)}{f' {self.unit}' if self.unit and self.value is not None else ''}"

    @property
    def interval(self) -> str:
        """The interval in words, "" where there is none."""
        return f"{shown(self.low)} to {shown(self.high)}" if None not in (self.low, self.high) else ""

    @property
    def scale(self) -> dict[str, float]:
        """The places of bound, value and interval on a line from 0 to 100."""
        points = {"bound": self.bound, "value": self.value, "low": self.low, "high": self.high}
        there = {name: point for name, point in points.items() if point is not None}
        unit = all(0 <= point <= 1 for point in there.values())
        least, most = (0.0, 1.0) if unit else (min(0.0, *there.values()), max(*there.values(), 0.0) * 1.1)
        return {name: round(100 * (point - least) / ((most - least) or 1.0), 2) for name, point in there.items()}


def title(metric: str, unit: str = "") -> str:
    """Give a metric's name as it is read: its unit stands beside the value."""
    return (metric.removesuffix(f"_{unit.lower()}") if unit else metric).replace("_", " ")


def holds(value: float, bound: float, upper: bool) -> bool:
    """Whether a value keeps to a bound."""
    return value <= bound if upper else value >= bound


def shown(value: float | None) -> str:
    """Give a number as it is read: three digits that count."""
    if value is None or not math.isfinite(value):
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclass(frozen=True)
class Risk:
    """A line of the risk register."""

    id: str
    function: str
    text: str
    likelihood: str
    severity: str
    mitigation: str


@dataclass(frozen=True)
class Entry:
    """A document of a series: a decision or a status report."""

    file: str
    title: str
    day: str
    text: str


@dataclass(frozen=True)
class Facts:
    """The repository's own facts."""

    project: Project

    @cached_property
    def contract(self) -> dict[str, Any]:
        """capstone.toml."""
        return self.project.toml(TASK_CONTRACT)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Name, team, sponsor and programme, as text."""
        return {k: str(v) for k, v in table(self.contract.get("project")).items()}

    @cached_property
    def data(self) -> dict[str, Any]:
        """The data contract."""
        return table(self.project.plain(DATA_CONTRACT))

    @property
    def confidentiality(self) -> str:
        """What the data contract allows; what it does not say is confidential."""
        stated = self.data.get("confidentiality")
        return stated if stated in ("public", "internal") else "confidential"

    @cached_property
    def states(self) -> list[State]:
        """The measured states, the present one last."""
        return history.states(self.project)

    @cached_property
    def head(self) -> str:
        """The commit that is checked out."""
        return history.head(self.project)

    @cached_property
    def task(self) -> dict[str, Any]:
        """What is predicted."""
        return table(self.contract.get("task"))

    @property
    def headline(self) -> str:
        """The metric that counts."""
        return str(self.task.get("headline", ""))

    @cached_property
    def criteria(self) -> list[Criterion]:
        """The acceptance criteria."""
        return [c for entry in tables(self.contract.get("acceptance")) if (c := self._criterion(entry, METRICS))]

    @cached_property
    def constraints(self) -> list[Criterion]:
        """The engineering constraints."""
        return [c for entry in tables(self.contract.get("constraint")) if (c := self._criterion(entry, CONSTRAINTS))]

    @property
    def all(self) -> list[Criterion]:
        """Both."""
        return [*self.criteria, *self.constraints]

    def _criterion(self, entry: dict[str, Any], file: str) -> Criterion | None:
        metric, upper = str(entry.get("metric", "")), "at_most" in entry
        bound = number(entry.get("at_most" if upper else "at_least"))
        if not metric or bound is None:
            return None
        found = self.states[-1].measured.get(metric, {}) if self.states else {}
        first = _since(self.states, metric, bound, upper)
        value, low, high = (number(found.get(key)) for key in ("value", "low", "high"))
        return Criterion(
            metric=metric,
            title=title(metric, str(entry.get("unit", ""))),
            bound=bound,
            upper=upper,
            unit=str(entry.get("unit", "")),
            reason=str(entry.get("reason", "")),
            proposed=bool(entry.get("proposed")),
            file=file,
            value=value,
            low=low,
            high=high,
            since=first.commit if first else "",
            day=first.date if first else "",
        )

    @property
    def stages(self) -> int:
        """How many stages the pipeline has."""
        return len(table(table(self.project.plain(PIPELINE)).get("stages")))

    @cached_property
    def receipt(self) -> dict[str, str]:
        """Commit, data and run of the champion; nothing where no model has passed."""
        return {k: str(v) for k, v in table(content(self.project, RECEIPT)).items()}

    @cached_property
    def section(self) -> dict[str, str]:
        """The charter's sections by heading in lower case."""
        return prose.sections(text_of(self.project, CHARTER))

    @cached_property
    def milestones(self) -> list[tuple[str, str, str]]:
        """The charter's milestones: what, shown by, when."""
        found = prose.rows(self.section.get("milestones", ""))
        return [(row[0], row[1], row[2]) for row in found if len(row) >= 3]

    @cached_property
    def signatures(self) -> list[signature.Checked]:
        """The sign-offs, each held against what is there now."""
        return signature.checked(self.project)

    @cached_property
    def risks(self) -> list[Risk]:
        """The risk register, the gravest first."""
        found = prose.rows(text_of(self.project, RISKS))
        rows = [Risk(*(plain(cell) for cell in row[:6])) for row in found if len(row) >= 6]
        return sorted(rows, key=lambda r: -GRADES.get(r.severity.lower(), -1) - GRADES.get(r.likelihood.lower(), -1))

    @cached_property
    def limits(self) -> dict[str, str]:
        """The sections of the impact assessment by heading in lower case."""
        return prose.sections(text_of(self.project, RISKS))

    @cached_property
    def drift(self) -> dict[str, Any]:
        """What the drift monitor saw last, on this machine; nothing where it has not run."""
        return table(content(self.project, DRIFT))

    @property
    def moved(self) -> list[str]:
        """What the drift monitor says has moved."""
        return [str(c.get("name")) for c in tables(self.drift.get("comparisons")) if c.get("moved")]

    @cached_property
    def decisions(self) -> list[Entry]:
        """The decision records, in their order."""
        return self._series(DECISIONS, "status")

    @cached_property
    def reports(self) -> list[Entry]:
        """The status reports, the latest first."""
        return self._series(STATUS, "summary")[::-1]

    def _series(self, folder: str, section: str) -> list[Entry]:
        days, place = history.added(self.project, folder), self.project.path(folder)
        names = sorted(p.name for p in place.glob("*.md")) if place.is_dir() else []
        files = [f"{folder}/{n}" for n in names if n.lower() != "readme.md" and self.project.exists(f"{folder}/{n}")]
        return [self._entry(file, days.get(file, ""), section) for file in files[:200]]

    def _entry(self, file: str, day: str, section: str) -> Entry:
        text = text_of(self.project, file)
        heading = re.search(r"^#\s+(.+)$", text, re.MULTILINE)
        return Entry(file, heading[1].strip() if heading else file, day, prose.section(text, section))

    @cached_property
    def calibration(self) -> list[tuple[float, float]]:
        """Predicted and observed, bin by bin."""
        rows = [(_float(r.get("predicted")), _float(r.get("observed"))) for r in _plot(self.project, "calibration")]
        return [(p, o) for p, o in rows if p is not None and o is not None]

    @cached_property
    def importance(self) -> list[tuple[str, float]]:
        """Features and the drop that shuffling them costs, the most important ones."""
        rows = [(r.get("feature", ""), _float(r.get("drop"))) for r in _plot(self.project, "importance")]
        return [(name, drop) for name, drop in rows if drop is not None][:FEATURES]

    @cached_property
    def slices(self) -> list[dict[str, Any]]:
        """The headline metric in each slice, the worst parts of it where there are many."""
        found = [s for s in tables(content(self.project, SLICES)) if number(s.get("value")) is not None]
        return [_part(s) for s in found[:PARTS]]

    @cached_property
    def outcomes(self) -> Counter[tuple[str, str]]:
        """How often each class was taken for which, of the most frequent classes; of numbers nothing."""
        if self.task.get("kind") != "classification":
            return Counter()
        rows = Counter((r.get("actual") or "", r.get("predicted") or "") for r in _plot(self.project, "outcomes"))
        return rows if len({name for pair in rows for name in pair}) <= 12 else Counter()

    @property
    def example(self) -> str:
        """The line that asks the running service for a prediction, with typical values of the training data."""
        features = table(table(content(self.project, MODEL)).get("features"))
        row = {name: table(entry).get("typical") for name, entry in features.items()}
        body = shlex.quote(json.dumps(row, ensure_ascii=False))
        head = "curl -s http://localhost:3000/predict -H 'Content-Type: application/json'"
        return f"{head} -d {body}" if row else ""


def _since(states: Sequence[State], metric: str, bound: float, upper: bool) -> State | None:
    """Give the first of the latest states that all agree about a criterion."""
    first = None
    verdicts = []
    for state in reversed(states):
        value = number(state.measured.get(metric, {}).get("value"))
        verdicts.append(None if value is None else holds(value, bound, upper))
        if verdicts[-1] is None or verdicts[-1] is not verdicts[0]:
            break
        first = state
    return first


def _part(entry: dict[str, Any]) -> dict[str, Any]:
    ends = {end: number(entry.get(end)) for end in ("value", "low", "high")}
    name = f"{entry.get('field', '')} {_range(str(entry.get('slice', '')))}"
    return {"name": name.replace("_", " "), "rows": entry.get("rows")} | {
        k: v for k, v in ends.items() if v is not None
    }


def _range(text: str) -> str:
    """Give `[100.0, 200.0)` as "100 to 200", and what is no such range as it is."""
    found = re.fullmatch(r"\[(\S+), (\S+)\)", text)
    if not found:
        return text
    low, high = (end.removesuffix(".0") for end in found.groups())
    if low == "-inf":
        return f"below {high}"
    return f"{low} or more" if high == "inf" else f"{low} to {high}"


def plain(markdown: str) -> str:
    """Give a cell of a Markdown table as text."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"\*\*|`", "", markdown)).replace("\\|", "|").strip()


def _plot(project: Project, name: str) -> list[dict[str, str]]:
    """Give the rows of DVC's plot data, as text."""
    text = text_of(project, f"{PLOTS}/{name}.csv")
    return [
        {k: v or "" for k, v in row.items() if k and not isinstance(v, list)}
        for row in csv.DictReader(io.StringIO(text))
    ]


def _float(text: object) -> float | None:
    try:
        return number(float(str(text)))
    except ValueError:
        return None


def text_of(project: Project, name: str) -> str:
    """Give a file's text, "" where there is none."""
    return project.text(name) if project.exists(name) else ""


def content(project: Project, name: str) -> Any:
    """Give what a JSON file holds, {} where there is none. Raises `KitError` where it is damaged."""
    if not project.exists(name):
        return {}
    try:
        return json.loads(project.text(name))
    except (ValueError, RecursionError) as error:
        raise KitError(f"{name} is no JSON: {error}") from None


def table(found: object) -> dict[str, Any]:
    """Give what was found if it holds values by name, else nothing."""
    return found if isinstance(found, dict) else {}


def tables(found: object) -> list[dict[str, Any]]:
    """Give the entries of a list that hold values by name."""
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
