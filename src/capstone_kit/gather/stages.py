"""The stages of `dvc.yaml`, found by what they write: their names are the team's own."""

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from capstone_kit.project import PIPELINE, KitError, Project

RAW, ACCEPTED = "data/raw.csv", "data/accepted.csv"
SPLITS = "data/splits"
MODEL, METADATA = "models/model.onnx", "models/model.json"
METRICS, CONSTRAINTS = "reports/metrics.json", "reports/constraints.json"
RECEIPT = "models/receipt.json"
TIMED = ("latency_p95_ms", "peak_memory_mb", "training_time_s")  # of the machine, not of the project
CONFIG = "[core]\n    analytics = false\n    check_update = false\n[cache]\n    type = copy\n"


@dataclass(frozen=True)
class Stage:
    """A stage as `dvc.yaml` declares it."""

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    frozen: bool
    kept: tuple[str, ...]  # outputs that DVC does not remove before it runs the stage

    def writes(self, path: str) -> bool:
        """Whether a path is an output or lies in one."""
        return any(path == out or path.startswith(f"{out}/") for out in self.outs)


def stages(project: Project) -> dict[str, Stage]:
    """Give the stages by name. Raises `KitError` where `dvc.yaml` has none, or one of another shape."""
    try:
        declared = project.plain(PIPELINE)["stages"]
        found = {str(name): _stage(str(name), entry) for name, entry in declared.items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise KitError(f"{PIPELINE}: stages is missing or of another shape") from None
    if not found:
        raise KitError(f"{PIPELINE} declares no stage")
    return found


def _stage(name: str, entry: dict[str, Any]) -> Stage:
    entry = entry.get("do", entry) if "foreach" in entry or "matrix" in entry else entry
    outs = [_path(o) for kind in ("outs", "metrics", "plots") for o in entry.get(kind) or []]
    return Stage(
        name=name,
        deps=tuple(str(dep) for dep in entry.get("deps") or []),
        outs=tuple(path for path, _ in outs),
        frozen=bool(entry.get("frozen")),
        kept=tuple(path for path, options in outs if options.get("persist")),
    )


def _path(entry: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    (path, options), *_ = entry.items()
    return str(path), options if isinstance(options, dict) else {}


def writer(found: dict[str, Stage], path: str) -> Stage:
    """Give the stage that writes a path. Raises `KitError` where none does."""
    for stage in found.values():
        if stage.writes(path):
            return stage
    raise KitError(f"no stage of {PIPELINE} writes {path}")


def readers(found: dict[str, Stage], path: str) -> list[str]:
    """Give the names of the stages that read a path."""
    return [s.name for s in found.values() if any(path == d or path.startswith(f"{d}/") for d in s.deps)]


def tricks(found: dict[str, Stage]) -> list[str]:
    """Name what in the pipeline keeps a stage from being run, or writes elsewhere."""
    told = [f"stage {s.name} is frozen: it is never run" for s in found.values() if s.frozen]
    told += [f"stage {s.name} keeps {', '.join(s.kept)} from one run to the next" for s in found.values() if s.kept]
    for stage in found.values():
        out = [
            path for path in stage.outs if PurePosixPath(path).is_absolute() or ".." in path.split("/") or ":" in path
        ]
        told += [f"stage {stage.name} writes outside the repository: {path}" for path in out]
    return told


def emptied(work: Path, found: dict[str, Stage]) -> None:
    """Remove from a working copy all that a run of the pipeline makes, and give DVC the examiner's settings."""
    for path in (path for stage in found.values() for path in stage.outs):
        place = work / path
        if ".." in path.split("/") or PurePosixPath(path).is_absolute() or place.is_symlink():
            continue
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    for name in ("cache", "tmp"):
        shutil.rmtree(work / ".dvc" / name, ignore_errors=True)
    for name in ("mlflow.db", "mlruns", "mlartifacts", ".venv"):
        place = work / name
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    (work / ".dvc").mkdir(exist_ok=True)
    (work / ".dvc" / "config").write_text(CONFIG, encoding="utf-8")
    (work / ".dvc" / "config.local").unlink(missing_ok=True)
