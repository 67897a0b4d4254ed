"""The forms of a report: each keeps to the rules that its readers publish, whatever stands in the report."""

import base64
import csv
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from markdown_it import MarkdownIt

from capstone_kit import gradebook
from capstone_kit.formats import FORMATS, canonical
from capstone_kit.gradebook import Member, Team
from capstone_kit.project import KitError
from capstone_kit.result import Outcome, Report, Result

MATCHERS = "@microsoft/jest-sarif@1.0.0-beta.0"
GOLDEN = Path(__file__).parent / "golden"
NASTY = (
    '=HYPERLINK("http://evil")',
    "+1",
    "@SUM(A1)",
    "\x1b[31mred\x1b[0m",
    "\u202egpj.exe",
    "<script>alert(1)</script>",
    "</dd><img src=x onerror=alert(1)>",
    "a | b\n| c |",
    "::error::100/100",
    ']]> & <!-- --> "quoted"',
    "`code` [link](http://evil) ![x](http://evil)",
    "\x00\x07\ufffe",
    "%0A::notice::x",
    "{{ 7 * 7 }}",
    "x" * 500,
)


def result(number: int, outcome: Outcome, points: int | None, text: str = "3 of 4 rows") -> Result:
    """Give a result."""
    return Result(
        id=f"ABC{number}",
        family="model" if number < 5 else "service",
        statement="It does what it says.",
        outcome=outcome,
        points=points,
        maximum=4,
        observed=text,
        expected="4 of 4 rows",
        command=f"cat {text}" if text.isascii() else "cat x",
        remedy=f"edit data/{text}.csv",
    )


def report(text: str = "3 of 4 rows") -> Report:
    """Give a report with every outcome, in which `text` stands wherever a team can put something."""
    points = {
        Outcome.PASS: 4,
        Outcome.PARTIAL: 2,
        Outcome.NOT_APPLICABLE: 4,
        Outcome.MANUAL: None,
        Outcome.INCONCLUSIVE: None,
    }
    return Report(
        repository=text,
        commit="0123456789abcdef0123456789abcdef01234567",
        profile="course",
        profile_title="A course",
        profile_sha256="f" * 64,
        kit_version="1.0",
        environment="e" * 64,
        seed=7,
        started="2026-11-21T10:00:00+00:00",
        ended="2026-11-21T10:02:00+00:00",
        preview=False,
        sandboxed=True,
        results=tuple(result(n, outcome, points.get(outcome, 0), text) for n, outcome in enumerate(Outcome, 1)),
        flags=(f"{text} differs",),
        badge="ML Test Score: 50% (data)",
    )


def rendered(form: str, text: str = "3 of 4 rows") -> str:
    """Give the report in a form."""
    return FORMATS[form].render(report(text))


