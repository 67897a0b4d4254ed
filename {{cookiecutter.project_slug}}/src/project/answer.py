"""What the service answers, one record a row, and the log of it."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from project.predictor import Predictions, Predictor

encode = msgspec.json.Encoder().encode


class Prediction(msgspec.Struct, gc=False, omit_defaults=True):
    """The answer for one row: with probabilities and a prediction set for classes, with an interval for a number."""

    id: str
    prediction: str | float
    in_domain: bool
    out_of_domain: list[str]
    probabilities: dict[str, float] | None = None
    prediction_set: list[str] | None = None
    interval: list[float] | None = None


def records(found: Predictions, predictor: Predictor, request_id: str) -> list[Prediction]:
    """Give the predictions as records, in the order of the rows."""
    count = len(found.values)
    ids = [f"{request_id}-{row}" for row in range(count)]
    outside: list[list[str]] = [[] for _ in range(count)]
    for row, feature in np.argwhere(found.outside).tolist():
        outside[row].append(predictor.features[feature].name)
    values, labels = found.values.tolist(), predictor.labels
    if found.probabilities is None or found.sets is None:
        ends = [] if found.intervals is None else found.intervals.tolist()
        return [
            Prediction(key, value, not names, names, interval=between)
            for key, value, names, between in zip(ids, values, outside, ends, strict=True)
        ]
    chances = found.probabilities.round(6).tolist()
    sets = list(map(bytes, found.sets))
    named = {flags: [label for label, inside in zip(labels, flags, strict=True) if inside] for flags in set(sets)}
    return [
        Prediction(key, labels[k], not names, names, dict(zip(labels, chance, strict=True)), named[flags])
        for key, k, names, chance, flags in zip(ids, values, outside, chances, sets, strict=True)
    ]


class PredictionLog:
    """Appends a line of JSON for each request; a line is one write, so that workers can share the file."""

    def __init__(self, path: str) -> None:
        """Open the log at `path`; "off" keeps none."""
        self._file = None
        if path != "off":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115  (open as long as the service is)

    def append(self, inputs: bytes, answer: bytes) -> None:
        """Write when, what came in and what went out, both as JSON; the answer holds the ids and the model version."""
        if self._file:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
            line = inputs.replace(b"\n", b" ").replace(b"\r", b" ")  # JSON text holds neither inside a string
            self._file.write(b'{"time":"%b","inputs":%b,"answer":%b}\n' % (now, line, answer))
