"""The cohort's page and its form: what most fail, what changed, filter and order, and decisions that are merged."""

import time
import tomllib
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect
from small import cohort
from test_formats import NASTY

from capstone_kit import cohort as grading
from capstone_kit import grade
from capstone_kit.examination import Decision
from capstone_kit.gradebook import Team
from capstone_kit.report import matrix
from capstone_kit.result import Outcome


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the results of twelve teams, a third of which did otherwise the time before."""
    made = tmp_path_factory.mktemp("grades")
    now, before = cohort(12), cohort(12, seed=100)
    earlier = {team: before[team] if n % 3 == 0 else report for n, (team, report) in enumerate(now.items())}
    matrix.write(made, now, earlier, {})
    for team, report in now.items():
        grade.write(report, made / team)
    return made


def opened(browser: Browser, page: Path) -> Page:
    """Open a page; what it says in the console or asks for fails the test."""
    tab = browser.new_page(viewport=ViewportSize(width=375, height=800))
    tab.on("console", lambda message: pytest.fail(message.text))
    tab.on("pageerror", lambda error: pytest.fail(str(error)))
    tab.goto(page.as_uri())
    return tab


@pytest.mark.parametrize("name", [matrix.PAGE, matrix.FORM, "team-001/report.html"])
def test_each_page_is_valid_and_accessible(folder: Path, browser: Browser, name: str) -> None:
    """A strict parser and axe find nothing serious; a phone needs no sideways scrolling; every link resolves."""
    html5lib.HTMLParser(strict=True).parse((folder / name).read_text(encoding="utf-8"))
    tab = opened(browser, folder / name)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    found = Axe().run(tab).response["violations"]
    assert [f for f in found if f["impact"] in ("serious", "critical")] == []
    for link in tab.locator("a").evaluate_all("links => links.map(a => a.getAttribute('href'))"):
        file = (folder / name).parent / link.partition("#")[0] if link.partition("#")[0] else folder / name
        assert file.is_file(), link
    tab.close()


def test_what_most_fail_is_marked_and_only_that(folder: Path, browser: Browser) -> None:
    """The count is that of the reports."""
    reports = grade.reports(folder)
    failed = sum(r.outcome is Outcome.FAIL for report in reports.values() for r in report.results if r.id == "OPS3")
    tab = opened(browser, folder / matrix.PAGE)
    told = tab.get_by_role("region", name="Failed by more than half").get_by_role("listitem").all_inner_texts()
    assert len(told) == 1 and told[0].startswith("OPS3") and f"{failed} failed" in told[0]
    tab.close()


def test_teams_are_filtered_and_ordered(folder: Path, browser: Browser) -> None:
    """By name, by a requirement that is not passed, by points."""
    tab = opened(browser, folder / matrix.PAGE)
    tab.get_by_label("Team", exact=True).fill("team-00")
    expect(tab.get_by_role("status")).to_have_text("10 of 12 teams")
    tab.get_by_label("Team", exact=True).fill("")
    tab.get_by_label("Show").select_option("REP1")
    reports = grade.reports(folder)
    lacking = [t for t, report in reports.items() if matrix.kind(report.results[0]) not in ("pass", "none")]
    expect(tab.get_by_role("status")).to_have_text(f"{len(lacking)} of 12 teams")
    tab.get_by_label("Show").select_option("")
    tab.get_by_role("button", name="Points").click()
    points = [int(text) for text in tab.locator("#matrix td.sum").all_inner_texts()]
    assert points == sorted((r.score for r in reports.values()), reverse=True)
    tab.close()


def test_what_is_saved_is_merged_by_the_next_run(folder: Path, browser: Browser) -> None:
    """The form's file is what `--decisions` reads, quotes and all; reports that are not made anew take it up."""
    tab = opened(browser, folder / matrix.FORM)
    field = tab.locator("fieldset").first
    team, id_ = field.get_attribute("data-team") or "", field.get_attribute("data-requirement") or ""
    field.get_by_label("Points").fill("3")
    field.get_by_label("Why").fill('a "quoted" \\ reason\x7f ü')
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Save").click()
    path = folder / grading.DECISIONS
    saved.value.save_as(path)
    assert tomllib.loads(path.read_text(encoding="utf-8"))[team][id_]["points"] == 3
    found = grading.decisions(path, [Team(name, "x", None, ()) for name in grade.reports(folder)])
    report = grade.reports(folder)[team]
    merged = grade.redecided(report, found[team])
    result = next(r for r in merged.results if r.id == id_)
    assert result.points == 3 and '"quoted"' in result.observed
    assert grade.redecided(merged, found[team]) == merged
    assert grade.redecided(merged, {}) == report
    tab.close()


def test_what_changed_is_what_the_comparison_of_runs_names(tmp_path: Path) -> None:
    """One requirement of one team."""
    now = cohort(3)
    first = now["team-000"].results[0]
    was = replace(first, outcome=Outcome.FAIL if first.outcome is not Outcome.FAIL else Outcome.PASS, points=1)
    earlier = now | {"team-000": replace(now["team-000"], results=(was, *now["team-000"].results[1:]))}
    assert [entry[:2] for entry in matrix.Cohort(now, earlier, {}).changed] == [("team-000", first.id)]
    matrix.write(tmp_path, now, {}, {})
    assert "first run" in (tmp_path / matrix.PAGE).read_text(encoding="utf-8")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """In what was observed, in titles and in notes."""
    text = " ".join(NASTY)
    report = cohort(1)["team-000"]
    results = tuple(replace(r, observed=text, command=text, statement=text) for r in report.results)
    hostile = {"team-000": replace(report, profile_title=text, results=results)}
    notes = {"team-000": {r.id: Decision(1, text) for r in results}}
    for page in matrix.write(tmp_path, hostile, {}, notes):
        tree = html5lib.parse(page.read_text(encoding="utf-8"), namespaceHTMLElements=False)
        assert len(tree.findall(".//script")) == 1 and tree.findall(".//img") == []
        assert "\x1b" not in page.read_text(encoding="utf-8")


def test_five_hundred_teams_are_quick(tmp_path: Path, browser: Browser) -> None:
    """Built in under 5 s of processor time; parsed and laid out in under a second where nothing else runs."""
    teams = cohort(500)
    begun = time.process_time()
    page = matrix.write(tmp_path, teams, {}, {})[0]
    assert time.process_time() - begun < 5
    tab = opened(browser, page)
    timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    print(f"{page.stat().st_size:,} bytes, loaded in {tab.evaluate(timing):.0f} ms")
    assert tab.locator("#matrix tbody tr").count() == 500
    tab.close()
