"""Dates written in several ways: what is certain is read, what is not is decided by the whole column, and said."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))

from bake import bake
from inside import Outcome, adopts, as_generated, capstone, prepares
from nasties import days, in_turn, plain

from capstone_kit.adopt.dates import Dates

WRITINGS = {
    "one way": (["31.01.2024", "1.2.2024"], ["%d.%m.%Y"], False),
    "a name and a full year": (["2024-03-01", "13/03/2024", "1 Mar 2024"], ["%Y-%m-%d", "%d/%m/%Y", "%d %b %Y"], False),
    "no day beyond 12": (["01/03/2024", "02/03/2024"], ["%m/%d/%Y"], True),
    "a month in words tells": (["01/03/2024", "2 Mar 2024"], ["%d/%m/%Y", "%d %b %Y"], False),
    "and the other way": (["01/03/2024", "March 2, 2024"], ["%m/%d/%Y", "%B %d, %Y"], False),
    "dots tell": (["01/03/2024", "02.03.2024"], ["%d/%m/%Y", "%d.%m.%Y"], False),
    "short and long months": (["1 Mar 2024", "1 April 2024"], ["%d %b %Y", "%d %B %Y"], False),
    "with a time and without": (["2024-03-01", "2024-03-01T10:00:00"], ["ISO8601", "%Y-%m-%d"], False),
    "with a zone and without": (["2024-03-01T10:00:00Z", "2024-03-01 10:00:00"], ["ISO8601"], False),
    "days of a workbook": (["2024-03-01 00:00:00", "2024-03-02 00:00:00"], ["%Y-%m-%d 00:00:00"], False),
    "a midnight among hours": (["2024-03-01 00:00:00", "2024-03-02 10:00:00"], ["ISO8601"], False),
    "half a day": (["3/14/2024 1:05 PM"], ["%m/%d/%Y %I:%M %p"], False),
    "months": (["2024-03", "2024-12"], ["%Y-%m"], False),
}


@pytest.mark.parametrize(("texts", "formats", "guessed"), WRITINGS.values(), ids=WRITINGS.keys())
def test_each_kind_of_date_is_read_in_one_order(texts: list[str], formats: list[str], guessed: bool) -> None:
    """A kind without a day beyond 12 follows what the others tell; nothing is guessed where one of them does."""
    dates = Dates()
    dates.add(pd.Series(texts))
    assert (list(dates.writing.formats), dates.writing.guessed) == (formats, guessed)
    assert not dates.other


FORMS = {
    "mixed": ("%Y-%m-%d", "%d/%m/%Y", "%d %b %Y"),
    "moments": ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S+02:00"),
    "both": ("%d/%m/%Y", "%m/%d/%Y"),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generated repository, nothing installed."""
    return bake(tmp_path_factory.mktemp("baked"), project_slug="dated")


@pytest.fixture
def adopted(repository: Path, tmp_path: Path) -> Iterator[Outcome]:
    """Adopt a table whose columns write the same days in several ways, or some of them wrong."""
    several = {name: in_turn(*forms) for name, forms in FORMS.items()}
    days_of = days("%d/%m/%Y")
    wrong = {
        "none": [*days_of[:-2], "31/02/2023", "05/28/2023"],
        "zero": ["0000-00-00", *days("%Y-%m-%d")[1:]],
        "dash": ["-" if row % 3 else day for row, day in enumerate(days_of)],
    }
    plain(**several, **wrong).to_csv(tmp_path / "days.csv", index=False)
    yield adopts(repository, tmp_path / "days.csv", "outcome")
    as_generated(repository)


