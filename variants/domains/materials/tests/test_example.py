"""The simulated steels against the equation of Pickering and Gladman, term by term, and what a metallurgist knows."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def strength(manganese: float = 1.0, silicon: float = 0.2, nitrogen: float = 0.004, grain: float = 20.0) -> float:
    """Give the strength of one steel in MPa."""
    return float(example.strength(*map(np.array, (manganese, silicon, nitrogen, grain))))


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """3,000 rows with every field of the contract, in its order."""
    assert len(table) == 3_000
    assert list(table) == [column.name for column in data.columns]


@pytest.mark.parametrize(
    ("change", "published"),
    [({"manganese": 2.0}, 32.3), ({"silicon": 1.2}, 83.2)],
)
def test_a_percent_of_solute_adds_the_published_strength(change: dict[str, float], published: float) -> None:
    """32.3 MPa for a percent of manganese, 83.2 MPa for one of silicon."""
    assert strength(**change) - strength() == pytest.approx(published, abs=0.1)


def test_the_slope_over_the_inverse_root_of_the_grain_is_the_published_one() -> None:
    """17.4 MPa mm^0.5 (Hall and Petch)."""
    fine, coarse = 5.0, 20.0
    steps = 1 / np.sqrt(fine / 1000) - 1 / np.sqrt(coarse / 1000)
    assert (strength(grain=fine) - strength(grain=coarse)) / steps == pytest.approx(17.4, abs=0.05)


def test_a_known_steel_has_its_known_strength() -> None:
    """A hot rolled mild steel (1 % Mn, 0.2 % Si, grain 20 µm) yields between 220 and 300 MPa, as S235 does."""
    assert 220 < strength() < 300


def test_pure_coarse_iron_is_left_with_the_friction_stress() -> None:
    """With no solute and a grain of a metre only 53.9 MPa remain."""
    assert strength(0.0, 0.0, 0.0, 1e6) == pytest.approx(53.9, abs=0.6)


def test_specimens_of_a_heat_share_their_analysis(table: pd.DataFrame) -> None:
    """Six of each, with one value of every element."""
    heats = table.groupby("heat")
    assert (heats.size() == example.SPECIMENS).all()
    assert (heats[["carbon", "manganese", "silicon"]].nunique() == 1).to_numpy().all()


def test_routes_differ_as_they_do_in_the_mill(table: pd.DataFrame) -> None:
    """Controlled rolling gives the finest grain and the strongest plate, hot rolling the coarsest and weakest."""
    means = table.groupby("route")[["grain_diameter", "yield_strength"]].mean()
    assert list(means.sort_values("grain_diameter").index) == ["controlled rolled", "normalised", "hot rolled"]
    assert list(means.sort_values("yield_strength").index) == ["hot rolled", "normalised", "controlled rolled"]


def test_the_scatter_about_the_equation_is_that_of_heats_and_tests(table: pd.DataFrame) -> None:
    """The two add up in quadrature to 9.2 MPa."""
    known = table.dropna()
    parts = (known[name].to_numpy() for name in ("manganese", "silicon", "free_nitrogen", "grain_diameter"))
    assert (known["yield_strength"] - example.strength(*parts)).std() == pytest.approx(9.2, rel=0.1)
