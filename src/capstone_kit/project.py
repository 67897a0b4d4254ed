"""A capstone repository, read without running it."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

DATA_CONTRACT = "data/datapackage.yaml"
TASK_CONTRACT = "capstone.toml"
PARAMETERS = "params.yaml"
PIPELINE = "dvc.yaml"
LARGEST = 50_000_000  # bytes of a file that is read whole


class KitError(Exception):
    """An expected failure; its text is the sentence that the user reads."""


class CannotRunError(KitError):
    """The tool itself cannot work here."""


def safe(text: str) -> str:
    """Give `text` without what steers a terminal: control characters and marks of direction."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf"))


def run(root: Path, *command: str, within: float | None = None) -> str:
    """Run a command in `root` and give what it printed. Raises `KitError` with its reason where it fails.

    `within` bounds the seconds.
    """
    shown, started = " ".join(command), words(*command)
    try:
        done = subprocess.run(
            started, cwd=root, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=within
        )
    except FileNotFoundError:
        raise KitError(f"{command[0]} is not installed: `capstone doctor` says how to get it") from None
    except subprocess.TimeoutExpired:
        raise KitError(f"`{shown}` gave no answer within {within:.0f} seconds") from None
    if done.returncode:
        raise KitError(f"`{shown}` failed: {reason(done.stderr)}")
    return done.stdout


def words(*command: str) -> tuple[str, ...]:
    """Give the words that start a command: DVC is that of this environment, on the path or not."""
    here = command[0] == "dvc" and importlib.util.find_spec("dvc")
    return (sys.executable, "-P", "-m", *command) if here else command


def git(root: Path, *words: str) -> str:
    """Give what git says, without running a hook, a filter or a program that its configuration names."""
    quiet = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")
    return run(root, "git", *quiet, *words)


def blobs(root: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Give the contents of files in the history, named like `HEAD:capstone.toml`, by one call of git.

    What is not there, no file or too large to be read whole is left out.
    """
    asked = "".join(f"{name}\n" for name in names if "\n" not in name)
    command = ("git", "-c", "core.fsmonitor=false", "cat-file", "--batch")
    done = subprocess.run(command, cwd=root, input=asked.encode(), capture_output=True, timeout=60)
    found, place = {}, 0
    for name in names:
        head, _, rest = done.stdout[place:].partition(b"\n") if done.stdout else (b"", b"", b"")
        place += len(head) + 1
        words = head.split()
        if len(words) == 3 and words[2].isdigit() and head.startswith(words[0]):
            size = int(words[2])
            if words[1] == b"blob" and size <= LARGEST:
                found[name] = rest[:size]
            place += size + 1
    return found


def reason(errors: str) -> str:
    """Give the line that says why, without what DVC and uv write around it."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and "://error.dvc.org" not in line]
    lines = [line for line in lines if not line.startswith(("Having any troubles", "hint:", "warning:", "WARNING:"))]
    said = [line for line in lines if line.lower().startswith("error: ")] or lines or ["no reason given"]
    return re.sub(r"^error: (unexpected error - )?", "", said[0], flags=re.IGNORECASE)


@dataclass(frozen=True)
class Project:
    """The repository at `root`."""

    root: Path

    @classmethod
    def here(cls) -> "Project":
        """Give the repository around the working directory, whole. Raises `KitError` if there is none."""
        from capstone_kit.writing import recover

        for folder in (Path.cwd(), *Path.cwd().parents):
            if (folder / TASK_CONTRACT).is_file() and (folder / PIPELINE).is_file():
                recover(folder)
                return cls(folder)
        raise KitError(f"{Path.cwd()} is in no capstone repository: neither it nor a folder above has {TASK_CONTRACT}")

    def path(self, name: str) -> Path:
        """Give the path of a file by its name below the root."""
        return self.root / name

    def exists(self, name: str) -> bool:
        """Whether there is a regular file of that name, reached without a link."""
        return self.path(name).is_file() and not self._linked(name)

    def bytes(self, name: str) -> bytes:
        """Read a file. Raises `KitError` where it is missing, a link, no regular file or too large to be read whole."""
        path = self.path(name)
        if self._linked(name):
            raise KitError(f"{name} is a link: it is not followed")
        try:
            if path.is_file() and path.stat().st_size > LARGEST:
                raise KitError(f"{name} has more than {LARGEST:,} bytes: too many for what it is")
            return path.read_bytes()
        except FileNotFoundError:
            raise KitError(f"{name} is missing: run this in a repository made from the template") from None
        except OSError as error:
            raise KitError(f"{name} cannot be read: {error.strerror}") from error

    def text(self, name: str) -> str:
        """Read a text file. Raises `KitError` where it is missing or no UTF-8."""
        try:
            return self.bytes(name).decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise KitError(f"{name} is not UTF-8: {error}") from error

    def _linked(self, name: str) -> bool:
        """Whether the file or a folder on the way to it is a link."""
        parts = Path(name).parts
        return any(self.root.joinpath(*parts[: i + 1]).is_symlink() for i in range(len(parts)))

    def yaml(self, name: str) -> Any:
        """Read a YAML file, comments kept for writing it again."""
        try:
            return editor().load(self.text(name))
        except YAMLError as error:
            raise KitError(f"{name}: {' '.join(str(error).split())}") from error

    def plain(self, name: str) -> Any:
        """Read a YAML file as plain values, quickly."""
        import yaml

        try:
            return yaml.load(self.text(name), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            raise KitError(f"{name}: {' '.join(str(error).split())}") from error

    def fields(self) -> list[dict[str, Any]]:
        """Give the fields of the data contract as they are written. Raises `KitError` where there are none."""
        try:
            found = self.plain(DATA_CONTRACT)["resources"][0]["schema"]["fields"]
            return [field for field in found if str(field["name"])]
        except (KeyError, IndexError, TypeError):
            raise KitError(f"{DATA_CONTRACT}: resources[0].schema.fields is missing: list the table's fields") from None

    def toml(self, name: str) -> dict[str, Any]:
        """Read a TOML file."""
        try:
            return tomllib.loads(self.text(name))
        except tomllib.TOMLDecodeError as error:
            raise KitError(f"{name}: {error}") from error


def editor() -> YAML:
    """Give the YAML reader and writer that keeps comments, quotes and the template's indentation."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 140
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
