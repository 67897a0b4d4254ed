"""Sign-offs: records that bind a milestone to a commit, its criteria and its measured values."""

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass
from typing import Any

from capstone_kit import prose
from capstone_kit.project import TASK_CONTRACT, KitError, Project, blobs, git
from capstone_kit.report import history
from capstone_kit.result import now

FOLDER = "docs/sign-offs"
CHARTER = "docs/charter.md"
ROLES = ("sponsor", "advisor")
BINDING = ("acceptance", "constraint")
MOST = 200  # records that are read


@dataclass(frozen=True)
class Record:
    """What was signed. `sha256` is of all the rest."""

    role: str
    milestone: str
    signed: str  # ISO 8601, UTC
    commit: str
    criteria: dict[str, Any]  # the tables of capstone.toml at the commit
    measured: dict[str, Any]  # the values of reports/ at the commit
    sha256: str = ""

    @property
    def digest(self) -> str:
        """The hash of what was signed."""
        content = {key: value for key, value in asdict(self).items() if key != "sha256"}
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Checked:
    """A record, and in what it no longer agrees with the repository."""

    file: str
    record: Record
    trouble: str  # "" where all is as it was signed


def sign(project: Project, role: str, milestone: str) -> str:
    """Write the record of a sign-off at the commit that is checked out; give its file. Raises `KitError`."""
    if role not in ROLES:
        raise KitError(f"--as: {role!r}: expected {' or '.join(ROLES)}")
    record = _record(project, role, _known(project, milestone))
    name = f"{FOLDER}/{re.sub(r'[^a-z0-9]+', '-', record.milestone.lower()).strip('-')[:60]}-{role}.json"
    path = project.path(name)
    if path.exists():
        raise KitError(f"{name} is there already: to sign anew, remove it in a commit that says why")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = asdict(record) | {"sha256": record.digest}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    return name


def _known(project: Project, milestone: str) -> str:
    """Give the charter's milestone of that name."""
    table = prose.rows(prose.section(project.text(CHARTER), "milestones"))
    names = [row[0] for row in table if row and row[0]]
    found = [name for name in names if name.lower() == milestone.strip().lower()]
    if not found:
        raise KitError(
            f"--milestone: {milestone!r} is none of {CHARTER}, Milestones: {', '.join(names) or 'none there'}"
        )
    return found[0]


def _record(project: Project, role: str, milestone: str) -> Record:
    commit = history.head(project)
    if not commit:
        raise KitError("there is no commit to sign: commit first")
    dirty = git(project.root, "status", "--porcelain", "--", TASK_CONTRACT, "reports").strip()
    if dirty:
        raise KitError(f"{dirty.split()[-1]} differs from the last commit: commit what is to be signed first")
    state = history.at(project, commit)
    criteria = binding(state.contract)
    if not any(criteria.values()):
        raise KitError(f"{TASK_CONTRACT} has no acceptance criterion to sign")
    missing = [c["metric"] for tables in criteria.values() for c in tables if c.get("metric") not in state.measured]
    if missing:
        raise KitError(f"not measured at this commit: {', '.join(missing)}; run `uv run dvc repro` and commit reports/")
    return Record(role, milestone, now(), commit, criteria, state.measured)


def binding(contract: dict[str, Any]) -> dict[str, Any]:
    """Give the criteria of a contract, as they are signed."""
    return {key: contract.get(key, []) for key in BINDING}


def checked(project: Project) -> list[Checked]:
    """Give the sign-offs in the order of signing, each held against the repository."""
    folder = project.path(FOLDER)
    names = sorted(f"{FOLDER}/{p.name}" for p in folder.glob("*.json")) if folder.is_dir() else []
    found = [_checked(project, name) for name in names[:MOST] if project.exists(name)]
    return sorted(found, key=lambda c: c.record.signed)


def withdrawn(project: Project) -> list[str]:
    """Name the records that a later commit removed or rewrote."""
    changes = git(project.root, "log", "--diff-filter=DM", "--no-renames", "--format=", "--name-only", "--", FOLDER)
    return sorted({name for name in changes.splitlines() if name})


def _checked(project: Project, name: str) -> Checked:
    try:
        record = Record(**json.loads(project.text(name)))
        texts = [record.role, record.milestone, record.signed, record.commit, record.sha256]
        tables = [table for key in BINDING for table in record.criteria[key]]
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(t, dict) for t in tables):
            raise TypeError
        if not re.fullmatch(r"[0-9a-f]{40}", record.commit):
            raise ValueError
    except (TypeError, ValueError, KeyError, RecursionError):
        raise KitError(f"{name} is no record of a sign-off: restore it from git, or sign anew") from None
    return Checked(name, record, _trouble(project, record))


def _trouble(project: Project, record: Record) -> str:
    if record.digest != record.sha256:
        return "the record was edited after it was signed"
    text = blobs(project.root, [f"{record.commit}:{TASK_CONTRACT}"]).get(f"{record.commit}:{TASK_CONTRACT}")
    if text is None:
        return "its commit is not in this repository"
    try:
        then = binding(tomllib.loads(text.decode("utf-8", "replace")))
    except tomllib.TOMLDecodeError:
        return f"{TASK_CONTRACT} cannot be read at its commit"
    if then != record.criteria:
        return "the criteria at its commit are others"
    changed = difference(record.criteria, binding(project.toml(TASK_CONTRACT)))
    return f"changed after sign-off: {', '.join(changed)}" if changed else ""


def difference(then: dict[str, Any], now_: dict[str, Any]) -> list[str]:
    """Name the criteria whose bound, or whatever else they say, differs."""
    old, new = (
        {str(c.get("metric")): c for key in BINDING for c in side[key] if isinstance(c, dict)} for side in (then, now_)
    )
    return [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
