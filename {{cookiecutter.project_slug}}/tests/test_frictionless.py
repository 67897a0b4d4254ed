"""The quick look at whole columns decides as plain frictionless does, whatever stands in the cells."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import write_contract
from frictionless import Resource

from project import contract, table, validate

FIELDS: list[dict[str, Any]] = [
    {"name": "key", "type": "integer", "role": "identifier", "constraints": {"unique": True}},
    {"name": "na.me", "type": "string", "role": "identifier"},
    {"name": 'the "size" [m]', "type": "number", "constraints": {"minimum": 0.1, "maximum": 99.5}},
    {"name": "free", "type": "number", "missingValues": ["", "-", "3"], "constraints": {"required": True}},
    {"name": "count", "type": "integer", "constraints": {"minimum": -5, "maximum": 5}},
    {"name": "code", "type": "number", "constraints": {"enum": [1, 2.5, 3]}},
    {"name": "colour", "type": "string", "constraints": {"enum": ["red", "green"]}},
    {"name": "word", "type": "string", "constraints": {"pattern": "[a-z0-9 ]+", "maxLength": 6}},
    {"name": "won", "type": "boolean", "trueValues": ["yes", "Y"], "falseValues": ["no"]},
    {"name": "day", "type": "date", "constraints": {"minimum": "2000-01-01"}},
    {"name": "day too", "type": "date", "format": "%d/%m/%Y"},
    {"name": "moment", "type": "datetime", "role": "time", "missingValues": ["-", "9999-12-31T23:59:59"]},
    {"name": "moment too", "type": "datetime", "format": "%d.%m.%y %H:%M", "constraints": {"unique": True}},
    {"name": "share", "type": "number", "decimalChar": ","},
    {"name": "label", "type": "integer", "role": "target", "constraints": {"required": True, "enum": [0, 1]}},
]
NUMBERS = """
| NA | ? | 3 | +5 | -0 | 03 | 3.0 | 1e5 | 1E2 | 1_000 | 1,5 | 0.1 | .1 | 0.10 | 99.5 | 99.500000000000000001 | 100 | 5.
| .5 | ½ | . | - | 0.099999999999999999 | NaN | nan | inf | -inf | Infinity | 1e400 | 1e-400 | 1e999999 | 0x1F | 2.5
| 2.50 | 9007199254740992 | 9007199254740993 | 99999999999999999999999 | 1 | 0 | \N{ARABIC-INDIC DIGIT THREE}"""
DATES = """
| 2020-01-31 | 2020-1-5 | 2020-02-30 | 1999-12-31 | 31/01/2020 | 1/2/2020 | 31/02/2020 | 31.01.20 10:00 | 1.2.20 1:05
| 2020-01-31 10:00:00 | 2020-01-31T10:00:00Z | 2020-01-31T10:00:00+02:00 | 2020-01-31T10:00:00+25:00 | 2020-01-31T10:00
| 2020-01-31T24:00:00 | 2020-01-31T10:00:60 | 2020-01-31T10:00:00.1234567 | 2020-01-31T10:00:00.123
| 0001-01-01T00:00:00+05:00 | 9999-12-31T23:59:59"""
WORDS = ["", " ", " 3", "3 ", "yes", "Yes", "Y", "no", "true", "red", "Red", " red", "two words", "é", "'", "\\"]
WORDS += ['"quoted"', "a,b", "line\nbreak", "cr\rhere", "tab\there", "\ufeff"]
ODD = [*WORDS, *(cell.strip() for cell in (NUMBERS + DATES).split("|")[1:])]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> contract.DataContract:
    """Give a contract with fields of every kind."""
    key = ["key", "colour"]
    return write_contract(tmp_path_factory.mktemp("odd"), FIELDS, missingValues=["", "NA", "?"], primaryKey=key)


def corrupted(seed: int, share: float, rows: int = 60) -> pd.DataFrame:
    """Give rows that keep the contract, with odd texts here and there, and some rows twice."""
    rng = np.random.default_rng(seed)
    good = ["7", "x", "1.5", "2", "3", "2.5", "red", "ab", "yes", "2020-01-31", "31/01/2020", "2020-01-31 10:00:00"]
    good += ["31.01.20 10:00", "1", "1"]
    cells = np.tile(np.array(good, dtype=object), (rows, 1))
    cells[:, 0] = [str(i) for i in range(rows)]
    cells[:, 12] = [f"{1 + i % 28:02}.{1 + i // 28:02}.20 10:00" for i in range(rows)]
    where = rng.random(cells.shape) < share
    cells[where] = rng.choice(np.array(ODD, dtype=object), where.sum())
    cells[rng.random(rows) < 0.05] = ""
    cells[1, [0, 6]] = ""  # no part of the primary key
    table = pd.DataFrame(cells, columns=[f["name"] for f in FIELDS])
    return table.iloc[rng.integers(0, rows, rows)] if seed % 3 == 0 else table


def plain(cells: pd.DataFrame, data: contract.DataContract) -> list[tuple[Any, ...]]:
    """Give what frictionless alone finds in the whole table."""
    rows = [list(cells), *cells.to_numpy().tolist()]
    resource = Resource(data=rows, schema=data.schema)
    found = resource.validate(limit_errors=10**6).flatten(["rowNumber", "fieldName", "note"])
    assert all(row is not None for row, *_ in found), found
    return [tuple(error) for error in found]


@pytest.mark.parametrize("seed", range(12))
def test_the_verdict_is_that_of_plain_frictionless(
    odd: contract.DataContract, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, fields and reasons are the same, in pieces of any size."""
    cells = corrupted(seed, 0.3 if seed % 2 else 0.02)
    cells.to_csv(tmp_path / "raw.csv", index=False)
    monkeypatch.setattr(table, "PIECE", 1 + seed * 3)
    found = validate.find_errors(odd, tmp_path / "raw.csv")
    ours = set(found[["row", "field"]].itertuples(index=False, name=None))
    assert {(r, None if pd.isna(f) else f) for r, f in ours} == {(r, f) for r, f, _ in plain(cells, odd)}
    theirs = {(r, f, n) for r, f, n in plain(cells, odd) if f}
    assert set(found.dropna(subset="field")[["row", "field", "reason"]].itertuples(index=False, name=None)) == theirs


