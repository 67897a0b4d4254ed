"""The MLflow store that a pipeline run left behind, read as the data file that it is."""

import math
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from capstone_kit.evidence import NoEvidenceError

STORE = "mlflow.db"
ROWS = 20_000  # of an answer, at most
STEPS = 50_000_000  # of SQLite's machine in one query, at most


@dataclass(frozen=True)
class Run:
    """A tracked run."""

    id: str
    status: str
    started_ms: int
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


@dataclass(frozen=True)
class Version:
    """A registered model's version."""

    name: str
    number: int
    run_id: str
    model: str  # its ONNX file below the working copy, "" where there is none
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Store:
    """All runs and registered versions."""

    runs: tuple[Run, ...]
    versions: tuple[Version, ...]

    def run(self, run_id: str) -> Run | None:
        """Give a run by its id."""
        return next((run for run in self.runs if run.id == run_id), None)

    @property
    def champion(self) -> Version | None:
        """The version that bears the alias."""
        return next((v for v in self.versions if "champion" in v.aliases), None)


def read(work: Path) -> Store:
    """Read the store of a working copy. Raises `NoEvidenceError` where there is none, or one of another shape."""
    path = work / STORE
    if path.is_symlink() or not path.is_file():
        raise NoEvidenceError(f"the run left no MLflow store ({STORE})", blame=True)
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        steps = iter(range(STEPS // 10_000))
        connection.set_progress_handler(lambda: next(steps, None) is None, 10_000)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            return Store(tuple(_runs(connection)), tuple(_versions(connection, work)))
        finally:
            connection.close()
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise NoEvidenceError(f"{STORE} cannot be read: {error}", blame=True) from None


def _runs(connection: sqlite3.Connection) -> Iterable[Run]:
    query = "SELECT run_uuid, status, start_time FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time LIMIT ?"
    for run_id, status, started in connection.execute(query, (ROWS,)).fetchall():
        params, tags = (dict(_pairs(connection, table, run_id)) for table in ("params", "tags"))
        metrics = {name: float(value) for name, value in _pairs(connection, "latest_metrics", run_id)}
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        yield Run(str(run_id), str(status), int(started or 0), params, finite, tags)


def _pairs(connection: sqlite3.Connection, table: str, run_id: str) -> list[tuple[str, str]]:
    query = f"SELECT key, value FROM {table} WHERE run_uuid = ? LIMIT ?"  # the table is one of three
    return [(str(key), str(value)) for key, value in connection.execute(query, (run_id, ROWS))]


def _versions(connection: sqlite3.Connection, work: Path) -> Iterable[Version]:
    aliases = connection.execute(
        "SELECT name, version, alias FROM registered_model_aliases LIMIT ?", (ROWS,)
    ).fetchall()
    query = "SELECT name, version, run_id, storage_location, source FROM model_versions ORDER BY version LIMIT ?"
    for name, number, run_id, location, source in connection.execute(query, (ROWS,)).fetchall():
        own = tuple(str(alias) for n, v, alias in aliases if (n, v) == (name, number))
        yield Version(str(name), int(number), str(run_id), _model(str(location or source), work), own)


def _model(location: str, work: Path) -> str:
    """Give the ONNX file of a version below the working copy; where the store lay does not matter."""
    parts = PurePosixPath(location.removeprefix("file://")).parts
    for root in ("mlruns", "mlartifacts"):
        if root in parts:
            name = PurePosixPath(*parts[parts.index(root) :], "model.onnx")
            if ".." not in name.parts and (work / name).is_file() and not (work / name).is_symlink():
                return name.as_posix()
    return ""
