"""The simulated concrete against Abrams' law, ACI 209R-92 and ASTM C1074, and against what an engineer knows."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def strength(
    water: float = 175,
    cement: float = 350,
    kind: str = "type I",
    air: float = 2.0,
    temperature: float = 20,
    age: float = 28,
) -> float:
    """Give the strength of one cylinder in MPa."""
    return float(example.strength(*(np.array([value]) for value in (water, cement, kind, air, temperature, age)))[0])


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """4,000 rows with every field of the contract, in its order, in the order of casting."""
    assert len(table) == 4_000
    assert list(table) == [column.name for column in data.columns]
    assert table["cast_on"].is_monotonic_increasing


def test_strength_depends_on_the_ratio_of_water_to_cement_alone() -> None:
    """Twice the paste of the same ratio is as strong (Abrams)."""
    assert strength(water=150, cement=300) == pytest.approx(strength(water=200, cement=400))


def test_a_step_of_the_ratio_divides_by_a_power_of_seven() -> None:
    """Two thirds more of water to cement by mass are one more by volume of loose cement."""
    assert strength(water=100, cement=300) / strength(water=300, cement=300) == pytest.approx(7.0, rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "age", "share"),
    [("type I", 7, 0.704), ("type I", 28, 1.007), ("type I", 90, 1.118), ("type III", 7, 0.801)],
)
def test_ageing_is_that_of_aci_209(kind: str, age: float, share: float) -> None:
    """Shares of the strength at 28 days for moist-cured concrete at 20 °C: t / (a + b t)."""
    assert strength(kind=kind, age=age) == pytest.approx(share * 155 / 7**0.75, rel=2e-3)


def test_curing_at_35_degrees_counts_for_one_and_a_half_times_the_days() -> None:
    """Equivalent age after Nurse and Saul with the datum at -10 °C; at the datum nothing hardens."""
    assert strength(temperature=35, age=4) == pytest.approx(strength(temperature=20, age=6))
    assert strength(temperature=-10) == 0


def test_a_common_mix_has_its_common_strength() -> None:
    """A ratio of 0.5 gives between 30 and 45 MPa at 28 days."""
    assert 30 < strength() < 45


def test_five_percent_of_air_cost_fifteen_percent() -> None:
    """Five percent of the strength for each percent beyond the entrapped two."""
    assert strength(air=5.0) / strength() == pytest.approx(0.85)


def test_the_scatter_is_that_of_good_site_control(table: pd.DataFrame) -> None:
    """A coefficient of variation of 6 %."""
    names = ("water", "cement", "cement_type", "air", "curing_temperature", "age")
    ratio = table["compressive_strength"] / example.strength(*(table[name].to_numpy() for name in names))
    assert ratio.mean() == pytest.approx(1, abs=0.005)
    assert ratio.std() == pytest.approx(example.SCATTER, rel=0.1)


def test_summer_is_warmer_than_winter(table: pd.DataFrame) -> None:
    """Cylinders of July cure at least ten degrees warmer than those of January."""
    month = pd.to_datetime(table["cast_on"]).dt.month
    means = table.groupby(month)["curing_temperature"].mean()
    assert means[7] - means[1] > 10
