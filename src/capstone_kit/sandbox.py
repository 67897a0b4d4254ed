"""Running a project's own code: in a bubblewrap sandbox, or openly on the team's own machine. Nothing else runs it."""

import os
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

TAIL = 20_000  # characters of the output that are kept


@dataclass(frozen=True)
class Limits:
    """What a command may use."""

    seconds: float = 1800
    memory_mb: int = 6144  # of all its processes together
    processes: int = 512
    file_mb: int = 4096  # of one file
    disk_mb: int = 16384  # of the working copy


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int | None  # None: it was stopped
    seconds: float
    output: str  # the end of what it printed, both streams
    stopped: str = ""  # "time", "memory" or "disk", where a limit stopped it
    peak_memory_mb: float = 0.0  # of all its processes together, sampled


@dataclass(frozen=True)
class Running:
    """A command that runs in the background."""

    process: subprocess.Popen[str]
    log: Path  # what it prints

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None


class Box(Protocol):
    """A place in which a project's commands run. `work` is the working copy: the current directory, and writable."""

    sandboxed: bool

    def run(self, work: Path, *command: str, limits: Limits = Limits(), more: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end; `more` are further environment variables."""
        ...

    def start(self, work: Path, *command: str, more: Mapping[str, str] | None = None) -> "Running":
        """Start a command in the background. Use `running` to have it stopped."""
        ...

    def inside(self, path: Path) -> str:
        """Give the path by which commands see one of `reads`, or a file of the working copy's folder."""
        ...


@dataclass(frozen=True)
class Open:
    """No sandbox: the team's own machine, or the instructor's explicit choice."""

    environment: Path  # the virtual environment whose programs run
    reads: tuple[Path, ...] = ()  # folders that commands may read besides
    sandboxed: bool = field(default=False, init=False)

    def run(self, work: Path, *command: str, limits: Limits = Limits(), more: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end, within its time."""
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=work,
            env=self._variables() | dict(more or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limits.seconds)
            return Done(process.returncode, time.monotonic() - begun, output[-TAIL:])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return Done(None, time.monotonic() - begun, output[-TAIL:], "time")

    def start(self, work: Path, *command: str, more: Mapping[str, str] | None = None) -> Running:
        """Start a command in the background."""
        log = work.parent / f"{work.name}.log"
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                command,
                cwd=work,
                env=self._variables() | dict(more or {}),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        return Running(process, log)

    def inside(self, path: Path) -> str:
        """Give the path itself."""
        return str(path)

    def _variables(self) -> dict[str, str]:
        programs = self.environment / ("Scripts" if os.name == "nt" else "bin")
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return dict(os.environ) | {"PATH": path, "VIRTUAL_ENV": str(self.environment), "PYTHONPATH": "src"}


@contextmanager
def running(box: Box, work: Path, *command: str, more: Mapping[str, str] | None = None) -> Generator[Running]:
    """Start a command, and stop it and all that it started when the block ends."""
    found = box.start(work, *command, more=more)
    try:
        yield found
    finally:
        if found.alive:
            os.killpg(found.process.pid, signal.SIGTERM)
            try:
                found.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(found.process.pid, signal.SIGKILL)
                found.process.wait()


def shown(command: Sequence[str]) -> str:
    """Give a command as a person would type it."""
    return " ".join(command)
