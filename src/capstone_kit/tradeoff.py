"""The trade-off study: what quality costs in latency, size and training time, measured by experiments of DVC.

Each setting that the last search tried becomes an experiment of its own, trained and evaluated like the model that is
served. What is measured once stays: another call runs only what is new, and an interrupted study goes on.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import product
from typing import Any

import jinja2

from capstone_kit import sweep
from capstone_kit.project import KitError, Project
from capstone_kit.sweep import CONSTRAINTS, COSTS, FALLING, METRICS, Overrides
from capstone_kit.writing import Transaction

CSV, SVG, PAGE = "reports/tradeoff.csv", "reports/tradeoff.svg", "docs/tradeoff.md"
TRAINING = "reports/training.json"
DECADE = 10  # costs that differ by more are drawn on a logarithmic axis; a limit farther away is not drawn
FRONT, OTHERS = "#1f5fa8", "#9aa4af"
PREFIX = "tradeoff"


@dataclass(frozen=True)
class Point:
    """One experiment and what it measured; quality turned so that more is better."""

    choice: str  # the parameters in words
    value: float
    low: float
    high: float
    costs: dict[str, float]
    sign: int = 1  # -1 where the metric itself is better when lower

    @property
    def worth(self) -> float:
        """The quality, more is better."""
        return self.sign * self.value

    def beats(self, other: "Point", costs: Iterable[str] = COSTS) -> bool:
        """Whether this is nowhere worse than `other`, and somewhere better (Pareto)."""
        pairs = [(self.worth, other.worth), *((-self.costs[name], -other.costs[name]) for name in costs)]
        return all(mine >= theirs for mine, theirs in pairs) and any(mine > theirs for mine, theirs in pairs)


def front(points: Sequence[Point], costs: Iterable[str] = COSTS) -> list[Point]:
    """Give the points that no other beats."""
    costs = tuple(costs)
    return [point for point in points if not any(other.beats(point, costs) for other in points)]


def study(project: Project, sets: Sequence[str]) -> None:
    """Run what is missing, then write table, picture and page, and log them to MLflow."""
    wanted = sweep.named(project, PREFIX, experiments(project, sets))
    missing = {name: wanted[name] for name in wanted.keys() - sweep.measured(project, PREFIX).keys()}
    sweep.run(project, PREFIX, dict(sorted(missing.items())), _in_words)
    found, headline = sweep.measured(project, PREFIX), sweep.headline(project)
    points = [_point(headline, wanted[name], found[name]) for name in wanted if name in found]
    if len(points) < 2:
        raise KitError(f"{len(points)} of {len(wanted)} experiments ended, and a front takes two: see above")
    points.sort(key=lambda point: -point.worth)
    transaction = Transaction(project.root)
    transaction.write(CSV, table(headline, points))
    transaction.write(SVG, draw(headline, points, _bounds(project)))
    transaction.write(PAGE, page(headline, points))
    transaction.commit()
    _log(project)
    ended, best = f"{len(points)} of {len(wanted)} experiments", len(front(points))
    print(f"tradeoff: {ended} have ended, {best} of them are on the front -> {PAGE}, {SVG}")


def experiments(project: Project, sets: Sequence[str]) -> list[Overrides]:
    """Give each setting that the last search tried, with every combination of what `sets` lists (key=value,value)."""
    try:
        trials = json.loads(project.text(TRAINING))["trials"]
        tried = [(f"train.candidates=[{trial['estimator']}]", *_only(trial["settings"])) for trial in trials]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KitError(f"{TRAINING} names no trials: run `uv run dvc repro` first") from None
    listed = []
    for text in sets:
        key, equals, values = text.partition("=")
        if not (key and equals and values):
            raise KitError(
                f"--set: found {text!r}, expected a parameter and its values, as in train.max_rows=1000,4000"
            )
        listed.append([f"{key}={value}" for value in values.split(",")])
    return list(dict.fromkeys((*base, *more) for base in tried for more in product(*listed)))


def _only(settings: dict[str, Any]) -> list[str]:
    return [f"+train.only.{key}={json.dumps(value)}" for key, value in settings.items()]


def _in_words(overrides: Overrides) -> str:
    words = [override.removeprefix("+").removeprefix("train.").removeprefix("only.") for override in overrides]
    return ", ".join(words).replace("candidates=[", "").replace("]", "", 1)


def _point(headline: str, overrides: Overrides, files: dict[str, Any]) -> Point:
    measured, costs = files[METRICS][headline], files[CONSTRAINTS]
    low, high = (measured.get(end, measured["value"]) for end in ("low", "high"))
    sign = -1 if headline in FALLING else 1
    return Point(_in_words(overrides), measured["value"], low, high, {name: costs[name] for name in COSTS}, sign)


def _bounds(project: Project) -> dict[str, float]:
    """Give the limits that the task's contract sets to what is drawn."""
    contract = project.toml("capstone.toml")
    entries = [*contract.get("acceptance", []), *contract.get("constraint", [])]
    return {entry["metric"]: entry.get("at_least", entry.get("at_most")) for entry in entries}


