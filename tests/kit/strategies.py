"""Arbitrary small tables for Hypothesis: any names, any cells, hardly any rows."""

import csv
import io
import keyword
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

SIGNS = ("", "NA", "?", "-", "n/a", "null", "nan", "inf", "-inf", "0", "-1", "999", "1e300", "1e-300", "9" * 25)
ODD = (
    '"',
    "'",
    ",",
    ";",
    "\t",
    "=1+1",
    "{{ x }}",
    "💧",
    "a.b",
    "[K]",
    "`",
    "$x",
    "",
    " ",
    "x" * 300,
    *keyword.kwlist[:3],
)
WISHES = (("--kind", "classification"), ("--kind", "regression"), ())
NAMED = ("--time", "--group", "--id", "--drop")
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)


@dataclass(frozen=True)
class Case:
    """A table, which of its columns is to be predicted, and further options."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    target: str
    wishes: tuple[str, ...]

    def write(self, path: Path) -> Path:
        """Write the table as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.names, *self.rows])
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        return path


def numbers() -> st.SearchStrategy[str]:
    """Give whole and broken numbers, small, negative and huge."""
    return st.integers(-9, 9).map(str) | st.integers().map(str) | st.floats(-1e6, 1e6).map(repr) | st.floats().map(repr)


def instants() -> st.SearchStrategy[str]:
    """Give days in four forms and instants in two; a column draws one form."""
    return st.one_of(
        st.dates().map(lambda day: day.isoformat()),
        st.dates().map(lambda day: f"{day.day:02}/{day.month:02}/{day.year:04}"),
        st.dates().map(lambda day: f"{day.month}/{day.day}/{day.year}"),
        st.datetimes().map(lambda instant: instant.isoformat(" ", "seconds")),
        st.datetimes().map(lambda instant: instant.isoformat() + "Z"),
    )


def words() -> st.SearchStrategy[str]:
    """Give few words, so that they repeat, and any text."""
    return st.sampled_from(("yes", "no", "true", "False", "A", "b", "ß", "1 kg", "<5", "01"))


@st.composite
def cells(draw: st.DrawFn, rows: int) -> list[str]:
    """Give a column: of one kind, of two, or of few values; perhaps with signs of missing ones."""
    kind = draw(st.sampled_from([numbers(), instants(), words(), TEXT, st.sampled_from(("x",)), numbers() | TEXT]))
    few = draw(st.lists(kind, min_size=1, max_size=4))
    one = draw(st.sampled_from([kind, st.sampled_from(few)]))
    missing = draw(st.sampled_from([one, one, one | st.sampled_from(SIGNS)]))
    return draw(st.lists(missing, min_size=rows, max_size=rows))


@st.composite
def tables(draw: st.DrawFn, most_rows: int = 60, most_columns: int = 8) -> Case:
    """Give a table of up to `most_rows` by `most_columns`, and what is asked of it."""
    rows, width = draw(st.integers(0, most_rows)), draw(st.integers(1, most_columns))
    names = draw(st.lists(TEXT | st.sampled_from(ODD) | st.sampled_from("abcxy"), min_size=width, max_size=width))
    columns = [draw(cells(rows)) for _ in range(width)]
    target = draw(st.sampled_from([*names * 3, "not there"]))
    others = [name for name in names if name != target]
    asked = (
        [draw(st.sampled_from(NAMED)), draw(st.sampled_from(others or names))] if draw(st.integers(0, 3)) == 0 else []
    )
    return Case(tuple(names), tuple(zip(*columns, strict=True)), target, (*asked, *draw(st.sampled_from(WISHES))))


@st.composite
def learnable(draw: st.DrawFn) -> Case:
    """Give a table of 20 to 60 rows with a column that tells the target, so that training has something to do."""
    rows = draw(st.integers(20, 60))
    place = [number % 7 for number in range(rows)]
    labels = draw(st.sampled_from([("low", "high"), ("0", "1"), ("a", "b", "c"), ("yes", "no")]))
    other = draw(st.lists(cells(rows), max_size=4))
    names = [
        "place",
        *draw(st.lists(TEXT | st.sampled_from(ODD), min_size=len(other), max_size=len(other))),
        "target y",
    ]
    exact = draw(st.booleans())
    target = [str(7.5 * x + n % 3) if exact else labels[x % len(labels)] for n, x in enumerate(place)]
    columns = [[str(x) for x in place], *other, target]
    return Case(tuple(names), tuple(zip(*columns, strict=True)), "target y", ())
