"""The estimator: the file to edit first.

`estimator` gives any scikit-learn estimator by name, and `SETTINGS` the values among which training searches. Whatever
stands here must convert to ONNX and predict the same there: training stops if it does not.
"""

from typing import Any

import numpy as np
import pandas as pd
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

from project.contract import DataContract

SETTINGS: dict[str, dict[str, list[Any]]] = {
    "linear": {"alpha": [0.01, 0.1, 1.0, 10.0, 100.0]},
    "forest": {"max_depth": [6, 10, 14], "min_samples_leaf": [1, 3, 10]},
    "boosting": {"learning_rate": [0.05, 0.1], "max_iter": [60, 120], "max_leaf_nodes": [7, 15, 31]},
}


def estimator(name: str, kind: str, directions: list[int] | None, seed: int, settings: dict[str, Any]) -> BaseEstimator:
    """Give the unfitted estimator called `name` for `kind`, "classification" or "regression".

    `directions` holds 1, -1 or 0 for each prepared column: how the prediction may move with it. None: no limit.
    """
    classify = kind == "classification"
    if name == "linear":
        alpha = settings["alpha"]
        return LogisticRegression(C=1 / alpha, max_iter=2000) if classify else Ridge(alpha=alpha)
    if name == "forest":
        forest = RandomForestClassifier if classify else RandomForestRegressor
        return forest(n_estimators=100, monotonic_cst=directions, random_state=seed, n_jobs=-1, **settings)
    boosting = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    return boosting(monotonic_cst=directions, early_stopping=False, random_state=seed, **settings)


def keeps_directions(name: str) -> bool:
    """Whether the estimator called `name` can be held to the contract's monotone directions."""
    return name != "linear"


def pipeline(
    name: str, kind: str, data: DataContract, rows: pd.DataFrame, seed: int, settings: dict[str, Any]
) -> Pipeline:
    """Give the unfitted preparation and estimator for the features of `rows` (numbers float32, categories text)."""
    numbers = [c for c in data.features if c.numeric]
    texts = [c for c in data.features if not c.numeric]
    categories = [np.unique(rows[c.name].to_numpy(dtype=object)) for c in texts]
    prepare = {
        "linear": make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
        "forest": SimpleImputer(strategy="median"),
        "boosting": "passthrough",  # takes missing values as they are
    }[name]
    preparation = ColumnTransformer(
        [
            ("numbers", prepare, [c.name for c in numbers]),
            (
                "texts",
                OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False),
                [c.name for c in texts],
            ),
        ]
    )
    directions = [c.direction for c in numbers] + [0] * sum(map(len, categories))
    return make_pipeline(preparation, estimator(name, kind, directions if any(directions) else None, seed, settings))