def table(headline: str, points: Sequence[Point]) -> str:
    """Give the points as CSV, the best first."""
    best = front(points)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["number", "choice", headline, "low", "high", *COSTS, "on_front"])
    for number, point in enumerate(points, start=1):
        costs = point.costs.values()
        writer.writerow([number, point.choice, point.value, point.low, point.high, *costs, point in best])
    return file.getvalue()


def draw(headline: str, points: Sequence[Point], bounds: dict[str, float]) -> bytes:
    """Give a picture: quality against each cost, the front of each pair joined, the contract's limits dashed."""
    mpl, figures = sweep.library("matplotlib"), sweep.library("matplotlib.figure")
    mpl.rcParams.update({"svg.hashsalt": "tradeoff", "axes.spines.top": False, "axes.spines.right": False})
    figure = figures.Figure(figsize=(11, 4), layout="constrained")
    for axes, (cost, label) in zip(figure.subplots(1, 3, sharey=True), COSTS.items(), strict=True):
        best = sorted(front(points, [cost]), key=lambda point: point.costs[cost])
        axes.plot([p.costs[cost] for p in best], [p.value for p in best], color=FRONT, linewidth=1)
        for number, point in enumerate(points, start=1):
            colour, place = FRONT if point in best else OTHERS, point.costs[cost]
            axes.vlines(place, point.low, point.high, color=colour, linewidth=1, alpha=0.4)
            axes.plot(place, point.value, "o", color=colour, markersize=5)
            axes.annotate(str(number), (place, point.value), (4, 4), textcoords="offset points", fontsize=8)
        axes.set(xlabel=label, ylabel=headline if cost == next(iter(COSTS)) else "")
        paid = [point.costs[cost] for point in points]
        if max(paid) > DECADE * min(paid):
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", nbins=5)
        if headline in bounds:
            axes.axhline(bounds[headline], color="black", linestyle="--", linewidth=0.8)
        within = bounds.get(cost, float("inf")) <= DECADE * max(paid)
        if within:
            axes.axvline(bounds[cost], color="black", linestyle="--", linewidth=0.8)
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def page(headline: str, points: Sequence[Point]) -> str:
    """Give the page that shows picture and table, and says how to read them."""
    text = resources.files("capstone_kit").joinpath("tradeoff.md.j2").read_text(encoding="utf-8")
    template = jinja2.Template(text, keep_trailing_newline=True)
    costs = list(COSTS.values())
    return template.render(headline=headline, points=points, best=front(points), costs=costs, picture=SVG)


def _log(project: Project) -> None:
    """Add table, picture and page to a run of their own in MLflow."""
    mlflow = sweep.library("mlflow")
    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    mlflow.set_experiment(project.toml("capstone.toml")["project"]["slug"])
    with mlflow.start_run(run_name="tradeoff"):
        for name in (CSV, SVG, PAGE):
            mlflow.log_artifact(str(project.path(name)), "tradeoff")
