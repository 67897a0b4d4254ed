"""The project's page and the portfolio: right, readable, harmless, whatever the repository holds."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize
from small import Small, begin, measured
from test_formats import NASTY

from capstone_kit import report
from capstone_kit.project import KitError, Project
from capstone_kit.report import signature
from capstone_kit.report.browser import photograph, print_pdf
from capstone_kit.report.facts import Facts
from capstone_kit.webpage import LOOK

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    "\n".join(n for n in NASTY if "\x00" not in n) + " $x_{1}$ \\frac [a](javascript:alert(1)) <svg onload=alert(1)>"
)


def built(small: Small, folder: Path) -> str:
    """Give the project's page."""
    return report.build(Project(small.root), folder / "site").read_text(encoding="utf-8")


def failing(folder: Path) -> Small:
    """Give a repository whose model breaks a criterion."""
    small = measured(folder)
    small.measure(0.5)
    small.commit(3)
    return small


def forty(folder: Path) -> Small:
    """Give a repository in which the pipeline ran forty times."""
    small = measured(folder)
    for run in range(40):
        small.measure(0.6 + run / 200)
        small.commit(1 + run % 28)
    return small


CASES = {
    "without a run": begin,
    "with all": measured,
    "with a criterion that fails": failing,
    "confidential": lambda folder: measured(folder, confidentiality="confidential"),
    "with forty runs": forty,
    "hostile": lambda folder: measured(folder, HOSTILE),
}


