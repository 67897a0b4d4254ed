"""Whatever the table: adoption ends in one sentence, or the pipeline takes what adoption wrote."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))

from bake import bake
from inside import adopts, as_generated, prepares
from journey import ALL
from strategies import Case, tables

EXAMPLES = 300 if ALL else 40


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generated repository, nothing installed."""
    return bake(tmp_path_factory.mktemp("baked"), project_slug="any-table")


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
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
