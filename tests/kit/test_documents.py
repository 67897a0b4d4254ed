"""Documents: what a team wrote earns its points, what the template or nobody wrote earns none."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bake import bake
from conftest import IDENTITY

from capstone_kit import prose
from capstone_kit.evidence import Evidence
from capstone_kit.project import Project
from capstone_kit.report import signature
from capstone_kit.requirements import ALL
from capstone_kit.requirements.base import Examined
from capstone_kit.result import Finding, Outcome
from capstone_kit.scaffold import of_history

IDS = ("DAT4", "GOV1", "GOV2", "GOV3", "GOV4", "SPN1", "SPN2", "SPN3", "SPN4", "SPN5", "SPN6")
BY_ID = {r.id: r for r in ALL}
SALAD = "engine banana velocity orange matrix window purple kernel sailor bottle copper giraffe anvil marble tunnel "


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository as it was generated."""
    return bake(tmp_path_factory.mktemp("baked"))


@pytest.fixture
def project(honest: Path, tmp_path: Path) -> Project:
    """Give a copy of it, without its environment."""
    kept = shutil.ignore_patterns(".venv", "mlruns", "mlartifacts", "cache")
    return Project(Path(shutil.copytree(honest, tmp_path / "copy", ignore=kept, symlinks=True)))


def found(project: Project, name: str) -> Finding:
    """Examine one requirement, without running anything."""
    return BY_ID[name].examine(Examined(project, Evidence(), of_history(project)))


def edit(project: Project, name: str, change: Callable[[str], str]) -> None:
    """Change a file's text; fails if nothing changes."""
    before = project.text(name)
    after = change(before)
    assert after != before, name
    project.path(name).write_text(after, encoding="utf-8")


def answered(text: str, heading: str, answer: str) -> str:
    """Put `answer` into the section below a heading."""
    head, mark, rest = text.partition(f"## {heading}\n")
    assert mark, heading
    _, _, tail = rest.partition("\n## ")
    return f"{head}{mark}{answer}\n" + (f"\n## {tail}" if tail else "")


@pytest.mark.parametrize("name", IDS)
def test_honest_work_passes_or_goes_to_a_person(project: Project, name: str) -> None:
    """Nothing that the reference team wrote is refused."""
    finding = found(project, name)
    assert finding.outcome in (Outcome.PASS, Outcome.MANUAL), finding


@pytest.mark.parametrize("name", IDS)
def test_what_was_generated_earns_nothing(baked: Path, name: str) -> None:
    """A repository as the template made it has no requirement about documents met."""
    finding = found(Project(baked), name)
    assert finding.outcome in (Outcome.SCAFFOLD, Outcome.FAIL), finding
    assert finding.remedy, finding


def test_measured_values_make_no_risk_the_teams_own(project: Project, baked: Path) -> None:
    """A register in which `evaluate` filled in figures is the template's still; one answer more is the team's."""
    shipped = Project(baked).text("docs/risk-register.md")
    filled = shipped.replace("`criteria` |", "`criteria` = 11, of them 0 only proposed |")
    edit(project, "docs/risk-register.md", lambda _: filled)
    assert found(project, "GOV3").outcome is Outcome.SCAFFOLD
    edit(project, "docs/risk-register.md", lambda text: text.replace("**To answer**: who may", "who may"))
    assert found(project, "GOV3").outcome is Outcome.SCAFFOLD
    edit(project, "docs/risk-register.md", lambda text: text.replace("who may change a bound", "Dana Hartwell alone"))
    assert found(project, "GOV3").observed.startswith("1 own or answered risks of 17, about govern")


FILLERS = {
    "nothing": "",
    "a placeholder": "TODO: the team will describe all of this in the second week of the term, with the sponsor.",
    "lorem ipsum": "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt.",
    "one sentence again and again": "The rows were collected by the machine in the hall. " * 8,
    "a row of words": SALAD * 2,
    "the sheet's own words": "The machine-readable half, with type, unit, limits and role of every field, is in the "
    "contract; where the two differ, that file is right.",
    "few words": "We collected these rows ourselves.",
}


@pytest.mark.parametrize("kind", FILLERS)
def test_a_filler_is_no_answer(project: Project, kind: str) -> None:
    """A section that says nothing costs its share of the points, and the finding names it."""
    edit(project, "docs/datasheet.md", lambda text: answered(text, "Motivation", FILLERS[kind]))
    finding = found(project, "DAT4")
    assert finding.outcome is Outcome.PARTIAL, finding
    assert "motivation" in finding.observed


