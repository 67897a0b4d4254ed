"""The sandbox is tried before it is trusted: the ways out that matter, live."""

import socket
import tempfile
import time
from pathlib import Path

from capstone_kit.project import CannotRunError
from capstone_kit.sandbox.box import Box, Limits

PROBES = {
    "the network is reachable": "import socket; socket.create_connection(('1.1.1.1', 53), 2)",
    "the machine's loopback is reachable": "import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
    "files of the machine can be read": "open({secret!r}).read()",
    "files outside the working copy can be written": "open('/usr/local/x', 'w')",
    "the environment can be written": "open('/opt/venv/x', 'w')",
    "the root can be written": "open('/x', 'w')",
    "processes of the machine are seen": "import os, sys; sys.exit(os.readlink('/proc/self/ns/pid') != {pid!r})",
    "shared memory is the machine's": "import os, sys; sys.exit(os.readlink('/proc/self/ns/ipc') != {ipc!r})",
    "memory can be held unseen": "import os; os.memfd_create('x')",
    "the machine's name is known": "import socket, sys; sys.exit(socket.gethostname() != {host!r})",
    "the session is the grader's": "import os, sys; sys.exit(os.getsid(0) != 0)",
    "privileges are kept": "import sys; sys.exit('CapEff:\\t0000000000000000' in open('/proc/self/status').read())",
    "namespaces can be nested": "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000))",
    "processes are not limited": "import os, time\nfor _ in range(200):\n    if os.fork() == 0: time.sleep(30)\n",
}


def self_test(box: Box) -> None:
    """Try to break out, in the ways that matter. Raises `CannotRunError` that says which of them succeeds."""
    with tempfile.TemporaryDirectory(prefix="trial-") as folder, socket.socket() as listening:
        secret, work = Path(folder) / "secret", Path(folder) / "work"
        secret.write_text("secret", encoding="utf-8")
        work.mkdir()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        told = {
            "pid": str(Path("/proc/self/ns/pid").readlink()),
            "port": listening.getsockname()[1],
            "secret": str(secret),
            "host": socket.gethostname(),
            "ipc": str(Path("/proc/self/ns/ipc").readlink()),
        }
        works = box.run(work, "python", "-I", "-c", "open('here', 'w').write('x')", limits=Limits(seconds=60))
        if works.status != 0:
            lines = works.output.strip().splitlines()
            raise CannotRunError(f"the sandbox does not start: {lines[-1] if lines else f'status {works.status}'}")
        for weakness, code in PROBES.items():
            done = box.run(work, "python", "-I", "-c", code.format(**told), limits=Limits(seconds=20, processes=64))
            if done.status == 0:
                _refuse(weakness)
        _kills(box, work)


def _kills(box: Box, work: Path) -> None:
    """Try whether time ends a command, and the death of its parent what it left behind."""
    begun = time.monotonic()
    box.run(work, "python", "-I", "-c", "import time; time.sleep(60)", limits=Limits(seconds=1))
    if time.monotonic() - begun > 20:
        _refuse("a process outlives its time")
    found = box.start(work, "sh", "-c", "while :; do echo x >> beat; sleep 0.05; done")
    beat = work / "beat"
    while not beat.exists() and found.alive:
        time.sleep(0.01)
    found.process.kill()  # bubblewrap itself, as if the grader had been killed
    found.process.wait()
    time.sleep(0.3)
    before = beat.stat().st_size
    time.sleep(0.3)
    after = beat.stat().st_size
    found.stop()
    if after != before:
        _refuse("processes outlive the grader")


def _refuse(weakness: str) -> None:
    raise CannotRunError(f"the sandbox does not hold: {weakness}; nothing was graded")
