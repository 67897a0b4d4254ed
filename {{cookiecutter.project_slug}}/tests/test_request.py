"""Requests: names of any text, values of every kind, and a refusal that names field and row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_contract

from project.serving import request

Y = {"name": "y", "type": "string", "role": "target"}
KINDS: list[dict[str, Any]] = [
    {"name": "day", "type": "date"},
    {"name": "moment", "type": "datetime"},
    {"name": "won", "type": "boolean"},
    {"name": "grade", "type": "integer", "constraints": {"enum": [1, 2]}},
    {"name": "size", "type": "number", "constraints": {"enum": [0.5, 2.0]}},
    {"name": "colour", "type": "string", "constraints": {"enum": ["red", "green"]}},
    {"name": "count", "type": "integer", "constraints": {"minimum": 1, "maximum": 9}},
]
NAMES = [
    *("a.b[0]", "x - at `$[1].y", "`", "class", "__proto__", "'", "f0", "f1", "$", " ", "\N{GRINNING FACE}", "x" * 300),
    *('say "yes"', "back\\slash", "two\nlines", "\t"),
]
GOOD = {"day": "2020-01-31", "moment": "2020-01-31T10:00:00+02:00", "won": True, "grade": 2}
GOOD |= {"size": 2, "colour": "red", "count": 3}
BAD = {
    "day": ["2020-02-30", "2020-01-31T00:00:00", 3],
    "moment": ["noon", "2020-01-31", 3],
    "won": ["yes", 1],
    "grade": [3, True, "1"],
    "size": [0.7, True, "2", [2]],
    "colour": ["blue", 7, "x - at `$[1z].y"],
    "count": [0, 10, 1.5],
}


def rows_of(folder: Path, fields: list[dict[str, Any]]) -> request.Rows:
    """Give the rows of a contract with these features."""
    return request.Rows(write_contract(folder, [*fields, Y]))


@pytest.mark.parametrize("names", [NAMES[:-4], NAMES], ids=["as JSON writes them", "some to be escaped"])
def test_a_field_may_have_any_name(tmp_path: Path, names: list[str]) -> None:
    """Values arrive under the field's own name, and a wrong one is refused under it, in whatever row it stands."""
    rows = rows_of(tmp_path, [{"name": n, "type": "number", "constraints": {"required": True}} for n in names])
    row = {name: place / 2 for place, name in enumerate(names)}
    columns = rows.columns(rows.decode(json.dumps([row, row]).encode()))
    assert {name: values.tolist() for name, values in columns.items()} == {n: [v, v] for n, v in row.items()}
    for name in names:
        missing = {other: value for other, value in row.items() if other != name}
        for broken in (row | {name: "many"}, row | {name: None}, missing, row | {f"{name} too": 1}):
            at_fault = f"{name} too" if f"{name} too" in broken else name
            for body, place in ((broken, None), ([row, broken], 1)):
                with pytest.raises(request.BadRequestError) as raised:
                    rows.decode(json.dumps(body).encode())
                assert (raised.value.field, raised.value.row) == (at_fault, place)
                assert at_fault in str(raised.value)


def test_values_of_every_kind_arrive_as_the_model_takes_them(tmp_path: Path) -> None:
    """Times in UTC, booleans as numbers, listed numbers by their names; null and absent alike."""
    rows = rows_of(tmp_path, KINDS)
    found = rows.columns(rows.decode(json.dumps([GOOD, dict.fromkeys(GOOD), {}]).encode()))
    assert found["day"][0] == np.datetime64("2020-01-31")
    assert found["moment"][0] == np.datetime64("2020-01-31T08:00:00")
    assert found["won"][0] == 1.0
    assert [str(found[name][0]) for name in ("grade", "size", "colour")] == ["2", "2", "red"]
    assert np.isnat([found[name][1:] for name in ("day", "moment")]).all()
    assert np.isnan([found[name][1:] for name in ("won", "count")]).all()
    assert all(value is None for name in ("grade", "size", "colour") for value in found[name][1:])


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_of_another_kind_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    """The sentence begins with the field."""
    rows = rows_of(tmp_path, KINDS)
    with pytest.raises(request.BadRequestError) as raised:
        rows.decode(json.dumps([GOOD, GOOD | {name: value}]).encode())
    assert (raised.value.field, raised.value.row) == (name, 1)
    assert str(raised.value).startswith(f"{name}: ")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_at_the_end_of_the_calendar_is_taken(tmp_path: Path, moment: str) -> None:
    """A time that no longer lies in the calendar once it is in UTC is no error."""
    rows = rows_of(tmp_path, KINDS)
    assert not np.isnat(rows.columns(rows.decode(json.dumps({"moment": moment}).encode()))["moment"]).any()


def test_two_thousand_fields_are_taken(tmp_path: Path) -> None:
    """A wide table's row is decoded like any other."""
    rows = rows_of(tmp_path, [{"name": f"column {i}", "type": "number"} for i in range(2_000)])
    found = rows.columns(rows.decode(json.dumps({f"column {i}": i for i in range(2_000)}).encode()))
    assert [values[0] for values in found.values()] == list(range(2_000))
    assert len(rows.schema()["oneOf"][0]["properties"]) == 2_000
