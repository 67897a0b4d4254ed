"""`capstone adopt` within this process: the same command and the same exit status, without the start of Python."""

import contextlib
import importlib
import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "{{cookiecutter.project_slug}}/src"))  # adoption reads as the project's own ingest does

from capstone_kit import cli


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    status: int
    shown: str
    errors: str

    @property
    def sentence(self) -> str:
        """Give the one sentence of a refusal; fails if the command ended otherwise."""
        lines = self.errors.strip().splitlines()
        assert (self.status, len(lines)) == (1, 1), f"exit status {self.status}: {self.errors[-2000:]}"
        return lines[0].removeprefix("error: ")


def adopts(repository: Path, source: Path | str, target: str, *wishes: str) -> Outcome:
    """Run `capstone adopt SOURCE --target COLUMN --yes` in `repository`."""
    return capstone(repository, "adopt", str(source), f"--target={target}", *wishes, "--yes")


def capstone(repository: Path, *words: str) -> Outcome:
    """Run `capstone` with these words in `repository`."""
    shown, errors, status = io.StringIO(), io.StringIO(), 0
    before, arguments, handlers = Path.cwd(), sys.argv, [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    os.chdir(repository)
    sys.argv = ["capstone", *words]
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(errors), _warnings_shown():
            cli.main()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        os.chdir(before)
        sys.argv = arguments
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), handlers, strict=True):
            signal.signal(number, handler)
    return Outcome(status, shown.getvalue(), errors.getvalue())


@contextlib.contextmanager
def _warnings_shown() -> Generator[None]:
    """Print what Python would warn a user of, which pytest keeps to itself otherwise."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        try:
            yield
        finally:
            for one in caught:
                print(f"{one.category.__name__}: {one.message}", file=sys.stderr)


def as_generated(repository: Path) -> None:
    """Take back every change in `repository`."""
    subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=repository, check=True)
    subprocess.run(["git", "clean", "-fdq"], cwd=repository, check=True)


def prepares(repository: Path, *stages: str) -> str:
    """Run the data stages on what adoption wrote; give the sentence in which one of them ended, if one did."""
    stage = importlib.import_module("project.stage")
    before = Path.cwd()
    os.chdir(repository)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for name in stages or ("ingest", "validate", "split"):
                importlib.import_module(f"project.{name}").main()
    except stage.ProjectError as error:
        return f"error: {error}"
    finally:
        os.chdir(before)
    return ""
