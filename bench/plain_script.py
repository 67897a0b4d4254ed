"""The baseline of the pipeline: one process that reads, fits, evaluates and logs the same model to MLflow."""

import json
import os
import sys
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import onnx
import pandas as pd
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

NUMBERS = ["air_temperature", "process_temperature", "rotational_speed", "torque", "tool_wear"]
TEXTS = ["product_quality"]
SETTINGS = {"learning_rate": [0.05, 0.1], "max_iter": [60, 120], "max_leaf_nodes": [7, 15, 31]}


def main(repository: Path, search: bool) -> None:
    """Read the raw table of `repository`, fit the model that its pipeline chose, evaluate it and log it."""
    chosen = json.loads((repository / "models/model.json").read_text(encoding="utf-8"))["settings"]
    rows = pd.read_csv(repository / "data/raw.csv")
    features = rows[[*TEXTS, *NUMBERS]].astype(dict.fromkeys(NUMBERS, "float32") | dict.fromkeys(TEXTS, "object"))
    failed = (rows["machine_state"] == "failure").astype(int)
    x, x_test, y, y_test = train_test_split(features, failed, test_size=0.2, stratify=failed, random_state=0)
    prepare = ColumnTransformer([("numbers", "passthrough", NUMBERS), ("texts", OneHotEncoder(), TEXTS)])
    boosting = HistGradientBoostingClassifier(random_state=0, **chosen)
    model = make_pipeline(prepare, boosting)
    if search:
        space = {f"histgradientboostingclassifier__{name}": values for name, values in SETTINGS.items()}
        model = RandomizedSearchCV(model, space, n_iter=6, cv=3, scoring="average_precision", random_state=0)
    model.fit(x, y)
    score = model.predict_proba(x_test)[:, 1]
    said = score > 0.2
    types = [(n, FloatTensorType([None, 1])) for n in NUMBERS] + [(n, StringTensorType([None, 1])) for n in TEXTS]
    best = model.best_estimator_ if search else model
    converted = to_onnx(best, initial_types=types, options={id(best): {"zipmap": False}})
    assert isinstance(converted, onnx.ModelProto)
    mlflow.set_tracking_uri("sqlite:///plain.db")
    mlflow.set_experiment("plain")
    with mlflow.start_run():
        mlflow.log_params(chosen)
        mlflow.log_metrics(
            {
                "average_precision": average_precision_score(y_test, score),
                "roc_auc": roc_auc_score(y_test, score),
                "recall": recall_score(y_test, said),
                "precision": precision_score(y_test, said),
            }
        )
        signature = infer_signature(x.head(), score[:5])
        mlflow.onnx.log_model(converted, name="model", signature=signature, pip_requirements=["onnxruntime"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] == ["--search"])
