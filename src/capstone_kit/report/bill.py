"""What the project is made of: its dependencies with their licences, as a CycloneDX bill of materials."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from capstone_kit.project import KitError, Project, run

LONGEST = 200_000  # bytes of a package's description that are read
UNSTATED = "not stated"


@dataclass(frozen=True)
class Bill:
    """The bill of materials, and its sums."""

    document: dict[str, Any]  # CycloneDX 1.5
    licences: tuple[tuple[str, int], ...]  # with the number of packages, the most frequent first

    @property
    def packages(self) -> int:
        """How many packages are listed."""
        return len(self.document["components"])


def bill(project: Project) -> Bill | str:
    """Give the bill of the locked packages, or why there is none. uv reads the lock file alone and asks nobody."""
    if not project.exists("uv.lock"):
        return "uv.lock is missing: `uv lock` makes it"
    command = ("uv", "export", "--quiet", "--frozen", "--offline", "--no-config", "--format", "cyclonedx1.5")
    try:
        document = json.loads(run(project.root, *command, "--no-dev", within=30))
    except (KitError, ValueError) as error:
        return str(error)
    known = licences(project)
    for component in document.get("components", []):
        component.pop("externalReferences", None)  # the address of a private index is nobody's business
        name = known.get(_plain(component["name"]), UNSTATED)
        component["licenses"] = [{"license": {"name": name}}]
    counts = Counter(c["licenses"][0]["license"]["name"] for c in document.get("components", []))
    return Bill(document, tuple(counts.most_common()))


def licences(project: Project) -> dict[str, str]:
    """Give the licence of each package in the project's environment, as the package states it."""
    found = {}
    folders = [*project.path(".venv").glob("lib/python3*/site-packages"), project.path(".venv/Lib/site-packages")]
    for path in (p for folder in folders for p in folder.glob("*.dist-info/METADATA")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LONGEST:
            heads = HeaderParser().parsestr(_heads(path))
            found[_plain(heads.get("Name", ""))] = _licence(heads)
    return found


def _heads(path: Path) -> str:
    """Give the lines before the description."""
    return path.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]


def _licence(heads: Message) -> str:
    """Give the licence: as an expression, else by its classifier, else the first line of the text."""
    classified = [
        str(c).rpartition(" :: ")[2] for c in heads.get_all("Classifier", []) if str(c).startswith("License ::")
    ]
    written = str(heads.get("License") or "").strip().partition("\n")[0]
    stated = heads.get("License-Expression") or " and ".join(c for c in classified if c != "OSI Approved") or written
    return str(stated)[:60].strip() or UNSTATED


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