def test_dates_in_several_ways_become_one(repository: Path, adopted: Outcome) -> None:
    """Ingest writes ISO 8601, the zone reckoned with; the contract needs no format, and adoption says what it did."""
    assert "'mixed' writes its dates in several ways" in adopted.shown
    assert prepares(repository, "ingest") == ""
    raw = pd.read_csv(repository / "data/raw.csv", dtype=str)
    assert list(raw["mixed"]) == days("%Y-%m-%d")
    assert list(raw["moments"][:3]) == ["2022-01-01T00:00:00Z", "2022-01-07T05:00:00Z", "2022-01-13T08:00:00Z"]
    fields = fields_of(repository)
    assert (fields["mixed"]["type"], fields["moments"]["type"]) == ("date", "datetime")
    assert "format" not in fields["mixed"]


def test_a_sample_of_them_is_in_one_way(repository: Path, adopted: Outcome) -> None:
    """What is drawn keeps the contract, whose dates are those of ISO 8601."""
    assert adopted.status == 0
    assert capstone(repository, "sample", "--rows=30").errors == ""
    drawn = pd.read_csv(repository / "data/sample.csv", dtype=str)
    assert drawn["mixed"].str.fullmatch(r"20\d\d-\d\d-\d\d").all()


def test_dates_of_either_order_in_one_kind_are_left_out(repository: Path, adopted: Outcome) -> None:
    """Where half of the column contradicts the other, it is no date; the pipeline goes on without it."""
    assert "note: 'both'" not in adopted.shown
    field = fields_of(repository)["both"]
    assert (field["type"], field["role"]) == ("string", "excluded")
    assert "nobody can tell" in field["reason"]
    assert prepares(repository) == ""


def test_a_few_dates_that_are_none_cost_their_rows_alone(repository: Path, adopted: Outcome) -> None:
    """The 31st of February, and one in the other order, are rejected with the reason; zeros and dashes are missing."""
    assert "'none': 2 dates such as '31/02/2023' cannot be read" in adopted.shown
    assert {name: fields_of(repository)[name]["type"] for name in ("none", "zero", "dash")} == dict.fromkeys(
        ("none", "zero", "dash"), "date"
    )
    assert prepares(repository, "ingest", "validate") == ""
    assert list(pd.read_csv(repository / "data/rejected.csv")["_value"]) == ["31/02/2023", "05/28/2023"]


def test_a_time_in_either_order_divides_nothing(repository: Path, tmp_path: Path) -> None:
    """`--time` needs dates that can be told."""
    plain(when=in_turn(*FORMS["both"])).to_csv(tmp_path / "days.csv", index=False)
    done = adopts(repository, tmp_path / "days.csv", "outcome", "--time=when")
    assert "--time: 'when' holds dates with the day first and others with the month first" in done.sentence


def test_the_order_that_people_chose_is_kept(repository: Path, tmp_path: Path) -> None:
    """Where no day is beyond 12, adoption has to guess; who corrects the guess does so once."""
    first = [f"01/{row % 12 + 1:02}/{2010 + row // 12}" for row in range(120)]
    slashes = [cell if row % 2 else f"{cell[6:]}-{cell[3:5]}-01" for row, cell in enumerate(first)]
    plain(when=first, mixed=slashes).to_csv(tmp_path / "days.csv", index=False)
    files = [repository / "data/datapackage.yaml", repository / "params.yaml"]
    try:
        assert adopts(repository, tmp_path / "days.csv", "outcome").shown.count("month first is taken") == 2
        for file in files:
            file.write_text(file.read_text(encoding="utf-8").replace("%m/%d/%Y", "%d/%m/%Y"), encoding="utf-8")
        before = [file.read_text(encoding="utf-8") for file in files]
        assert adopts(repository, tmp_path / "days.csv", "outcome").status == 0
        assert [file.read_text(encoding="utf-8") for file in files] == before
        assert all("%d/%m/%Y" in text for text in before)
    finally:
        as_generated(repository)


def fields_of(repository: Path) -> dict[str, dict[str, Any]]:
    """Give the fields of the data contract by name."""
    package = yaml.safe_load((repository / "data/datapackage.yaml").read_text(encoding="utf-8"))
    return {field["name"]: field for field in package["resources"][0]["schema"]["fields"]}
