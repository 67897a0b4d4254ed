"""What the model does when its inputs change: directions, limits and invariances kept, and which input matters."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from project.contract import Behaviour
from project.evaluation.metrics import Flags, Floats, Metrics
from project.predictor import Columns, Inputs, Predictions, Predictor, layout
from project.problem import Problem

STEP = 0.1  # monotone fields are moved by this share of the range that training saw
NEGLIGIBLE = 1e-6  # a change of the prediction below this is rounding
SHUFFLES = 5
MEASURED = 50  # features that are shuffled on all rows; with more, those that move the predictions most
SCREENED = 200  # rows on which that is seen


@dataclass(frozen=True)
class Test:
    """The test rows, and the model to be measured on them."""

    problem: Problem
    predictor: Predictor
    rows: pd.DataFrame

    @cached_property
    def truth(self) -> npt.NDArray[Any]:
        """The true classes as indices, or the true values."""
        return self.problem.truth(self.rows)

    @cached_property
    def found(self) -> Predictions:
        """The predictions for the rows as they are."""
        return self.predict({})

    def predict(self, changed: Columns) -> Predictions:
        """Predict for the rows, some of their fields changed."""
        return self.predictor.predict({**self.problem.columns(self.rows), **changed})

    def measure(self, weights: Floats) -> Metrics:
        """Give every metric of the task for each row of `weights`."""
        return self.problem.measure(self.truth, self.found.values, self.found.probabilities, weights)

    def headline(self, found: Predictions, weights: Floats, inside: Any = slice(None)) -> Floats:
        """Give the headline metric of the rows `inside` for each row of `weights`, turned so that more is better."""
        chances = None if found.probabilities is None else found.probabilities[inside]
        return self.problem.headline(self.truth[inside], found.values[inside], chances, weights[:, inside])

    def response(self, found: Predictions) -> Floats:
        """Give the number that monotone directions speak of: the positive class's probability, or the value."""
        if found.probabilities is None:
            return found.values
        return found.probabilities[:, 1 if self.problem.positive is None else self.problem.positive]

    def changed(self, after: Predictions) -> Flags:
        """Give the rows that `after` answers otherwise: another class, or a value beyond the interval given before."""
        if self.found.intervals is None:
            return np.asarray(after.values != self.found.values)
        low, high = self.found.intervals.T
        return (after.values < low) | (after.values > high)


def monotone_violations(test: Test) -> float:
    """Give the share of predictions that move against a declared direction when the field rises by a step."""
    before, violations = test.response(test.found), []
    for field in test.problem.data.features:
        if field.numeric and field.direction and (test.problem.positive is not None or not test.problem.classify):
            seen = test.predictor.metadata["features"][field.name]
            step = STEP * (seen["high"] - seen["low"])
            after = test.response(test.predict({field.name: test.rows[field.name].to_numpy() + step}))
            violations.append((after - before) * field.direction < -NEGLIGIBLE)
    return _share(violations)


def bounded_violations(test: Test) -> float:
    """Give the share of predictions outside the target's limits, or of rows whose probabilities do not sum to 1."""
    if test.found.probabilities is not None:
        return _share([np.abs(test.found.probabilities.sum(axis=1) - 1) > 1e-4])
    target = test.problem.data.target
    rounding = NEGLIGIBLE * np.ptp(test.truth)
    low = -np.inf if target.minimum is None else target.minimum - rounding
    high = np.inf if target.maximum is None else target.maximum + rounding
    return _share([(test.found.values < low) | (test.found.values > high)])


def invariant_violations(test: Test, wanted: Iterable[Behaviour]) -> float:
    """Give the share of predictions that an invariance changes: another class, or a value beyond its interval."""
    violations = []
    for behaviour in wanted:
        changed = {name: test.rows[name].to_numpy() + delta for name, delta in behaviour.shift.items()}
        changed |= {name: test.rows[name].to_numpy() * factor for name, factor in behaviour.scale.items()}
        violations.append(test.changed(test.predict(changed)))
    return _share(violations)


def _share(violations: list[Any]) -> float:
    return float(np.mean(violations)) if violations else 0.0


def importance(test: Test, seed: int) -> pd.DataFrame:
    """Give for each feature how much the headline metric drops when its values are shuffled among the rows.

    With more than `MEASURED` features, give those alone whose shuffling moves the predictions for a few rows most.
    """
    rng = np.random.default_rng(seed)
    inputs, once = test.problem.inputs(test.rows), np.ones((1, len(test.rows)))
    before = test.headline(test.found, once)[0]

    def drop(shuffled: Inputs) -> float:
        after = test.predictor.predictions(shuffled, test.predictor.score(shuffled))
        return float(before - test.headline(after, once)[0])

    names = _screened(test, inputs, rng)
    drops = [np.mean([_shuffled(test, inputs, name, rng, drop) for _ in range(SHUFFLES)]) for name in names]
    table = pd.DataFrame({"feature": names, "drop": np.round(np.array(drops, dtype=float), 6)})
    return table.sort_values("drop", ascending=False, kind="stable")


def _screened(test: Test, inputs: Inputs, rng: np.random.Generator) -> list[str]:
    """Give the features to be measured, in their order."""
    names = [field.name for field in test.problem.data.features]
    if len(names) <= MEASURED:
        return names
    some = {kind: values[:SCREENED].copy() for kind, values in inputs.items()}
    before = test.predictor.score(some)
    moved = [
        _shuffled(test, some, name, rng, lambda after: float(np.abs(test.predictor.score(after) - before).mean()))
        for name in names
    ]
    kept = np.argsort(-np.array(moved), kind="stable")[:MEASURED]
    return [names[place] for place in sorted(kept)]


def _shuffled(
    test: Test, inputs: Inputs, name: str, rng: np.random.Generator, measure: Callable[[Inputs], float]
) -> float:
    """Give what `measure` gives for the inputs, those of one field shuffled; they are put back after it."""
    columns = layout(test.problem.data.features)
    kind = next(kind for kind in columns if any(field == name for field, _ in columns[kind]))
    places = [place for place, (field, _) in enumerate(columns[kind]) if field == name]
    values = inputs[kind][:, places]
    inputs[kind][:, places] = values[rng.permutation(len(values))]
    measured = measure(inputs)
    inputs[kind][:, places] = values
    return measured
