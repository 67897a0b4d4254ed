"""What is answered by label and by flag; and the log: workers share it, and a full disk fails no prediction."""

import json
import sys
from multiprocessing import Process
from pathlib import Path

import numpy as np
import pytest

from project.serving.answer import PIECE, PredictionLog, by_label, encode, named


@pytest.mark.parametrize("labels", [("no", "yes"), ('5" pipe', "a\\b", "\u03b1")])
def test_values_by_label_are_an_object_of_json(labels: tuple[str, ...]) -> None:
    """Whatever the labels hold, each names its value."""
    values = [place / 4 for place in range(len(labels))]
    assert json.loads(encode(by_label(labels)(*values))) == dict(zip(labels, values, strict=True))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_counted_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Three lines are lost, with one sentence."""
    lost: list[int] = []
    log = PredictionLog("/dev/full", lambda: lost.append(1))
    for _ in range(3):
        log.append(b"{}", b"{}")
    assert len(lost) == 3
    assert capsys.readouterr().err.count("not logged: [Errno 28] No space left on device") == 1


def test_a_line_that_was_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    """What there was no room for is counted; the rest of the torn line stays on a line of its own."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of a file")
    lost: list[int] = []
    log = PredictionLog(str(tmp_path / "log"), lambda: lost.append(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        log.append(b"{}" * 100_000, b"1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.append(b"{}", b"2")
    torn, whole = (tmp_path / "log").read_bytes().splitlines()
    assert json.loads(whole)["answer"] == 2
    assert len(torn) == 100_000
    assert len(lost) == 1


def fill(path: str, letter: str) -> None:
    """Append lines that take several writes each."""
    log = PredictionLog(path, pytest.fail)
    for _ in range(10):
        log.append(encode(letter * (PIECE + 1)), encode(letter))


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows a log belongs to one worker")
def test_two_workers_share_a_log(tmp_path: Path) -> None:
    """Each line holds what one of them wrote, whole."""
    workers = [Process(target=fill, args=(str(tmp_path / "log"), letter)) for letter in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert sorted(line["answer"] for line in lines) == ["a"] * 10 + ["b"] * 10
    assert all(line["inputs"] == line["answer"] * (PIECE + 1) for line in lines)


@pytest.mark.parametrize("count", [1, 62, 63, 200])
def test_flags_are_named_however_many_there_are(count: int) -> None:
    """Each row gets the names that it flags, in their order."""
    names = [f"field {place}" for place in range(count)]
    flags = np.random.default_rng(0).random((50, count)) < 0.3
    assert named(flags, names) == [[names[place] for place in np.flatnonzero(row)] for row in flags]
