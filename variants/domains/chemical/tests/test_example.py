"""The simulated reactor against its mass and heat balance, its published steady state, and what an engineer knows."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed
NOMINAL = {
    "feed_temperature": 350.0, "coolant_temperature": 300.0, "feed_concentration": 1.0, "feed_rate": 100.0,
    "heat_transfer": 50_000.0, "temperature": 350.0, "concentration": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def run(minutes: float = example.MINUTES, **change: float) -> tuple[float, float, float]:
    """Give the highest and the last temperature, and the last concentration, of one reactor."""
    highest, t, c = example.simulate(pd.DataFrame([NOMINAL | change]), minutes)
    return float(highest[0]), float(t[0]), float(c[0])


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """5,000 rows with every field of the contract, in its order."""
    assert len(table) == 5_000
    assert list(table) == [column.name for column in data.columns]


@pytest.mark.parametrize("name", example.MEASURED)
def test_the_stated_accuracy_is_that_of_the_simulated_instruments(
    name: str, table: pd.DataFrame, data: contract.DataContract
) -> None:
    """A tenth of what the setting varies by, which the errors make a two-hundredth larger."""
    assert data.fields[name]["accuracy"] == pytest.approx(0.1 * table[name].std() / np.sqrt(1.01), rel=0.05)


def test_the_published_steady_state_is_one() -> None:
    """350 K and 0.5 mol/L at the nominal setting: after a moment the reactor has hardly moved."""
    _, t, c = run(minutes=0.1)
    assert t == pytest.approx(350.0, abs=0.2)
    assert c == pytest.approx(0.5, abs=0.002)


def test_without_reaction_the_tank_mixes_the_feed_and_the_coolant() -> None:
    """With no reactant the last temperature is that of the heat balance alone."""
    _, t, c = run(feed_concentration=0.0, concentration=0.0)
    flow, wall = 100 / example.VOLUME, 50_000 / (example.VOLUME * example.RHO_CP)
    assert t == pytest.approx((flow * 350 + wall * 300) / (flow + wall), abs=0.01)
    assert c == 0


def test_an_uncooled_tank_cannot_heat_beyond_the_adiabatic_rise() -> None:
    """Feed temperature and 209 K for each mol/L: all heat stays in the tank."""
    highest, _, _ = run(heat_transfer=0.0, concentration=0.0)
    assert 350 < highest <= 350 + example.HEAT / example.RHO_CP * 1.0


def test_a_cold_tank_with_a_cold_feed_does_nothing() -> None:
    """At 300 K next to nothing reacts within the hour."""
    _, _, c = run(feed_temperature=300.0, temperature=300.0, concentration=1.0)
    assert c > 0.9


@pytest.mark.parametrize(
    ("change", "hotter"),
    [
        ({"feed_temperature": 360.0}, True),
        ({"coolant_temperature": 290.0}, False),
        ({"heat_transfer": 60_000.0}, False),
        ({"feed_concentration": 1.1}, True),
        ({"concentration": 0.7}, True),
    ],
)
def test_the_highest_temperature_moves_as_the_contract_says(change: dict[str, float], hotter: bool) -> None:
    """The directions of the data contract, on the balance itself."""
    assert (run(**change)[0] > run()[0]) is hotter


def test_a_smaller_step_gives_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is short enough: half of it moves the highest temperature by less than a kelvin."""
    coarse, _, _ = run(temperature=345.0, minutes=20)
    monkeypatch.setattr(example, "STEP", example.STEP / 2)
    assert run(temperature=345.0, minutes=20)[0] == pytest.approx(coarse, abs=1.0)


def test_between_a_tenth_and_four_tenths_run_away(table: pd.DataFrame) -> None:
    """Both outcomes are common enough to be learnt, and hot tanks run away more often than cool ones."""
    away = table["outcome"] == "runaway"
    assert 0.1 < away.mean() < 0.4
    assert away[table["temperature"] > 345].mean() > away[table["temperature"] < 335].mean()


def test_the_analyser_is_calibrated_now_and_then(table: pd.DataFrame) -> None:
    """Then the concentration is missing, in 6 % of the rows; nothing else is."""
    assert table["concentration"].isna().mean() == pytest.approx(0.06, abs=0.015)
    assert not np.isnan(table.drop(columns=["concentration", "outcome"]).to_numpy(dtype=float)).any()
