"""The command line: quick help, one sentence for each failure, and the exit status that belongs to it."""

import subprocess
import sys
from pathlib import Path

import pytest

from capstone_kit import cli


def capstone(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`."""
    command = [sys.executable, "-m", "capstone_kit", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")


def test_help_imports_no_table_library(tmp_path: Path) -> None:
    """`capstone --help` lists the commands and loads neither pandas nor frictionless."""
    code = (
        "import sys; from capstone_kit import cli\ntry: cli.app(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'pandas', 'frictionless', 'pyarrow', 'rich', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in ("adopt", "sample", "remote", "doctor"))


def test_outside_a_repository_is_one_sentence(tmp_path: Path) -> None:
    """Exit status 1 and where it looked."""
    done = capstone(tmp_path, "doctor")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: {tmp_path} is in no capstone repository")


@pytest.mark.parametrize("words", [("adopt",), ("no-such-command",), ("doctor", "--colour")])
def test_wrong_usage_ends_with_two(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A missing argument, an unknown command or option: usage on standard error."""
    done = capstone(tmp_path, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_bug_is_one_line_with_the_path_of_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 3; the traceback is in a file, not on the terminal."""

    def fails() -> None:
        raise RuntimeError("something unforeseen")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr().err
    assert ended.value.code == 3
    assert shown.count("\n") == 1
    log = Path(shown.partition("the traceback is in ")[2].partition(";")[0])
    assert "something unforeseen" in log.read_text(encoding="utf-8")
    log.unlink()


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is no failure of the tool, and says that nothing was changed."""

    def interrupted() -> None:
        raise cli.Interrupted

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "interrupted: nothing was changed\n")
