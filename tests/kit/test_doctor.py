"""`capstone doctor`: a line for what is there and for what is missing, with the command that mends it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Repository


@pytest.fixture
def repository(generate: Callable[..., Repository], tmp_path: Path) -> Repository:
    """Give a clone in which the commands of the generated repository's environment run."""
    return generate("mechanical").clone(tmp_path / "clone")


def told(repository: Repository, generated: Repository, **more: Any) -> tuple[int, dict[str, tuple[str, str]]]:
    """Give the exit status, and for each sign its state and what was said."""
    capstone = str(generated.path / ".venv" / "bin" / "capstone")
    done = repository.run(capstone, "doctor", check=False, **more)
    assert "Traceback" not in done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return done.returncode, {name: (state, text) for state, name, text in lines}


@pytest.fixture
def generated(generate: Callable[..., Repository]) -> Repository:
    """Give the repository that has the environment."""
    return generate("mechanical")


def test_where_all_is_well_each_line_says_so(repository: Repository, generated: Repository) -> None:
    """Only advice is left in a fresh clone: its environment is missing, and says how to make it."""
    _, signs = told(repository, generated)
    assert {signs[name][0] for name in ("git", "identity", "uv", "python", "disk", "contracts", "history")} == {"ok"}
    assert signs["environment"] == ("missing", signs["environment"][1])
    assert signs["environment"][1].endswith("->  uv sync")
    assert signs["data"] == ("advice", "the template's example  ->  uv run capstone adopt FILE --target COLUMN")


def test_after_uv_sync_nothing_is_missing(repository: Repository, generated: Repository) -> None:
    """And the command ends with 0."""
    repository.run("uv", "sync", "--quiet")
    status, signs = told(repository, generated)
    assert signs["environment"] == ("ok", "as uv.lock says")
    assert status == 0


def test_a_missing_identity_is_said(repository: Repository, generated: Repository, tmp_path: Path) -> None:
    """With the commands that set it."""
    hidden: dict[str, Any] = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": str(tmp_path)}
    status, signs = told(repository, generated, **hidden)
    assert signs["identity"][0] == "missing"
    assert "git config --global user.name" in signs["identity"][1]
    assert status == 1


def test_missing_programs_are_said(repository: Repository, generated: Repository, tmp_path: Path) -> None:
    """Without uv and git on the path both say where to get them."""
    status, signs = told(repository, generated, PATH=str(tmp_path))
    assert (signs["git"][0], signs["uv"][0]) == ("missing", "missing")
    assert "git-scm.com" in signs["git"][1]
    assert "docs.astral.sh/uv" in signs["uv"][1]
    assert status == 1


@pytest.mark.parametrize(
    ("name", "content", "sign", "says"),
    [
        ("capstone.toml", "= =", "contracts", "capstone.toml"),
        ("params.yaml", "ingest: 3\n", "data", "lacks what is looked for"),
        ("params.yaml", "ingest:\n  source: data/source/gone.csv\n", "data", "capstone sample --stand-in"),
        ("pyproject.toml", "[project\n", "python", "pyproject.toml"),
    ],
)
def test_a_broken_file_is_a_finding(
    repository: Repository, generated: Repository, name: str, content: str, sign: str, says: str
) -> None:
    """It is named in its line, and the others are examined all the same."""
    (repository.path / name).write_text(content, encoding="utf-8")
    status, signs = told(repository, generated)
    assert signs[sign][0] == "missing"
    assert says in signs[sign][1]
    assert signs["git"][0] == "ok"
    assert status == 1


def test_a_tracking_server_that_does_not_answer_is_said(repository: Repository, generated: Repository) -> None:
    """Without the password that its address may hold."""
    _, signs = told(repository, generated, MLFLOW_TRACKING_URI="http://ada:sesame@127.0.0.1:9")
    assert signs["tracking"][0] == "missing"
    assert "sesame" not in signs["tracking"][1]


def test_a_remote_and_a_hook_are_seen(repository: Repository, generated: Repository) -> None:
    """What the team has set up is no longer advised."""
    (repository.path / ".dvc/config").write_text("[core]\n    remote = team\n", encoding="utf-8")
    hook = repository.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n", encoding="utf-8")
    _, signs = told(repository, generated)
    assert signs["remote"] == ("ok", "team")
    assert signs["pre-commit"][0] == "ok"


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_the_sandbox_is_tried(repository: Repository, generated: Repository) -> None:
    """Where it works it says so."""
    _, signs = told(repository, generated)
    assert signs["sandbox"] == ("ok", "bubblewrap works")
    assert os.name == "posix"
