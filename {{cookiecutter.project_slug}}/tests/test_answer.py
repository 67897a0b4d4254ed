"""What is answered by label; and the log on a full disk: no prediction fails, and what is lost is counted."""

import json
from pathlib import Path

import pytest

from project.serving.answer import PredictionLog, by_label, encode


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


class Short:
    """A file that takes ten bytes of the next line, as a disk does that becomes full."""

    def __init__(self) -> None:
        self.content, self.full = b"", True

    def write(self, line: bytes) -> int:
        """Take some or all of the line."""
        taken = line[:10] if self.full else line
        self.full = False
        self.content += taken
        return len(taken)


def test_a_line_that_was_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    """The rest of a torn line stays on a line of its own."""
    lost: list[int] = []
    log = PredictionLog(str(tmp_path / "log"), lambda: lost.append(1))
    file = log._file = Short()  # ty: ignore[invalid-assignment]
    log.append(b"{}", b"1")
    log.append(b"{}", b"2")
    torn, whole = file.content.splitlines()
    assert json.loads(whole)["answer"] == 2
    assert len(torn) == 10
    assert len(lost) == 1
