"""What git remembers: each time the measured values changed, the criteria at that time, tags, and when files came."""

import json
import tomllib
from dataclasses import dataclass
from typing import Any

from capstone_kit.project import TASK_CONTRACT, KitError, Project, blobs, git

METRICS = "reports/metrics.json"
CONSTRAINTS = "reports/constraints.json"
VALIDATION = "reports/validation.json"
READ = (METRICS, CONSTRAINTS, VALIDATION, TASK_CONTRACT)
LATEST = 200  # commits that are looked at

Values = dict[str, dict[str, Any]]  # by name: value, and low and high where there is an interval


@dataclass(frozen=True)
class State:
    """The project at a commit, or in the working folder where `commit` is empty."""

    commit: str
    date: str  # ISO 8601, the day
    measured: Values
    rows: int | None  # that the validator accepted
    contract: dict[str, Any]  # capstone.toml


@dataclass(frozen=True)
class Mark:
    """A tag, or the first commit where there is none."""

    name: str
    commit: str
    date: str


def states(project: Project) -> list[State]:
    """Give the states in which measured values were committed, the oldest first, the working folder last."""
    listed = _lines(project, "log", f"--max-count={LATEST}", "--format=%H %cs", "--", METRICS, CONSTRAINTS)
    commits = [(line.split()[0], line.split()[1]) for line in reversed(listed)]
    texts = blobs(project.root, [f"{commit}:{name}" for commit, _ in commits for name in READ])
    found = [state(commit, date, {n: texts.get(f"{commit}:{n}", b"") for n in READ}) for commit, date in commits]
    here = state("", "", {n: project.bytes(n) if project.exists(n) else b"" for n in READ})
    changed = not found or here.measured != found[-1].measured
    return [s for s in found if s.measured] + ([here] if here.measured and changed else [])


def state(commit: str, date: str, texts: dict[str, bytes]) -> State:
    """Read a state from the texts of its files; what cannot be read is left out."""
    measured = {**values(texts[METRICS]), **values(texts[CONSTRAINTS])}
    rows = _json(texts[VALIDATION]).get("accepted")
    try:
        contract = tomllib.loads(texts[TASK_CONTRACT].decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        contract = {}
    return State(commit, date, measured, rows if isinstance(rows, int) else None, contract)


def values(text: bytes) -> Values:
    """Give the measured values by name."""
    entries = {k: v if isinstance(v, dict) else {"value": v} for k, v in _json(text).items()}
    return {k: v for k, v in entries.items() if all(number(v.get(key)) is not None or key not in v for key in v)}


def number(value: object) -> float | None:
    """Give a value that is a finite number, else None."""
    plain = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    return float(value) if plain else None  # type: ignore[arg-type]


def _json(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def head(project: Project) -> str:
    """Give the commit that is checked out, "" where there is none."""
    return next(iter(_lines(project, "rev-parse", "--verify", "--quiet", "HEAD")), "")


def last_tag(project: Project) -> Mark | None:
    """Give the last tag before the commit that is checked out."""
    name = next(iter(_lines(project, "describe", "--tags", "--abbrev=0", "HEAD")), "")
    told = _lines(project, "log", "-1", "--format=%H %cs", f"refs/tags/{name}", "--") if name else []
    return Mark(name, *told[0].split()) if told else None


def added(project: Project, folder: str) -> dict[str, str]:
    """Give the day on which each file below a folder came, by its name."""
    found: dict[str, str] = {}
    day = ""
    for line in _lines(project, "log", "--diff-filter=A", "--format=@%cs", "--name-only", "--", folder):
        if line.startswith("@"):
            day = line[1:]
        else:
            found[line] = day
    return found


def at(project: Project, commit: str) -> State:
    """Give the state at a commit."""
    texts = blobs(project.root, [f"{commit}:{name}" for name in READ])
    return state(commit, "", {name: texts.get(f"{commit}:{name}", b"") for name in READ})


def _lines(project: Project, *words: str) -> list[str]:
    """Give what git says line by line; nothing where it has nothing to say."""
    try:
        return [line for line in git(project.root, *words).splitlines() if line.strip()]
    except KitError:
        return []
