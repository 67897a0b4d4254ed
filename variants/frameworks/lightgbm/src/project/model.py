"""The estimators: the file to edit first.

`CANDIDATES` holds what params.yaml can name: how to make an estimator, the settings among which training searches, and
what the numbers go through before it. LightGBM takes missing numbers as they are, and is held to the directions of the
data contract. Anything else with scikit-learn's interface may stand here too, if it converts to ONNX and predicts the
same there: training stops if it does not.
"""

from typing import Any

from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator

from project.training.fitting import Candidate

# LightGBM takes as many threads as there are cores, whatever limit fitting.py sets: one, for the reason given there.
SAME_EACH_TIME: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "n_jobs": 1}


def trees(classify: bool, directions: list[int] | None, seed: int, **settings: Any) -> BaseEstimator:
    """Give trees of LightGBM, of the kind that `settings` names."""
    make = LGBMClassifier if classify else LGBMRegressor
    return make(monotone_constraints=directions, random_state=seed, verbose=-1, **SAME_EACH_TIME, **settings)


CANDIDATES = {
    "boosting": Candidate(
        trees,
        {"learning_rate": [0.05, 0.1], "n_estimators": [60, 120, 240], "num_leaves": [7, 15, 31]},
        "passthrough",
        most_classes=20,  # each of its steps grows a tree for each class
    ),
    "sampling": Candidate(  # gradient boosting on the rows that it predicts worst (Ke et al., 2017)
        trees,
        {
            "data_sample_strategy": ["goss"],
            "learning_rate": [0.05, 0.1],
            "n_estimators": [60, 120],
            "num_leaves": [7, 15, 31],
        },
        "passthrough",
        most_classes=20,
    ),
}
