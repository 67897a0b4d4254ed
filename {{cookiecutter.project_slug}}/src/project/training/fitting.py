"""Fit a candidate of `model.py`, and ask it; `export.py` turns what is fitted into ONNX."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from project import stage
from project.evaluation.metrics import Floats
from project.predictor import Inputs
from project.problem import Shape

# Boosting's threads spin while they wait for each other: two trainings at once on two cores took a hundred times as
# long, and alone the second thread saves a quarter at most. A forest's threads do not wait, and stay.
one_thread = threadpool_limits.wrap(limits=1, user_api="openmp")


@dataclass(frozen=True)
class Candidate:
    """One kind of estimator, by the name that params.yaml gives it."""

    make: Callable[..., BaseEstimator]  # of (classify, directions, seed, **settings)
    settings: dict[str, list[Any]]
    prepare: Any  # what the numbers go through first
    keeps_directions: bool = True  # whether it can be held to the contract's monotone directions
    most_classes: float = np.inf  # beyond which it takes too long to be searched


def pipeline(candidate: Candidate, settings: dict[str, Any], shape: Shape, seed: int) -> Pipeline:
    """Give the unfitted preparation and estimator for a table of numbers and, right of them, texts."""
    count, texts = len(shape.directions), shape.categories
    encode = OneHotEncoder(categories=texts, handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    parts = [("numbers", candidate.prepare, slice(0, count)), ("texts", encode, slice(count, count + len(texts)))]
    preparation = ColumnTransformer([part for part, there in zip(parts, (count, texts), strict=True) if there])
    prepared = shape.directions + [0] * sum(map(len, texts))
    directions = prepared if any(prepared) else None
    return make_pipeline(preparation, candidate.make(shape.classes > 0, directions, seed, **settings))


@one_thread
def fit(
    candidate: Candidate,
    settings: dict[str, Any],
    shape: Shape,
    inputs: Inputs,
    truth: npt.NDArray[Any],
    seed: int,
    run_id: str | None = None,  # noqa: ARG001  (of the MLflow run to which what learns in epochs logs them)
) -> Pipeline:
    """Give the fitted pipeline of a candidate. Raises `ProjectError` where a classifier gives no probabilities."""
    rows = as_table(inputs)
    empty = rows.columns[rows.isna().all()]  # from which nothing can be learnt, and boosting fails on them
    fitted = pipeline(candidate, settings, shape, seed).fit(rows.fillna(dict.fromkeys(empty, 0.0)), truth)
    if shape.classes and not hasattr(fitted, "predict_proba"):
        name = type(fitted[-1]).__name__
        raise stage.ProjectError(f"src/project/model.py: {name} gives no probabilities: choose one with predict_proba")
    return fitted


@one_thread
def answer(fitted: Pipeline, shape: Shape, inputs: Inputs) -> Floats:
    """Give probabilities (n, classes), or values (n,) in the unit that was fitted."""
    rows = as_table(inputs)
    if not shape.classes:
        return np.asarray(fitted.predict(rows), dtype=np.float64)
    found = np.zeros((len(rows), shape.classes))
    found[:, fitted.classes_] = fitted.predict_proba(rows)
    return found


def as_table(inputs: Inputs) -> pd.DataFrame:
    """Give the model's inputs as scikit-learn takes them: one table, the numbers first."""
    return pd.concat([pd.DataFrame(values) for values in inputs.values()], axis=1, ignore_index=True)
