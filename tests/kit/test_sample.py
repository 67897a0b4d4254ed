"""The synthetic table keeps the contract and shows nobody's row."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from frictionless import Resource

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))

from bake import bake
from conftest import IDENTITY
from inside import Outcome, adopts, as_generated, capstone, prepares

ROWS = 900
NAMES = ["Ada Lovelace", "Alan Turing", "Grace Hopper", "Emmy Noether", "Katherine Johnson"]


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generated repository, nothing installed."""
    return bake(tmp_path_factory.mktemp("baked"), project_slug="sampled")


@pytest.fixture
def repository(baked: Path) -> Iterator[Path]:
    """Give that repository as it was generated."""
    yield baked
    as_generated(baked)


def plant() -> pd.DataFrame:
    """Give a table with every type and role, gaps, rare categories and people in it."""
    rng = np.random.default_rng(3)
    days = pd.Series(rng.choice(pd.date_range("2021-03-01", periods=400), ROWS))
    towns = np.where(rng.random(ROWS) < 0.7, "Delft", "Leiden").astype(object)
    towns[:3] = ["Urk", "Urk", "Zierikzee"]  # rarer than five
    return pd.DataFrame(
        {
            "serial": [f"SN-{n:05d}" for n in rng.permutation(ROWS)],
            "full_name": [NAMES[n % 5] for n in range(ROWS)],
            "machine": rng.integers(7001, 7013, ROWS),
            "start": days.dt.strftime("%d/%m/%Y"),
            "seen": (days + pd.Timedelta("09:30:00")).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "load": np.where(rng.random(ROWS) < 0.25, "", rng.gamma(2, 30, ROWS).round(2).astype(str)),
            "tiny": [f"{v:.3e}" for v in rng.lognormal(-12, 1, ROWS)],
            "cycles": rng.poisson(40, ROWS),
            "town": towns,
            "cooled": rng.choice(["yes", "no"], ROWS, p=[0.8, 0.2]),
            "dropped": [f"secret {n % 40}" for n in range(ROWS)],
            "result": rng.choice(["good", "worn", "broken"], ROWS, p=[0.7, 0.25, 0.05]),
        }
    )


WISHES = ("--time", "start", "--group", "machine", "--drop", "dropped")


@pytest.fixture(scope="module")
def drawn(baked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pd.DataFrame]:
    """Give the sample that is drawn for that table, while its contract is in place."""
    table(plant(), path := tmp_path_factory.mktemp("plant") / "plant.csv")
    assert adopts(baked, path, "result", *WISHES).errors == ""
    done = capstone(baked, "sample", "--rows=2000")
    assert done.errors == ""
    yield sample_of(baked)
    as_generated(baked)


