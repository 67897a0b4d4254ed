"""The one place where predictions are made: ONNX model + metadata -> predictions with uncertainty and a domain check.

Evaluation, service and monitoring all come here. Nothing is unpickled, and no training library is needed.
"""

from collections.abc import Callable, Mapping
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
LARGEST = float(np.finfo(np.float32).max)

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]
Inputs = dict[str, npt.NDArray[Any]]

CALENDAR: dict[str, Callable[[npt.NDArray[np.datetime64]], npt.NDArray[Any]]] = {
    "month": lambda t: t.astype("datetime64[M]").astype(int) % 12 + 1,
    "day of week": lambda t: (t.astype("datetime64[D]").astype(int) + 3) % 7 + 1,  # Monday is 1
    "day of year": lambda t: (t.astype("datetime64[D]") - t.astype("datetime64[Y]")).astype(int) + 1,
    "hour": lambda t: t.astype(int) // 3600 % 24,
    "days since 1970": lambda t: t.astype(int) / 86_400,
}


class OtherContractError(stage.ProjectError):
    """The model was made for other fields."""


def layout(features: tuple[Column, ...]) -> dict[str, list[tuple[str, str]]]:
    """Give the columns of the model's inputs "numbers" and "texts": the field each comes from, and its own name."""
    dated = {f.name: [f"{f.name} {part}" for part in _parts(f)] for f in features if f.dated}
    numbers = [(f.name, name) for f in features if f.numeric or f.dated for name in dated.get(f.name, [f.name])]
    texts = [(f.name, f.name) for f in features if not (f.numeric or f.dated)]
    return {name: columns for name, columns in (("numbers", numbers), ("texts", texts)) if columns}


def model_inputs(columns: Columns, features: tuple[Column, ...]) -> Inputs:
    """Give the model's inputs: "numbers" (rows, columns) as float32, and "texts"; a kind that no field has is absent.

    Training and serving both come here, so that a missing value means the same to both.
    """
    numbers: list[Any] = []
    texts: list[Any] = []
    for feature in features:
        values = columns[feature.name]
        if feature.numeric:
            numbers.append(values)
        elif feature.dated:
            numbers += _calendar(values, feature)
        else:
            texts.append([MISSING_TEXT if value is None or value == "" else str(value) for value in values])
    inputs: Inputs = {}
    if numbers:
        inputs["numbers"] = np.array(numbers, dtype=np.float64).clip(-LARGEST, LARGEST).astype(np.float32).T
    if texts:
        inputs["texts"] = np.array(texts, dtype=object).T
    return {name: np.ascontiguousarray(values) for name, values in inputs.items()}


def _parts(feature: Column) -> list[str]:
    """Give what the model sees of a date: what recurs, and of a feature the time that has passed as well."""
    absent = {"hour"} if feature.type == "date" else set()
    if feature.role == "time":  # orders the rows: a later one is beyond all that training saw
        absent.add("days since 1970")
    return [part for part in CALENDAR if part not in absent]


def _calendar(values: npt.NDArray[Any], feature: Column) -> list[Floats]:
    moments = np.asarray(values, dtype="datetime64[s]")
    missing = np.isnat(moments)
    return [np.where(missing, np.nan, CALENDAR[part](moments)) for part in _parts(feature)]


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
        self._learn_domain(layout(features), root / METADATA)

    def _learn_domain(self, columns: dict[str, list[tuple[str, str]]], path: Path) -> None:
        """Keep where the training rows lay, by the place of each feature."""
        numbers, texts = (self.metadata["inputs"].get(kind, []) for kind in ("numbers", "texts"))
        trained = [number["name"] for number in numbers], texts
        if trained != tuple([name for _, name in columns.get(kind, [])] for kind in ("numbers", "texts")):
            raise OtherContractError(f"{path} is of another data contract: run `uv run dvc repro`")
        places = {f.name: place for place, f in enumerate(self.features)}
        owners = [places[field] for field, _ in columns.get("numbers", [])]
        self._numeric, self._first = np.unique(owners, return_index=True)
        self._low, self._high = (np.array([n[end] for n in numbers], dtype=np.float32) for end in ("low", "high"))
        listed = [(column, name, self.metadata["features"][name]) for column, name in enumerate(texts)]
        self._seen = [(column, places[name], set(f["seen"])) for column, name, f in listed if "open" not in f]

    def score(self, inputs: Inputs) -> Floats:
        """Give the model's bare output: probabilities (n, classes) or values (n,)."""
        raw = np.asarray(self.session.run(self._outputs, inputs)[0], dtype=np.float64)
        return raw if self.labels else raw.reshape(-1)

    def predict(self, columns: Columns) -> Predictions:
        """Predict for `columns`: arrays of n values by field name, numbers as float64 with NaN where missing."""
        inputs = model_inputs(columns, self.features)
        return self.predictions(inputs, self.score(inputs))

    def predictions(self, inputs: Inputs, raw: Floats) -> Predictions:
        """Give what follows from the model's bare output."""
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
        if "numbers" in inputs:
            values = inputs["numbers"]
            beyond = (values < self._low) | (values > self._high)
            outside[:, self._numeric] = np.logical_or.reduceat(beyond, self._first, axis=1)
        for column, place, seen in self._seen:
            texts = inputs["texts"][:, column]
            outside[:, place] = ~np.fromiter(map(seen.__contains__, texts), bool, len(texts))
        return outside


def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.add_session_config_entry("session.force_spinning_stop", "1")  # threads share a batch, and then sleep
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own unrelated types
        raise stage.ProjectError(f"{path} cannot be loaded: {error}") from error
