"""Measure the exported model on the test rows: from ONNX alone, against a trivial baseline, with intervals.

Writes the metrics, the slices, the measured engineering constraints, the plots, and the results in the documents.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from project import contract, stage, table
from project.evaluation import behaviour, constraints, documents, figures, groups, metrics, trust
from project.evaluation.behaviour import Test
from project.evaluation.metrics import Floats, Metrics
from project.predictor import Predictions, Predictor
from project.problem import Problem
from project.split import SPLITS

METRICS = Path("reports/metrics.json")
SLICES = Path("reports/slices.json")
CONSTRAINTS = Path("reports/constraints.json")
TRUST = Path("reports/trust.json")
PLOTS = Path("reports/plots")
REQUESTS = 1_000  # test rows that are timed one by one


def baseline(test: Test, training: pd.DataFrame) -> Predictions:
    """Give the best constant: the training rows' class shares, or their median (for squared errors their mean)."""
    target = training[test.problem.data.target.name]
    n = len(test.rows)
    if not test.problem.classify:
        constant = target.median() if test.problem.task.headline == "mae" else target.mean()
        return replace(test.found, values=np.full(n, float(constant)))
    shares = table.labels(target).value_counts(normalize=True).reindex(test.problem.labels).to_numpy()
    probabilities = np.tile(shares, (n, 1))
    return replace(test.found, values=test.predictor.decide(probabilities), probabilities=probabilities)


def uncertainty(test: Test, weights: Floats) -> Metrics:
    """Give how often the sets or intervals hold the truth, and how wide they are on average."""
    found, truth, total = test.found, test.truth, weights.sum(axis=1)
    if found.sets is not None:
        held = (found.sets & np.equal.outer(truth, np.arange(found.sets.shape[1]))).any(axis=1)
        return {"set_coverage": weights @ held / total, "set_size": weights @ found.sets.sum(axis=1) / total}
    assert found.intervals is not None
    low, high = found.intervals.T
    held = (low <= truth) & (truth <= high)
    return {"interval_coverage": weights @ held / total, "interval_width": weights @ (high - low) / total}


def slices(test: Test, weights: Floats, wanted: tuple[contract.Slice, ...]) -> list[dict[str, Any]]:
    """Give the headline metric, with interval and number of rows, within each slice."""
    entries = []
    for chosen in wanted:
        for value, inside in groups.of(test, chosen):
            measured = test.problem.turned(test.headline(test.found, weights, inside))
            entry = {"field": chosen.field, "slice": value, "rows": int(inside.sum())}
            entries.append(entry | metrics.interval(measured))
    return entries


def extremes(parts: list[dict[str, Any]], lower_is_better: bool) -> dict[str, Any]:
    """Give the worst slice's headline metric, and how far the slices lie apart."""
    reached = [part["value"] for part in parts if part["value"] is not None]
    if not reached:
        return {}
    worst = max(reached) if lower_is_better else min(reached)
    return {"worst_slice": {"value": worst}, "slice_gap": {"value": round(max(reached) - min(reached), 6)}}


def calibration(test: Test) -> pd.DataFrame:
    """Give what was predicted against what was observed, in ten equally filled bins of the prediction."""
    predicted, positive = test.response(test.found), test.problem.positive
    observed = test.truth == (1 if positive is None else positive) if test.problem.classify else test.truth
    bins = pd.qcut(pd.Series(predicted).rank(method="first"), min(10, len(predicted)), labels=False)
    return pd.DataFrame({"predicted": predicted, "observed": observed}).groupby(bins).mean().round(6)


def outcomes(test: Test) -> pd.DataFrame:
    """Give the true and the predicted target of every test row."""
    actual = test.rows[test.problem.data.target.name]
    if not test.problem.classify:
        return pd.DataFrame({"actual": test.truth, "predicted": test.found.values})
    said = np.asarray(test.problem.labels)[test.found.values]
    return pd.DataFrame({"actual": table.labels(actual).to_numpy(), "predicted": said})


def evaluate(
    test: Test, training: pd.DataFrame, capstone: contract.Capstone, parameters: contract.Parameters
) -> dict[str, Any]:
    """Give what is to be written: `metrics`, `slices`, `importance`, `calibration`, `outcomes` and `trust`."""
    weights = metrics.resamples(len(test.rows), parameters.evaluate.bootstrap, parameters.seed)
    measured = test.measure(weights) | uncertainty(test, weights)
    lift = test.headline(test.found, weights) - test.headline(baseline(test, training), weights)
    parts = slices(test, weights, capstone.slice)
    values = {name: metrics.interval(value) for name, value in (measured | {"lift_over_baseline": lift}).items()}
    values |= extremes(parts, capstone.task.headline in metrics.LOWER_IS_BETTER)
    violations = {
        "monotone_violations": behaviour.monotone_violations(test),
        "bounded_violations": behaviour.bounded_violations(test),
        "invariant_violations": behaviour.invariant_violations(test, capstone.behaviour),
    }
    importance = behaviour.importance(test, parameters.seed)
    return {
        "metrics": values | {name: {"value": share} for name, share in violations.items()},
        "slices": parts,
        "importance": importance,
        "calibration": calibration(test),
        "outcomes": outcomes(test),
        "trust": trust.measure(test, capstone.slice, list(importance["feature"]), parameters.seed),
    }


def main() -> None:
    """Measure, and write what was found."""
    data, capstone = contract.load()
    parameters = contract.load_parameters()
    training, every = (table.read(SPLITS / f"{part}.csv", data) for part in ("train", "test"))
    predictor = Predictor(features=data.features)
    problem = Problem(data, capstone.task, predictor.labels)
    rows = problem.sample(every, parameters.evaluate.max_rows, parameters.seed)
    results = evaluate(Test(problem, predictor, rows), training, capstone, parameters)
    measured = constraints.measure(problem.requests(rows.head(REQUESTS)))
    write(results, measured)
    figures.draw(results, capstone.task.headline)
    documents.fill(data, capstone, results, measured, parameters.ingest.synthetic)
    shown, lift = results["metrics"][capstone.task.headline], results["metrics"]["lift_over_baseline"]
    of = f" of {len(every):,} (evaluate.max_rows)" if len(rows) < len(every) else ""
    measurable = len(results["importance"]) == len(data.features)
    some = "" if measurable else f"; importance of the {len(results['importance'])} features that move predictions most"
    kind = "synthetic test rows" if parameters.ingest.synthetic else "test rows"
    print(
        f"evaluate: {capstone.task.headline} {documents.shown(shown)} on {len(rows):,}{of} {kind}, "
        f"{documents.shown(lift)} over the baseline; p95 latency {measured['latency_p95_ms']:.2f} ms{some}"
    )


def write(results: dict[str, Any], measured: dict[str, float]) -> None:
    """Write the figures for programs: JSON, and a table for each plot of DVC."""
    stage.write_json(METRICS, results["metrics"])
    stage.write_json(SLICES, results["slices"])
    stage.write_json(CONSTRAINTS, measured)
    stage.write_json(TRUST, results["trust"])
    for name in ("importance", "calibration", "outcomes"):
        with stage.replacing(PLOTS / f"{name}.csv") as temporary:
            results[name].to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    stage.run(main)
