"""What a process prints, however much it is."""

import os
import subprocess
import threading
from dataclasses import dataclass, field

HEAD = 2_000  # bytes of the beginning that are kept
TAIL = 20_000  # characters of the output that are kept


@dataclass
class Output:
    """The beginning and the end of what a process prints, read as it comes and otherwise thrown away."""

    process: "subprocess.Popen[bytes]"
    _head: bytes = b""
    _rest: bytes = b""
    _size: int = field(default=0)

    def __post_init__(self) -> None:
        """Begin to read."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        while chunk := os.read(self.process.stdout.fileno(), 65_536):
            self._size += len(chunk)
            room = HEAD - len(self._head)
            self._head, self._rest = self._head + chunk[:room], (self._rest + chunk[room:])[-(TAIL - HEAD - 100) :]

    def end(self) -> None:
        """Wait for the end of the output, for a moment."""
        self._thread.join(2)
        if self.process.stdout and not self._thread.is_alive():
            self.process.stdout.close()

    @property
    def text(self) -> str:
        """What is kept of the output."""
        head, rest = self._head, self._rest
        left_out = self._size - len(head) - len(rest)
        between = f"\n[{left_out:,} bytes left out]\n".encode() if left_out > 0 else b""
        return (head + between + rest).decode("utf-8", "replace")