@pytest.mark.parametrize("form", FORMATS)
def test_a_form_is_as_it_was(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes a form sees it: `uv run python tests/kit/test_formats.py` writes the files anew."""
    monkeypatch.setenv("COLUMNS", "80")
    path = GOLDEN / FORMATS[form].file
    assert rendered(form) == path.read_text(encoding="utf-8")


def test_the_score_counts_what_is_decided() -> None:
    """Open points are neither earned nor lost."""
    found = report()
    assert (found.score, found.maximum, found.open) == (10, 28, 8)
    assert [r.missing for r in found.unmet] == [4, 4, 2]


def test_a_report_is_read_back_as_it_was_written() -> None:
    """JSON is the canonical form."""
    assert Report.from_dict(json.loads(rendered("json"))) == report()


@pytest.mark.parametrize("text", ["plain", *NASTY])
def test_the_canonical_report_keeps_to_its_schema(text: str) -> None:
    """Every field is described, and none is there that is not."""
    schema = json.loads((Path(canonical.__file__).parent / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(rendered("json", text)), schema)


@pytest.mark.parametrize(
    "content", [{}, {"schema": "other"}, {"schema": "capstone-report/1", "results": [{}], "flags": []}]
)
def test_what_is_no_report_is_refused(content: dict) -> None:
    """With a reason."""
    with pytest.raises(ValueError, match=r"report|schema"):
        Report.from_dict(content)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", NASTY)
def test_nothing_in_a_report_steers_its_reader(form: str, text: str) -> None:
    """No control character, mark of direction or workflow command comes through in any form."""
    written = rendered(form, text)
    plain = base64.b64decode(written).decode() if form == "classroom" else written
    if form in ("json", "gradescope", "classroom", "sarif"):
        plain = json.dumps(json.loads(plain), ensure_ascii=True) if form != "json" else "escaped"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", plain)
    assert not re.search(r"(?m)^::(?!error title=ABC|warning title=ABC|notice title=ABC)", plain)


@pytest.mark.parametrize("text", NASTY)
def test_html_holds_no_foreign_element(text: str) -> None:
    """Whatever a team writes is text; there is no script, no link and no image but to the page's own parts."""
    page = rendered("html", text)
    tags = {tag.lower() for tag in re.findall(r"<([a-zA-Z][\w-]*)", page)}
    assert not tags & {"script", "img", "iframe", "object", "form", "base"}
    assert not [link for link in re.findall(r'(?:href|src)="([^"]*)"', page) if not link.startswith("#")]
    assert "default-src 'none'" in page


@pytest.mark.parametrize("form", ["github", "markdown"])
@pytest.mark.parametrize("text", NASTY)
def test_markdown_shows_texts_as_they_are(form: str, text: str) -> None:
    """No link, image or HTML but our own comes of it, and a table keeps its columns."""
    html = MarkdownIt("gfm-like", {"linkify": False}).render(rendered(form, text))
    assert not re.search(r"<(?:a|img|script|iframe)\b", html)
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        heads = len(re.findall(r"<th[ >]", table))
        assert all(row.count("<td") in (0, heads) for row in table.split("<tr>")), table


@pytest.mark.parametrize("text", ["plain", *NASTY])
def test_junit_keeps_to_its_schema(text: str) -> None:
    """Suites with counts that fit, cases with class and name, at most one of failure and skipped."""
    root = ET.fromstring(rendered("junit", text))
    assert root.tag == "testsuites"
    names = set()
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped"))
        for case in cases:
            assert case.get("classname") == suite.get("name")
            assert len(case.findall("failure")) + len(case.findall("skipped")) <= 1
            names.add((case.get("classname"), case.get("name")))
    assert len(names) == len(report().results)


def test_gradescope_reads_it() -> None:
    """Scores are numbers within their maximum, states are those that it knows; what is open has no score."""
    content = json.loads(rendered("gradescope"))
    assert content["score"] == report().score
    assert {test.get("status") for test in content["tests"]} <= {"passed", "failed", None}
    for test, found in zip(content["tests"], report().results, strict=True):
        assert test["output_format"] == "text"
        assert test["visibility"] == "visible"
        assert ("score" in test) == (found.points is not None)


def test_classroom_reads_it() -> None:
    """Version 3, whole points, and the mark that it decides nothing."""
    content = json.loads(base64.b64decode(rendered("classroom")))
    assert content["version"] == 3
    assert content["advisory"] is True
    assert all(isinstance(test["score"], int) and test["status"] in ("pass", "fail") for test in content["tests"])


def test_annotations_are_ten_at_most_and_the_worst_first() -> None:
    """GitHub shows no more."""
    many = replace(report(), results=tuple(result(n, Outcome.FAIL, 0) for n in range(1, 30)))
    lines = FORMATS["annotations"].render(many).splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error title=ABC") for line in lines)


def test_a_summary_stays_below_githubs_limit() -> None:
    """And says that it was cut."""
    long = replace(report(), results=tuple(result(n, Outcome.FAIL, 0, "x" * 4000) for n in range(300)))
    text = FORMATS["github"].render(long)
    assert len(text.encode()) < 1024 * 1024
    assert "too long" in text


def test_sarif_has_what_2_1_0_requires() -> None:
    """Version, a driver with rules, results that point to their rule, kinds and levels that go together."""
    content = json.loads(rendered("sarif"))
    assert content["version"] == "2.1.0"
    (run,) = content["runs"]
    rules = run["tool"]["driver"]["rules"]
    for found in run["results"]:
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]
        assert found["message"]["text"]
        assert (found["kind"] == "fail") == (found["level"] != "none")
        assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


