"""Workflows: the forge's schema and zizmor's strictest reading find nothing, in what is generated and here."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bake import ROOT, bake

PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module", params=["generated", "own"])
def workflows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give the GitHub workflows of a generated repository, and of this one."""
    root = bake(tmp_path_factory.mktemp("github")) if request.param == "generated" else ROOT
    found = sorted((root / ".github/workflows").glob("*.yml"))
    assert found
    return found


def run(program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the checkers."""
    return subprocess.run([str(PROGRAMS / program), *map(str, words)], capture_output=True, text=True)


def test_zizmor_finds_nothing(workflows: list[Path]) -> None:
    """No injection, no wide permission, no unpinned action, at the pedantic level."""
    done = run("zizmor", "--offline", "--strict-collection", "--persona", "pedantic", *workflows)
    assert done.returncode == 0, done.stdout


def test_the_schema_of_github_finds_nothing(workflows: list[Path]) -> None:
    """Every key is one that GitHub knows."""
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("whose", ["generated", "own"])
def test_the_schema_of_dependabot_finds_nothing(tmp_path: Path, whose: str) -> None:
    """Every key is one that Dependabot knows, and zizmor has nothing to say either."""
    file = (bake(tmp_path) if whose == "generated" else ROOT) / ".github/dependabot.yml"
    done = run("check-jsonschema", "--builtin-schema", "vendor.dependabot", file)
    assert done.returncode == 0, done.stdout
    done = run("zizmor", "--offline", "--strict-collection", "--persona", "pedantic", file)
    assert done.returncode == 0, done.stdout


def test_the_schema_of_gitlab_finds_nothing(tmp_path: Path) -> None:
    """Every key is one that GitLab knows."""
    file = bake(tmp_path, ci="gitlab") / ".gitlab-ci.yml"
    done = run("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", file)
    assert done.returncode == 0, done.stdout


def test_actions_are_pinned_and_permissions_narrow(workflows: list[Path]) -> None:
    """Each action is named by a commit, and the workflow as a whole may only read."""
    for path in workflows:
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: \S+?@(\S+)", text)
        assert used and all(re.fullmatch(r"[0-9a-f]{40}", commit) for commit in used), path
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}, path
