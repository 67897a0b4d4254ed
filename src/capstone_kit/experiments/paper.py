"""The parts of the paper that follow from files and runs: tables in Markdown, LaTeX and CSV, and two statements."""

import csv
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from capstone_kit.experiments.compare import LEVEL, Mean, Row, reachable
from capstone_kit.experiments.matrix import TRAINING, Design
from capstone_kit.formats import escape
from capstone_kit.project import DATA_CONTRACT, PARAMETERS, TASK_CONTRACT, KitError, Project, git
from capstone_kit.sweep import COSTS, FALLING, READ

FOLDER, PAPER = "paper", "paper/paper.md"
COMMANDS = ("uv sync --locked", "uv run dvc repro", "uv run capstone experiments")
PACKAGES = ("scikit-learn", "lightgbm", "torch", "numpy", "scipy", "pandas", "onnx", "onnxruntime", "dvc", "mlflow")
DIGESTED = ("uv.lock", "dvc.lock", DATA_CONTRACT, "data/raw.csv")
UNKNOWN = "not known here"

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Run:
    """One run that ended."""

    condition: str
    seed: int
    value: float  # of the headline metric
    costs: dict[str, float]
    experiment: str  # its name in `dvc exp show`


@dataclass(frozen=True)
class Table:
    """A table of texts, with what is to be said below it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    widths: str = ""  # of the columns in LaTeX

    def markdown(self) -> str:
        """Give it in Markdown."""
        lines = [self.head, ("---",) * len(self.head), *(map(escape.markdown, row) for row in self.rows)]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return "\n\n".join([table, *map(escape.markdown, self.notes)]) + "\n"

    def latex(self) -> str:
        """Give it in LaTeX, for the package longtable."""
        head, *lines = (" & ".join(map(escape.latex, cells)) + r" \\" for cells in (self.head, *self.rows))
        small, rule = r"\footnotesize\setlength{\tabcolsep}{3pt}", r"\hline"
        begin = rf"\begin{{longtable}}{{{self.widths or 'l' * len(self.head)}}}"
        body = ["{" + small, begin, rule, head, rule + r"\endhead", *lines, rule, r"\end{longtable}}"]
        return "\n".join([*body, *(f"\n{escape.latex(note)}" for note in self.notes)]) + "\n"


def pages(project: Project, design: Design, rows: Sequence[Row], runs: Sequence[Run], headline: str) -> dict[str, str]:
    """Give what is to be written, by file: the paper too, if it is there and has the markers."""
    tables = {
        "facts": _of_pairs(facts(project)),
        "results": results(design, rows, headline),
        "reproducibility": _of_pairs(reproducibility(project, design, runs)),
    }
    found = {f"{FOLDER}/{name}.tex": table.latex() for name, table in tables.items()}
    found[f"{FOLDER}/results.md"] = tables["results"].markdown()
    found[f"{FOLDER}/results.csv"] = every_run(design, runs, headline)
    if project.exists(PAPER):
        text = project.text(PAPER)
        for marker, name in (("facts", "facts"), ("experiments", "results"), ("reproducibility", "reproducibility")):
            text = fill(text, marker, tables[name].markdown())
        found[PAPER] = text
    return found


def fill(text: str, marker: str, block: str) -> str:
    """Put a block between the two markers of a text; a text without them stays as it is."""
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{block}{end}", text, flags=re.DOTALL)


def results(design: Design, rows: Sequence[Row], headline: str) -> Table:
    """Give the table of conditions, the reference first."""
    reference, compared = rows[0], sum(row.p is not None for row in rows)
    head = ("condition", "runs", f"{headline} (95 %)", "difference (95 %)", "p", "p, Holm", "beyond chance")
    lines = tuple((r.condition, str(r.mean.n if r.mean else 0), *_measured(r, r is reference)) for r in rows)
    better = "lower" if headline in FALLING else "higher"
    notes = [
        f"Means over seeds with Student's interval; {better} is better. Differences are from “{reference.condition}”, "
        "paired by seed, with Fisher's randomization test of their signs, two-sided, and Holm's correction for "
        f"{compared} comparisons."
    ]
    if compared and (least := reachable(len(design.seeds), compared)) >= LEVEL:
        notes.append(
            f"With {len(design.seeds)} seeds and {compared} comparisons the smallest corrected p-value is {least:.2g}: "
            "no difference could have been found beyond chance. More seeds or fewer comparisons are needed."
        )
    return Table(head, lines, tuple(notes), r"p{0.22\linewidth}rp{0.19\linewidth}p{0.2\linewidth}rrp{0.09\linewidth}")


def _measured(row: Row, reference: bool) -> tuple[str, ...]:
    if row.mean is None:
        return ("no run ended", "", "", "", "")
    if row.p is None or row.p_holm is None or row.difference is None:
        return (_shown(row.mean), "reference" if reference else "fewer than two seeds in common", "", "", "")
    ps = (f"{row.p:.3g}", f"{row.p_holm:.3g}", "yes" if row.significant else "no")
    return (_shown(row.mean), _shown(row.difference, "+"), *ps)


def _shown(mean: Mean, sign: str = "") -> str:
    if mean.low is None or mean.high is None:
        return f"{mean.value:{sign}.4f}"
    return f"{mean.value:{sign}.4f} ({mean.low:{sign}.4f} to {mean.high:{sign}.4f})"


def every_run(design: Design, runs: Sequence[Run], headline: str) -> str:
    """Give all runs as CSV: condition, its level of each factor, seed, what was measured."""
    levels = {condition.name: condition.levels for condition in design.conditions}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["condition", *design.factors, "seed", headline, *COSTS, "experiment"])
    for run in runs:
        cells = map(escape.cell, (run.condition, *levels[run.condition]))
        writer.writerow([*cells, run.seed, run.value, *run.costs.values(), run.experiment])
    return file.getvalue()


def facts(project: Project) -> Pairs:
    """Give what the contracts and the last run say of task, data and search."""
    task, data, parameters = project.toml(TASK_CONTRACT), project.plain(DATA_CONTRACT), project.plain(PARAMETERS)
    fields = project.fields()
    features = [str(f["name"]) for f in fields if f.get("role", "feature") == "feature"]
    targets = [str(f.get("title", f["name"])) for f in fields if f.get("role") == "target"]
    validation, training = _json(project, "reports/validation.json"), _json(project, TRAINING)
    split = parameters["split"]
    parts = f"{split['test']:.0%} test, {split['calibration']:.0%} calibration, the rest training"
    return [
        ("Title", str(task["project"]["name"])),
        ("Team", str(task["project"]["team"])),
        ("Task", f"{task['task']['kind']} of {', '.join(targets)}, judged by {task['task']['headline']}"),
        ("Data", str(data.get("title", UNKNOWN))),
        ("Licence of the data", ", ".join(str(found["name"]) for found in data.get("licenses", [])) or "none named"),
        ("Rows that keep the contract", str(validation.get("accepted", UNKNOWN))),
        ("Features", f"{len(features)}: {', '.join(features[:20])}{' and others' if len(features) > 20 else ''}"),
        ("Division", f"{split['method']}: {parts}"),
        ("Estimators searched", ", ".join(sorted({t["estimator"] for t in training.get("trials", [])})) or UNKNOWN),
    ]


def reproducibility(project: Project, design: Design, runs: Sequence[Run]) -> Pairs:
    """Give what somebody else needs to make the same figures, and what it took here."""
    dirty = " with uncommitted changes" if git(project.root, "status", "--porcelain", "--", *READ).strip() else ""
    seconds = sum(run.costs["training_time_s"] for run in runs)
    system = f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    return [
        ("Commit", git(project.root, "rev-parse", "HEAD").strip() + dirty),
        ("Seeds of the experiments", ", ".join(map(str, design.seeds))),
        ("Seed of the served model", str(project.plain(PARAMETERS)["seed"])),
        *((f"SHA-256 of {name}", _digest(project, name)) for name in DIGESTED),
        ("Commands", "; ".join(COMMANDS)),
        ("Written on", system),
        ("Packages", ", ".join(_versions(PACKAGES))),
        ("Runs", f"{len(runs)} of {len(design.runs())} ended; their training alone took {seconds:.0f} s"),
    ]


def _digest(project: Project, name: str) -> str:
    path = project.path(name)
    if not path.is_file():
        return UNKNOWN
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _versions(names: Iterable[str]) -> list[str]:
    there = {found.name.lower(): found.version for found in importlib.metadata.distributions() if found.name}
    return [f"{name} {there[name]}" for name in names if name in there]


def _json(project: Project, name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(project.text(name)))
    except (KitError, ValueError):
        return {}


def _of_pairs(pairs: Pairs) -> Table:
    return Table(("", ""), tuple(pairs), widths=r"p{0.24\linewidth}p{0.72\linewidth}")
