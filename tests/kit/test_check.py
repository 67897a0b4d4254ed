"""The catalogue, the profiles, and `capstone check`: the same requirements for the student and for the instructor."""

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from bake import bake

from capstone_kit import catalogue, check, profiles
from capstone_kit.examination import KNOWN
from capstone_kit.project import KitError, Project
from capstone_kit.requirements import ALL
from capstone_kit.requirements.base import HOW, OUTCOMES

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = {"REP": 4, "DAT": 4, "TRK": 4, "MOD": 5, "SRV": 6, "QA": 5, "OPS": 4, "GOV": 5, "SPN": 6}


def capstone(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a repository."""
    command = [sys.executable, "-m", "capstone_kit", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8")


def test_the_catalogue_is_whole() -> None:
    """43 requirements in nine families, 100 points, each with what it is from and what it serves."""
    assert {prefix: sum(r.id.startswith(prefix) for r in ALL) for prefix in FAMILIES} == FAMILIES
    assert len(KNOWN) == len(ALL) == 43
    assert sum(r.points for r in ALL) == 100
    for requirement in ALL:
        assert requirement.statement.endswith(".")
        assert set(requirement.how) <= set(HOW)
        assert requirement.source
        assert requirement.outcomes


def test_every_outcome_of_the_programmes_is_served() -> None:
    """Each is shown by some requirement."""
    assert set(OUTCOMES) == {outcome for r in ALL for outcome in r.outcomes}


def test_the_reference_page_is_current() -> None:
    """docs/requirements.md is what `capstone requirements --markdown` prints."""
    assert (ROOT / "docs/requirements.md").read_text(encoding="utf-8").strip() == catalogue.markdown().strip()


@pytest.mark.parametrize("name", profiles.names())
def test_a_profile_sums_to_100_and_every_requirement_has_its_milestone(name: str) -> None:
    """And no milestone asks twice, or after the end of the term."""
    profile = profiles.load(name, KNOWN)
    asked = [id_ for milestone in profile.milestone for id_ in milestone.requirements]
    assert sorted(asked) == sorted(profile.points)
    assert sum(profile.points.values()) == 100
    assert profile.milestone[0].due(date(2026, 8, 31)) < date(2026, 12, 31)


@pytest.mark.parametrize("program", ["cmu-mechanical", "cmu-ini", "duke-aipi"])
def test_every_programme_has_a_default(program: str) -> None:
    """Without --profile it is that one."""
    assert profiles.default(program, KNOWN).points


GOOD = 'title = "t"\ninstitution = "i"\ncourse = "c"\nweeks = 10\n[points]\nREP1 = 60\nQA5 = 40\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("REP1", "REP11"), "points: there is no requirement 'REP11'; did you mean REP1?"),
        (GOOD.replace("60", "61"), "points sum to 101, they have to sum to 100"),
        (GOOD.replace("60", '"60"'), "points.REP1: Input should be a valid integer, found '60'"),
        (GOOD.replace("60", "0"), "points.REP1: Input should be greater than 0"),
        (GOOD.replace("weeks", "week"), "week"),
        (GOOD.replace('title = "t"\n', ""), "title: Field required"),
        (
            GOOD + '[[milestone]]\nid = "m"\ntitle = "m"\nweek = 11\nrequirements = ["REP1"]\n',
            "week 11 of a term of 10",
        ),
        (GOOD + '[[milestone]]\nid = "m"\ntitle = "m"\nweek = 1\nrequirements = ["REP2"]\n', "REP2 has no points"),
        (GOOD + "[settings]\ncoverage = 7\n", "settings.coverage: Input should be less than or equal to 1, found 7"),
        ("= =", "course.toml: "),
    ],
)
def test_a_wrong_profile_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    """With the key, what was found and what is allowed."""
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KitError, match=re.escape(says)) as error:
        profiles.load(str(tmp_path / "course.toml"), KNOWN)
    assert "\n" not in str(error.value)


def test_a_course_may_bring_its_own_profile(tmp_path: Path) -> None:
    """Only what it asks for is examined, with its points."""
    (tmp_path / "course.toml").write_text(GOOD, encoding="utf-8")
    assert profiles.load(str(tmp_path / "course.toml"), KNOWN).points == {"REP1": 60, "QA5": 40}


def test_an_unknown_profile_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(KitError, match="did you mean duke-aipi-561"):
        profiles.load("duke-aipi-516", KNOWN)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository as it was generated."""
    return bake(tmp_path_factory.mktemp("fresh"))


def test_a_fresh_repository_earns_nothing(fresh: Path) -> None:
    """Not a point for what the template made, and each requirement says what to do or waits for a run."""
    report = json.loads(capstone(fresh, "check", "--format", "json").stdout)
    assert report["score"] == 0
    assert report["preview"] is True
    assert {r["id"] for r in report["results"]} == set(profiles.load("cmu-msaie-research", KNOWN).points)
    assert not [r["id"] for r in report["results"] if r["outcome"] in ("pass", "partial")]


def begun(root: Path, *lines: str) -> Project:
    """Give a repository of whose contract only the programme is known, and these lines."""
    text = "\n".join(("[project]", 'program = "cmu-mechanical"', *lines, ""))
    (root / "capstone.toml").write_text(text, encoding="utf-8")
    return Project(root)


def test_milestones_have_days_once_the_term_has_its_first(tmp_path: Path) -> None:
    """A milestone is due at the end of its week, in the term that the contract names."""
    project = begun(tmp_path, 'term = "part-time"', "begins = 2027-01-11")
    profile = check.profile_of(project, None)
    lines = check.calendar(project, profile, today=date(2027, 2, 20)).splitlines()[1:]
    assert lines[0] == "Milestones of cmu-msaie-research, 28 weeks from 2027-01-11"
    assert lines[1].startswith("  week  6, 2027-02-21 (in 1 days)  proposal: Question")
    assert len(lines) == 1 + len(profile.milestone)
    asked = check.calendar(project, profile, "baseline", date(2027, 4, 4)).splitlines()[2:]
    assert asked == ["  week 12, 2027-04-04 (today)  baseline: A reproducible baseline"]


def test_without_a_first_day_milestones_have_weeks(tmp_path: Path) -> None:
    """And the line says what gives them days."""
    project = begun(tmp_path)
    told = check.calendar(project, check.profile_of(project, None))
    assert "14 weeks; `begins = 2027-01-11` below [project] in capstone.toml gives them days" in told
    assert "  week  3  proposal: " in told


def test_a_first_day_that_is_no_date_is_one_sentence(tmp_path: Path) -> None:
    """With what was found."""
    project = begun(tmp_path, 'begins = "soon"')
    with pytest.raises(KitError, match="begins: found 'soon', expected a date"):
        check.calendar(project, check.profile_of(project, None))


def test_done_work_earns_its_points(honest: Path) -> None:
    """What can be read without running is met in the reference project, or waits for a person."""
    report = json.loads(capstone(honest, "check", "--format", "json").stdout)
    read = [r for r in report["results"] if r["observed"] != "not run"]
    assert {r["outcome"] for r in read} == {"pass", "manual"}
    assert len(read) >= 13


def test_the_text_names_the_next_steps(fresh: Path) -> None:
    """The three that are worth most, and how to have the rest examined."""
    done = capstone(fresh, "check")
    assert done.returncode == 0
    assert "\nNext\n1. " in done.stdout
    assert "\n3. " in done.stdout
    assert "need the project to run" in done.stdout
    assert "A preview" in done.stdout


def test_strict_ends_with_1_where_something_is_unmet(fresh: Path) -> None:
    """And a check without it with 0."""
    assert capstone(fresh, "check", "--strict").returncode == 1
    assert capstone(fresh, "check").returncode == 0


def test_one_requirement_or_one_milestone_can_be_asked_for(fresh: Path) -> None:
    """And nothing else is examined."""
    only = json.loads(capstone(fresh, "check", "--only", "SPN1", "--format", "json").stdout)
    assert [r["id"] for r in only["results"]] == ["SPN1"]
    proposal = json.loads(capstone(fresh, "check", "--milestone", "proposal", "--format", "json").stdout)
    assert {r["id"] for r in proposal["results"]} == {"SPN1", "SPN3", "DAT1", "DAT4"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--only", "SPN9"), "does not ask for 'SPN9'"),
        (("--milestone", "proposl"), "has no milestone 'proposl'; did you mean proposal?"),
        (("--format", "pdf"), "there is no 'pdf'"),
        (("--profile", "nothing"), "there is no profile 'nothing'"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(fresh: Path, words: tuple[str, ...], says: str) -> None:
    """With what there is; 2 says that nothing was judged, as 1 says that something is unmet."""
    done = capstone(fresh, "check", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_report_is_written_to_a_file(fresh: Path, tmp_path: Path) -> None:
    """In any form."""
    done = capstone(fresh, "check", "--format", "html", "--output", str(tmp_path / "deep/report.html"))
    assert done.returncode == 0
    assert (tmp_path / "deep/report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_help_imports_next_to_nothing() -> None:
    """Neither pandas nor the examination is loaded to say what there is."""
    code = "import sys; from capstone_kit import cli; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "numpy", "pydantic", "capstone_kit.examination", "rich.table"} & set(loaded)


def test_the_quick_part_loads_no_table_library() -> None:
    """Pandas alone costs more than all that is read; only running a project needs it."""
    code = "import sys; from capstone_kit import check; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "capstone_kit.gather.pipeline" in loaded
    assert not {"pandas", "numpy"} & set(loaded)


def test_the_catalogue_is_printed() -> None:
    """Whole, or as a profile weighs it."""
    every = capstone(ROOT, "requirements").stdout
    assert all(f"{r.id} " in every for r in ALL)
    one = capstone(ROOT, "requirements", "--profile", "duke-aipi-561").stdout
    assert "SPN6" not in one
    assert "week 6: operations" in one


def test_a_reader_that_has_seen_enough_is_no_bug(fresh: Path) -> None:
    """`capstone check | head -1` ends quietly."""
    command = f"{sys.executable} -u -m capstone_kit check --format json | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=fresh, capture_output=True, text=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""
