"""What the service answers and what it logs: one record a row."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from project.predictor import Predictions, Predictor

_ENCODER = msgspec.json.Encoder()
encode = _ENCODER.encode


class Prediction(msgspec.Struct, gc=False, omit_defaults=True):
    """The answer for one row: with probabilities and a prediction set for classes, with an interval for a number."""

    id: str
    prediction: str | float
    in_domain: bool
    out_of_domain: list[str]
    probabilities: dict[str, float] | None = None
    prediction_set: list[str] | None = None
    interval: list[float] | None = None


class Logged(msgspec.Struct, gc=False):
    """A line of the prediction log."""

    id: str
    model_version: str
    time: str
    inputs: Any
    output: Prediction


def records(found: Predictions, predictor: Predictor, request_id: str) -> list[Prediction]:
    """Give the predictions as records, in the order of the rows."""
    count = len(found.values)
    ids = [f"{request_id}-{row}" for row in range(count)]
    outside: list[list[str]] = [[] for _ in range(count)]
    for row, feature in zip(*found.outside.nonzero(), strict=True):
        outside[row].append(predictor.features[feature].name)
    values, labels = found.values.tolist(), predictor.labels
    if found.probabilities is None or found.sets is None:
        ends = [] if found.intervals is None else found.intervals.tolist()
        return [
            Prediction(key, value, not names, names, interval=between)
            for key, value, names, between in zip(ids, values, outside, ends, strict=True)
        ]
    chances = [dict(zip(labels, row, strict=True)) for row in found.probabilities.tolist()]
    sets = [[label for label, inside in zip(labels, row, strict=True) if inside] for row in found.sets.tolist()]
    return [
        Prediction(key, labels[k], not names, names, chance, held)
        for key, k, names, chance, held in zip(ids, values, outside, chances, sets, strict=True)
    ]


class PredictionLog:
    """Appends a line of JSON for each prediction; a request is one write, so that workers can share the file."""

    def __init__(self, path: str) -> None:
        """Open the log at `path`; "off" keeps none."""
        self._file = None
        if path != "off":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115  (open as long as the service is)

    def append(self, version: str, inputs: Sequence[Any], outputs: list[Prediction]) -> None:
        """Write inputs and outputs, one line a row."""
        if self._file:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            pairs = zip(inputs, outputs, strict=True)
            self._file.write(_ENCODER.encode_lines([Logged(out.id, version, now, row, out) for row, out in pairs]))
