"""Nasty tables: each is taken and described as it is, or refused in one sentence that says why."""

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))

from bake import bake
from conftest import Repository
from inside import adopts, as_generated
from journey import ALL, LEFT_OUT
from nasties import NASTIES, Nasty
from training import Trainer, training

QUICK = {"signs of a missing value", "odd names", "three whole numbers", "a class of one row", "twenty rows"}
QUICK |= {"days in three ways, some either way round", "a reading that begins after the training rows"}
QUICK |= {"a word that means nothing in one column and something in others"}


def cases(refused: bool) -> list[Any]:
    """Give the cases as parameters; those that are known to be wrong today have to fail."""
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.xfail(strict=True, reason=case.broken)] * bool(case.broken))
        for case in NASTIES
        if bool(case.says) == refused
    ]


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generated repository, nothing installed."""
    return bake(tmp_path_factory.mktemp("baked"), project_slug="nasty")


@pytest.fixture
def repository(baked: Path) -> Iterator[Path]:
    """Give that repository as it was generated."""
    yield baked
    as_generated(baked)


def contract_of(repository: Path) -> dict[str, dict[str, Any]]:
    """Give the fields of the data contract by name."""
    package = yaml.safe_load((repository / "data/datapackage.yaml").read_text(encoding="utf-8"))
    return {field["name"]: field for field in package["resources"][0]["schema"]["fields"]}


@pytest.mark.parametrize("case", cases(refused=False))
def test_an_odd_table_is_taken_as_it_is(repository: Path, case: Nasty, tmp_path: Path) -> None:
    """The contract describes the columns as a person would."""
    done = adopts(repository, case.write(tmp_path), case.target, *case.wishes)
    assert (done.status, done.errors) == (0, "")
    task = tomllib.loads((repository / "capstone.toml").read_text(encoding="utf-8"))["task"]
    assert task["kind"] == case.kind
    fields = contract_of(repository)
    assert fields[case.target]["role"] == "target"
    found = {name: {key: fields[name].get(key) for key in wanted} for name, wanted in case.fields.items()}
    assert found == case.fields


@pytest.mark.parametrize("case", cases(refused=True))
def test_a_hopeless_table_is_refused_in_a_sentence(repository: Path, case: Nasty, tmp_path: Path) -> None:
    """Exit status 1, one line that names what is wrong, and nothing is changed."""
    done = adopts(repository, case.write(tmp_path), case.target, *case.wishes)
    assert case.says in done.sentence
    shown = subprocess.run(["git", "status", "--porcelain"], cwd=repository, capture_output=True, text=True, check=True)
    assert shown.stdout == ""


@pytest.fixture(scope="module")
def trainer(generate: Callable[..., Repository], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """Give a process that trains in a clone of the generated repository."""
    with training(generate("mechanical"), tmp_path_factory.mktemp("nasties") / "clone") as process:
        yield process


def pipelines() -> list[Any]:
    """Give the cases on which the pipeline is tried: a few, or all."""
    left_out = pytest.mark.skipif(not ALL, reason=LEFT_OUT)
    return [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.xfail(strict=True, reason=case.stops)] * bool(case.stops)
            + [left_out] * (case.name not in QUICK),
        )
        for case in NASTIES
        if case.trains
    ]


@pytest.mark.parametrize("case", pipelines())
def test_the_pipeline_runs_on_an_odd_table(trainer: Trainer, case: Nasty, tmp_path: Path) -> None:
    """Every stage runs; the model need not keep a proposed criterion, for some of the tables hold nothing to learn."""
    end, said = trainer.ends(case.write(tmp_path), case.target, case.wishes)
    assert end in ("trained", "unmet"), said
