"""Write several files all or none: a failure, an interrupt or a kill leaves the repository as it was."""

import errno
import filecmp
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from ruamel.yaml.scalarstring import SingleQuotedScalarString

from capstone_kit.project import KitError, editor

JOURNAL = ".cache/capstone"


class Transaction:
    """Collects new contents of files below `root`, and puts them in place together.

    New and old files lie in the git-ignored folder `JOURNAL` meanwhile. Whoever was killed between two of the moves
    left `moves.json` there: the next transaction first takes these moves back. One at a time works on a repository.
    """

    def __init__(self, root: Path) -> None:
        """Take back what a killed predecessor left half done. Raises `KitError` while another one is at work."""
        self.root, self.folder = root, root / JOURNAL
        self.journal = self.folder / "moves.json"
        self.names: list[str] = []
        self.made: list[str] = []
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(self.folder / "lock", timeout=0)
        try:
            self.lock.acquire()
        except Timeout:
            raise KitError("another capstone command is writing here: wait until it has ended") from None
        self._take_back()

    def write(self, name: str, content: str | bytes) -> None:
        """Give the file `name` a new content."""
        path = self.stage(name)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)

    def stage(self, name: str) -> Path:
        """Give a path at which the new file or folder `name` is to be made."""
        path = self.folder / "new" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.names.append(name)
        return path

    def remove(self, name: str) -> None:
        """Let the file `name` go, if it is there."""
        if (self.root / name).exists():
            self.names.append(name)

    def will_make(self, name: str) -> None:
        """Take note that the last step of the commit makes the file `name`."""
        self.made.append(name)

    def changed(self) -> list[str]:
        """Give the names whose content differs from what is there, or that are still to be made."""
        differing = [name for name in self.names if not _same(self.folder / "new" / name, self.root / name)]
        return differing + [name for name in self.made if not (self.root / name).exists()]

    def commit(self, last: Callable[[], None] = lambda: None) -> None:
        """Put everything in place, then call `last`; on any failure put everything back."""
        moved = [name for name in self.changed() if name not in self.made]
        for name in (touched := [*moved, *self.made]):
            if (self.root / name).exists():
                _copy(self.root / name, self.folder / "old" / name)
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.journal.with_suffix(".tmp")
        temporary.write_text(json.dumps(touched), encoding="utf-8")
        temporary.replace(self.journal)
        try:
            for name in moved:
                _move(self.folder / "new" / name, self.root / name)
            last()
        except BaseException:
            self._take_back()
            self.close()
            raise
        self.journal.unlink()
        self.close()

    def close(self) -> None:
        """Forget what was collected; but not what could not be taken back yet."""
        if not self.journal.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.release()

    def _take_back(self) -> None:
        if self.journal.exists():
            for name in filter(self._is_ours, json.loads(self.journal.read_text(encoding="utf-8"))):
                old, now = self.folder / "old" / name, self.root / name
                if not old.exists():
                    _delete(now)
                elif not _same(old, now):
                    _delete(now)
                    _copy(old, now)
            self.journal.unlink()
        for name in ("new", "old"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _is_ours(self, name: str) -> bool:
        """Whether a transaction may have touched `name`: whoever hands over a repository might forge a journal."""
        root, path = self.root.resolve(), self.root / name
        place = path.parent.resolve() / path.name
        return place.is_relative_to(root) and place.relative_to(root).parts[:1] not in ((), (".git",))


def recover(root: Path) -> None:
    """Take back what a killed command left half done below `root`, and say so."""
    if (root / JOURNAL / "moves.json").exists():
        Transaction(root).close()
        print("note: a command before this one was killed half way; its changes were taken back", file=sys.stderr)


def _same(one: Path, other: Path) -> bool:
    if one.is_dir() and other.is_dir():
        names = sorted(path.name for path in one.iterdir())
        return names == sorted(path.name for path in other.iterdir()) and all(_same(one / n, other / n) for n in names)
    if not one.is_file() or not other.is_file():
        return one.exists() == other.exists()
    return filecmp.cmp(one, other, shallow=False)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)


def _move(source: Path, target: Path) -> None:
    """Put `source` at `target`, or remove `target` if there is no source."""
    if source.is_dir() or target.is_dir() or not source.exists():
        _delete(target)
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:  # a folder of the repository may lie on another disk
            raise
        shutil.move(source, target)


def _delete(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def text_of(content: Any) -> str:
    """Give YAML as text that readers of YAML 1.1 and 1.2 take for the same: `yes` and `12:30` stay texts in quotes."""
    stream = io.StringIO()
    yaml_editor = editor()
    yaml_editor.representer.add_representer(float, _float)
    yaml_editor.dump(_quoted(content), stream)
    return stream.getvalue()


def _float(representer: Any, value: float) -> Any:
    """Give a float with a point: YAML 1.1 takes 1e+300 for a text."""
    digits, exponent, rest = repr(value).partition("e")
    text = f"{digits}.0e{rest}" if exponent and "." not in digits else repr(value)
    return representer.represent_scalar("tag:yaml.org,2002:float", text)


def _quoted(content: Any) -> Any:
    if isinstance(content, dict):
        for key, value in content.items():
            content[key] = _quoted(value)
    elif isinstance(content, list):
        content[:] = [_quoted(value) for value in content]
    elif type(content) is str and _reads_otherwise(content):
        return SingleQuotedScalarString(content)
    return content


def _reads_otherwise(text: str) -> bool:
    try:
        return yaml.safe_load(text) != text
    except (yaml.YAMLError, ValueError):  # of a day that is none, such as 0000-00-00
        return "\n" not in text and text.isprintable()
