"""Measure the exported model on the test rows: from ONNX alone, against a trivial baseline, with intervals.

Writes the metrics, the slices, the measured engineering constraints, the plots, and the results in the documents.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from project import constraints, contract, documents, figures, metrics, stage, table
from project.contract import Behaviour, Column
from project.metrics import Floats, Metrics
from project.predictor import Predictions, Predictor
from project.split import SPLITS

METRICS = Path("reports/metrics.json")
SLICES = Path("reports/slices.json")
CONSTRAINTS = Path("reports/constraints.json")
PLOTS = Path("reports/plots")
STEP = 0.1  # monotone fields are moved by this share of the range that training saw
NEGLIGIBLE = 1e-6  # a change of the prediction below this is rounding
SHUFFLES = 5


@dataclass(frozen=True)
class Test:
    """The test rows, and the model to be measured on them."""

    predictor: Predictor
    data: contract.DataContract
    task: contract.Task
    rows: pd.DataFrame

    @property
    def truth(self) -> npt.NDArray[Any]:
        """The true classes as indices, or the true values."""
        values = self.rows[self.data.target.name]
        if not self.predictor.labels:
            return values.to_numpy(dtype=np.float64)
        return pd.Index(self.predictor.labels).get_indexer(table.labels(values))

    def predict(self, **changed: npt.NDArray[Any]) -> Predictions:
        """Predict for the rows, some of their fields changed."""
        return self.predictor.predict({name: self.rows[name].to_numpy() for name in self.rows} | changed)

    def measure(self, found: Predictions, weights: Floats) -> Metrics:
        """Give every metric of the task for each row of `weights`."""
        if found.probabilities is None:
            return metrics.regression(self.truth, found.values, weights)
        positive = self.predictor.metadata["positive"]
        return metrics.classification(self.truth, found.probabilities, found.values, positive, weights)

    def headline(self, found: Predictions, weights: Floats) -> Floats:
        """Give the headline metric for each row of `weights`, turned so that more is better."""
        measured = self.measure(found, weights)[self.task.headline]
        return -measured if self.task.headline in metrics.LOWER_IS_BETTER else measured

    def response(self, found: Predictions) -> Floats:
        """Give the number that monotone directions speak of: the positive class's probability, or the value."""
        if found.probabilities is None:
            return found.values
        positive = self.predictor.metadata["positive"]
        return found.probabilities[:, 1 if positive is None else positive]


def baseline(test: Test, training: pd.DataFrame) -> Predictions:
    """Give the trivial prediction: the training rows' class shares, or their median, for every row."""
    target = training[test.data.target.name]
    n = len(test.rows)
    if not test.predictor.labels:
        return replace(test.predict(), values=np.full(n, float(target.median())))
    shares = table.labels(target).value_counts(normalize=True).reindex(test.predictor.labels).to_numpy()
    probabilities = np.tile(shares, (n, 1))
    return replace(test.predict(), values=test.predictor.decide(probabilities), probabilities=probabilities)


def uncertainty(test: Test, found: Predictions, weights: Floats) -> Metrics:
    """Give how often the sets or intervals hold the truth, and how wide they are on average."""
    total = weights.sum(axis=1)
    if found.sets is not None:
        held = found.sets[np.arange(len(test.rows)), test.truth]
        return {"set_coverage": weights @ held / total, "set_size": weights @ found.sets.sum(axis=1) / total}
    assert found.intervals is not None
    low, high = found.intervals.T
    held = (low <= test.truth) & (test.truth <= high)
    return {"interval_coverage": weights @ held / total, "interval_width": weights @ (high - low) / total}


def slices(test: Test, weights: Floats, wanted: tuple[contract.Slice, ...]) -> list[dict[str, Any]]:
    """Give the headline metric, with interval and number of rows, within each slice."""
    entries = []
    for chosen in wanted:
        values = test.rows[chosen.field]
        if chosen.edges:
            values = pd.cut(values, [-np.inf, *chosen.edges, np.inf], right=False).astype(str)
        for value in sorted(values.unique(), key=str):
            inside = (values == value).to_numpy()
            part = replace(test, rows=test.rows[inside])
            measured = part.headline(part.predict(), weights[:, inside])
            if test.task.headline in metrics.LOWER_IS_BETTER:
                measured = -measured
            entry = {"field": chosen.field, "slice": str(value), "rows": int(inside.sum())}
            entries.append(entry | metrics.interval(measured))
    return entries


def monotone_violations(test: Test, found: Predictions) -> float:
    """Give the share of predictions that move against a declared direction when the field rises by a step."""
    before, violations = test.response(found), []
    for field in test.data.features:
        if field.direction and (test.predictor.metadata["positive"] is not None or not test.predictor.labels):
            seen = test.predictor.metadata["features"][field.name]
            step = STEP * (seen["high"] - seen["low"])
            after = test.response(test.predict(**{field.name: test.rows[field.name].to_numpy() + step}))
            violations.append((after - before) * field.direction < -NEGLIGIBLE)
    return float(np.mean(violations)) if violations else 0.0


def bounded_violations(test: Test, found: Predictions) -> float:
    """Give the share of predictions outside the target's limits, or of rows whose probabilities do not sum to 1."""
    if found.probabilities is not None:
        return float(np.mean(np.abs(found.probabilities.sum(axis=1) - 1) > 1e-4))
    target: Column = test.data.target
    low = -np.inf if target.minimum is None else target.minimum
    high = np.inf if target.maximum is None else target.maximum
    return float(np.mean((found.values < low) | (found.values > high)))


