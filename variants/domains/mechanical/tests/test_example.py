"""The simulated milling machine against the statistics that S. Matzka (2020) published for the AI4I data set."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed
PUBLISHED_FAILURES = {"heat dissipation": 115, "overstrain": 98, "power": 95, "tool wear": 46}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """10,000 rows with every field of the contract, in its order."""
    assert len(table) == 10_000
    assert list(table) == [column.name for column in data.columns]


def test_grades_have_the_published_shares(table: pd.DataFrame) -> None:
    """Half of the parts are of low grade, three in ten of medium, two in ten of high, within two points."""
    shares = table["product_quality"].value_counts(normalize=True)
    assert shares[["L", "M", "H"]].tolist() == pytest.approx([0.5, 0.3, 0.2], abs=0.02)


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [
        ("air_temperature", 300.0, 2.0),
        ("rotational_speed", 1538.8, 179.3),
        ("torque", 39.99, 9.97),
        ("tool_wear", 107.95, 63.65),
    ],
)
def test_means_and_deviations_are_the_published_ones(
    table: pd.DataFrame, name: str, mean: float, deviation: float
) -> None:
    """Within 5 % of the published mean and 6 % of the published standard deviation."""
    assert table[name].mean() == pytest.approx(mean, rel=0.05)
    assert table[name].std() == pytest.approx(deviation, rel=0.06)


def test_the_process_is_ten_kelvin_warmer(table: pd.DataFrame) -> None:
    """The difference of the temperatures is 10 K with a standard deviation of 1 K."""
    difference = table["process_temperature"] - table["air_temperature"]
    assert difference.mean() == pytest.approx(10, abs=0.05)
    assert difference.std() == pytest.approx(1, abs=0.05)


def test_speed_falls_with_torque_as_published(table: pd.DataFrame) -> None:
    """The correlation of -0.875 is met within 0.03."""
    assert table["torque"].corr(table["rotational_speed"]) == pytest.approx(-0.875, abs=0.03)


def test_failures_are_as_frequent_as_published(table: pd.DataFrame) -> None:
    """339 of 10,000 parts in all, and each mode, within a quarter: a random walk in temperature allows no less."""
    assert (table["machine_state"] == "failure").sum() == pytest.approx(339, rel=0.25)
    counts = table["failure_mode"].value_counts()
    for mode, published in PUBLISHED_FAILURES.items():
        assert counts[mode] == pytest.approx(published, rel=0.25), mode


def test_the_rules_of_failure_hold_row_by_row(table: pd.DataFrame) -> None:
    """Rows that meet a rule with a margin above rounding have failed, and running rows meet none."""
    power = table["torque"] * table["rotational_speed"] * 2 * np.pi / 60
    limit = table["product_quality"].map(example.STRAIN_LIMIT)
    cool = (table["process_temperature"] - table["air_temperature"] < 8.4) & (table["rotational_speed"] < 1379)
    clear = (power < 3480) | (power > 9020) | (table["tool_wear"] * table["torque"] > limit + 30) | cool
    assert (table.loc[clear, "machine_state"] == "failure").all()
    assert clear.sum() > 200