def test_prose_of_several_kinds_is_taken() -> None:
    """Lists, short sentences, figures and other scripts are answers too."""
    answers = (
        "- Torque is read by the drive at 100 Hz, with an error of 2 %.\n- Speed comes from the encoder; it is exact.\n"
        "- Temperature is a thermocouple glued to the housing, which lags some ten seconds behind the bearing itself.",
        "測定は工場の検査ラインで行われ、各部品は三回測られた。"
        * 1
        + " 温度 は 熱電対 で 測り 誤差 は 一度 以内 で ある 部品 は 無作為 に 選ばれ た "
        "もの で 期間 は 二年 である 検査員 は 毎週 交代 した",
    )
    assert [prose.complaint(answer, ()) for answer in answers] == ["", ""]


def test_a_figure_that_was_not_measured_is_found(project: Project) -> None:
    """A model card that says another mean error than the pipeline measured fails, with both figures."""
    edit(project, "docs/model-card.md", lambda text: re.sub(r"\| mae \| \d[\d.]*", "| mae | 0.123", text))
    finding = found(project, "GOV1")
    assert finding.outcome is Outcome.FAIL
    assert "says mae is 0.123" in finding.observed


def test_a_datasheet_of_other_rows_is_found(project: Project) -> None:
    """The row count is held against the table."""
    edit(project, "docs/datasheet.md", lambda text: text.replace("| Rows | 406", "| Rows | 40,600"))
    finding = found(project, "DAT4")
    assert finding.outcome is Outcome.FAIL
    assert "406 rows" in finding.expected


def test_criteria_lowered_after_the_signature_are_found(project: Project) -> None:
    """The signature holds for the criteria at the commit that it names."""
    edit(project, "capstone.toml", lambda text: text.replace("at_most = 4.0", "at_most = 40.0"))
    finding = found(project, "SPN1")
    assert finding.outcome is Outcome.PARTIAL
    assert "changed after the sponsor signed" in finding.observed
    assert finding.command.startswith("git diff ")


def test_a_signature_at_a_commit_that_does_not_exist_is_none(project: Project) -> None:
    """A made-up hash signs nothing."""
    edit(
        project,
        "docs/charter.md",
        lambda text: text.replace("| sponsor | 2026-09-18 | ", "| sponsor | 2026-09-18 | dead"),
    )
    assert "which is no commit here" in found(project, "SPN1").observed


def signed(project: Project) -> str:
    """Have the sponsor sign by the command's own function; give the record's file."""
    name = signature.sign(project, "sponsor", "Charter signed")
    commit(project, "Signed")
    return name


def commit(project: Project, message: str, day: str = "2026-09-19") -> None:
    """Commit everything, at noon of a day."""
    dates = {f"GIT_{role}_DATE": f"{day}T12:00:00+00:00" for role in ("AUTHOR", "COMMITTER")}
    for words in (("add", "--all"), ("commit", "--quiet", "--allow-empty", "--message", message)):
        subprocess.run(["git", *words], cwd=project.root, check=True, env=dict(os.environ) | IDENTITY | dates)


def lower(project: Project) -> None:
    """Let the model be ten times as far off as was agreed."""
    edit(project, "capstone.toml", lambda text: text.replace("at_most = 4.0", "at_most = 40.0"))
    commit(project, "Less is asked")


def test_a_record_of_the_sponsors_signature_is_one(project: Project) -> None:
    """It is taken in the place of the charter's table, whose line may be wrong by then."""
    edit(project, "docs/charter.md", lambda text: text.replace("| sponsor | 2026-09-18 | ", "| sponsor | | dead"))
    signed(project)
    finding = found(project, "SPN1")
    assert finding.outcome is Outcome.PASS, finding
    assert "“Charter signed” signed at" in finding.observed
    assert finding.observed.endswith("unchanged since")


def test_criteria_lowered_after_a_recorded_signature_are_found(project: Project) -> None:
    """The finding names the criterion and shows the change."""
    signed(project)
    lower(project)
    finding = found(project, "SPN1")
    assert finding.outcome is Outcome.PARTIAL
    assert "changed after sign-off: mae" in finding.observed
    assert finding.command.startswith("git diff ")


def rewritten(content: dict[str, Any]) -> dict[str, Any]:
    """Give a record with the lowered criterion, its hash made anew."""
    content["criteria"]["acceptance"][0]["at_most"] = 40.0
    return content | {"sha256": signature.Record(**content).digest}


@pytest.mark.parametrize("hashed", [False, True])
def test_a_record_that_was_rewritten_signs_nothing(project: Project, hashed: bool) -> None:
    """With its hash as it was or made anew: the criteria at the commit that it names are others."""
    name = signed(project)
    lower(project)
    content = json.loads(project.text(name))
    forged = rewritten(content)
    project.path(name).write_text(json.dumps(forged if hashed else forged | {"sha256": content["sha256"]}))
    finding = found(project, "SPN1")
    assert finding.outcome is Outcome.PARTIAL
    says = "the criteria at its commit are others" if hashed else "the record was edited after it was signed"
    assert says in finding.observed


