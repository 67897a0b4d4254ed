"""The estimators: the file to edit first.

`CANDIDATES` holds what params.yaml can name: how to make an estimator, the settings among which training searches, and
what the numbers go through before it. Anything with scikit-learn's interface may stand here, LightGBM and XGBoost too,
if it converts to ONNX and predicts the same there: training stops if it does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

CATEGORIES = 50  # of a text that get a column of their own, the most frequent ones
CATEGORY_COLUMNS = 2_000  # of all texts together


@dataclass(frozen=True)
class Candidate:
    """One kind of estimator, by the name that params.yaml gives it."""

    make: Callable[..., BaseEstimator]  # of (classify, directions, seed, **settings)
    settings: dict[str, list[Any]]
    prepare: Any  # what the numbers go through first
    keeps_directions: bool = True  # whether it can be held to the contract's monotone directions
    most_classes: float = np.inf  # beyond which it takes too long to be searched


def linear(classify: bool, directions: list[int] | None, seed: int, alpha: float) -> BaseEstimator:  # noqa: ARG001
    """Give a linear model."""
    return LogisticRegression(C=1 / alpha, max_iter=2000) if classify else Ridge(alpha=alpha)


def forest(classify: bool, directions: list[int] | None, seed: int, **settings: Any) -> BaseEstimator:
    """Give a random forest."""
    make = RandomForestClassifier if classify else RandomForestRegressor
    return make(n_estimators=100, monotonic_cst=directions, random_state=seed, n_jobs=-1, **settings)


def boosting(classify: bool, directions: list[int] | None, seed: int, **settings: Any) -> BaseEstimator:
    """Give gradient-boosted trees."""
    make = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    return make(monotonic_cst=directions, early_stopping=False, random_state=seed, **settings)


IMPUTE = SimpleImputer(strategy="median", keep_empty_features=True)
SCALE = make_pipeline(IMPUTE, StandardScaler())
CANDIDATES = {
    "linear": Candidate(linear, {"alpha": [0.01, 0.1, 1.0, 10.0, 100.0]}, SCALE, keeps_directions=False),
    "forest": Candidate(forest, {"max_depth": [6, 10, 14], "min_samples_leaf": [1, 3, 10]}, IMPUTE),
    "boosting": Candidate(
        boosting,
        {"learning_rate": [0.05, 0.1], "max_iter": [60, 120], "max_leaf_nodes": [7, 15, 31]},
        "passthrough",  # it takes missing numbers as they are
        most_classes=20,  # each of its steps grows a tree for each class
    ),
}


def pipeline(
    name: str, settings: dict[str, Any], classify: bool, directions: list[int], categories: list[Any], seed: int
) -> Pipeline:
    """Give the unfitted preparation and estimator for a table of numbers and, right of them, texts.

    `directions` are those of the numbers, `categories` the values of each text that get a column of their own.
    """
    candidate = CANDIDATES[name]
    count = len(directions)
    encode = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    numbers = ("numbers", candidate.prepare, slice(0, count))
    texts = ("texts", encode, slice(count, count + len(categories)))
    preparation = ColumnTransformer([part for part, there in ((numbers, count), (texts, categories)) if there])
    prepared = directions + [0] * sum(map(len, categories))
    return make_pipeline(preparation, candidate.make(classify, prepared if any(prepared) else None, seed, **settings))


def frequent(texts: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Give for each column of `texts` its most frequent values, in alphabetical order."""
    most = max(2, min(CATEGORIES, CATEGORY_COLUMNS // max(1, texts.shape[1])))
    found = []
    for values in texts.T:
        names, counts = np.unique(values, return_counts=True)
        found.append(np.sort(names[np.argsort(-counts, kind="stable")[:most]]))
    return found
