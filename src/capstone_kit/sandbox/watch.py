"""Watching a command from outside: the memory of its processes, the size of its working copy."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capstone_kit.sandbox.box import Limits

MEGABYTE = 1024 * 1024
PAUSE = 0.2  # seconds between two looks
EASE = 25  # a look that takes a second is followed by a pause of so many
FREE = 500 * MEGABYTE  # of the disk are left to the machine


@dataclass
class Watch:
    """Looks at memory and disk while a process runs, and stops it where it uses too much."""

    process: "subprocess.Popen[bytes]"
    kill: Callable[[], None]  # ends it and all that it started
    work: Path
    limits: "Limits"
    reason: str = ""
    peak: float = 0.0  # bytes

    def __post_init__(self) -> None:
        """Begin to look."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        pause, disk_at = PAUSE / 10, time.monotonic() + 1
        while not self._ended.wait(pause) and self.process.poll() is None:
            begun = time.monotonic()
            members = list(tree(self.process.pid))
            if self._memory(members) > self.limits.memory_mb * MEGABYTE:
                self.reason = "memory"
            elif begun > disk_at:
                if self._disk(members):
                    self.reason = "disk"
                disk_at = time.monotonic() + max(1.0, EASE * (time.monotonic() - begun))
            if self.reason:
                self.kill()
                return
            pause = min(2 * pause, max(PAUSE, EASE * (time.monotonic() - begun)))

    def _memory(self, members: list[int]) -> float:
        """Give the bytes that the processes hold. What they share is counted once, where that can matter."""
        size = sum(map(_resident, members))
        if size > self.peak:
            size = min(size, sum(map(_proportional, members)))
        self.peak = max(self.peak, size)
        return size

    def _disk(self, members: list[int]) -> bool:
        """Whether the working copy is too large, or the machine's disk nearly full."""
        full = shutil.disk_usage(self.work).free < FREE
        return full or occupied(self.work, members) > self.limits.disk_mb * MEGABYTE

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()


def tree(pid: int) -> Iterator[int]:
    """Give a process and all its descendants, on Linux; elsewhere nothing."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 (names are enough)
    except OSError:
        return
    yield pid
    for thread in threads:
        for child in _read(f"/proc/{pid}/task/{thread}/children").split():
            yield from tree(int(child))


def _resident(pid: int) -> int:
    words = _read(f"/proc/{pid}/statm").split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else 0


def _proportional(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 (a thousand a second)
            return file.read()
    except OSError:
        return ""


def occupied(folder: Path, members: list[int]) -> int:
    """Give the bytes below a folder, with those of files that are deleted and still open. Follows no link."""
    found: dict[int, int] = {}
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    _count(entry.stat(follow_symlinks=False), found)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    device = folder.stat().st_dev
    for status in (status for pid in members for status in _opened(pid)):
        if status.st_nlink == 0 and status.st_dev == device:
            _count(status, found)
    return sum(found.values())


def _count(status: os.stat_result, found: dict[int, int]) -> None:
    found[status.st_ino] = max(getattr(status, "st_blocks", 0) * 512, 512)  # an empty file takes room, too


def _opened(pid: int) -> Iterator[os.stat_result]:
    try:
        names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
    except OSError:
        return
    for name in names:
        try:
            yield os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116
        except OSError:
            continue
