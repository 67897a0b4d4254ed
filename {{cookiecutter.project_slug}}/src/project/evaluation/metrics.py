"""Metrics with bootstrap intervals, in NumPy, for all resamples at once.

A resample is a row of weights: how often each of the n test rows was drawn. Every function takes weights of shape
(resamples, n) and gives one value for each resample; the tests hold each against scikit-learn.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from project.contract import OF_DECISIONS, OF_ERRORS, OF_RANKINGS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Metrics = dict[str, Floats]

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "mae", "rmse"})
CHUNK = 2_000_000  # weights that a ranking metric sorts at a time: 16 MB


@dataclass(frozen=True)
class Answers:
    """What is true of n rows, and what was said about them."""

    truth: npt.NDArray[np.int64]  # (n,) index of the class; -1: a class that the training rows did not hold
    probabilities: Floats  # (n, classes)
    predicted: npt.NDArray[np.int64]  # (n,) index of the class
    positive: int | None  # the class that the metrics are of; None: their mean over the classes
    precision_floor: float = 0.5  # the precision that recall_at_precision keeps

    @property
    def classes(self) -> list[int]:
        """The classes that the metrics are of."""
        return list(range(self.probabilities.shape[1])) if self.positive is None else [self.positive]


def resamples(n: int, count: int, seed: int) -> Floats:
    """Give the weights of the sample itself, and below it those of `count` bootstrap resamples."""
    rng, shares = np.random.default_rng(seed), np.full(n, 1 / n)
    weights = np.ones((count + 1, n))
    for row in weights[1:]:
        row[:] = rng.multinomial(n, shares)
    return weights


def interval(values: Floats) -> dict[str, float | None]:
    """Give the value of the sample and its 95 % percentile interval; None where a metric is undefined."""
    if np.isnan(values[0]):
        return {"value": None, "low": None, "high": None}
    low, high = np.nanquantile(values[1:], [0.025, 0.975]) if len(values) > 1 else (values[0], values[0])
    return {name: round(float(v), 6) for name, v in (("value", values[0]), ("low", low), ("high", high))}


def classification(answers: Answers, weights: Floats, only: str | None = None) -> Metrics:
    """Give every classification metric, or as few as hold the one called `only`."""
    kinds = {decisions: OF_DECISIONS, rankings: OF_RANKINGS, errors: OF_ERRORS}
    wanted = [measure for measure, names in kinds.items() if only is None or only in names]
    return {name: values for measure in wanted for name, values in measure(answers, weights).items()}


def decisions(answers: Answers, weights: Floats) -> Metrics:
    """Give the metrics of the predicted classes."""
    every = np.arange(answers.probabilities.shape[1])
    true, said = np.equal.outer(every, answers.truth), np.equal.outer(every, answers.predicted)
    hits, actual, announced = (group.astype(float) @ weights.T for group in (true & said, true, said))
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = hits / actual
        precision = np.where(announced > 0, hits / announced, np.where(actual > 0, 0.0, np.nan))
        f1 = 2 * hits / (actual + announced)
    means = {"balanced_accuracy": _mean(recall)}
    means |= {
        name: _mean(values[answers.classes])
        for name, values in (("precision", precision), ("recall", recall), ("f1", f1))
    }
    return {"accuracy": hits.sum(axis=0) / weights.sum(axis=1), **means}


def errors(answers: Answers, weights: Floats) -> Metrics:
    """Give the metrics of the probabilities themselves."""
    truth, probabilities, total = answers.truth, answers.probabilities, weights.sum(axis=1)
    true = np.equal.outer(truth, np.arange(probabilities.shape[1]))
    chosen = (probabilities * true).sum(axis=1).clip(1e-15, 1)
    squares = ((probabilities - true) ** 2).sum(axis=1) / (2 if true.shape[1] == 2 else 1)
    return {"log_loss": weights @ -np.log(chosen) / total, "brier": weights @ squares / total}


def rankings(answers: Answers, weights: Floats) -> Metrics:
    """Give the metrics of the order of the probabilities, some resamples at a time."""
    steps = [_steps(answers.truth == k, answers.probabilities[:, k]) for k in answers.classes]
    size = max(1, CHUNK // len(answers.truth))
    chunks = [np.ascontiguousarray(weights[i : i + size].T) for i in range(0, len(weights), size)]
    found = [[list(_of_ranking(s, chunk, answers.precision_floor)) for s in steps] for chunk in chunks]
    joined = _mean(np.concatenate(found, axis=2))
    return dict(zip(OF_RANKINGS, joined, strict=True))


def regression(truth: Floats, predicted: Floats, weights: Floats) -> Metrics:
    """Give the regression metrics, in the target's unit where they have one."""
    total = weights.sum(axis=1)
    squares = weights @ (truth - predicted) ** 2
    centred = truth - truth.mean()
    spread = weights @ centred**2 - (weights @ centred) ** 2 / total
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = np.where(spread > 0, 1 - squares / spread, np.nan)
    return {"mae": weights @ np.abs(truth - predicted) / total, "rmse": np.sqrt(squares / total), "r2": r2}


@dataclass(frozen=True)
class _Steps:
    """The distinct scores of a class's own rows, from the highest down, as places in the order of all rows."""

    order: npt.NDArray[np.intp]  # all rows, by falling score
    own: npt.NDArray[np.intp]  # the class's own rows, by falling score
    first: npt.NDArray[np.intp]  # how many rows score higher
    last: npt.NDArray[np.intp]  # how many score as high or higher
    own_last: npt.NDArray[np.intp]  # how many of the class's own do


def _steps(true: Flags, score: Floats) -> _Steps:
    order = np.argsort(-score, kind="stable")
    own = order[true[order]]
    places = np.unique(-score[own])
    first, last = (np.searchsorted(-score[order], places, side) for side in ("left", "right"))
    return _Steps(order, own, first, last, np.searchsorted(-score[own], places, "right"))


def _of_ranking(steps: _Steps, weights: Floats, precision_floor: float) -> Iterator[Floats]:
    """Give average precision, ROC AUC and recall at a precision of one class; `weights` are (n, resamples).

    Average precision is the sum of precision over steps of recall, ROC AUC the area by trapezoids. Only scores of the
    class's own rows count: between two of them neither recall nor its best precision changes.
    """
    hits = _sums(weights[steps.own], steps.own_last)
    above, alarms = np.split(_sums(weights[steps.order], np.append(steps.first, steps.last)), 2)
    gained = np.diff(hits, axis=0, prepend=0)
    actual = weights[steps.own].sum(axis=0)
    others = weights.sum(axis=0) - actual
    false = (above - (hits - gained) + alarms - hits) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(alarms > 0, hits / alarms, 0.0)
        yield (gained * precision).sum(axis=0) / actual
        yield (gained * (others - false)).sum(axis=0) / (actual * others)
        yield np.max(hits * (precision >= precision_floor), axis=0, initial=0) / actual


def _sums(weights: Floats, places: npt.NDArray[np.intp]) -> Floats:
    """Give for each place the sum of the rows of `weights` before it."""
    edges = np.unique(np.append(places[places < len(weights)], 0)) if len(weights) else places
    sums = np.add.reduceat(weights, edges, axis=0).cumsum(axis=0) if len(weights) else weights
    return np.vstack([np.zeros((1, weights.shape[1])), sums])[np.searchsorted(edges, places)]


def _mean(values: Floats) -> Floats:
    """Give the mean over the first axis of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(defined, values, 0.0).sum(axis=0) / defined.sum(axis=0)
