"""What a project's pipeline does when the examiner runs it: as it is, without rows, with permuted labels."""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capstone_kit.environment import Installed, lock_problems
from capstone_kit.evidence import NoEvidenceError
from capstone_kit.gather import store
from capstone_kit.gather.corrupt import corruptions
from capstone_kit.gather.lab import Lab, must, read_json, refuse_what_is_lacking
from capstone_kit.gather.leaks import leaks
from capstone_kit.gather.stages import (
    ACCEPTED,
    CONSTRAINTS,
    METADATA,
    METRICS,
    MODEL,
    RAW,
    RECEIPT,
    SPLITS,
    emptied,
    readers,
    stages,
    tricks,
    writer,
)
from capstone_kit.project import DATA_CONTRACT, TASK_CONTRACT, KitError, Project

if TYPE_CHECKING:  # a quick `capstone check` loads neither
    import numpy as np
    import pandas as pd

SHARE = 0.2  # of the rows are withheld
BOOTSTRAP = 1000
CONTRACTS = (DATA_CONTRACT, TASK_CONTRACT)
SERVED = ("src", "data", "models", "reports", "docs", "tests", "mlflow.db", "mlruns")


@dataclass(frozen=True)
class Installation:
    """What came of installing the repository's lock file."""

    problems: tuple[str, ...]  # where the lock file is not that of pyproject.toml
    left_out: tuple[str, ...]  # packages that no index has as a wheel
    importable: bool  # `import project` works
    said: str
    seconds: float


@dataclass(frozen=True)
class Rerun:
    """The pipeline forced from nothing, as the team committed it."""

    work: Path  # where it ran
    status: int | None
    stopped: str
    seconds: float
    said: str  # the last line of what it printed
    tricks: tuple[str, ...]  # what in dvc.yaml keeps a stage from being run
    leaks: tuple[str, ...]  # features that alone tell the target
    metrics: dict[str, float | None]  # that it measured, the engineering constraints among them
    committed: dict[str, float | None]  # that the team committed
    rows: int  # of data/raw.csv
    md5: str  # of data/raw.csv
    commit: str
    begun_ms: int


@dataclass(frozen=True)
class Withheld:
    """The pipeline run without some rows, and its model measured on them."""

    work: Path
    withheld: Path  # CSV, outside every folder that the project's code sees
    remaining: Path  # the other rows
    score: dict[str, Any]  # of capstone_kit.judge.score
    model_changed: bool  # against the re-run
    metrics_changed: bool
    given: bool  # the instructor gave the rows


@dataclass(frozen=True)
class Shuffled:
    """The model trained on permuted labels, measured on true ones; and what the gate said to it."""

    score: dict[str, Any]
    promoted: bool  # it became champion
    gate: str  # what the gate said last


@dataclass(frozen=True)
class Validated:
    """What the project's validator did with rows that the examiner corrupted."""

    corrupted: int
    caught: int
    clean: int
    kept: int
    missed: tuple[str, ...]  # what was wrong with those that were let through


def install(lab: Lab, installed: Installed) -> Installation:
    """See whether the lock file is the project's, and whether the package imports."""
    problems = tuple(lock_problems(lab.clone))
    done = lab.box.run(lab.copy("import"), "python", "-c", "import project", limits=lab.limits)
    lines = done.output.strip().splitlines()
    return Installation(problems, installed.left_out, done.status == 0, lines[-1] if lines else "", installed.seconds)


