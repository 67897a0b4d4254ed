"""The trade-off study: what is on the front, which experiments are run; with CAPSTONE_ALL=1, a real study."""

import csv
import json
from pathlib import Path

import pytest
from conftest import Repository
from journey import ALL, LEFT_OUT

from capstone_kit import tradeoff
from capstone_kit.project import KitError, Project
from capstone_kit.tradeoff import COSTS, Point

TRIALS = [
    {"estimator": "forest", "settings": {"max_depth": 6, "kind": "deep"}, "score": 0.8},
    {"estimator": "linear", "settings": {"alpha": 0.1}, "score": 0.7},
]


def point(value: float, latency: float, size: float = 1.0, seconds: float = 1.0, sign: int = 1) -> Point:
    """Give a point with these figures."""
    costs = dict(zip(COSTS, (latency, size, seconds), strict=True))
    return Point(f"{value} at {latency}", value, value - 0.1, value + 0.1, costs, sign)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a folder that holds the report of a search."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/training.json").write_text(json.dumps({"trials": TRIALS}), encoding="utf-8")
    return Project(tmp_path)


def test_the_front_holds_what_nothing_else_beats() -> None:
    """Better or cheaper stays; as good and dearer goes; equals stay together."""
    best, cheap, dear, equal = point(0.9, 3), point(0.7, 1), point(0.7, 2), point(0.9, 3)
    assert tradeoff.front([best, cheap, dear, equal]) == [best, cheap, equal]


def test_an_error_is_better_when_it_is_lower() -> None:
    """Of two errors at the same cost the lower one is on the front."""
    low, high = point(1.0, 1, sign=-1), point(2.0, 1, sign=-1)
    assert tradeoff.front([low, high]) == [low]


def test_a_dearer_model_stays_if_it_is_cheaper_elsewhere() -> None:
    """All costs count for the front; one alone decides in its own panel."""
    quick, small = point(0.8, 1, size=9), point(0.8, 2, size=1)
    assert tradeoff.front([quick, small]) == [quick, small]
    assert tradeoff.front([quick, small], ["latency_p95_ms"]) == [quick]


def test_each_trial_of_the_search_becomes_an_experiment(project: Project) -> None:
    """With every combination of what was set beside it, in the words that DVC takes."""
    found = tradeoff.experiments(project, ["train.max_rows=500,2000"])
    assert len(found) == 4
    forest = ("train.candidates=[forest]", "+train.only.max_depth=6", '+train.only.kind="deep"')
    assert found[0] == (*forest, "train.max_rows=500")


@pytest.mark.parametrize("text", ["train.max_rows", "=1,2", "train.max_rows="])
def test_what_is_no_parameter_is_refused(project: Project, text: str) -> None:
    """The sentence shows what was found and what is expected."""
    with pytest.raises(KitError, match=r"--set: found .*, expected a parameter and its values"):
        tradeoff.experiments(project, [text])


def test_without_a_search_there_is_nothing_to_weigh(tmp_path: Path) -> None:
    """A report that names no trials leads to the command that makes one."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/training.json").write_text("[]", encoding="utf-8")
    with pytest.raises(KitError, match="names no trials: run `uv run dvc repro` first"):
        tradeoff.experiments(Project(tmp_path), [])


def test_table_and_page_name_every_experiment() -> None:
    """The best comes first, and what is on the front says so."""
    points = [point(0.9, 3), point(0.7, 4)]
    rows = list(csv.DictReader(tradeoff.table("recall", points).splitlines()))
    assert [(row["recall"], row["on_front"]) for row in rows] == [("0.9", "True"), ("0.7", "False")]
    shown = [line for line in tradeoff.page("recall", points).splitlines() if line.startswith(("| 1", "| 2"))]
    assert shown == [
        "| 1 | 0.9 at 3 | 0.900 (0.800 to 1.000) | 3 | 1 | 1 | yes |",
        "| 2 | 0.7 at 4 | 0.700 (0.600 to 0.800) | 4 | 1 | 1 |  |",
    ]


@pytest.mark.skipif(not ALL, reason=LEFT_OUT)
def test_a_study_is_drawn_tracked_and_not_run_twice(mechanical: Repository, tmp_path: Path) -> None:
    """Two settings: table and picture are there, the workspace's model is as it was, a second call runs nothing."""
    clone = mechanical.clone(tmp_path / "clone")
    clone.run("uv", "sync", "--quiet")
    parameters = clone.path / "params.yaml"
    text = parameters.read_text(encoding="utf-8")
    parameters.write_text(text.replace("trials: 4", "trials: 1").replace("all #", "[forest, boosting] #"))
    clone.run("uv", "run", "dvc", "repro", "evaluate")
    model = (clone.path / "models/model.onnx").read_bytes()
    first = clone.run("uv", "run", "capstone", "tradeoff").stdout
    assert "2 of 2 experiments have ended" in first
    assert (clone.path / tradeoff.SVG).read_text(encoding="utf-8").count("<svg") == 1
    assert len((clone.path / tradeoff.CSV).read_text(encoding="utf-8").splitlines()) == 3
    assert (clone.path / "models/model.onnx").read_bytes() == model
    assert "1 of" not in clone.run("uv", "run", "capstone", "tradeoff").stdout