SPELT = {
    "a missing key that looks like a number": ({"missingValues": ["-1"]}, ["1", "-1", "2"]),
    "one number with and without thousands": ({"groupChar": ".", "decimalChar": ","}, ["1.500", "1500", "15"]),
    "one number in two notations": ({}, ["1e-5", "0.00001", "1"]),
}


@pytest.mark.parametrize(("notation", "cells"), SPELT.values(), ids=SPELT.keys())
def test_keys_are_compared_as_frictionless_reads_them(
    tmp_path: Path, notation: dict[str, Any], cells: list[str]
) -> None:
    """A key is missing, or there twice, however it is written."""
    key = {"name": "key", "type": "number", "role": "identifier", "constraints": {"unique": True}, **notation}
    fields = [key, {"name": "x", "type": "string"}, {"name": "y", "type": "number", "role": "target"}]
    data = write_contract(tmp_path, fields, primaryKey=["key"])
    rows = pd.DataFrame({"key": cells, "x": "x", "y": "1"})
    rows.to_csv(tmp_path / "raw.csv", index=False)
    found = validate.find_errors(data, tmp_path / "raw.csv")
    errors = [(row, None if pd.isna(field) else field) for row, field in zip(found["row"], found["field"], strict=True)]
    theirs = [(row, field) for row, field, _ in plain(rows, data)]
    assert errors
    assert sorted(errors, key=str) == sorted(theirs, key=str)


@pytest.mark.parametrize("seed", range(6))
def test_accepted_cells_are_read_as_frictionless_reads_them(
    odd: contract.DataContract, seed: int, tmp_path: Path
) -> None:
    """Numbers, dates, booleans and categories are the values that frictionless sees, in whatever spelling."""
    cells = corrupted(seed, 0.02)
    cells.to_csv(tmp_path / "raw.csv", index=False)
    rejected = validate.find_errors(odd, tmp_path / "raw.csv")["row"].unique() - 2
    cells.reset_index(drop=True).drop(index=rejected).to_csv(tmp_path / "accepted.csv", index=False)
    found = table.read(tmp_path / "accepted.csv", odd)
    texts = pd.concat(table.pieces(tmp_path / "accepted.csv"))
    assert len(found)
    for column in odd.columns:
        read = table.reader(column, odd)
        for text, value in zip(texts[column.name], found[column.name], strict=True):
            assert same(read(text)[0], value, column), (column.name, text, value)


def same(theirs: Any, ours: Any, column: contract.Column) -> bool:
    """Whether frictionless and the table mean the same value."""
    if theirs is None or theirs != theirs:
        return ours == "" or bool(pd.isna(ours))
    if column.dated:
        moment = pd.Timestamp(theirs)
        return ours == (moment.tz_convert(None) if moment.tzinfo else moment)
    return ours == (float(theirs) if column.numeric else contract.label(theirs))