def rerun(lab: Lab) -> Rerun:
    """Run the pipeline from nothing in a copy of the clone, with no cache and no remote. Raises `NoEvidenceError`."""
    lab.say("running the pipeline")
    work = lab.copy("first")
    found = stages(lab.project)
    _refuse_what_is_missing(lab.project)
    emptied(work, found)
    begun = time.time()
    done = lab.box.run(work, "dvc", "repro", "--force", limits=lab.limits)
    refuse_what_is_lacking(lab, done, "the pipeline")
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    project = Project(work)
    raw = project.bytes(RAW) if project.exists(RAW) else b""
    return Rerun(
        work=work,
        status=done.status,
        stopped=done.stopped,
        seconds=done.seconds,
        said=lines[-1] if lines else "nothing",
        tricks=tuple(tricks(found)),
        leaks=leaks(lab.project, work),
        metrics=measured(project) if done.status is not None else {},
        committed=measured(lab.project),
        rows=max(0, len(_rows(work / RAW))) if raw else 0,
        md5=hashlib.md5(raw, usedforsecurity=False).hexdigest() if raw else "",
        commit=_head(work),
        begun_ms=int(begun * 1000),
    )


def _refuse_what_is_missing(project: Project) -> None:
    """Say where the data are not in git: the grader has no remote but the instructor's."""
    for record in sorted(project.root.glob("data/**/*.dvc")):
        if not record.with_suffix("").exists():
            name = record.relative_to(project.root).as_posix()
            raise NoEvidenceError(f"the data of {name} are in a remote that the grader was not given")


def measured(project: Project) -> dict[str, float | None]:
    """Give the values of the reports by name, engineering constraints among them; {} where there are none."""
    values: dict[str, float | None] = {}
    for name in (METRICS, CONSTRAINTS):
        if not project.exists(name):
            continue
        content = read_json(project, name)
        for metric, entry in content.items() if isinstance(content, dict) else ():
            value = entry.get("value") if isinstance(entry, dict) else entry
            if value is None or (isinstance(value, (int, float)) and math.isfinite(value)):
                values[str(metric)] = value
    return values


def claimed(project: Project, name: str) -> dict[str, float]:
    """Give value and interval that the project states for a metric. Raises `NoEvidenceError`."""
    entry = read_json(project, METRICS).get(name)
    try:
        return {key: float(entry[key]) for key in ("value", "low", "high")}
    except (KeyError, TypeError, ValueError):
        raise NoEvidenceError(f"{METRICS} states no interval for {name}", blame=True) from None


def withhold(lab: Lab, first: Rerun) -> Withheld:
    """Run the pipeline without the rows that the seed chooses, and measure its model on them.

    Where the instructor gave rows, those are measured on, and the others stay out all the same.
    """
    lab.say("running the pipeline without some rows")
    found = stages(lab.project)
    work = _continued(lab, "second", found)
    every = _rows(_needed(first.work / RAW))
    out = _chosen(every, lab)
    for name in ("mlflow.db", "mlruns"):  # the same registry: the first version is the one before
        place = first.work / name
        if place.is_dir():
            shutil.copytree(place, work / name, symlinks=True)
        elif place.is_file():
            shutil.copyfile(place, work / name, follow_symlinks=False)
    hidden, remaining = lab.scratch / "withheld.csv", lab.scratch / "remaining.csv"
    every[out].to_csv(hidden, index=False, lineterminator="\n")
    every[~out].to_csv(remaining, index=False, lineterminator="\n")
    shutil.copyfile(remaining, work / RAW)
    targets = readers(found, RAW)
    if not targets:
        raise NoEvidenceError(f"no stage of the pipeline reads {RAW}", blame=True)
    done = lab.box.run(work, "dvc", "repro", "--force", "--downstream", *targets, limits=lab.limits)
    if not (work / MODEL).is_file():
        must(done, "the pipeline without some of its rows")
    given = lab.withheld
    score = scored(lab, work, given or hidden, remaining)
    return Withheld(
        work=work,
        withheld=given or hidden,
        remaining=remaining,
        score=score,
        model_changed=_digest(work / MODEL) != _digest(first.work / MODEL),
        metrics_changed=measured(Project(work)) != first.metrics,
        given=given is not None,
    )


def _continued(lab: Lab, name: str, found: Mapping[str, Any]) -> Path:
    work = lab.copy(name)
    emptied(work, dict(found))
    (work / RAW).parent.mkdir(parents=True, exist_ok=True)
    return work


