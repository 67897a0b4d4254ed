"""The baseline of the pipeline: one process that reads, fits, evaluates and logs the same model to MLflow."""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import numpy as np
import onnx
import pandas as pd
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

NUMBERS = ["air_temperature", "process_temperature", "rotational_speed", "torque", "tool_wear"]
TEXTS = ["product_quality"]


def pipeline(trial: dict[str, Any]) -> Pipeline:
    """Give the unfitted pipeline of one trial."""
    prepare = ColumnTransformer([("numbers", "passthrough", NUMBERS), ("texts", OneHotEncoder(), TEXTS)])
    if trial["estimator"] == "forest":
        return make_pipeline(prepare, RandomForestClassifier(100, random_state=0, n_jobs=-1, **trial["settings"]))
    return make_pipeline(prepare, HistGradientBoostingClassifier(random_state=0, **trial["settings"]))


def main(repository: Path, search: bool) -> None:
    """Read the raw table of `repository`, fit the model that its pipeline chose, evaluate it and log it."""
    trials = json.loads((repository / "reports/training.json").read_text(encoding="utf-8"))["trials"]
    rows = pd.read_csv(repository / "data/raw.csv")
    features = rows[[*TEXTS, *NUMBERS]].astype(dict.fromkeys(NUMBERS, "float32") | dict.fromkeys(TEXTS, "object"))
    failed = (rows["machine_state"] == "failure").astype(int)
    x, x_test, y, y_test = train_test_split(features, failed, train_size=0.6, stratify=failed, random_state=0)
    scores = [cross_val_score(pipeline(t), x, y, cv=3, scoring="average_precision").mean() for t in trials if search]
    chosen = trials[int(np.argmax(scores))] if search else trials[0]
    model = pipeline(chosen).fit(x, y)
    score = model.predict_proba(x_test)[:, 1]
    said = score > 0.2
    types = [(n, FloatTensorType([None, 1])) for n in NUMBERS] + [(n, StringTensorType([None, 1])) for n in TEXTS]
    converted = to_onnx(model, initial_types=types, options={id(model): {"zipmap": False}})
    assert isinstance(converted, onnx.ModelProto)
    mlflow.set_tracking_uri("sqlite:///plain.db")
    mlflow.set_experiment("plain")
    with mlflow.start_run():
        mlflow.log_params({"estimator": chosen["estimator"], **chosen["settings"]})
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
