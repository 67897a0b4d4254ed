"""Another task on the same code: the mechanical repository made to predict the torque, by its two contracts alone."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Repository, serving
from test_faults import hurry
from test_generated import ask

TASK = """[task]
kind = "regression"
headline = "r2"
coverage = 0.9

[[acceptance]]
metric = "r2"
at_least = 0.5
proposed = true
reason = "The speed of the spindle nearly determines its torque"
"""


@pytest.fixture(scope="module")
def regression(mechanical: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give a repository that predicts the torque, its pipeline run."""
    clone = hurry(mechanical.clone(tmp_path_factory.mktemp("regression") / "repository"))
    path = clone.path / "data/datapackage.yaml"
    package = yaml.safe_load(path.read_text(encoding="utf-8"))
    roles = {"torque": "target", "machine_state": "excluded"}
    for field in package["resources"][0]["schema"]["fields"]:
        field["role"] = roles.get(field["name"], field["role"])
    path.write_text(yaml.safe_dump(package, sort_keys=False), encoding="utf-8")
    path = clone.path / "capstone.toml"
    project, _, _ = path.read_text(encoding="utf-8").partition("[task]")
    path.write_text(project + TASK, encoding="utf-8")
    path = clone.path / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("plot: confusion", "plot: scatter"), encoding="utf-8")
    clone.run("uv", "sync", "--quiet")
    clone.run("uv", "run", "dvc", "repro")
    return clone


def metrics_of(repository: Repository) -> dict[str, Any]:
    """Give the report of the evaluation."""
    return json.loads((repository.path / "reports/metrics.json").read_text(encoding="utf-8"))


def test_the_pipeline_measures_a_regression(regression: Repository) -> None:
    """The metrics are those of a number, the plot of outcomes is drawn, and a proposal is shown as one."""
    assert {"mae", "rmse", "r2", "interval_width"} <= set(metrics_of(regression))
    assert (regression.path / "reports/figures/outcomes.svg").stat().st_size < 300_000
    assert "| r2 | at least 0.5 (proposed) |" in (regression.path / "README.md").read_text(encoding="utf-8")


def test_the_intervals_hold_the_truth_as_often_as_promised(regression: Repository) -> None:
    """Of 2,000 test rows nine in ten lie in their interval, within the error of two samples of that size."""
    assert metrics_of(regression)["interval_coverage"]["value"] == pytest.approx(0.9, abs=0.03)


def test_the_service_predicts_the_number_with_its_interval(regression: Repository) -> None:
    """The typical row is in the domain, and its torque between the ends of the interval."""
    with serving(regression, "uv", "run", "bentoml", "serve", "--port", "{port}") as address:
        row = {field["name"]: field["typical"] for field in ask(f"{address}/form.json")["fields"]}
        found = ask(f"{address}/predict", row)["predictions"][0]
    low, high = found["interval"]
    assert 0 < low < found["prediction"] < high < 120
    assert found["in_domain"] is True


def test_the_repository_tests_itself(regression: Repository) -> None:
    """The generated tests of pipeline, metrics, documents and trust hold for the new contract too."""
    names = [f"tests/test_{name}.py" for name in ("pipeline", "metrics", "documents", "trust")]
    assert all(Path(regression.path / name).exists() for name in names)
    regression.run("uv", "run", "pytest", "--quiet", *names)