def table(content: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV."""
    content.to_csv(path, index=False)


def sample_of(repository: Path) -> pd.DataFrame:
    """Give the sample, every cell a text."""
    return pd.read_csv(repository / "data/sample.csv", dtype=str, na_filter=False)


def schema_of(repository: Path) -> dict[str, Any]:
    """Give the table's schema."""
    return yaml.safe_load((repository / "data/datapackage.yaml").read_text(encoding="utf-8"))["resources"][0]["schema"]


def errors_of(repository: Path) -> list[list[Any]]:
    """Give what frictionless finds wrong with the sample."""
    found = sample_of(repository)
    cells = [list(found), *found.to_numpy().tolist()]
    report = Resource.from_descriptor({"name": "rows", "data": cells, "schema": schema_of(repository)}).validate()
    return report.flatten(["rowNumber", "fieldName", "note"])


def test_every_row_keeps_the_contract(baked: Path, drawn: pd.DataFrame) -> None:
    """Frictionless accepts all of them."""
    assert len(drawn) == 2000
    assert errors_of(baked) == []


def test_the_columns_are_those_of_the_table(drawn: pd.DataFrame) -> None:
    """In the same order."""
    assert list(drawn) == list(plant())


@pytest.mark.parametrize("column", ["serial", "full_name", "dropped"])
def test_columns_that_name_somebody_hold_nothing_of_the_original(drawn: pd.DataFrame, column: str) -> None:
    """An identifier, people's names, what was dropped."""
    assert not set(drawn[column]) & set(plant()[column])


def test_rare_categories_are_not_shown(drawn: pd.DataFrame) -> None:
    """Fewer than five rows could be somebody; the others stand in their shares."""
    assert set(drawn["town"]) == {"Delft", "Leiden"}
    assert (drawn["town"] == "Delft").mean() == pytest.approx((plant()["town"] == "Delft").mean(), abs=0.05)


def test_no_class_is_missing(drawn: pd.DataFrame) -> None:
    """The target has its classes in their shares."""
    real = plant()["result"].value_counts(normalize=True)
    assert drawn["result"].value_counts(normalize=True).to_dict() == pytest.approx(real.to_dict(), abs=0.04)


@pytest.mark.parametrize("column", ["load", "tiny", "cycles"])
def test_numbers_are_spread_as_the_real_ones(drawn: pd.DataFrame, column: str) -> None:
    """Each decile lies within a twentieth of the spread of the middle half."""
    shares = np.arange(0.1, 0.95, 0.1)
    real = pd.to_numeric(plant()[column]).quantile(shares)
    found = pd.to_numeric(drawn[column]).quantile(shares)
    assert np.abs(found - real).max() < 0.15 * (real.iloc[-2] - real.iloc[1])


def test_as_many_values_are_missing(drawn: pd.DataFrame) -> None:
    """Within four points; none where the contract asks for a value."""
    assert (drawn["load"] == "").mean() == pytest.approx((plant()["load"] == "").mean(), abs=0.04)
    assert not (drawn[["cycles", "town", "result", "start"]] == "").any(axis=None)


def test_decimals_are_those_of_the_real_numbers(drawn: pd.DataFrame) -> None:
    """A scale with two decimals does not show nine."""
    assert drawn["load"].str.partition(".")[2].str.len().max() == 2


def test_dates_keep_their_format_and_years(drawn: pd.DataFrame) -> None:
    """Day first, within the time of the real rows."""
    days = pd.to_datetime(drawn["start"], format="%d/%m/%Y")
    real = pd.to_datetime(plant()["start"], format="%d/%m/%Y")
    assert real.min() <= days.min() <= days.max() <= real.max()


def test_the_pipeline_takes_the_sample(baked: Path, drawn: pd.DataFrame) -> None:
    """The data stages run on it, and reject no row."""
    assert len(drawn)
    parameters = baked / "params.yaml"
    before = parameters.read_text(encoding="utf-8")
    parameters.write_text(before.replace("data/source/plant.csv", "data/sample.csv"), encoding="utf-8")
    try:
        assert prepares(baked) == ""
    finally:
        parameters.write_text(before, encoding="utf-8")
    assert len(pd.read_csv(baked / "data/accepted.csv")) == 2000


def test_another_seed_gives_other_rows(baked: Path, drawn: pd.DataFrame) -> None:
    """The same seed gives the same."""
    for seed, same in ((1, False), (0, True)):
        capstone(baked, "sample", "--rows=2000", f"--seed={seed}")
        assert sample_of(baked).equals(drawn) == same


@pytest.mark.parametrize("domain", ["mechanical", "biomedical"])
def test_the_examples_are_sampled_too(tmp_path: Path, domain: str) -> None:
    """Their contracts were written by hand: required fields that the model must not see, unique numbers, classes."""
    repository = bake(tmp_path, domain=domain)
    done = with_example(repository, "sample", "--rows=300")
    assert done.errors == ""
    assert errors_of(repository) == []


def with_example(repository: Path, *words: str) -> Outcome:
    """Run `capstone` in `repository` with its own example, which the template's `project` does not have."""
    import project

    project.__path__.insert(0, str(repository / "src/project"))
    try:
        return capstone(repository, *words)
    finally:
        project.__path__.pop(0)
        sys.modules.pop("project.example", None)
        vars(project).pop("example", None)


def test_a_copied_row_is_drawn_again(repository: Path, tmp_path: Path) -> None:
    """Of a table with few combinations only those remain that do not occur, however their numbers are written."""
    rows = [(a, b) for a in range(12) for b in range(12) if (a, b) not in {(3, 4), (5, 6), (7, 8)}]
    real = pd.DataFrame(rows * 3, columns=["a", "y"])
    real["a"] = [f"{a}.0" if n % 2 else f"{a}.00" for n, a in enumerate(real["a"])]
    real.to_csv(tmp_path / "grid.csv", index=False)
    adopts(repository, tmp_path / "grid.csv", "y", "--kind=regression")
    assert capstone(repository, "sample", "--rows=400").errors == ""
    assert {(float(a), int(y)) for a, y in sample_of(repository).to_numpy()} == {(3, 4), (5, 6), (7, 8)}


def test_all_combinations_real_is_refused(repository: Path, tmp_path: Path) -> None:
    """Where no row would be new there is no sample."""
    pairs = [(a, b) for a in ("red", "blue") for b in ("yes", "no")] * 20
    pd.DataFrame([*pairs, ("red", "yes")], columns=["colour", "result"]).to_csv(tmp_path / "t.csv", index=False)
    adopts(repository, tmp_path / "t.csv", "result")
    assert "every combination of values occurs" in capstone(repository, "sample").sentence
    assert not (repository / "data/sample.csv").exists()


def test_a_contract_of_another_table_is_said(repository: Path, tmp_path: Path) -> None:
    """A column that the source no longer has is named."""
    table(plant(), tmp_path / "plant.csv")
    adopts(repository, tmp_path / "plant.csv", "result", *WISHES)
    table(plant().drop(columns="cycles"), repository / "data/source/plant.csv")
    assert "no column 'cycles'" in capstone(repository, "sample").sentence


@pytest.fixture
def bereft(repository: Path, tmp_path: Path) -> Path:
    """Give a clone of a repository with a sample, in which the source, unknown to git, is missing."""
    table(plant(), tmp_path / "plant.csv")
    adopts(repository, tmp_path / "plant.csv", "result", *WISHES)
    assert capstone(repository, "sample", "--rows=300").errors == ""
    (repository / "data/source/.gitignore").write_text("/plant.csv\n", encoding="utf-8")
    team = shutil.copytree(repository, tmp_path / "team")
    for words in (("add", "--all"), ("commit", "--quiet", "--message", "Adopt")):
        subprocess.run(["git", *words], cwd=team, env=os.environ | IDENTITY, check=True)
    subprocess.run(["git", "clone", "--quiet", str(team), str(tmp_path / "clone")], check=True)
    return tmp_path / "clone"


def test_the_sample_stands_in_where_the_data_are_missing(bereft: Path) -> None:
    """params.yaml names it, the data stages run, and a second call changes nothing."""
    done = capstone(bereft, "sample", "--stand-in")
    assert (done.status, done.errors) == (0, "")
    assert "source: data/sample.csv" in (bereft / "params.yaml").read_text(encoding="utf-8")
    assert prepares(bereft) == ""
    before = (bereft / "params.yaml").read_bytes()
    assert "the data are here" in capstone(bereft, "sample", "--stand-in").shown
    assert (bereft / "params.yaml").read_bytes() == before


def test_without_a_sample_the_stand_in_says_what_is_missing(bereft: Path) -> None:
    """One sentence, and params.yaml as it was."""
    (bereft / "data/sample.csv").unlink()
    before = (bereft / "params.yaml").read_bytes()
    assert "make one where the data are" in capstone(bereft, "sample", "--stand-in").sentence
    assert (bereft / "params.yaml").read_bytes() == before


def test_the_real_data_are_preferred(repository: Path, tmp_path: Path) -> None:
    """Where the source is, nothing stands in."""
    table(plant(), tmp_path / "plant.csv")
    adopts(repository, tmp_path / "plant.csv", "result")
    before = (repository / "params.yaml").read_bytes()
    assert "the data are here" in capstone(repository, "sample", "--stand-in").shown
    assert (repository / "params.yaml").read_bytes() == before