def test_lower_criteria_signed_anew_are_named(project: Project) -> None:
    """Whether it was the sponsor who signed again, a person asks: the finding says what to ask about."""
    name = signed(project)
    lower(project)
    project.path(name).unlink()
    commit(project, "Take the signature back")
    signed(project)
    assert f"rewritten: {name}: ask the sponsor" in found(project, "SPN1").observed
    edit(project, "docs/charter.md", lambda text: text.replace("| Handover |", "| Pilot | x | y |\n| Handover |"))
    edit(project, "capstone.toml", lambda text: text.replace("at_most = 40.0", "at_most = 50.0"))
    commit(project, "Still less")
    signature.sign(project, "sponsor", "Pilot")
    assert "first signed with another mae" in found(project, "SPN1").observed


def test_a_late_correction_makes_no_report_due(project: Project) -> None:
    """Three weeks of work with three reports stay so when a typing error is mended ten weeks later."""
    assert found(project, "SPN2").outcome is Outcome.PASS
    commit(project, "Mend a typing error", day="2026-11-30")
    finding = found(project, "SPN2")
    assert finding.outcome is Outcome.PASS, finding


def test_weeks_of_work_without_a_report_are_counted(project: Project) -> None:
    """A team that goes on working owes a report for each week, though it reported three times."""
    for day in ("09-25", "10-02", "10-09", "10-16", "10-23", "10-30", "11-06"):
        commit(project, "More work", day=f"2026-{day}")
    finding = found(project, "SPN2")
    assert (finding.outcome, finding.observed) == (Outcome.PARTIAL, "3 reports in 8 weeks of work")


def test_one_report_copied_is_no_rhythm(project: Project) -> None:
    """The same text under three names counts for none of them."""
    for week in (2, 3):
        shutil.copyfile(project.path("docs/status/week-01.md"), project.path(f"docs/status/week-0{week}.md"))
    assert found(project, "SPN2").outcome is Outcome.SCAFFOLD


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        ("LICENSE", "MIT License", "All rights reserved", "LICENSE is another"),
        (
            "data/datapackage.yaml",
            "confidentiality: public",
            "confidentiality: confidential",
            "git holds data/source/cars.csv",
        ),
        ("data/datapackage.yaml", "name: BSD-3-Clause", "name: unknown", "no licence of the data"),
    ],
)
def test_rights_that_contradict_each_other_are_found(
    project: Project, file: str, before: str, after: str, says: str
) -> None:
    """Licence, contract, charter and what git holds have to agree."""
    edit(project, file, lambda text: text.replace(before, after))
    finding = found(project, "SPN3")
    assert finding.outcome is Outcome.FAIL
    assert says in finding.observed


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("capstone.toml", b"= = ="),
        ("capstone.toml", b"[project]\nname = 1\nacceptance = 7\n"),
        ("data/datapackage.yaml", b"resources: 7"),
        ("data/datapackage.yaml", b"\xff\xfe\x00"),
        ("reports/metrics.json", b"[1, 2"),
        ("reports/metrics.json", b'["mae"]'),
        ("dvc.lock", b"stages: [1]"),
        ("docs/model-card.md", b"\x00" * 100),
        ("docs/charter.md", b"| a | b\n|---" * 1000),
    ],
)
def test_no_file_stops_the_examination(project: Project, name: str, content: bytes) -> None:
    """Whatever stands in a file, each requirement has a finding of one line, and none passes for it."""
    before = {id_: found(project, id_).outcome for id_ in IDS}
    project.path(name).write_bytes(content)
    for id_ in IDS:
        finding = found(project, id_)
        assert "\n" not in finding.observed
        assert before[id_] is Outcome.PASS or finding.outcome is not Outcome.PASS, (id_, finding)


def test_links_are_not_followed(project: Project, tmp_path: Path) -> None:
    """A document that is a link out of the repository is refused by name."""
    (tmp_path / "secret.md").write_text("the instructor's notes", encoding="utf-8")
    project.path("docs/model-card.md").unlink()
    project.path("docs/model-card.md").symlink_to(tmp_path / "secret.md")
    finding = found(project, "GOV1")
    assert finding.outcome is Outcome.FAIL
    assert "is a link" in finding.observed


def test_windows_line_ends_change_nothing(project: Project) -> None:
    """A clone on Windows is judged as one on Linux."""
    before = [found(project, name) for name in IDS]
    for path in (p for p in project.path("docs").rglob("*.md")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert [found(project, name) for name in IDS] == before
