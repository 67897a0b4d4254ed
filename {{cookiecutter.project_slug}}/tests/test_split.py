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


def test_parts_have_the_sizes_asked_for(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """A fifth is for the test, a fifth for calibration."""
    shares = split.assign(rows, data, PARAMETERS, 0).value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.03)
    assert shares["calibration"] == pytest.approx(0.2, abs=0.03)


def test_classes_keep_their_shares(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """Each part holds each class, or decile of a numeric target, as often as the whole does."""
    target = rows[data.target.name]
    tenths = target.dtype == "float64"
    values = pd.qcut(target, split.STRATA, labels=False, duplicates="drop") if tenths else target
    parts = split.assign(rows, data, PARAMETERS, 0)
    whole = values.value_counts(normalize=True)
    for part in split.PARTS:
        assert values[parts == part].value_counts(normalize=True).sub(whole).abs().max() < 0.03


def test_the_same_seed_gives_the_same_parts(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """The split is a function of rows and seed."""
    first, again, other = (split.assign(rows, data, PARAMETERS, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def with_field(data: contract.DataContract, name: str, role: str) -> contract.DataContract:
    """Give the contract with one more field, the only one with `role`."""
    column = replace(data.target, name=name, type="number", role=role, enum=())
    return replace(data, columns=(*(c for c in data.columns if c.role != role), column))


def parameters(method: str, test: float = 0.2, calibration: float = 0.2) -> contract.SplitParameters:
    """Give the parameters of a split."""
    return PARAMETERS.model_copy(update={"method": method, "test": test, "calibration": calibration})


def test_groups_are_never_divided(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """All rows of a group are in one part, and a row without a group is a group of its own."""
    site = pd.Series(np.arange(len(rows)) % 25).where(np.arange(len(rows)) % 10 > 0)
    parts = split.assign(rows.assign(site=site), with_field(data, "site", "group"), parameters("group"), 0)
    assert parts.groupby(site).nunique().max() == 1
    assert set(parts[site.isna()]) == set(split.PARTS)


@pytest.mark.parametrize("times", [1_000, 12, 4])
def test_the_test_part_is_the_latest(rows: pd.DataFrame, data: contract.DataContract, times: int) -> None:
    """No row is later than those of the next part or at the same time; a row without a time is for training."""
    day = pd.Series(np.random.default_rng(0).integers(0, times, len(rows)).astype(float))
    day[:5] = np.nan
    parts = split.assign(rows.assign(day=day), with_field(data, "day", "time"), parameters("time"), 0)
    days = day.groupby(parts)
    assert days.max()["train"] < days.min()["calibration"]
    assert days.max()["calibration"] < days.min()["test"]
    assert set(parts[:5]) == {"train"}


@pytest.mark.parametrize("seed", range(40))
def test_every_class_with_three_rows_is_in_every_part(data: contract.DataContract, seed: int) -> None:
    """However many classes there are and however rare, three rows are enough; with fewer, all are for training."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(2, 100)
    target = np.concatenate([np.repeat(np.arange(classes), rng.integers(1, 12, classes)), np.zeros(6), np.ones(6)])
    rows = pd.DataFrame({"y": rng.permutation(target.astype(int).astype(str))})
    of = replace(data, columns=(replace(data.target, name="y"),))
    shares = {"test": rng.uniform(0.05, 0.45), "calibration": rng.uniform(0.05, 0.45)}
    parts = split.assign(rows, of, parameters("stratified", **shares), seed)
    held = pd.crosstab(rows["y"], parts)
    size = held.sum(axis=1)
    assert held[size >= 3].to_numpy().min() > 0
    assert (held.loc[size < 3, "train"] == size[size < 3]).all()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("distinct", [2, 5, 20])
def test_a_number_is_divided_whatever_its_values(data: contract.DataContract, seed: int, distinct: int) -> None:
    """Twenty rows are enough, and the target may have few different values."""
    rows = pd.DataFrame({"y": np.random.default_rng(seed).integers(0, distinct, 20).astype(float)})
    of = replace(data, columns=(replace(data.target, name="y", type="number", enum=()),))
    parts = split.assign(rows, of, PARAMETERS, seed)
    assert parts.value_counts().min() >= 2


def test_too_few_rows_are_refused_in_a_sentence(data: contract.DataContract) -> None:
    """Two rows cannot be divided into three parts."""
    of = replace(data, columns=(replace(data.target, name="y"),))
    with pytest.raises(split.stage.ProjectError, match="2 rows hold too few rows to divide"):
        split.assign(pd.DataFrame({"y": ["a", "b"]}), of, PARAMETERS, 0)


def test_a_method_without_its_role_is_refused(rows: pd.DataFrame, data: contract.DataContract) -> None:
    """Splitting by group needs a field with that role, and the error says so."""
    ungrouped = replace(data, columns=tuple(c for c in data.columns if c.role != "group"))
    with pytest.raises(split.stage.ProjectError, match=r"no field of .* has the role group"):
        split.assign(rows, ungrouped, parameters("group"), 0)
