"""The registry's versions: which one is served, and whether the one before still answers."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from capstone_kit.evidence import NoEvidenceError
from capstone_kit.gather import store
from capstone_kit.gather.lab import Lab
from capstone_kit.gather.pipeline import CONTRACTS, Rerun, Withheld
from capstone_kit.gather.stages import METADATA, MODEL, SPLITS

ROWS = 40  # predictions that are compared


@dataclass(frozen=True)
class Registered:
    """The champion of the re-run, as the registry keeps it."""

    version: int
    name: str
    same_file: bool  # as models/model.onnx
    run_id: str


@dataclass(frozen=True)
class Previous:
    """The version before the last one, after the pipeline has run a second time on other rows in the same store."""

    versions: int
    number: int
    file: str  # its ONNX file, "" where there is none
    rows: int
    equal: int  # predictions that are as they were when that version was the champion


def champion(first: Rerun) -> Registered:
    """Give the registered model that the re-run made champion. Raises `NoEvidenceError` where there is none."""
    found = store.read(first.work).champion
    if found is None:
        raise NoEvidenceError("the re-run registered no champion", blame=True)
    if not found.model:
        raise NoEvidenceError(f"version {found.number} has no ONNX file in the store", blame=True)
    same = _digest(first.work / found.model) == _digest(first.work / MODEL)
    return Registered(found.number, found.name, same, found.run_id)


def previous(lab: Lab, first: Rerun, second: Withheld) -> Previous:
    """Put the model of the version before back, and compare what it predicts with what it predicted.

    The second run shares the store of the first, so that its registry holds both. The predictions are the examiner's,
    from the registered ONNX file and from the one that the first run served.
    """
    versions = store.read(second.work).versions
    earlier = [v for v in versions if v.model and v is not versions[-1]]
    if not earlier:
        return Previous(len(versions), 0, "", 0, 0)
    last = earlier[-1]
    then, now = (_predicted(lab, first, model) for model in (first.work / MODEL, second.work / last.model))
    equal = sum(a == b for a, b in zip(then, now, strict=True))
    return Previous(len(versions), last.number, last.model, len(then), equal)


def _predicted(lab: Lab, first: Rerun, model: Path) -> list[object]:
    rows = lab.scratch / "compared.csv"
    if not rows.exists():
        shutil.copyfile(first.work / SPLITS / "test.csv", rows)
    files = {name: lab.clone / name for name in CONTRACTS}
    files |= {METADATA: first.work / METADATA, MODEL: model, "rows.csv": rows}
    answer = lab.judged("predict", files, {"rows": "rows.csv"})
    return (answer["probabilities"] or answer["values"])[:ROWS]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
