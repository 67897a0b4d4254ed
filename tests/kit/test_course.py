"""The instructor's repository: workflows that the forges take, files that the grader reads."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from capstone_kit import cohort, course, gradebook, profiles
from capstone_kit.examination import KNOWN
from capstone_kit.project import KitError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one."""
    folder = tmp_path_factory.mktemp("course")
    course.make(folder, "duke-aipi-561")
    return folder


def test_its_profile_is_read_back(made: Path) -> None:
    """As the one that it was made from."""
    own = profiles.load(str(made / "profile.toml"), KNOWN)
    assert own.points == profiles.load("duke-aipi-561", KNOWN).points


def test_its_files_are_those_that_the_grader_reads(made: Path) -> None:
    """The roster has no team yet, no decision is made, the protected files are the template's."""
    assert cohort.decisions(made / "decisions.toml", []) == {}
    assert ".github/workflows/ci.yml" in cohort.files_in(made / "protected.txt")
    with (made / "roster.csv").open("a", encoding="utf-8") as file:
        file.write("otto,../otto,,s1,Ada,ada@example.edu\n")
    assert [team.name for team in gradebook.roster(made / "roster.csv")] == ["otto"]


@pytest.mark.parametrize(
    ("file", "schema"), [(".github/workflows/grade.yml", "github-workflows"), (".gitlab-ci.yml", "gitlab-ci")]
)
def test_its_workflows_keep_to_the_forges_schemas(made: Path, file: str, schema: str) -> None:
    """And nothing of Jinja is left in them."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(made / file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "{{" not in (made / file).read_text(encoding="utf-8").replace("${{", "")


def test_zizmor_finds_nothing(made: Path) -> None:
    """No template injection, no loose action, no wide permission."""
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--no-progress", "--persona", "pedantic"]
    done = subprocess.run([*command, str(made)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_seed_is_a_secret_and_never_in_the_file(made: Path) -> None:
    """It comes from the forge's store."""
    workflow = yaml.safe_load((made / ".github/workflows/grade.yml").read_text(encoding="utf-8"))
    (step,) = [s for s in workflow["jobs"]["grade"]["steps"] if s.get("name") == "Grade"]
    assert step["env"]["SEED"] == "${{ secrets.CAPSTONE_SEED }}"


def test_a_second_time_nothing_is_overwritten(made: Path) -> None:
    """It is refused with the name of the file."""
    with pytest.raises(KitError, match="already: nothing was written"):
        course.make(made, "duke-aipi-561")
