"""The simulated turbine against the physics of wind, the bins of IEC 61400-12-1, and what an operator knows."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed
BETZ = 16 / 27


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def power(speed: float = 8.0, rho: float = 1.225, yaw_error: float = 0.0) -> float:
    """Give the power of ten minutes in kW."""
    return float(example.power(np.array([speed]), np.array([rho]), np.array([yaw_error]))[0])


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """A year of hours with every field of the contract, in its order."""
    assert len(table) == 8_760
    assert list(table) == [column.name for column in data.columns]
    assert table["measured_at"].is_monotonic_increasing


def test_the_density_of_air_is_the_textbooks() -> None:
    """1.225 kg/m³ at 15 °C and 1013.25 hPa, 1.293 at 0 °C."""
    found = example.density(np.array([15.0, 0.0]), np.array([1013.25, 1013.25]))
    assert found == pytest.approx([1.225, 1.293], abs=0.001)


def test_power_grows_with_the_cube_of_the_speed() -> None:
    """Below rated power twice the speed is eight times the power."""
    assert power(10) / power(5) == pytest.approx(8)


def test_no_more_is_taken_than_betz_allows(table: pd.DataFrame) -> None:
    """Of the power in the wind at most 16/27; the noise of 2 % aside."""
    rho = example.density(table["air_temperature"].to_numpy(), table["air_pressure"].to_numpy())
    in_wind = 0.5 * rho * example.ROTOR_AREA * (table["wind_speed"] + 0.05) ** 3 / 1000
    assert (table["power"] <= BETZ * in_wind + 1).all()


@pytest.mark.parametrize(("speed", "expected"), [(2.0, 0.0), (3.4, 0.0), (12.0, 2000.0), (25.0, 2000.0), (25.1, 0.0)])
def test_known_points_of_the_curve(speed: float, expected: float) -> None:
    """Nothing below cut-in and beyond cut-out, rated power from 11.3 m/s on."""
    assert power(speed) == expected


def test_normalising_by_density_brings_the_bins_together() -> None:
    """The same normalised speed gives the same power at two densities, as the standard wants it."""
    cold = 8.0 * (1.225 / 1.35) ** (1 / 3)
    assert power(cold, 1.35) == pytest.approx(power(8.0, 1.225))


def test_a_yaw_error_of_20_degrees_costs_a_sixth() -> None:
    """The cube of its cosine, either way."""
    assert power(yaw_error=20) / power() == pytest.approx(np.cos(np.radians(20)) ** 3)
    assert power(yaw_error=20) == power(yaw_error=-20)


def test_wind_speeds_are_weibull_with_the_stated_mean(table: pd.DataFrame) -> None:
    """A mean of 7.5 m/s, as far as a year of persistent weather lets it; 0.523 of it is the deviation of shape 2."""
    mean = table["wind_speed"].mean()
    assert mean == pytest.approx(example.MEAN_SPEED, rel=0.08)
    assert table["wind_speed"].std() / mean == pytest.approx(0.523, rel=0.1)


def test_the_bins_follow_the_curve_and_ice_falls_below_it(table: pd.DataFrame) -> None:
    """In bins of 0.5 m/s the median of warm hours lies on the curve within 6 %; iced hours lie a third below."""
    rho = example.density(table["air_temperature"].to_numpy(), table["air_pressure"].to_numpy())
    sound = example.power(table["wind_speed"].to_numpy(), rho, table["yaw_error"].to_numpy())
    ratio = (table["power"] / sound)[table["wind_speed"].between(5, 10)]
    warm = table["air_temperature"] > 1
    bins = (table["wind_speed"] * 2).round() / 2
    assert (ratio[warm].groupby(bins).median() - 1).abs().max() < 0.06
    iced = (table["air_temperature"] < -0.1) & (table["humidity"] > 86)
    assert ratio[iced].median() < 0.7
