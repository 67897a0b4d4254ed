"""The example's table is the one that was published."""

from pathlib import Path

import pandas as pd
import pytest

from project import contract, example

ROOT = Path(__file__).parents[1]
PROPERTIES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return example.load(seed=42)


def test_has_the_published_number_of_patients(table: pd.DataFrame) -> None:
    assert len(table) == 569


def test_has_the_published_diagnoses(table: pd.DataFrame) -> None:
    assert table["diagnosis"].value_counts().to_dict() == {"benign": 357, "malignant": 212}


@pytest.mark.parametrize(
    ("field", "mean"),
    [
        ("mean_radius", 14.127),
        ("mean_texture", 19.290),
        ("mean_perimeter", 91.969),
        ("mean_area", 654.889),
        ("radius_error", 0.405),
        ("worst_radius", 16.269),
        ("worst_area", 880.583),
        ("worst_concave_points", 0.115),
    ],
)
def test_has_the_published_means(table: pd.DataFrame, field: str, mean: float) -> None:
    assert table[field].mean() == pytest.approx(mean, abs=0.0006)


@pytest.mark.parametrize(
    ("field", "lowest", "highest"),
    [
        ("mean_radius", 6.981, 28.11),
        ("mean_area", 143.5, 2501.0),
        ("area_error", 6.802, 542.2),
        ("worst_perimeter", 50.41, 251.2),
        ("worst_concavity", 0.0, 1.252),
    ],
)
def test_has_the_published_ranges(table: pd.DataFrame, field: str, lowest: float, highest: float) -> None:
    assert (table[field].min(), table[field].max()) == (lowest, highest)


def test_has_every_field_of_the_contract_in_its_order(table: pd.DataFrame) -> None:
    fields = contract.load_data_contract(ROOT).columns
    assert list(table.columns) == [field.name for field in fields]


def test_misses_no_value(table: pd.DataFrame) -> None:
    assert table.notna().all(axis=None)


@pytest.mark.parametrize("name", PROPERTIES)
def test_the_three_largest_nuclei_are_not_below_the_mean_of_all(table: pd.DataFrame, name: str) -> None:
    assert (table[f"worst_{name}"] >= table[f"mean_{name}"]).all()


def test_malignant_nuclei_are_larger_on_average(table: pd.DataFrame) -> None:
    """A swap of the two labels would turn this around."""
    means = table.groupby("diagnosis")["mean_radius"].mean()
    assert means["malignant"] > means["benign"] + 4


def test_gives_the_same_table_for_every_seed(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, example.load(seed=7))
