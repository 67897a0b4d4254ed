"""The estimators: the file to edit first.

`CANDIDATES` holds what params.yaml can name: how to make an estimator, the settings among which training searches, and
what the numbers go through before it. Anything with scikit-learn's interface may stand here, LightGBM and XGBoost too,
if it converts to ONNX and predicts the same there: training stops if it does not.
"""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from project.training.fitting import Candidate


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