@pytest.fixture(scope="module", params=CASES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the page of each kind of repository in turn."""
    folder = tmp_path_factory.mktemp("site")
    return report.build(Project(CASES[request.param](folder / "repository").root), folder / "site")


def test_the_page_is_valid_html(page: Path) -> None:
    """A strict parser has nothing to say."""
    html5lib.HTMLParser(strict=True).parse(page.read_text(encoding="utf-8"))


def test_every_link_leads_somewhere(page: Path) -> None:
    """To a part of the page, or to a file beside it."""
    text = page.read_text(encoding="utf-8")
    marks = set(re.findall(r'\bid="([^"]+)"', text))
    for address in re.findall(r'href="([^"]*)"', text):
        assert (address[1:] in marks) if address.startswith("#") else (page.parent / address).is_file(), address


def test_it_is_quiet_and_accessible_and_asks_nobody(page: Path, browser: Browser) -> None:
    """No error in the console, no request, no serious finding of axe, no sideways scrolling on a phone."""
    said: list[str] = []
    for scheme in ("light", "dark"):
        tab = browser.new_page(viewport=ViewportSize(width=375, height=800), color_scheme=scheme)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("request", lambda asked: said.append(asked.url) if asked.url != page.as_uri() else None)
        tab.goto(page.as_uri())
        assert said == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= 375
        found = Axe().run(tab).response["violations"]
        assert [f for f in found if f["impact"] in ("serious", "critical")] == []
        tab.close()


def test_the_figures_are_those_of_the_files(tmp_path: Path, browser: Browser) -> None:
    """Each measured value with its interval, the verdict, and how often classes were taken for which."""
    small = failing(tmp_path / "r")
    tab = browser.new_page()
    tab.goto(report.build(Project(small.root), tmp_path / "site").as_uri())
    row = tab.get_by_role("row").filter(has_text="Average precision").first.inner_text()
    values = json.loads((small.root / "reports/metrics.json").read_text())["average_precision"]
    assert all(f"{values[key]:.3g}" in row for key in ("value", "low", "high"))
    assert "not met" in row and "at least 0.7" in row and "2026-09-03" in row
    assert "2 of 3" in tab.locator(".sum").inner_text()
    assert json.loads((tmp_path / "site/files/reports/metrics.json").read_text())["average_precision"] == values


def test_what_may_go_wrong_is_shown_as_it_was_measured(tmp_path: Path, browser: Browser) -> None:
    """Noise, the worst sensor to lose, what small changes turn, an explained answer, and what the register holds."""
    tab = browser.new_page()
    tab.goto(report.build(Project(measured(tmp_path / "r").root), tmp_path / "site").as_uri())
    risks, sure = (tab.locator(part).inner_text() for part in ("#risks", "#sure"))
    for told in (
        "on 90 test rows",
        "Noise on every sensor",
        "0.71",
        "Without Plain words",
        "turn 3.4 % of the answers",
    ):
        assert told in risks, told
    assert "silence 24 % of the alarms" in risks
    assert "headline noisy = 0.71 in place of 0.78" in risks
    assert "A right answer: the probability of Plain words, from 0.1 to 0.4" in sure
    assert "wear" in sure and "\u22120.1" in sure
    bar = tab.locator(".moves rect.down").bounding_box()
    whole = tab.locator(".moves svg").last.bounding_box()
    assert bar and whole and bar["width"] == pytest.approx(whole["width"] / 8, abs=1)  # a quarter of the longest half


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """No element, handler or address of theirs; nothing that steers the terminal or turns the writing."""
    text = built(measured(tmp_path / "r", HOSTILE), tmp_path)
    tree = html5lib.parse(text, namespaceHTMLElements=False)
    assert tree.findall(".//script") == tree.findall(".//img") == tree.findall(".//iframe") == []
    assert not [e for e in tree.iter() for name in e.attrib if str(name).lower().startswith("on")]
    assert "javascript:" not in "".join(re.findall(r'href="[^"]*"', text))
    assert "\x1b" not in text and "\u202e" not in text
    assert "{{ 7 * 7 }}" in text and "&lt;script&gt;alert(1)" in text


def test_nobody_is_named(tmp_path: Path) -> None:
    """Neither members nor whoever signs nor an address; and no row of data lies beside the page."""
    text = built(measured(tmp_path / "r"), tmp_path)
    beside = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "site").rglob("*") if p.is_file())
    for told in (text, beside):
        assert "Ada Park" not in told and "ada.park" not in told and "A Student" not in told
    assert not (tmp_path / "site/files/reports/plots/outcomes.csv").exists()


def test_since_when_is_the_first_of_the_last_row_of_equal_verdicts(tmp_path: Path) -> None:
    """Met, lost and met again counts from the last time."""
    small = measured(tmp_path / "r")
    for day, value in ((3, 0.6), (4, 0.75), (5, 0.76)):
        small.measure(value)
        small.commit(day)
    criterion = report.Facts(Project(small.root)).criteria[0]
    assert (criterion.met, criterion.day) == (True, "2026-09-04")


def test_what_changed_is_counted_from_the_last_tag(tmp_path: Path) -> None:
    """The value then and now, a criterion that was moved, a decision that came."""
    small = measured(tmp_path / "r")
    small.git("tag", "v1")
    small.measure(0.74)
    contract = (small.root / "capstone.toml").read_text().replace("at_least = 0.75", "at_least = 0.65")
    small.write("capstone.toml", contract)
    small.write("docs/decisions/0002-lower.md", "# 0002 Lower it\n\n## Status\nProposed\n")
    small.commit(4)
    found = report.changes(report.Facts(Project(small.root)))
    assert found and found.since == "the tag v1"
    assert [(m.title, m.before, m.after, m.better) for m in found.metrics] == [
        ("average precision", "0.78", "0.74", False)
    ]
    assert (found.criteria, found.decisions) == (("recall",), ("0002 Lower it",))


def test_an_edit_of_the_criteria_after_sign_off_shows(tmp_path: Path) -> None:
    """So does an edit of the record; without either it reads as signed."""
    small = measured(tmp_path / "r")
    name = signature.sign(Project(small.root), "sponsor", "first champion")
    small.commit(3)
    assert [c.trouble for c in signature.checked(Project(small.root))] == [""]
    contract = (small.root / "capstone.toml").read_text()
    small.write("capstone.toml", contract.replace("at_least = 0.75", "at_least = 0.5"))
    assert "changed after sign-off: recall" in built(small, tmp_path)
    record = json.loads((small.root / name).read_text())
    record["criteria"]["acceptance"][1]["at_least"] = 0.5
    small.write(name, record)
    assert "edited after it was signed" in built(small, tmp_path)


def test_what_is_not_there_cannot_be_signed(tmp_path: Path) -> None:
    """An unknown milestone, values that are not measured, changes that are not committed: a sentence each."""
    small = begin(tmp_path / "r")
    project = Project(small.root)
    with pytest.raises(KitError, match=r"docs/charter\.md, Milestones: First champion"):
        signature.sign(project, "sponsor", "handover")
    with pytest.raises(KitError, match="not measured at this commit: average_precision"):
        signature.sign(project, "sponsor", "First champion")
    small.measure(0.9)
    with pytest.raises(KitError, match="commit what is to be signed first"):
        signature.sign(project, "sponsor", "First champion")


@pytest.mark.parametrize("word", ["confidential", "internal", "secret", ""])
def test_what_is_not_public_is_not_published(tmp_path: Path, word: str) -> None:
    """And an earlier site is taken away."""
    small = measured(tmp_path / "r")
    assert report.publish(Project(small.root), tmp_path / "site").startswith("may be published")
    package = (small.root / "data/datapackage.yaml").read_text().replace('"public"', json.dumps(word))
    small.write("data/datapackage.yaml", package)
    assert report.publish(Project(small.root), tmp_path / "site").startswith("not published")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(("word", "told"), [("public", True), ("internal", True), ("confidential", False)])
def test_the_portfolio_shows_what_the_sponsor_allows(tmp_path: Path, browser: Browser, word: str, told: bool) -> None:
    """Of a confidential project neither name nor subject nor figures; and it is a valid, accessible page."""
    small = measured(tmp_path / "r", "Hartwell spindles", word)
    page = report.portfolio(Project(small.root), tmp_path / "site")
    text = page.read_text(encoding="utf-8")
    html5lib.HTMLParser(strict=True).parse(text)
    assert ("Hartwell" in text, "0.78" in text) == (told, told)
    assert ("<svg" in text) == (word == "public")
    tab = browser.new_page()
    tab.goto(page.as_uri())
    found = Axe().run(tab).response["violations"]
    assert [f for f in found if f["impact"] in ("serious", "critical")] == []


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    """The site takes no other folder's place."""
    small = begin(tmp_path / "r")
    with pytest.raises(KitError, match="holds other things"):
        report.build(Project(small.root), small.root / "docs")
    assert (small.root / "docs/charter.md").is_file()


def test_printing_needs_a_browser_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chromium: str) -> None:
    """With one there is a PDF; without, a sentence, and the page is there all the same."""
    page = report.build(Project(begin(tmp_path / "r").root), tmp_path / "site")
    assert Path(chromium).exists() and print_pdf(page).read_bytes().startswith(b"%PDF")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(KitError, match="needs Chromium or Chrome"):
        print_pdf(page)


