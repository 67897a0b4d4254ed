"""Several files change all or none: after a failure, an interrupt and a kill."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capstone_kit.project import KitError
from capstone_kit.writing import JOURNAL, Transaction, recover

BEFORE = {"a.txt": "old a", "b/c.txt": "old c", "gone.txt": "to be removed"}
AFTER = {"a.txt": "new a", "b/c.txt": "new c", "d/e.txt": "new e"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with the old files."""
    for name, text in BEFORE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def files(root: Path) -> dict[str, str]:
    """Give every file's text by name."""
    return {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()}


def prepared(root: Path) -> Transaction:
    """Give a transaction that turns the old files into the new ones."""
    transaction = Transaction(root)
    for name, text in AFTER.items():
        transaction.write(name, text)
    transaction.remove("gone.txt")
    return transaction


def test_a_commit_changes_everything(root: Path) -> None:
    """New contents are there, what was removed is gone, and nothing is left behind."""
    prepared(root).commit()
    assert files(root) == AFTER


def test_what_is_the_same_is_not_touched(root: Path) -> None:
    """A file whose content stays keeps its time, so that nothing is made anew for it."""
    stamp = (root / "a.txt").stat().st_mtime_ns
    transaction = Transaction(root)
    transaction.write("a.txt", "old a")
    assert transaction.changed() == []
    transaction.commit()
    assert (root / "a.txt").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_failure_at_any_move_takes_back_the_others(root: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """Whichever move fails, every file is as it was, and the error is not swallowed."""
    moves = iter(range(1, 100))
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if "new" in self.parts and next(moves) == failing:
            raise OSError("the disk is full")
        return replace(self, target)

    transaction = prepared(root)
    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="disk is full"):
        transaction.commit()
    assert files(root) == BEFORE


SLOW = """
import sys, time
sys.path.insert(0, {folder!r})
from pathlib import Path
from capstone_kit import writing
from test_writing import prepared
move = writing._move
def slowly(source, target):
    move(source, target)
    print("moved", flush=True)
    time.sleep(60)
writing._move = slowly
prepared(Path({root!r})).commit()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_between_moves_is_taken_back_by_the_next(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SIGKILL after the first move leaves a journal; the next command puts everything back, and says so."""
    code = SLOW.format(folder=str(Path(__file__).parent), root=str(root))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "moved\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert (root / "a.txt").read_text() == "new a"
    assert (root / JOURNAL / "moves.json").exists()
    recover(root)
    assert files(root) == BEFORE
    assert "was killed half way" in capsys.readouterr().err


def test_a_forged_journal_reaches_nothing_outside(root: Path) -> None:
    """Whoever hands over a repository can put a journal into it; it names no file above it, and none of git's."""
    repository = root / "repository"
    (repository / JOURNAL / "old/.git/hooks").mkdir(parents=True)
    (repository / JOURNAL / "old/.git/hooks/post-checkout").write_text("evil")
    (repository / "link").symlink_to(root)
    names = ["../a.txt", str(root / "a.txt"), "link/a.txt", ".git/hooks/post-checkout", "."]
    (repository / JOURNAL / "moves.json").write_text(json.dumps(names))
    recover(repository)
    assert {name: text for name, text in files(root).items() if not name.startswith("repository")} == BEFORE
    assert not (repository / ".git").exists()


def test_two_do_not_write_at_once(root: Path) -> None:
    """The second is told to wait; the first ends as if it had been alone."""
    first = prepared(root)
    with pytest.raises(KitError, match="another capstone command is writing here"):
        Transaction(root)
    first.commit()
    assert files(root) == AFTER
