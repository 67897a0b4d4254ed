"""Whatever the table: adoption ends in one sentence, or the pipeline takes what adoption wrote."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))

from bake import bake
from conftest import Repository
from inside import adopts, as_generated, prepares
from journey import ALL
from strategies import Case, learnable, tables
from training import Trainer, training

EXAMPLES = 400 if ALL else 40
TRAINED = 40 if ALL else 3


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generated repository, nothing installed."""
    return bake(tmp_path_factory.mktemp("baked"), project_slug="any-table")


# `make test` tries the same tables each time; CAPSTONE_ALL=1 tries new ones.
@settings(max_examples=EXAMPLES, deadline=None, derandomize=not ALL, suppress_health_check=list(HealthCheck))
@given(case=tables())
def test_any_table_is_refused_in_a_sentence_or_prepared(baked: Path, case: Case) -> None:
    """Exit status 1 and one line; or else the data stages run, and a second adoption changes nothing."""
    source = case.write(baked.parent / "any.csv")
    options = [f"{name}={value}" for name, value in zip(case.wishes[::2], case.wishes[1::2], strict=True)]
    try:
        done = adopts(baked, source, case.target, *options)
        if done.status:
            assert done.sentence
            return
        assert done.errors == ""
        said = prepares(baked)
        assert said == "" or said.startswith("error: "), said
        assert "nothing changes" in adopts(baked, source, case.target, *options).shown
    finally:
        as_generated(baked)


@pytest.fixture(scope="module")
def trainer(generate: Callable[..., Repository], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """Give a process that trains in a clone of the generated repository."""
    with training(generate("mechanical"), tmp_path_factory.mktemp("any") / "clone") as process:
        yield process


# A minute would go by before a failure is made smaller, so that it is shown as it was found.
@settings(
    max_examples=TRAINED,
    deadline=None,
    derandomize=not ALL,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(case=learnable())
def test_any_table_with_something_to_learn_is_trained_on(trainer: Trainer, baked: Path, case: Case) -> None:
    """Whatever the other columns hold, adoption takes the table and every stage runs."""
    end, said = trainer.ends(case.write(baked.parent / "learnable.csv"), case.target, case.wishes)
    assert end in ("trained", "unmet"), said
