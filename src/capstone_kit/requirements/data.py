"""Data: what the model is made from can be had, is what the lock says, and was divided honestly."""

import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass

from capstone_kit.gather.pipeline import Rerun, Validated
from capstone_kit.gather.stages import ACCEPTED, SPLITS
from capstone_kit.project import KitError, Project
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome

PARTS = ("train", "calibration", "test")
CAUGHT = 0.9  # of the corrupted rows, at least
KEPT = 0.99  # of the clean ones


@requirement("DAT1", 3, "R", "DTU 02476; DVC", ("toolchain",))
def pulls(examined: Examined) -> Finding:
    """Data can be pulled read-only and its hashes equal `dvc.lock`."""
    locked = _locked(examined.project)
    sources = {path: md5 for path, md5 in locked.items() if path.startswith("data/source")}
    wrong = [
        path for path, md5 in sources.items() if examined.project.exists(path) and _md5(examined.project, path) != md5
    ]
    if wrong:
        return Finding(
            Outcome.FAIL,
            f"{wrong[0]} is not what dvc.lock says",
            "equal hashes",
            "dvc status",
            "`uv run dvc repro`, commit dvc.lock",
        )
    found = examined.evidence[Rerun]
    if locked.get("data/raw.csv") not in (None, found.md5):
        observed = f"data/raw.csv has the md5 {found.md5}, dvc.lock says {locked['data/raw.csv']}"
        return Finding(Outcome.FAIL, observed, "equal hashes", "dvc status", "`uv run dvc repro`, and commit dvc.lock")
    if "data/raw.csv" not in locked:
        return Finding(
            Outcome.FAIL,
            "dvc.lock does not hold data/raw.csv",
            "the lock of the last run",
            "cat dvc.lock",
            "commit dvc.lock",
        )
    return Finding(Outcome.PASS, f"{found.rows:,} rows, with the hash of dvc.lock", command="dvc status")


def _locked(project: Project) -> dict[str, str]:
    if not project.exists("dvc.lock"):
        raise KitError("dvc.lock is missing: `uv run dvc repro`, and commit it")
    stages = (project.plain("dvc.lock") or {}).get("stages", {})
    entries = (e for stage in stages.values() for kind in ("deps", "outs") for e in stage.get(kind, []))
    return {str(e["path"]): str(e.get("md5", "")) for e in entries if isinstance(e, dict) and "path" in e}


def _md5(project: Project, path: str) -> str:
    return hashlib.md5(project.bytes(path), usedforsecurity=False).hexdigest()


@requirement("DAT2", 4, "R", "ML Test Score, data 1; CMU 17-645 milestone 2", ("limits", "production"))
def validates(examined: Examined) -> Finding:
    """The project's validator rejects rows the grader corrupts and accepts clean ones."""
    found, command = examined.evidence[Validated], "the stage that writes data/accepted.csv, on corrupted rows"
    observed = (
        f"caught {found.caught} of {found.corrupted} corrupted rows, kept {found.kept} of {found.clean} clean ones"
    )
    if found.corrupted == 0:
        return Finding(
            Outcome.FAIL, "the data contract limits nothing", "limits", "cat data/datapackage.yaml", "state limits"
        )
    if found.kept < KEPT * found.clean:
        return Finding(Outcome.FAIL, observed, "clean rows go on", command, "reject only what breaks the contract")
    share = found.caught / found.corrupted
    if share < CAUGHT:
        outcome = Outcome.PARTIAL if share >= 0.5 else Outcome.FAIL
        expected = f"at least {CAUGHT:.0%} caught"
        return Finding(
            outcome,
            f"{observed}; let through: {found.missed[0]}",
            expected,
            command,
            "check it by the contract",
            share / 2,
        )
    return Finding(Outcome.PASS, observed, command=command)


@dataclass(frozen=True)
class Parts:
    """The rows of each part of a split, as texts, below their header."""

    header: list[str]
    rows: dict[str, list[tuple[str, ...]]]
    accepted: list[tuple[str, ...]]


@requirement("DAT3", 3, "T", "ML Test Score, data; leakage taxonomy of Kapoor and Narayanan, 2023", ("limits",))
def disjoint(examined: Examined) -> Finding:
    """Splits are disjoint: duplicates, group ids, time order."""
    work, command = Project(examined.evidence[Rerun].work), f"compare {SPLITS}/*.csv"
    parts = _parts(work)
    problem = _shared_rows(parts) or _shared_groups(examined.project, parts) or _mixed_times(examined.project, parts)
    if problem:
        return Finding(
            Outcome.FAIL, problem, "no row, group or moment on both sides", command, "divide before anything is learnt"
        )
    sizes = ", ".join(f"{len(rows):,} {name}" for name, rows in parts.rows.items())
    return Finding(Outcome.PASS, f"{sizes}: nothing shared", command=command)


def _parts(work: Project) -> Parts:
    tables = {name: _table(work, f"{SPLITS}/{name}.csv") for name in PARTS}
    header = tables["train"][0]
    if any(table[0] != header for table in tables.values()):
        raise KitError(f"{SPLITS}: the parts have different columns")
    accepted = _table(work, ACCEPTED)
    return Parts(header, {name: table[1] for name, table in tables.items()}, accepted[1])


def _table(work: Project, name: str) -> tuple[list[str], list[tuple[str, ...]]]:
    lines = csv.reader(io.StringIO(work.text(name), newline=""))
    header = next(lines, [])
    return header, [tuple(line) for line in lines]


def _shared_rows(parts: Parts) -> str:
    """Name rows that are in two parts, or more often in all parts than in the data."""
    together = Counter(row for rows in parts.rows.values() for row in rows)
    there = Counter(parts.accepted)
    more = sum((together - there).values()) if there else sum(together.values()) - len(together)
    if more:
        return f"{more:,} rows are in more than one part"
    lost = sum((there - together).values())
    return f"{lost:,} accepted rows are in no part" if lost > 0.01 * len(parts.accepted) else ""


def _shared_groups(project: Project, parts: Parts) -> str:
    name = _role(project, "group")
    if name not in parts.header:
        return ""
    place = parts.header.index(name)
    seen = {part: {row[place] for row in rows} for part, rows in parts.rows.items()}
    both = (seen["train"] | seen["calibration"]) & seen["test"]
    return f"{len(both):,} values of {name} are in the test part and in another" if both else ""


def _mixed_times(project: Project, parts: Parts) -> str:
    """Name where a split by time has test rows before training rows."""
    name = _role(project, "time")
    method = (project.plain("params.yaml") or {}).get("split", {}).get("method")
    if name not in parts.header or method != "time":
        return ""
    place = parts.header.index(name)
    import pandas as pd

    moments = {
        part: pd.to_datetime(
            pd.Series([row[place] for row in rows]), errors="coerce", format="mixed", utc=True
        ).dropna()
        for part, rows in parts.rows.items()
    }
    if moments["train"].empty or moments["test"].empty:
        return ""
    before = int((moments["test"] < moments["train"].max()).sum())
    return f"{before:,} test rows lie before the last training row" if before else ""


def _role(project: Project, role: str) -> str:
    return next((str(f["name"]) for f in project.fields() if f.get("role") == role), "")


ALL = (pulls, validates, disjoint)
