"""What the service answers, one record a row, and the log of it."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from io import SEEK_END, FileIO
from itertools import repeat
from operator import not_
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from project.predictor import Predictions, Predictor

try:
    import fcntl
except ImportError:  # Windows: there a log belongs to one worker
    fcntl = None

encode = msgspec.json.Encoder().encode
PIECE = 1 << 20  # bytes of one write: for more at once Linux may look for room for milliseconds


class Prediction(msgspec.Struct, gc=False, omit_defaults=True):
    """The answer for one row: with probabilities and a prediction set for classes, with an interval for a number."""

    id: str
    prediction: str | float
    in_domain: bool
    out_of_domain: list[str]
    probabilities: Any = None  # by label
    prediction_set: list[str] | None = None
    interval: list[float] | None = None


def records(found: Predictions, predictor: Predictor, request_id: str) -> list[Prediction]:
    """Give the predictions as records, in the order of the rows."""
    values, labels = found.values.tolist(), predictor.labels
    ids = map(request_id.__add__, places(len(values)))
    outside = named(found.outside, [feature.name for feature in predictor.features])
    inside = map(not_, outside)
    if found.probabilities is None or found.sets is None:
        ends = [] if found.intervals is None else found.intervals.tolist()
        return list(map(Prediction, ids, values, inside, outside, repeat(None), repeat(None), ends))
    chances = map(by_label(tuple(labels)), *found.probabilities.round(6).T.tolist())
    predicted = np.array(labels, dtype=object)[found.values].tolist()
    return list(map(Prediction, ids, predicted, inside, outside, chances, named(found.sets, labels)))


@lru_cache(4)
def places(count: int) -> list[str]:
    """Give how the ids of so many rows end."""
    return [f"-{place}" for place in range(count)]


@cache
def by_label(labels: tuple[str, ...]) -> Callable[..., Any]:
    """Give what makes an object of the labels' values: a struct, which costs a third of a dictionary."""
    names = {f"p{place}": label for place, label in enumerate(labels)}
    try:
        return msgspec.defstruct("ByLabel", [(name, float) for name in names], rename=names, gc=False)
    except ValueError:  # msgspec names no field by what JSON has to escape
        return lambda *values: dict(zip(labels, values, strict=True))


def named(flags: npt.NDArray[np.bool_], names: Sequence[str]) -> list[list[str]]:
    """Give for each row of `flags` the names that it flags; rows with the same flags share one list."""
    if not flags.any():
        return [[]] * len(flags)
    kind = np.int64 if len(names) < 63 else object  # whole numbers of any size
    codes = (flags @ (1 << np.arange(len(names), dtype=kind))).tolist()
    named = {code: [name for place, name in enumerate(names) if code >> place & 1] for code in set(codes)}
    return list(map(named.__getitem__, codes))


@contextmanager
def alone(file: FileIO) -> Generator[None]:
    """Hold the file against other processes."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_UN)


def torn(file: FileIO) -> bool:
    """Say whether the last line lacks its end: its worker was killed, or the disk was full."""
    if not file.seekable() or not file.seek(0, SEEK_END):
        return False
    file.seek(-1, SEEK_END)
    return file.read(1) != b"\n"


def write(file: FileIO, *parts: bytes) -> None:
    """Write `parts`, joined if they are short: to join megabytes takes longer than to write them. Raises `OSError`."""
    short = sum(map(len, parts)) < PIECE
    for part in map(memoryview, [b"".join(parts)] if short else parts):
        for place in range(0, len(part), PIECE):
            piece = part[place : place + PIECE]
            if file.write(piece) < len(piece):
                raise OSError("the line was cut short")


class PredictionLog:
    """Appends a line of JSON for each request, under a lock, so that workers can share the file.

    A full disk stops no prediction: what could not be written is counted and said once a minute.
    """

    def __init__(self, path: str, lost: Callable[[], Any]) -> None:
        """Open the log at `path`, where "off" keeps none; `lost` is called for each line that could not be written."""
        self.lost = lost
        self._file = None
        self._quiet_until = 0.0
        if path != "off":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).open("a+b", buffering=0)  # noqa: SIM115  (open as long as the service is)

    def append(self, inputs: bytes, answer: bytes, shadow: bytes | None = None) -> None:
        """Write when, what came in, what went out and what a shadow says, as JSON; answers hold ids and version."""
        if self._file:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
            line = inputs.replace(b"\n", b" ").replace(b"\r", b" ")  # JSON text holds neither inside a string
            beside = b',"shadow":%b' % shadow if shadow else b""
            try:
                with alone(self._file):
                    start = b'%b{"time":"%b","inputs":' % (b"\n" if torn(self._file) else b"", now)
                    write(self._file, start, line, b',"answer":', answer, beside, b"}\n")
            except OSError as error:
                self._lose(str(error))

    def _lose(self, reason: str) -> None:
        self.lost()
        if monotonic() >= self._quiet_until:
            self._quiet_until = monotonic() + 60
            print(f"warning: predictions are answered but not logged: {reason}", file=sys.stderr, flush=True)
