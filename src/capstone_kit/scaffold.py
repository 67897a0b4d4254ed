"""What the template alone would have made: whoever leaves it as it is has earned nothing yet."""

import io
import re
import subprocess
import tarfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from capstone_kit.project import DATA_CONTRACT, KitError, Project, git

ALIKE = 0.7  # of the columns: with so many in common two schemas are of the same data
BEGIN = "Start from the capstone template"  # the subject of the commit that generation makes


@dataclass(frozen=True)
class Scaffold:
    """The files of a repository as they were generated."""

    files: Mapping[str, bytes] = field(default_factory=dict)  # by path; {} where they are not known

    @property
    def known(self) -> bool:
        """Whether there is anything to compare with."""
        return bool(self.files)

    def untouched(self, project: Project, name: str) -> bool:
        """Whether a file says what it said when it was generated, line ends and spaces aside."""
        return name in self.files and _words(project.text(name)) == _words(self.text(name))

    def text(self, name: str) -> str:
        """Give a file as it was generated, "" if it was not."""
        return self.files.get(name, b"").decode("utf-8", errors="replace")

    def own(self, project: Project, name: str) -> str:
        """Give the lines of a text that the template did not write."""
        shipped = {_words(line) for line in self.text(name).splitlines()}
        return "\n".join(line for line in project.text(name).splitlines() if _words(line) not in shipped)

    def example_data(self, project: Project) -> bool:
        """Whether the data are the example's, by the shape of their schema, whatever the columns are called."""
        if DATA_CONTRACT not in self.files:
            return False
        example, found = (shape(_fields(text)) for text in (self.text(DATA_CONTRACT), project.text(DATA_CONTRACT)))
        return (example & found).total() >= ALIKE * max(example.total(), found.total())


def shape(fields: list[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    """Give what stays of a schema when its columns are renamed and put in another order."""
    bounds = ({} if not isinstance(f.get("constraints"), dict) else f["constraints"] for f in fields)
    return Counter(
        tuple(str(found) for found in (f.get("type"), f.get("unit"), bound.get("minimum"), bound.get("maximum")))
        for f, bound in zip(fields, bounds, strict=True)
    )


def of_history(project: Project) -> Scaffold:
    """Give the repository's first commit, as far as it can be told: enough for a preview, never for a grade."""
    try:
        first = git(project.root, "rev-list", "--max-parents=0", "HEAD").split()[-1]
        if not git(project.root, "log", "-1", "--format=%s", first).startswith(BEGIN):
            return Scaffold()
        packed = subprocess.run(["git", "archive", first], cwd=project.root, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
            return Scaffold({name: file.read() for name, file in files.items() if file})
    except (KitError, IndexError, subprocess.CalledProcessError):
        return Scaffold()


def of_folder(folder: Path) -> Scaffold:
    """Give a freshly rendered repository."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return Scaffold({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})


def _fields(text: str) -> list[dict[str, Any]]:
    try:
        found = yaml.safe_load(text)["resources"][0]["schema"]["fields"]
        return [field for field in found if isinstance(field, dict)]
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        raise KitError(f"{DATA_CONTRACT}: resources[0].schema.fields is missing: list the table's fields") from None


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