def invariant_violations(test: Test, found: Predictions, wanted: tuple[Behaviour, ...]) -> float:
    """Give the share of predictions that an invariance changes: another class, or a value beyond its interval."""
    violations = []
    for behaviour in wanted:
        changed = {name: test.rows[name].to_numpy() + delta for name, delta in behaviour.shift.items()}
        changed |= {name: test.rows[name].to_numpy() * factor for name, factor in behaviour.scale.items()}
        after = test.predict(**changed)
        if found.intervals is None:
            violations.append(after.values != found.values)
        else:
            violations.append((after.values < found.intervals[:, 0]) | (after.values > found.intervals[:, 1]))
    return float(np.mean(violations)) if violations else 0.0


def importance(test: Test, found: Predictions, seed: int) -> pd.DataFrame:
    """Give for each feature how much the headline metric drops when its values are shuffled among the rows."""
    rng = np.random.default_rng(seed)
    once = np.ones((1, len(test.rows)))
    before = test.headline(found, once)[0]

    def drop(name: str) -> float:
        values = test.rows[name].to_numpy()
        after = [test.headline(test.predict(**{name: rng.permutation(values)}), once)[0] for _ in range(SHUFFLES)]
        return round(float(before - np.mean(after)), 6)

    drops = [{"feature": field.name, "drop": drop(field.name)} for field in test.data.features]
    return pd.DataFrame(drops).sort_values("drop", ascending=False, kind="stable")


def calibration(test: Test, found: Predictions) -> pd.DataFrame:
    """Give what was predicted against what was observed, in ten equally filled bins of the prediction."""
    predicted = test.response(found)
    positive = test.predictor.metadata["positive"]
    observed = test.truth if not test.predictor.labels else test.truth == (1 if positive is None else positive)
    bins = pd.qcut(pd.Series(predicted).rank(method="first"), min(10, len(predicted)), labels=False)
    return pd.DataFrame({"predicted": predicted, "observed": observed}).groupby(bins).mean().round(6)


def outcomes(test: Test, found: Predictions) -> pd.DataFrame:
    """Give the true and the predicted target of every test row."""
    names: Callable[[Any], Any] = np.asarray(test.predictor.labels).__getitem__ if test.predictor.labels else np.asarray
    return pd.DataFrame({"actual": names(test.truth), "predicted": names(found.values)})


def evaluate(
    test: Test, training: pd.DataFrame, capstone: contract.Capstone, parameters: contract.Parameters
) -> dict[str, Any]:
    """Give what is to be written: `metrics`, `slices`, `importance`, `calibration` and `outcomes`."""
    weights = metrics.resamples(len(test.rows), parameters.evaluate.bootstrap, parameters.seed)
    found = test.predict()
    measured = test.measure(found, weights) | uncertainty(test, found, weights)
    measured["lift_over_baseline"] = test.headline(found, weights) - test.headline(baseline(test, training), weights)
    values: dict[str, Any] = {name: metrics.interval(value) for name, value in measured.items()}
    parts = slices(test, weights, capstone.slice)
    reached = [part["value"] for part in parts if part["value"] is not None]
    if reached:
        worst = max(reached) if test.task.headline in metrics.LOWER_IS_BETTER else min(reached)
        values["worst_slice"] = {"value": worst}
        values["slice_gap"] = {"value": round(max(reached) - min(reached), 6)}
    values["monotone_violations"] = {"value": monotone_violations(test, found)}
    values["bounded_violations"] = {"value": bounded_violations(test, found)}
    values["invariant_violations"] = {"value": invariant_violations(test, found, capstone.behaviour)}
    return {
        "metrics": values,
        "slices": parts,
        "importance": importance(test, found, parameters.seed),
        "calibration": calibration(test, found),
        "outcomes": outcomes(test, found),
    }


def main() -> None:
    """Measure, and write what was found."""
    data, capstone = contract.load()
    parameters = contract.load_parameters()
    training, rows = (table.read(SPLITS / f"{part}.csv", data) for part in ("train", "test"))
    test = Test(Predictor(features=data.features), data, capstone.task, rows)
    results = evaluate(test, training, capstone, parameters)
    measured = constraints.measure(rows, data)
    stage.write_json(METRICS, results["metrics"])
    stage.write_json(SLICES, results["slices"])
    stage.write_json(CONSTRAINTS, measured)
    for name in ("importance", "calibration", "outcomes"):
        with stage.replacing(PLOTS / f"{name}.csv") as temporary:
            results[name].to_csv(temporary, index=False, lineterminator="\n")
    figures.draw(results, capstone.task.headline)
    documents.fill(capstone, results["metrics"], results["slices"], measured)
    shown, lift = results["metrics"][capstone.task.headline], results["metrics"]["lift_over_baseline"]["value"]
    print(
        f"evaluate: {capstone.task.headline} {shown['value']:.3f} (95 %: {shown['low']:.3f} to {shown['high']:.3f})"
        f" on {len(rows):,} test rows, {lift:+.3f} over the baseline; p95 latency {measured['latency_p95_ms']:.2f} ms"
    )


if __name__ == "__main__":
    stage.run(main)