def _chosen(rows: pd.DataFrame, lab: Lab) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Choose the withheld rows: the latest, whole groups, or at random within the values of the target."""
    import numpy as np
    import pandas as pd

    fields = {
        f.get("role"): str(f["name"]) for f in lab.project.plain(DATA_CONTRACT)["resources"][0]["schema"]["fields"]
    }
    method = (lab.project.plain("params.yaml") or {}).get("split", {}).get("method", "random")
    rng, n = np.random.default_rng(lab.seed), len(rows)
    if method == "time" and fields.get("time") in rows:
        moments = pd.to_datetime(rows[fields["time"]], errors="coerce", format="mixed", utc=True)
        return (moments.rank(method="first", pct=True) > 1 - SHARE).to_numpy()
    if method == "group" and fields.get("group") in rows:
        groups = rows[fields["group"]]
        names = rng.permutation(groups.unique())
        return groups.isin(set(names[: max(1, round(SHARE * len(names)))])).to_numpy()
    order = rng.permutation(n)
    if fields.get("target") in rows and rows[fields["target"]].nunique() <= 100:
        shuffled = rows[fields["target"]].iloc[order]
        place = shuffled.groupby(shuffled).cumcount() / shuffled.groupby(shuffled).transform("size")
        return (place < SHARE).reindex(rows.index).to_numpy()
    return np.isin(np.arange(n), order[: round(SHARE * n)])


def scored(lab: Lab, work: Path, rows: Path, training: Path) -> dict[str, Any]:
    """Measure the model of a working copy on rows with labels, where none of the project's code runs."""
    files = {name: _needed(lab.clone / name) for name in CONTRACTS}
    files |= {name: _needed(work / name) for name in (MODEL, METADATA)}
    _refuse_strange_models(work / MODEL)
    files |= {"rows.csv": rows, "training.csv": training}
    request = {"rows": "rows.csv", "training": "training.csv", "seed": lab.seed, "bootstrap": BOOTSTRAP}
    return lab.judged("score", files, request)


def shuffle(lab: Lab, second: Withheld) -> Shuffled:
    """Train on permuted labels, measure on true ones, and offer that model to the gate."""
    import numpy as np

    lab.say("training on permuted labels")
    found = stages(lab.project)
    work = lab.copy("third", second.work)
    target = _target(lab)
    for name in ("train", "calibration"):
        path = work / SPLITS / f"{name}.csv"
        rows = _rows(_needed(path))
        rows[target] = np.random.default_rng(lab.seed).permutation(rows[target].to_numpy())
        rows.to_csv(path, index=False, lineterminator="\n")
    before, model = _receipt(work), _digest(work / MODEL)
    trains, gate = writer(found, MODEL), writer(found, RECEIPT)
    names = [trains.name, *_between(found, trains.name, gate.name), gate.name]
    done = lab.box.run(work, "dvc", "repro", "--force", "--single-item", *names, limits=lab.limits)
    if not (work / MODEL).is_file() or _digest(work / MODEL) == model:
        must(done, "training")
    score = scored(lab, work, second.withheld, second.remaining)
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    promoted = done.status == 0 and _receipt(work) != before
    said = [line for line in lines if not line.startswith(("ERROR", "Running stage", ">", "Having any", "To track"))]
    return Shuffled(score, promoted, " ".join(said[-2:]) if said else "")


def _between(found: Mapping[str, Any], first: str, last: str) -> list[str]:
    """Give the stages that lie between two, in an order in which they can be run."""
    needed, open_ = [], [last]
    while open_:
        name = open_.pop()
        for other in found.values():
            feeds = any(other.writes(dep) or dep in other.outs for dep in found[name].deps)
            if feeds and other.name not in (first, *needed) and _after(found, first, other.name):
                needed.append(other.name)
                open_.append(other.name)
    return needed[::-1]


