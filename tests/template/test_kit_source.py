"""A generated repository installs the kit from where its template came from, at the same version."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from bake import ROOT, bake

sys.path.insert(0, str(ROOT))
from local_extensions import kit_source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEMPLATES = {
    "gh:someone/template": {"git": "https://github.com/someone/template.git", "rev": COMMIT},
    "gl:someone/template": {"git": "https://gitlab.com/someone/template.git", "rev": COMMIT},
    "https://example.org/x/y": {"git": "https://example.org/x/y", "rev": COMMIT},
    "git@example.org:x/y.git": {"git": "ssh://git@example.org/x/y.git", "rev": COMMIT},
    "https://example.org/main.zip": {"url": "https://example.org/main.zip"},
}


@pytest.mark.parametrize(("template", "source"), TEMPLATES.items(), ids=TEMPLATES.keys())
def test_the_source_is_that_of_the_template(template: str, source: dict[str, Any]) -> None:
    """Whatever form of address cookiecutter takes, uv gets one that it takes, at the very commit."""
    written = kit_source({"_template": template, "_commit": COMMIT})
    assert tomllib.loads(f"kit = {written}") == {"kit": source}


def test_the_commit_is_that_of_the_clone(tmp_path: Path) -> None:
    """Cookiecutter leaves a clone of the template: its commit is the version."""
    commands = [["git", "init", "--quiet"], ["git", "commit", "--quiet", "--allow-empty", "-m", "x"]]
    for command in commands:
        subprocess.run(
            [*command[:1], "-c", "user.name=x", "-c", "user.email=x@y", *command[1:]], cwd=tmp_path, check=True
        )
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    written = kit_source({"_template": "gh:a/b", "_repo_dir": str(tmp_path)})
    assert tomllib.loads(f"kit = {written}")["kit"]["rev"] == head.strip()


def test_a_template_on_this_machine_is_named_by_its_path(tmp_path: Path) -> None:
    """Made from a folder, the repository takes the kit from that folder."""
    project = tomllib.loads((bake(tmp_path) / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["uv"]["sources"] == {"capstone-kit": {"path": ROOT.as_posix()}}
    assert "capstone-kit" in project["dependency-groups"]["dev"]
    assert not any("capstone" in requirement for requirement in project["project"]["dependencies"])


def test_a_template_named_from_its_own_folder_is_found_from_everywhere(tmp_path: Path) -> None:
    """`cookiecutter .` names the template's folder, not the one that is being made."""
    command = [sys.executable, "-m", "cookiecutter", ".", "--no-input", "--output-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    project = tomllib.loads((tmp_path / "capstone-project/pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["uv"]["sources"]["capstone-kit"] == {"path": ROOT.as_posix()}