@pytest.fixture(scope="module")
def sarif_schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the standard's own schema (OASIS, 2.1.0), which Microsoft's matchers for Jest carry in the npm registry."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("npm")
    if not npm:
        pytest.skip("npm is not installed: the schema of SARIF comes from its registry")
    packed = subprocess.run([npm, "pack", "--silent", MATCHERS], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        pytest.skip("the npm registry cannot be reached: the schema of SARIF comes from it")
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        member = archive.extractfile("package/lib/schemas/sarif-2.1.0-rtm.5.json")
        assert member
        return json.load(member)


@pytest.mark.parametrize("text", ["3 of 4 rows", *NASTY])
def test_sarif_keeps_to_the_schema_of_the_standard(sarif_schema: dict[str, Any], text: str) -> None:
    """Whatever a team writes, the schema finds nothing; without its version it does."""
    content = json.loads(rendered("sarif", text))
    validator = jsonschema.Draft7Validator(sarif_schema, format_checker=jsonschema.FormatChecker())
    assert not list(validator.iter_errors(content))
    del content["version"]
    assert list(validator.iter_errors(content))


def test_the_terminal_shows_the_three_most_valuable_steps() -> None:
    """With what each is worth, and what to do."""
    text = rendered("text")
    assert "\n1. ABC3 (+4): edit" in text
    assert "10 of 28 points, 8 to be decided by a person" in text
    assert text.count(". ABC") == 3


TEAMS = [
    Team("otto", "x", None, (Member("s1", "Ada", "ada@example.edu"), Member("s2", "Ben", "ben@example.edu"))),
    Team("late", "y", None, (Member("s3", "Chris", "chris@example.edu"),)),
]


def test_a_teams_grade_goes_to_each_member() -> None:
    """Who has no report has no line, so that nothing of theirs is overwritten."""
    rows = list(csv.DictReader(io.StringIO(gradebook.moodle(TEAMS, {"otto": report("=1+1")}))))
    assert [(row["Identifier"], row["Grade"]) for row in rows] == [("s1", "10"), ("s2", "10")]
    assert all(row["Feedback comments"].startswith("10 of 28 points. 8 points are still open.") for row in rows)


def test_brightspace_ends_each_line_with_its_sign() -> None:
    """And marks the identifier."""
    lines = gradebook.brightspace(TEAMS, {"otto": report()}).splitlines()
    assert lines == ["OrgDefinedId,Capstone Points Grade,End-of-Line Indicator", "#s1,10,#", "#s2,10,#"]


def test_a_gradebook_of_canvas_is_filled_in_and_else_kept(tmp_path: Path) -> None:
    """Only the assignment's column changes: an unknown one would make a new assignment."""
    exported = tmp_path / "canvas.csv"
    exported.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Capstone (42),Other (7)\n"
        '    Points Possible,,,,,100,10\n"Park, Ada",1,s1,ada,A,,9\n"Lindgren, Chris",3,s3,chris,A,5,8\n',
        encoding="utf-8",
    )
    rows = list(csv.reader(io.StringIO(gradebook.canvas(exported, "Capstone", TEAMS, {"otto": report()}))))
    assert rows[0][5] == "Capstone (42)"
    assert rows[1] == ["    Points Possible", "", "", "", "", "100", "10"]
    assert rows[2] == ["Park, Ada", "1", "s1", "ada", "A", "10", "9"]
    assert rows[3] == ["Lindgren, Chris", "3", "s3", "chris", "A", "5", "8"]


def test_a_column_that_canvas_does_not_have_is_refused(tmp_path: Path) -> None:
    """With those that there are."""
    exported = tmp_path / "canvas.csv"
    exported.write_text("Student,ID,SIS User ID,SIS Login ID,Other (7)\n", encoding="utf-8")
    with pytest.raises(KitError, match=r"0 columns begin with 'Capstone'; there are Other \(7\)"):
        gradebook.canvas(exported, "Capstone", TEAMS, {})


@pytest.mark.parametrize("text", NASTY)
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    """In no gradebook, whatever a team calls itself or its files."""
    found = {"otto": report(text)}
    for written in (gradebook.moodle(TEAMS, found), gradebook.cohort({text: report(text)})):
        for row in csv.reader(io.StringIO(written)):
            assert not [cell for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,place\nx,y\n", "columns team, repository are missing"),
        ("team,repository\n../x,y\n", "line 2, team: '../x' is no name"),
        ("team,repository\nx,\n", "line 2, repository: nothing"),
        ("team,repository\nx,y\nx,z\n", "line 3, repository: x had y before"),
    ],
)
def test_a_wrong_roster_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    """And the column."""
    (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
    with pytest.raises(KitError, match=re.escape(says)):
        gradebook.roster(tmp_path / "roster.csv")


def test_a_roster_gathers_members(tmp_path: Path) -> None:
    """A line for each, or one for the team."""
    (tmp_path / "roster.csv").write_text(
        "team,repository,student_id,email\notto,../otto,s1,a@example.edu\notto,../otto,s2,\nsolo,../solo,,\n",
        encoding="utf-8",
    )
    otto, solo = gradebook.roster(tmp_path / "roster.csv")
    assert [member.id for member in otto.members] == ["s1", "s2"]
    assert solo.members == ()


if __name__ == "__main__":
    os.environ["COLUMNS"] = "80"
    GOLDEN.mkdir(exist_ok=True)
    for name, known in FORMATS.items():
        (GOLDEN / known.file).write_text(rendered(name), encoding="utf-8", newline="\n")
