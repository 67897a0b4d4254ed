"""A running project takes over the template's changes and keeps its own, by cruft."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bake import ROOT, only_on_path
from conftest import Repository
from test_answers import check_parses

CRUFT = str(Path(sys.executable).with_name("cruft"))
CHARTER = "variants/domains/mechanical/docs/charter.md"
GUIDE = "{{cookiecutter.project_slug}}/CONTRIBUTING.md"
README = "{{cookiecutter.project_slug}}/README.md"
NEWS = "This sentence is new in the template.\n"


def git(repository: Path, *words: str) -> str:
    """Run git as a maintainer; give what it prints."""
    who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=repository, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give a template repository with the tag v1, the present state, and a commit with news and a new filter."""
    copy = tmp_path / "template"
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    git(copy, "init", "--quiet", "--initial-branch=main")
    git(copy, "add", "--all", "--force")
    git(copy, "commit", "--quiet", "--message", "v1")
    git(copy, "tag", "v1")
    for name in (CHARTER, GUIDE):
        with (copy / name).open("a", encoding="utf-8", newline="\n") as document:
            document.write("\n" + NEWS)
    filters = copy / "local_extensions.py"
    filters.write_text(
        filters.read_text(encoding="utf-8").replace("FILTERS = (", "FILTERS = (\n    repr,"), encoding="utf-8"
    )
    with (copy / README).open("a", encoding="utf-8", newline="\n") as readme:
        readme.write("\nThe slug is {{ cookiecutter.project_slug | repr }}.\n")
    git(copy, "commit", "--quiet", "--all", "--message", "v2")
    return copy


def edit(project: Path) -> dict[str, str]:
    """Make a student's edits; give a line of each file that has to survive."""
    kept = {"params.yaml": "  trials: 9", "README.md": "We added this.", "src/project/model.py": "# our estimator"}
    parameters = project / "params.yaml"
    parameters.write_text(
        parameters.read_text(encoding="utf-8").replace("  trials: 4", kept["params.yaml"]), encoding="utf-8"
    )
    for name in ("README.md", "src/project/model.py"):
        with (project / name).open("a", encoding="utf-8") as file:
            file.write(kept[name] + "\n")
    git(project, "commit", "--quiet", "--all", "--message", "Our edits")
    return kept


@pytest.mark.parametrize("way", ["cruft", "cookiecutter"])
def test_an_update_brings_the_news_and_keeps_the_edits(template: Path, tmp_path: Path, way: str) -> None:
    """Generated at v1 by either tool, edited, updated: the news arrive, no edit is lost, and the tests pass."""
    with only_on_path(tmp_path / "programs", "git"):
        if way == "cruft":
            create = [CRUFT, "create", str(template), "--checkout", "v1", "--no-input", "--output-dir", str(tmp_path)]
        else:
            git(template, "checkout", "--quiet", "v1")
            program = [sys.executable, "-m", "cookiecutter"]
            create = [*program, str(template), "--no-input", "--output-dir", str(tmp_path)]
        subprocess.run(create, check=True, capture_output=True)
        git(template, "checkout", "--quiet", "main")
        project = tmp_path / "capstone-project"
        assert (project / ".git").exists() == (way == "cookiecutter"), "cruft runs the hook: it must not commit there"
        if way == "cruft":
            git(project, "init", "--quiet", "--initial-branch=main")
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--allow-empty", "--message", "Start")
        kept = edit(project)
        before = git(project, "rev-parse", "HEAD")
        old = subprocess.run([CRUFT, "check"], cwd=project, capture_output=True, text=True)
        assert old.returncode == 1, old.stdout
        done = subprocess.run(
            [CRUFT, "update", "--skip-apply-ask", "--checkout", "main"], cwd=project, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        new = subprocess.run([CRUFT, "check", "--checkout", "main"], cwd=project, capture_output=True, text=True)
    assert new.returncode == 0, new.stdout
    assert list(project.rglob("*.rej")) == []
    check_parses(project, "3.11")
    for name in ("docs/charter.md", "CONTRIBUTING.md"):
        assert NEWS in (project / name).read_text(encoding="utf-8"), name
    assert "The slug is 'capstone-project'." in (project / "README.md").read_text(encoding="utf-8")
    for name, line in kept.items():
        assert line in (project / name).read_text(encoding="utf-8"), name
    assert git(project, "rev-parse", "HEAD") == before
    if way == "cruft":
        updated = Repository(project, tmp_path)
        updated.run("uv", "sync", "--quiet")
        assert " passed" in updated.run("uv", "run", "pytest", "--quiet").stdout