def _after(found: Mapping[str, Any], first: str, name: str, seen: frozenset[str] = frozenset()) -> bool:
    feeding = [o.name for o in found.values() if any(o.writes(dep) or dep in o.outs for dep in found[name].deps)]
    return first in feeding or any(_after(found, first, f, seen | {name}) for f in feeding if f not in seen)


def validate(lab: Lab, first: Rerun) -> Validated:
    """Give the project's validator clean rows and corrupted ones, and see which it lets through."""
    import pandas as pd

    lab.say("corrupting rows")
    work = lab.copy("validator", first.work)
    good = _rows(_needed(first.work / ACCEPTED)).head(500)
    corrupted = corruptions(good, lab.project.fields(), lab.seed)
    bad = pd.DataFrame([row for _, row in corrupted], columns=good.columns)
    pd.concat([good, bad]).to_csv(work / RAW, index=False, lineterminator="\n")
    stage = writer(stages(lab.project), ACCEPTED)
    done = lab.box.run(work, "dvc", "repro", "--force", "--single-item", stage.name, limits=lab.limits)
    if not (work / ACCEPTED).is_file():
        must(done, "validation")
    let_through = _keys(_rows(work / ACCEPTED)) if done.status == 0 else set()
    clean = _keys(good)
    missed = [reason for reason, row in corrupted if tuple(row[c] for c in good.columns) in let_through - clean]
    return Validated(len(corrupted), len(corrupted) - len(missed), len(clean), len(clean & let_through), tuple(missed))


def _keys(rows: pd.DataFrame) -> set[tuple[str, ...]]:
    return set(rows.itertuples(index=False, name=None))


def _rows(path: Path) -> pd.DataFrame:
    """Read a CSV table as texts. Raises `NoEvidenceError`."""
    import pandas as pd

    if path.is_symlink():
        raise NoEvidenceError(f"{path.name} is a link", blame=True)
    try:
        return pd.read_csv(path, dtype=str, na_filter=False, lineterminator="\n")
    except (OSError, ValueError) as error:
        raise NoEvidenceError(f"{path.name} cannot be read: {' '.join(str(error).split())[:120]}", blame=True) from None


def _needed(path: Path) -> Path:
    """Give a path that the run should have written. Raises `NoEvidenceError` where it did not."""
    if path.is_symlink() or not path.is_file():
        raise NoEvidenceError(f"the run wrote no {'/'.join(path.parts[-2:])}", blame=True)
    return path


def _refuse_strange_models(path: Path) -> None:
    """Refuse a model that is no ONNX file of reasonable size, or that refers to other files."""
    size = path.stat().st_size
    if size > 500_000_000:
        raise NoEvidenceError(f"the model has {size:,} bytes", blame=True)
    with path.open("rb") as file:
        if file.read(1) != b"\x08":  # the version's field, with which every ONNX file begins
            raise NoEvidenceError(f"{MODEL} is no ONNX file", blame=True)
    if b"external_data" in path.read_bytes() and b"location" in path.read_bytes():
        raise NoEvidenceError(f"{MODEL} refers to data in other files", blame=True)


def _target(lab: Lab) -> str:
    for field in lab.project.fields():
        if field.get("role") == "target":
            return str(field["name"])
    raise KitError(f"{DATA_CONTRACT} names no target")


def _receipt(work: Path) -> bytes:
    path = work / RECEIPT
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b""


def _digest(path: Path) -> str:
    return hashlib.sha256(_needed(path).read_bytes()).hexdigest()


def _head(work: Path) -> str:
    """Read the commit from the clone's own files: git is not run where the project's code ran."""
    path = work / ".git" / "refs" / "heads" / "main"
    return path.read_text(encoding="ascii", errors="replace").strip() if path.is_file() else ""


def tracked(first: Rerun) -> store.Store:
    """Give the MLflow store that the re-run made."""
    return store.read(first.work)
