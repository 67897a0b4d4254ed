"""Which models are served: those that `models/serving.json` names.

A version is a folder of its own, `models/versions/<version>/models`, with model, metadata and receipt; it is written
whole and never changed. The pointer takes effect in the running service within a second. Without a pointer, as in a
fresh clone, the model of the work tree is served, if it is the one that its receipt was written for.
"""

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project import stage
from project.contract import Column
from project.predictor import METADATA, MODEL, Predictor

POINTER = Path("models/serving.json")
VERSIONS = Path("models/versions")
RECEIPT = Path("models/receipt.json")
EVERY = 0.5  # seconds between two looks at the pointer


@dataclass(frozen=True)
class Served:
    """A model that answers, and what it was made from."""

    predictor: Predictor
    receipt: dict[str, Any]

    @property
    def version(self) -> str:
        """The version as answers name it."""
        return self.receipt["model_version"] + (" (synthetic data)" if "data" in self.receipt else "")


def digest(*paths: Path) -> str:
    """Give the SHA-256 of the files' contents, one after the other."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def load(root: Path, features: tuple[Column, ...]) -> Served:
    """Load the model below `root`. Raises `ProjectError` where it is not whole, or not the one of its receipt."""
    predictor, receipt = Predictor(root, features), stage.read_json(root / RECEIPT)
    if digest(root / MODEL, root / METADATA) != receipt["model_sha256"]:
        raise stage.ProjectError(
            f"{root / MODEL} is not the model that the gate passed ({root / RECEIPT}): "
            "run `uv run dvc repro`, or `uv run capstone promote VERSION` for one that it passed before"
        )
    return Served(predictor, receipt)


def pointer() -> dict[str, str | None]:
    """Give the versions that are pointed at: "champion", "previous" and "shadow"; {} without a pointer."""
    return stage.read_json(POINTER) if POINTER.exists() else {}


def point(**versions: str | None) -> None:
    """Point at other versions, all at once, and delete the folders of those that nobody points at any more."""
    named = pointer() | versions
    stage.write_json(POINTER, named)
    for folder in VERSIONS.iterdir() if VERSIONS.exists() else ():
        if folder.name not in named.values():
            shutil.rmtree(folder, ignore_errors=True)  # Windows keeps what is open; the next time takes it


def keep(version: str, files: Mapping[Path, Path]) -> Path:
    """Copy `files`, by their names below the version's folder, and give the folder; one that is there stays."""
    folder = VERSIONS / version
    if not folder.exists():
        VERSIONS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=VERSIONS) as temporary:
            whole = Path(temporary) / version
            for name, source in files.items():
                (whole / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, whole / name)
            whole.replace(folder)
    return folder


class Serving:
    """The champion, and the shadow beside it where there is one. A reader takes each once and keeps it."""

    def __init__(self, features: tuple[Column, ...]) -> None:
        """Load what is pointed at. Raises `ProjectError` where the champion cannot be served."""
        self.features = features
        self._seen = self._stamp()
        named = pointer()
        self.champion = load(VERSIONS / (named.get("champion") or ""), features) if named else load(Path(), features)
        self.shadow = load(VERSIONS / shadow, features) if (shadow := named.get("shadow")) else None

    def follow(self) -> None:
        """Look at the pointer for as long as the process lives."""
        while True:
            time.sleep(EVERY)
            self.look()

    def look(self) -> None:
        """Load what is pointed at by now; if that fails, say so, and go on with what is served."""
        if (stamp := self._stamp()) in (self._seen, None):
            return
        self._seen = stamp
        try:
            found = Serving(self.features)
        except (stage.ProjectError, OSError) as error:
            print(f"warning: version {self.champion.version} goes on: {error}", file=sys.stderr, flush=True)
            return
        self.champion, self.shadow = found.champion, found.shadow
        shadow = f", version {found.shadow.version} as its shadow" if found.shadow else ""
        print(f"serving: version {found.champion.version} answers{shadow}", file=sys.stderr, flush=True)

    @staticmethod
    def _stamp() -> tuple[int, int] | None:
        try:
            found = POINTER.stat()
        except OSError:  # a store that vanished: what is loaded goes on
            return None
        return found.st_mtime_ns, found.st_ino
