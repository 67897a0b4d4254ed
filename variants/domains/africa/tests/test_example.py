"""The simulated solar systems against their energy balance, known points, and what an operator knows."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def day(charge: float = 8.0, capacity: float = 10.0, sun: float = 8.0, load: float = 6.0) -> tuple[float, float]:
    """Give the lowest and the last charge of one day."""
    lowest, last = example.lowest_charge(*(np.array([value]) for value in (charge, capacity, sun, load)))
    return float(lowest[0]), float(last[0])


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """A year of 20 sites with every field of the contract, in its order."""
    assert len(table) == 7_300
    assert list(table) == [column.name for column in data.columns]
    assert table["day"].is_monotonic_increasing


def test_a_square_metre_in_five_hours_of_full_sun_gives_what_it_should() -> None:
    """5 kWh/m² at cells of 25 °C: 0.18 of it from the panels, 0.85 of that in the battery."""
    found = example.harvest(np.array([5.0]), np.array([1.0]), np.array([0.0]))
    assert found[0] == pytest.approx(5 * 0.18 * 0.85)


def test_cells_lose_four_permille_for_each_kelvin() -> None:
    """As crystalline silicon does."""
    cool, hot = (example.harvest(np.array([5.0]), np.array([1.0]), np.array([t]))[0] for t in (0.0, 30.0))
    assert hot / cool == pytest.approx(1 - 30 * 0.004)


def test_energy_is_conserved_where_the_battery_is_neither_full_nor_empty() -> None:
    """Without sun the charge falls by what is drawn over the battery's efficiency, and the lowest is the last."""
    lowest, last = day(charge=9.0, sun=0.0, load=4.0)
    assert last == pytest.approx(9.0 - 4.0 / example.BATTERY)
    assert lowest == last


def test_without_load_the_battery_fills_and_no_more() -> None:
    """By the sun times the efficiency, up to the capacity."""
    assert day(charge=2.0, sun=4.0, load=0.0)[1] == pytest.approx(2.0 + 4.0 * example.BATTERY)
    assert day(charge=2.0, sun=40.0, load=0.0)[1] == pytest.approx(10.0)


def test_sun_and_load_have_their_hours() -> None:
    """Both sum to one day; the sun shines from 6 to 18 hours, half of the load is drawn after 17 hours."""
    assert example.SUN.sum() == pytest.approx(1) == example.EVENING.sum()
    assert example.SUN[:6].sum() + example.SUN[19:].sum() < 1e-9
    assert example.EVENING[17:].sum() > 0.45


@pytest.mark.parametrize(
    ("better", "worse"), [({"charge": 9}, {"charge": 4}), ({"sun": 12}, {"sun": 3}), ({"load": 3}, {"load": 9})]
)
def test_more_charge_more_sun_and_less_load_leave_more(better: dict[str, float], worse: dict[str, float]) -> None:
    """The directions that the contract states."""
    assert day(**better)[0] > day(**worse)[0]


def test_a_day_begins_with_what_the_day_before_left(table: pd.DataFrame) -> None:
    """A site that begins a day below its reserve is without supply on it."""
    low = table["charge"] < 100 * example.RESERVE - 1
    assert low.sum() > 50
    assert (table.loc[low, "tomorrow"] == "outage").all()


def test_outages_come_with_the_rains(table: pd.DataFrame) -> None:
    """On a tenth to four tenths of the days; in the darkest third at least twice as often as in the brightest."""
    out = table["tomorrow"] == "outage"
    assert 0.1 < out.mean() < 0.4
    dark, bright = table["sun_forecast"].quantile([1 / 3, 2 / 3])
    assert out[table["sun_forecast"] < dark].mean() > 2 * out[table["sun_forecast"] > bright].mean()