def test_what_cannot_be_served_is_not_pictured(tmp_path: Path, chromium: str) -> None:
    """Without a model there is a sentence, no picture, and no service left behind."""
    assert chromium
    small = begin(tmp_path / "r")
    with pytest.raises(KitError, match="the service does not start here"):
        photograph(small.root)
    assert not list(small.root.rglob("*.png"))


def test_the_service_and_the_pages_share_one_look() -> None:
    """The service's stylesheet begins with the kit's, letter for letter."""
    style = ROOT / "{{cookiecutter.project_slug}}/src/project/web/style.css"
    assert style.read_text(encoding="utf-8").startswith(LOOK.read_text(encoding="utf-8"))


def test_the_command_is_quick_to_help(tmp_path: Path) -> None:
    """Nothing that draws or reads tables is imported before a command asks for it."""
    code = "import sys, capstone_kit.cli; sys.exit(any(n in sys.modules for n in ('matplotlib', 'jinja2', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("[-inf, 100.0)", "below 100"),
        ("[100.0, 200.0)", "100 to 200"),
        ("[2.5, inf)", "2.5 or more"),
        ("[a, b", "[a, b"),
    ],
)
def test_a_range_of_a_slice_is_said_in_words(tmp_path: Path, part: str, shown: str) -> None:
    """The plot of slices names the range; any other text stays as it is."""
    small = begin(tmp_path)
    entry = {"field": "tool_wear", "slice": part, "rows": 9, "value": 0.5}
    small.write("reports/slices.json", [entry])
    assert [found["name"] for found in Facts(Project(small.root)).slices] == [f"tool wear {shown}"]
