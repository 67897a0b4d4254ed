"""One command in a bubble, from its start to its end."""

import contextlib
import errno
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from capstone_kit.project import CannotRunError, safe

RESTRICTED = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
PROFILE = """\
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}"""


class Handed:
    """The descriptors that a command is started with."""

    def __init__(self) -> None:
        """Begin with none."""
        self.numbers: list[int] = []
        self.ours: socket.socket | None = None  # the end of `control` that stays here
        self.told = self.tell = -1  # the ends of the pipe of `information`

    def __enter__(self) -> "Handed":
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them: the command has its own by then."""
        for number in self.numbers:
            os.close(number)
        if self.told >= 0:
            os.close(self.told)

    def file(self, content: str | bytes) -> str:
        """Give the number of a file in memory."""
        handle = os.memfd_create("file", 0)
        self.numbers.append(handle)
        with open(handle, "wb", closefd=False) as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.lseek(handle, 0, os.SEEK_SET)
        return str(handle)

    def control(self) -> str:
        """Give the number of a socket through which connections come."""
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.numbers.append(theirs.detach())
        return str(self.numbers[-1])

    def information(self) -> str:
        """Give the number of the pipe into which bubblewrap writes what it made."""
        self.told, self.tell = os.pipe()
        self.numbers.append(self.tell)
        return str(self.tell)


class Bubbled:
    """The processes in one bubble."""

    def __init__(self, words: list[str], variables: Mapping[str, str], handed: Handed, port: int | None) -> None:
        """Start them. Raises `CannotRunError` where bubblewrap cannot."""
        self._control, self._port = handed.ours, port
        self._asking, self._ending = threading.Lock(), threading.Lock()
        self.process = subprocess.Popen(
            words,
            cwd="/",
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=handed.numbers,
            start_new_session=True,
        )
        handed.numbers.remove(handed.tell)
        os.close(handed.tell)  # else the end of the pipe is never reached
        said = b""
        while chunk := os.read(handed.told, 4096):
            said += chunk
        if not said:
            raise CannotRunError(self._reason())
        self._first: int | None = None
        with contextlib.suppress(ProcessLookupError):  # it has ended, and with it all others
            self._first = os.pidfd_open(json.loads(said)["child-pid"])

    def _reason(self) -> str:
        """Give why there is no sandbox."""
        assert self.process.stdout
        lines = safe(self.process.stdout.read().decode("utf-8", "replace")).strip().splitlines()
        self.process.wait()
        said = lines[-1] if lines else "bubblewrap says nothing"
        if "Unknown option" in said:
            return f"bubblewrap is older than 0.8, which the sandbox needs: {said}"
        if RESTRICTED.exists() and RESTRICTED.read_text(encoding="ascii").strip() == "1":
            return (
                f"the sandbox does not start: {said}\nAppArmor lets bubblewrap make no user namespace. Write this to "
                f"/etc/apparmor.d/bwrap, then run `sudo apparmor_parser -r /etc/apparmor.d/bwrap`:\n{PROFILE}"
            )
        return f"the sandbox does not start: {said}"

    def end(self) -> None:
        """Kill all that is left in the bubble, and wait until it is gone."""
        with self._ending:
            if self._first is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._first, signal.SIGKILL)
                gone = select.poll()
                gone.register(self._first, select.POLLIN)
                gone.poll(30_000)  # the first process of a namespace ends after all others
                os.close(self._first)
                self._first = None
            if self._control is not None:
                self._control.close()
        self.process.wait()

    def connect(self, seconds: float) -> socket.socket:
        """Give a connection to the port, made inside: the kernel's own, nothing stands between."""
        if self._control is None:
            raise OSError(errno.ECONNREFUSED, "the command was started without a port")
        with self._asking:
            self._control.settimeout(seconds)
            try:
                self._control.send(b"?")
                said, handles, _, _ = socket.recv_fds(self._control, 16, 4)
            except OSError:
                self._control.close()  # a late answer must not be taken for the next one's
                raise
        if len(handles) != 1:
            for handle in handles:
                os.close(handle)
            number = int(said) if said.isdigit() else errno.ECONNREFUSED
            raise OSError(number, os.strerror(number))
        found = _checked(socket.socket(fileno=handles[0]), ("127.0.0.1", self._port))
        found.settimeout(seconds)
        return found


def _checked(found: socket.socket, address: tuple[str, int | None]) -> socket.socket:
    """Give a socket if it is what was asked for: what comes out of the sandbox is not believed."""
    with contextlib.suppress(OSError):
        if found.family == socket.AF_INET and found.type == socket.SOCK_STREAM and found.getpeername() == address:
            return found
    found.close()
    raise ConnectionRefusedError(errno.ECONNREFUSED, "the sandbox answers with something else than a connection")
