"""Write several files all or none: a failure, an interrupt or a kill leaves the repository as it was."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml.scalarstring import SingleQuotedScalarString

from capstone_kit.project import editor

JOURNAL = ".cache/capstone"


class Transaction:
    """Collects new contents of files below `root`, and puts them in place together.

    New and old files lie in the git-ignored folder `JOURNAL` meanwhile. Whoever was killed between two of the moves
    left `moves.json` there: the next transaction first takes these moves back.
    """

    def __init__(self, root: Path) -> None:
        """Take back what a killed predecessor left half done."""
        self.root, self.folder = root, root / JOURNAL
        self.names: list[str] = []
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

    def changed(self) -> list[str]:
        """Give the names whose content differs from what is there."""
        return [name for name in self.names if not _same(self.folder / "new" / name, self.root / name)]

    def commit(self) -> None:
        """Put everything in place; on any failure put everything back."""
        names = self.changed()
        for name in names:
            if (self.root / name).exists():
                _copy(self.root / name, self.folder / "old" / name)
        journal = self.folder / "moves.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = journal.with_suffix(".tmp")
        temporary.write_text(json.dumps(names), encoding="utf-8")
        temporary.replace(journal)
        try:
            for name in names:
                _move(self.folder / "new" / name, self.root / name)
        except BaseException:
            self._take_back()
            raise
        self.close()

    def close(self) -> None:
        """Forget what was collected."""
        (self.folder / "moves.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _take_back(self) -> None:
        journal = self.folder / "moves.json"
        if journal.exists():
            for name in json.loads(journal.read_text(encoding="utf-8")):
                if not (self.folder / "old" / name).exists():
                    _delete(self.root / name)
                elif not _same(self.folder / "old" / name, self.root / name):
                    _delete(self.root / name)
                    _copy(self.folder / "old" / name, self.root / name)
        self.close()


def _same(one: Path, other: Path) -> bool:
    if one.is_dir() and other.is_dir():
        names = sorted(path.name for path in one.iterdir())
        return names == sorted(path.name for path in other.iterdir()) and all(_same(one / n, other / n) for n in names)
    if not one.is_file() or not other.is_file():
        return one.exists() == other.exists()
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)


def _move(source: Path, target: Path) -> None:
    """Put `source` at `target`, or remove `target` if there is no source."""
    if source.is_dir() or not source.exists():
        _delete(target)
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


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
    except yaml.YAMLError:
        return "\n" not in text and text.isprintable()
