"""Environments: nothing that a lock file names runs, or writes, on the instructor's machine."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from capstone_kit.environment import environment_of, lock_problems, locked

PROJECT = """\
[project]
name = "p"
version = "0"
requires-python = ">=3.11"
dependencies = ["sly"]

[tool.uv]
cache-dir = "{cache}"
"""
LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "sly"
version = "1.0"
source = {{ registry = "https://index.example/simple" }}
wheels = [{{ url = "https://files.example/sly-1.0-py3-none-any.whl", hash = "sha256:{digest}", size = 1 }}]

[[package]]
name = "elsewhere"
version = "1.0"
source = {{ git = "https://example.com/elsewhere?rev=0123456#0123456789012345678901234567890123456789" }}

[[package]]
name = "p"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "sly" }}, {{ name = "elsewhere" }}]

[package.metadata]
requires-dist = [{{ name = "sly" }}]
"""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Give a path at which nothing must appear."""
    return tmp_path / "canary"


@pytest.fixture
def clone(tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a repository whose lock file names a package that runs code whenever Python starts."""
    index, folder = tmp_path / "index", tmp_path / "clone"
    index.mkdir()
    folder.mkdir()
    files = {
        "sly.pth": f"import pathlib; pathlib.Path({str(canary)!r}).touch()\n",
        "sly.py": "x = 1\n",
        "sly-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: sly\nVersion: 1.0\n",
        "sly-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},{_digest(text)},{len(text)}\n" for name, text in files.items())
    wheel = index / "sly-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, text in (files | {"sly-1.0.dist-info/RECORD": f"{record}sly-1.0.dist-info/RECORD,,\n"}).items():
            packed.writestr(name, text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "pyproject.toml").write_text(PROJECT.format(cache=canary.as_posix()), encoding="utf-8")
    (folder / "uv.lock").write_text(LOCK.format(digest=digest), encoding="utf-8")
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    return folder


def _digest(text: str) -> str:
    found = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={found.rstrip(b'=').decode()}"


def test_what_starts_with_python_does_not_start_here(
    clone: Path, canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package is installed and compiled without its `.pth` file being run, whatever the instructor's settings say."""
    monkeypatch.setenv("UV_COMPILE_BYTECODE", "1")
    made = environment_of(clone, tmp_path / "cache").path
    assert list(made.rglob("sly.pth"))
    assert list(made.rglob("sly.*.pyc"))
    assert not canary.exists()


def test_the_projects_settings_of_uv_are_not_read(clone: Path, canary: Path) -> None:
    """They could have it write anywhere."""
    locked(clone)
    assert not canary.exists()


def test_what_no_index_has_is_left_out_and_named(clone: Path, tmp_path: Path) -> None:
    """A package from a git repository would have to be built."""
    assert any("elsewhere" in name for name in environment_of(clone, tmp_path / "cache").left_out)


def test_the_second_repository_finds_its_environment_made(clone: Path, tmp_path: Path) -> None:
    """The same packages are installed once."""
    first, second = (environment_of(clone, tmp_path / "cache") for _ in range(2))
    assert (first.reused, second.reused) == (False, True)
    assert first.path == second.path


def test_a_lock_of_other_requirements_is_said(clone: Path) -> None:
    """Both are read; nothing is resolved."""
    assert lock_problems(clone) == []
    project = clone / "pyproject.toml"
    project.write_text(project.read_text().replace('"sly"', '"sly>=2", "new"'), encoding="utf-8")
    problems = lock_problems(clone)
    assert len(problems) == 2
    assert "new is not locked" in problems[0]


def test_the_making_of_an_environment_is_told(clone: Path, tmp_path: Path) -> None:
    """How many packages, and that they are compiled; of one that is there nothing is told."""
    said: list[str] = []
    for _ in range(2):
        environment_of(clone, tmp_path / "cache", say=said.append)
    assert [line.partition(",")[0] for line in said] == ["installing 2 packages", "compiling 2 packages"]
