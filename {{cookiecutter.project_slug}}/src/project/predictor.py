"""The one place where predictions are made: ONNX model + metadata -> predictions with uncertainty and a domain check.

Evaluation, service and monitoring all come here. Nothing is unpickled, and no training library is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from project import stage
from project.contract import Column

MODEL = Path("models/model.onnx")
METADATA = Path("models/model.json")
MISSING_TEXT = "(missing)"

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]
Inputs = dict[str, npt.NDArray[Any]]


def model_inputs(columns: Columns, features: tuple[Column, ...]) -> Inputs:
    """Give the model's inputs, each of shape (rows, 1): numbers as float32, categories as text.

    Training and serving both come here, so that a missing value means the same to both.
    """
    inputs: Inputs = {}
    for feature in features:
        values = columns[feature.name]
        if feature.numeric:
            inputs[feature.name] = np.asarray(values, dtype=np.float32).reshape(-1, 1)
        else:
            texts = [MISSING_TEXT if value is None or value == "" else str(value) for value in values]
            inputs[feature.name] = np.array(texts, dtype=object).reshape(-1, 1)
    return inputs


@dataclass(frozen=True)
class Predictions:
    """Predictions for n rows; arrays are aligned by row."""

    values: npt.NDArray[Any]  # (n,) index of the predicted class, or the predicted value
    probabilities: Floats | None  # (n, classes)
    sets: npt.NDArray[np.bool_] | None  # (n, classes) whether the class is in the prediction set
    intervals: Floats | None  # (n, 2) lower and upper end
    outside: npt.NDArray[np.bool_]  # (n, features) whether the value lies where no training row lay


class Predictor:
    """Predicts from the exported model. Thread-safe once made."""

    def __init__(self, root: Path = Path(), features: tuple[Column, ...] = ()) -> None:
        """Load the model below `root`; `features` are those of the data contract."""
        self.metadata = stage.read_json(root / METADATA)
        self.features = features
        self.labels: list[Any] = self.metadata["labels"]
        self.session = _session(root / MODEL)
        self._outputs = [self.session.get_outputs()[-1].name]
        ranges = [self.metadata["features"][f.name] for f in features if f.numeric]
        self._low = np.array([r["low"] for r in ranges], dtype=np.float32)
        self._high = np.array([r["high"] for r in ranges], dtype=np.float32)
        self._seen = {f.name: set(self.metadata["features"][f.name]["seen"]) for f in features if not f.numeric}

    def score(self, inputs: Inputs) -> Floats:
        """Give the model's bare output: probabilities (n, classes) or values (n,)."""
        raw = np.asarray(self.session.run(self._outputs, inputs)[0], dtype=np.float64)
        return raw if self.labels else raw.reshape(-1)

    def predict(self, columns: Columns) -> Predictions:
        """Predict for `columns`: arrays of n values by field name, numbers as float64 with NaN where missing."""
        inputs = model_inputs(columns, self.features)
        raw = self.score(inputs)
        outside = self._outside(inputs)
        if self.labels:
            return Predictions(self.decide(raw), raw, self._sets(raw), None, outside)
        margin = self.metadata["quantile"]
        return Predictions(raw, None, None, np.column_stack([raw - margin, raw + margin]), outside)

    def decide(self, probabilities: Floats) -> npt.NDArray[np.int64]:
        """Give the index of the predicted class: by expected cost where the task states costs, else the likeliest."""
        threshold = self.metadata["threshold"]
        if threshold is None:
            return probabilities.argmax(axis=1)
        positive = self.metadata["positive"]
        return np.where(probabilities[:, positive] >= threshold, positive, 1 - positive)

    def _sets(self, probabilities: Floats) -> npt.NDArray[np.bool_]:
        """Give split-conformal prediction sets, calibrated within each class (Vovk, 2012); never empty."""
        sets = 1 - probabilities <= np.asarray(self.metadata["quantile"])
        sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
        return sets

    def _outside(self, inputs: Inputs) -> npt.NDArray[np.bool_]:
        outside = np.zeros((len(next(iter(inputs.values()))), len(self.features)), dtype=bool)
        numeric = [i for i, feature in enumerate(self.features) if feature.numeric]
        if numeric:
            values = np.hstack([inputs[self.features[i].name] for i in numeric])
            outside[:, numeric] = (values < self._low) | (values > self._high)
        for i, feature in enumerate(self.features):
            if not feature.numeric:
                seen = self._seen[feature.name]
                outside[:, i] = [value not in seen for value in inputs[feature.name][:, 0]]
        return outside


def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads share a batch, and wait quietly
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own unrelated types
        raise stage.ProjectError(f"{path} cannot be loaded: {error}") from error
