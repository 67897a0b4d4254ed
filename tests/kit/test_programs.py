"""The programmes: each is whole, offered by the template, and its pages are current."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from capstone_kit import programs
from capstone_kit.project import KitError
from capstone_kit.requirements import ALL
from capstone_kit.requirements.base import OUTCOMES

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


def test_the_template_offers_every_programme_and_no_other() -> None:
    """Eleven of them."""
    assert sorted(QUESTIONS["program"]) == programs.names()
    assert len(programs.names()) == 11


@pytest.mark.parametrize("name", programs.names())
def test_a_programme_begins_in_a_domain_that_is_there(name: str) -> None:
    """`auto` leads to files and to a profile; what the programme says is shown by some requirement."""
    program = programs.load(name)
    assert (ROOT / "variants" / "domains" / program.domain).is_dir()
    assert program.domain in QUESTIONS["domain"]
    assert sum(program.profile.points.values()) == 100
    assert all(outcome.serves in OUTCOMES and outcome.requirements for outcome in program.outcome)


@pytest.mark.parametrize("name", programs.names())
def test_the_page_of_outcomes_is_current(name: str) -> None:
    """What the template ships is what `capstone programs NAME` prints."""
    shipped = ROOT / "variants" / "programs" / name / "docs" / "outcomes.md"
    again = f"run `uv run capstone programs {name} > '{shipped.relative_to(ROOT).as_posix()}'`"
    assert shipped.read_text(encoding="utf-8") == programs.outcomes(name), again


def test_the_page_of_all_outcomes_is_current() -> None:
    """docs/outcomes.md is what `capstone programs --markdown` prints."""
    again = "run `uv run capstone programs --markdown > docs/outcomes.md`"
    assert (ROOT / "docs" / "outcomes.md").read_text(encoding="utf-8") == programs.traceability(), again


def test_the_page_of_measured_programmes_has_a_full_row_for_each() -> None:
    """docs/programs.md, which bench/programs.py writes: eleven rows, in order, no cell empty."""
    page = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")][1:]
    rows = [row for row in rows if not set("".join(row)) <= set("-: ")]
    assert [row[0].strip() for row in rows] == [programs.load(name).title for name in programs.names()]
    assert all(cell.strip() for row in rows for cell in row)
    assert [row[2].strip() for row in rows] == [f"`{programs.load(name).domain}`" for name in programs.names()]


def test_every_outcome_is_some_programmes_and_every_requirement_has_one_or_a_standard() -> None:
    """Nothing is asked that no programme wants and no standard names."""
    said = {outcome.serves for name in programs.names() for outcome in programs.load(name).outcome}
    assert said == set(OUTCOMES)
    assert all(requirement.outcomes and requirement.source for requirement in ALL)


@pytest.mark.parametrize("name", programs.names())
def test_every_quote_stands_on_the_page_that_is_named(name: str) -> None:
    """To the letter, in the text with the sum that the programme's file keeps; what its project is called, too."""
    folder = os.environ.get("CAPSTONE_SEEDS")
    if not folder:
        pytest.skip("CAPSTONE_SEEDS names no folder with the programmes' pages, which are not part of this repository")
    program = programs.load(name)
    pages = [path.read_bytes() for path in Path(folder).iterdir()]
    (page,) = [p.decode() for p in pages if hashlib.sha256(p).hexdigest() == program.source_sha256]
    text = " ".join(page.split())
    assert [outcome.quote for outcome in program.outcome if outcome.quote not in text] == []
    if program.research:
        assert program.track and program.track in text


def test_the_programmes_that_end_in_research_have_its_profile() -> None:
    """Those of which the page says so; a capstone in their place is another term."""
    found = {name for name in programs.names() if programs.load(name).profile.name == "cmu-msaie-research"}
    assert found == {name for name in programs.names() if programs.load(name).research}
    assert found == {"cmu-materials", "cmu-mechanical"}
    assert programs.load("cmu-materials").plan("capstone").name == "cmu-msaie-capstone"


@pytest.mark.parametrize("name", programs.names())
def test_the_milestones_of_a_term_follow_each_other_to_its_end(name: str) -> None:
    """In each term of the programme: none is left out, no two fall on one week, the last ends the term."""
    program = programs.load(name)
    for term in program.term:
        weeks = [milestone.week for milestone in program.plan(term.id).milestone]
        assert weeks == sorted(set(weeks))
        assert weeks[-1] == term.weeks


def test_a_longer_term_moves_the_milestones() -> None:
    """Week 3 of 14 becomes week 6 of 28; an unknown term is one sentence."""
    program = programs.load("cmu-mechanical")
    assert [m.week for m in program.plan().milestone] == [3, 6, 11, 14]
    assert [m.week for m in program.plan("part-time").milestone] == [6, 12, 22, 28]
    with pytest.raises(KitError, match="has no term 'part time'; did you mean part-time"):
        program.plan("part time")


def test_an_unknown_programme_is_one_sentence() -> None:
    """With the one that was meant."""
    with pytest.raises(KitError, match="did you mean cmu-civil"):
        programs.load("cmu-civl")
