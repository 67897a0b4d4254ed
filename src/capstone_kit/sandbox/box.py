"""A place in which a project's commands run: what all have in common, and the one without walls."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capstone_kit.project import CannotRunError
from capstone_kit.sandbox.output import Output
from capstone_kit.sandbox.watch import MEGABYTE, Watch


@dataclass(frozen=True)
class Limits:
    """What a command may use."""

    seconds: float = 1800
    memory_mb: int = 6144  # of all its processes together
    processes: int = 512  # threads count
    file_mb: int = 4096  # of one file
    disk_mb: int = 8192  # of the working copy


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int | None  # None: it was stopped
    seconds: float
    output: str  # the beginning and the end of what it printed, both streams
    stopped: str = ""  # "time", "memory" or "disk", where a limit stopped it
    peak_memory_mb: float = 0.0  # of all its processes together, sampled


@dataclass(frozen=True)
class Running:
    """A command in the background."""

    process: "subprocess.Popen[bytes]"
    output: Output
    watch: Watch
    door: Callable[[float], socket.socket]

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def connect(self, seconds: float = 30) -> socket.socket:
        """Give a connection to the port that the command listens on. Raises `OSError`."""
        return self.door(seconds)

    def stop(self) -> None:
        """Stop it and all that it started; of what ran in a sandbox nothing is left when this returns."""
        self.watch.kill()
        self.process.wait()
        RUNNING.pop(self.process, None)
        self.watch.end()
        self.output.end()


RUNNING: "dict[subprocess.Popen[bytes], Callable[[], None]]" = {}


STOPPING = threading.Event()  # the grader was interrupted: nothing more is started, and nothing that ends is believed


def stop_all() -> None:
    """Stop every command that still runs, whoever started it."""
    STOPPING.set()
    for kill in tuple(RUNNING.values()):
        kill()


@dataclass(frozen=True)
class Box(ABC):
    """A place in which a project's commands run. `work` is the working copy: the current directory, and writable."""

    environment: Path  # the virtual environment whose programs run
    reads: tuple[Path, ...] = ()  # folders and files that commands may read besides
    slots: AbstractContextManager[Any] = field(default_factory=nullcontext, compare=False)  # held while a command runs
    sandboxed: bool = field(default=False, init=False)

    def run(
        self, work: Path, *command: str, limits: Limits | None = None, more: Mapping[str, str] | None = None
    ) -> Done:
        """Run a command to its end, as soon as there is a slot; `more` are further environment variables."""
        with self.slots:
            return self._run(work, command, limits or Limits(), more)

    def _run(self, work: Path, command: Sequence[str], allowed: Limits, more: Mapping[str, str] | None) -> Done:
        begun = time.monotonic()
        found = self.start(work, *command, limits=allowed, more=more)
        try:
            found.process.wait(allowed.seconds)
        except subprocess.TimeoutExpired:
            found.watch.reason = found.watch.reason or "time"
        finally:
            seconds = time.monotonic() - begun
            found.stop()
        stopped = found.watch.reason
        status = None if stopped else found.process.returncode
        return Done(status, seconds, found.output.text, stopped, found.watch.peak / MEGABYTE)

    @abstractmethod
    def start(
        self,
        work: Path,
        *command: str,
        port: int | None = None,
        limits: Limits | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a command in the background; `port` is the one of its loopback that `connect` leads to.

        In a sandbox it ends with the thread that started it.
        """

    @abstractmethod
    def source(self, work: Path) -> str:
        """Give the path by which commands see `src` of a working copy."""

    @abstractmethod
    def inside(self, path: Path) -> str:
        """Give the path by which commands see one of `reads`, or what lies below it."""


@dataclass(frozen=True)
class Open(Box):
    """No sandbox: the team's own machine, or the instructor's explicit choice. On Linux memory and disk are watched."""

    def start(
        self,
        work: Path,
        *command: str,
        port: int | None = None,
        limits: Limits | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a command with the user's own environment variables, and the project's programs first on the path."""
        programs = self.environment / ("Scripts" if os.name == "nt" else "bin")
        variables = dict(os.environ) | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": self.source(work),
        }
        variables |= {"VIRTUAL_ENV": str(self.environment)} | dict(more or {})
        process = subprocess.Popen(
            command,
            cwd=work,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return followed(
            process,
            lambda: _kill(process),
            work,
            limits,
            lambda seconds: socket.create_connection(("127.0.0.1", port or 0), seconds),
        )

    def source(self, work: Path) -> str:
        """Give the path itself."""
        return str(work.absolute() / "src")

    def inside(self, path: Path) -> str:
        """Give the path itself."""
        return str(path)


def followed(
    process: "subprocess.Popen[bytes]",
    kill: Callable[[], None],
    work: Path,
    limits: Limits | None,
    door: Callable[[float], socket.socket],
) -> Running:
    """Give a process that was started as what is watched, and read. Raises `CannotRunError` after an interruption."""
    RUNNING[process] = kill
    if STOPPING.is_set():
        kill()
        raise CannotRunError("interrupted")
    return Running(process, Output(process), Watch(process, kill, work, limits or Limits()), door)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its group at once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running(
    box: Box, work: Path, *command: str, port: int, more: Mapping[str, str] | None = None
) -> Generator[Running]:
    """Start a command that listens on a port, and stop it and all that it started when the block ends."""
    with box.slots:
        found = box.start(work, *command, port=port, more=more)
        try:
            yield found
        finally:
            found.stop()


def free_port() -> int:
    """Give a port of the loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
