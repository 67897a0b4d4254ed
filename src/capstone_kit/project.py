"""A capstone repository, read without running it."""

import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

DATA_CONTRACT = "data/datapackage.yaml"
TASK_CONTRACT = "capstone.toml"
PARAMETERS = "params.yaml"
PIPELINE = "dvc.yaml"


class KitError(Exception):
    """An expected failure; its text is the sentence that the user reads."""


def safe(text: str) -> str:
    """Give `text` without what steers a terminal: control characters and marks of direction."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf"))


@dataclass(frozen=True)
class Project:
    """The repository at `root`."""

    root: Path

    @classmethod
    def here(cls) -> "Project":
        """Give the repository around the working directory. Raises `KitError` if there is none."""
        for folder in (Path.cwd(), *Path.cwd().parents):
            if (folder / TASK_CONTRACT).is_file() and (folder / PIPELINE).is_file():
                return cls(folder)
        raise KitError(f"{Path.cwd()} is in no capstone repository: neither it nor a folder above has {TASK_CONTRACT}")

    def path(self, name: str) -> Path:
        """Give the path of a file by its name below the root."""
        return self.root / name

    def text(self, name: str) -> str:
        """Read a text file. Raises `KitError` where it is missing or no UTF-8."""
        try:
            return self.path(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise KitError(f"{name} is missing: run this in a repository made from the template") from None
        except UnicodeDecodeError as error:
            raise KitError(f"{name} is not UTF-8: {error}") from error

    def yaml(self, name: str) -> Any:
        """Read a YAML file, comments kept for writing it again."""
        try:
            return editor().load(self.text(name))
        except YAMLError as error:
            raise KitError(f"{name}: {' '.join(str(error).split())}") from error

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
