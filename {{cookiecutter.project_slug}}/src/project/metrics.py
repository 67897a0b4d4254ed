"""Metrics with bootstrap intervals, in NumPy, for all resamples at once.

A resample is a row of weights: how often each of the n test rows was drawn. Every function takes weights of shape
(resamples, n) and gives one value for each resample; the tests hold each against scikit-learn.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Metrics = dict[str, Floats]

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "mae", "rmse"})


def resamples(n: int, count: int, seed: int) -> Floats:
    """Give the weights of the sample itself, and below it those of `count` bootstrap resamples."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=count)
    return np.vstack([np.ones((1, n)), drawn]).astype(np.float64)


def interval(values: Floats) -> dict[str, float | None]:
    """Give the value of the sample and its 95 % percentile interval; None where a metric is undefined."""
    if np.isnan(values[0]):
        return {"value": None, "low": None, "high": None}
    low, high = np.nanquantile(values[1:], [0.025, 0.975]) if len(values) > 1 else (values[0], values[0])
    return {name: round(float(v), 6) for name, v in (("value", values[0]), ("low", low), ("high", high))}


def classification(
    truth: npt.NDArray[np.int64],
    probabilities: Floats,
    predicted: npt.NDArray[np.int64],
    positive: int | None,
    weights: Floats,
) -> Metrics:
    """Give every classification metric; with `positive` those of that class, else the mean over classes."""
    classes = range(probabilities.shape[1]) if positive is None else [positive]
    every = range(probabilities.shape[1])
    total = weights.sum(axis=1)
    true = np.equal.outer(np.arange(len(every)), truth)
    said = np.equal.outer(np.arange(len(every)), predicted)
    hits, actual, announced = (
        np.array([weights @ flags for flags in group.astype(float)]) for group in (true & said, true, said)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = hits / actual
        precision = np.where(announced > 0, hits / announced, 0.0)
        f1 = 2 * hits / (actual + announced)
    chosen = probabilities[np.arange(len(truth)), truth].clip(1e-15, 1)
    errors = ((probabilities - true.T) ** 2).sum(axis=1) / (2 if len(every) == 2 else 1)
    return {
        "accuracy": hits.sum(axis=0) / total,
        "balanced_accuracy": np.nanmean(recall, axis=0),
        "precision": precision[classes].mean(axis=0),
        "recall": recall[classes].mean(axis=0),
        "f1": f1[classes].mean(axis=0),
        "average_precision": _over(classes, average_precision, true, probabilities, weights),
        "roc_auc": _over(classes, roc_auc, true, probabilities, weights),
        "log_loss": weights @ -np.log(chosen) / total,
        "brier": weights @ errors / total,
    }


def regression(truth: Floats, predicted: Floats, weights: Floats) -> Metrics:
    """Give the regression metrics, in the target's unit where they have one."""
    total = weights.sum(axis=1)
    squares = weights @ (truth - predicted) ** 2
    mean = weights @ truth / total
    spread = weights @ truth**2 - total * mean**2
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = np.where(spread > 0, 1 - squares / spread, np.nan)
    return {"mae": weights @ np.abs(truth - predicted) / total, "rmse": np.sqrt(squares / total), "r2": r2}


def average_precision(true: npt.NDArray[np.bool_], score: Floats, weights: Floats) -> Floats:
    """Give the area under the precision-recall curve, as the sum of precision over steps of recall."""
    hits, alarms = _curve(true, score, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(alarms > 0, hits / alarms, 0.0)
        return (np.diff(hits, axis=1, prepend=0) * precision).sum(axis=1) / hits[:, -1]


def roc_auc(true: npt.NDArray[np.bool_], score: Floats, weights: Floats) -> Floats:
    """Give the area under the receiver operating characteristic, by trapezoids."""
    hits, alarms = (np.pad(curve, ((0, 0), (1, 0))) for curve in _curve(true, score, weights))
    false = alarms - hits
    area = (np.diff(false, axis=1) * (hits[:, 1:] + hits[:, :-1]) / 2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return area / (hits[:, -1] * false[:, -1])


def _over(
    classes: range | list[int],
    curve: Callable[..., Floats],
    true: npt.NDArray[np.bool_],
    score: Floats,
    weights: Floats,
) -> Floats:
    return np.mean([curve(true[k], score[:, k], weights) for k in classes], axis=0)


def _curve(true: npt.NDArray[np.bool_], score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Give the weights of hits and of alarms above each distinct score, from the highest score down."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.diff(score[order], append=np.inf))  # the last row of each run of equal scores
    ordered = weights[:, order]
    return np.cumsum(ordered * true[order], axis=1)[:, last], np.cumsum(ordered, axis=1)[:, last]
