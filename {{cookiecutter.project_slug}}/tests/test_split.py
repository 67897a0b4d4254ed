"""The split: every row in one part, classes in proportion, groups whole, the future in the test part."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from project import contract, split, table

PARAMETERS = contract.SplitParameters(method="stratified", test=0.2, calibration=0.2)


@pytest.fixture(scope="module")
def rows(pipeline: Path, data: contract.DataContract) -> pd.DataFrame:
    """Give a thousand of the accepted rows, some of them more than once."""
    rows = table.read(pipeline / "data/accepted.csv", data)
    return rows.sample(1_000, replace=True, random_state=0, ignore_index=True)


@pytest.fixture(scope="module")
def plain(data: contract.DataContract) -> contract.DataContract:
    """Give the contract without roles that divide the rows."""
    columns = (replace(c, role="excluded") if c.role in ("group", "time") else c for c in data.columns)
    return replace(data, columns=tuple(columns))


def test_parts_have_the_sizes_asked_for(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """A fifth is for the test, a fifth for calibration."""
    shares = split.assign(rows, data, PARAMETERS, 0).value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.03)
    assert shares["calibration"] == pytest.approx(0.2, abs=0.03)


def test_classes_keep_their_shares(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """Each part holds each class, or decile of a numeric target, as often as the whole does."""
    target = rows[data.target.name]
    values = pd.qcut(target, 4, labels=False, duplicates="drop") if target.dtype == "float64" else target
    parts = split.assign(rows, data, PARAMETERS, 0)
    whole = values.value_counts(normalize=True)
    for part in split.PARTS:
        assert values[parts == part].value_counts(normalize=True).sub(whole).abs().max() < 0.03


def test_the_same_seed_gives_the_same_parts(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """The split is a function of rows and seed."""
    first, again, other = (split.assign(rows, data, PARAMETERS, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_groups_are_never_divided(rows: pd.DataFrame, plain: contract.DataContract) -> None:
    """All rows of a group are in one part."""
    grouped = rows.assign(site=np.arange(len(rows)) % 25)
    column = replace(plain.columns[0], name="site", role="group")
    parameters = PARAMETERS.model_copy(update={"method": "group"})
    parts = split.assign(grouped, replace(plain, columns=(*plain.columns, column)), parameters, 0)
    assert parts.groupby(grouped["site"]).nunique().max() == 1


def test_the_test_part_is_the_latest(rows: pd.DataFrame, plain: contract.DataContract) -> None:
    """No training row is later than a calibration row, and no calibration row than a test row."""
    timed = rows.assign(day=np.random.default_rng(0).permutation(len(rows)))
    column = replace(plain.columns[0], name="day", role="time")
    parameters = PARAMETERS.model_copy(update={"method": "time"})
    parts = split.assign(timed, replace(plain, columns=(*plain.columns, column)), parameters, 0)
    days = timed["day"].groupby(parts)
    assert days.max()["train"] < days.min()["calibration"]
    assert days.max()["calibration"] < days.min()["test"]


def test_a_method_without_its_role_is_refused(rows: pd.DataFrame, plain: contract.DataContract) -> None:
    """Splitting by group needs a field with that role, and the error says so."""
    with pytest.raises(split.stage.ProjectError, match=r"no field of .* has the role group"):
        split.assign(rows, plain, PARAMETERS.model_copy(update={"method": "group"}), 0)
