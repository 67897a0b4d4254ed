"""Running a project's own code: in a bubblewrap sandbox, or openly on the team's own machine. Nothing else runs it."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from capstone_kit.project import CannotRunError

TAIL = 20_000  # characters of the output that are kept
NOBODY = 65534
MEGABYTE = 1024 * 1024
HOME, WORK, VENV, READS = "/home/student", "/home/student/project", "/opt/venv", "/opt/reads"
RELAY = Path(__file__).with_name("relay.py")
SYSTEM = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/ssl", "/etc/mime.types", "/etc/fonts")
ETC = {
    "passwd": f"root:x:0:0:root:/root:/bin/sh\nstudent:x:1000:1000:student:{HOME}:/bin/sh\n",
    "group": "root:x:0:\nstudent:x:1000:\n",
    "hosts": "127.0.0.1 localhost laptop\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
PROFILE = """Ubuntu lets bwrap make no user namespace. Load this by apparmor_parser -r, from /etc/apparmor.d/bwrap:
abi <abi/4.0>,
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}"""


@dataclass(frozen=True)
class Limits:
    """What a command may use."""

    seconds: float = 1800
    memory_mb: int = 6144  # of all its processes together
    processes: int = 512
    file_mb: int = 4096  # of one file
    disk_mb: int = 8192  # of the working copy


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
    """A command in the background."""

    process: "subprocess.Popen[bytes]"
    output: "Output"
    watch: "Watch"
    door: Path | None = None  # the relay's socket
    port: int | None = None

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def connect(self, seconds: float = 30) -> socket.socket:
        """Give a connection to the port that the command listens on. Raises `OSError`."""
        if self.door is None:
            return socket.create_connection(("127.0.0.1", self.port or 0), seconds)
        # the folder is the project's to write in: what is connected to is the socket itself, never where a link leads
        handle = os.open(self.door, os.O_PATH | os.O_NOFOLLOW)
        try:
            if not stat.S_ISSOCK(os.fstat(handle).st_mode):
                raise OSError(f"{self.door.name} is no socket")
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(seconds)
            connection.connect(f"/proc/self/fd/{handle}")
            return connection
        finally:
            os.close(handle)

    def stop(self) -> None:
        """Stop it and all that it started."""
        _kill(self.process)
        self.process.wait()
        RUNNING.discard(self.process)
        self.watch.end()
        self.output.end()


@dataclass(frozen=True)
class Box(ABC):
    """A place in which a project's commands run. `work` is the working copy: the current directory, and writable."""

    environment: Path  # the virtual environment whose programs run
    reads: tuple[Path, ...] = ()  # folders and files that commands may read besides
    sandboxed: bool = field(default=False, init=False)

    def run(
        self, work: Path, *command: str, limits: Limits | None = None, more: Mapping[str, str] | None = None
    ) -> Done:
        """Run a command to its end; `more` are further environment variables."""
        allowed, begun = limits or Limits(), time.monotonic()
        found = self.start(work, *command, limits=allowed, more=more)
        try:
            found.process.wait(allowed.seconds)
        except subprocess.TimeoutExpired:
            found.watch.reason = found.watch.reason or "time"
        finally:
            found.stop()
        seconds, stopped = time.monotonic() - begun, found.watch.reason
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
        """Start a command in the background; `port` is the one of its loopback that `connect` leads to."""

    @abstractmethod
    def source(self, work: Path) -> str:
        """Give the path by which commands see `src` of a working copy."""

    @abstractmethod
    def inside(self, path: Path) -> str:
        """Give the path by which commands see one of `reads`, or what lies below it."""


@dataclass(frozen=True)
class Open(Box):
    """No sandbox: the team's own machine, or the instructor's explicit choice."""

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
        return _started(list(command), work, variables, limits or Limits(), port=port)

    def source(self, work: Path) -> str:
        """Give the path itself."""
        return str(work.absolute() / "src")

    def inside(self, path: Path) -> str:
        """Give the path itself."""
        return str(path)


@dataclass(frozen=True)
class Sandbox(Box):
    """Bubblewrap: no network, nothing of the machine but its programs, nothing writable but the working copy.

    Root drops to an ordinary user first, since no limit on processes binds it; what only root can read is then mounted
    where that user reads it, in a mount namespace of its own.
    """

    sandboxed: bool = field(default=True, init=False)

    def start(
        self,
        work: Path,
        *command: str,
        port: int | None = None,
        limits: Limits | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a command in a sandbox of its own. Raises `CannotRunError` where there is no bubblewrap."""
        if not shutil.which("bwrap"):
            raise CannotRunError("bubblewrap is not installed: `apt-get install bubblewrap`, or your system's like")
        allowed, shared = limits or Limits(), Path(tempfile.mkdtemp(prefix="s-", dir="/tmp"))
        shared.chmod(0o755)
        (shared / "relay").mkdir(mode=0o755)
        for name, text in ETC.items():
            (shared / name).write_text(text, encoding="utf-8")
        binds = self._binds(work, shared, relay=port is not None)
        words = self._wrapped(binds, command, port, allowed, dict(more or {}))
        if os.geteuid() == 0:
            _own(work)
            _own(shared / "relay")
            words = _dropped(words, binds, shared)
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        place = shared / "relay" / "socket" if port else None
        return _started(words, work, variables, allowed, door=place, port=port, temporary=shared)

    def source(self, work: Path) -> str:  # noqa: ARG002
        """Give its fixed place."""
        return f"{WORK}/src"

    def inside(self, path: Path) -> str:
        """Give the path of one of `reads`, or of what lies below it, within the sandbox."""
        for number, folder in enumerate(self.reads):
            if path == folder or folder in path.parents:
                return str(Path(f"{READS}/{number}", path.relative_to(folder)))
        raise ValueError(f"{path} is not among what this box may read")

    @property
    def _base(self) -> Path:
        """The installation of Python that the virtual environment stands on."""
        settings = (self.environment / "pyvenv.cfg").read_text(encoding="utf-8")
        lines = dict(line.split(" = ", 1) for line in settings.splitlines() if " = " in line)
        return Path(lines["home"]).resolve().parent

    def _binds(self, work: Path, shared: Path, relay: bool) -> list[tuple[str, Path, str]]:
        """Give what is mounted: kind, place on the machine, place inside; all at fixed places under a fresh root."""
        base = self._base
        found = [("--ro-bind", Path("/usr"), "/usr")]
        found += [("--ro-bind", Path(p), p) for p in SYSTEM if Path(p).exists()]
        if not base.is_relative_to("/usr"):
            found.append(("--ro-bind", base, str(base)))
        found.append(("--ro-bind", self.environment, VENV))
        found += [("--ro-bind", path, f"{READS}/{number}") for number, path in enumerate(self.reads)]
        found.append(("--ro-bind", RELAY, "/opt/relay.py"))
        found += [("--ro-bind", shared / name, f"/etc/{name}") for name in ETC]
        found.append(("--bind", work, WORK))
        return [*found, ("--bind", shared / "relay", "/opt/relay")] if relay else found

    def _wrapped(
        self,
        binds: list[tuple[str, Path, str]],
        command: tuple[str, ...],
        port: int | None,
        limits: Limits,
        more: dict[str, str],
    ) -> list[str]:
        variables = {
            "PATH": f"{VENV}/bin:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": VENV,
            "PYTHONPATH": f"{WORK}/src",
            "HOME": HOME,
            "USER": "student",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "dumb",
        } | more
        words = ["bwrap", *ISOLATED, "--hostname", "laptop", "--uid", "1000", "--gid", "1000", "--clearenv"]
        words += [part for name, value in variables.items() for part in ("--setenv", name, value)]
        words += ["--proc", "/proc", "--dev", "/dev", "--size", str(512 * MEGABYTE), "--tmpfs", "/dev/shm"]
        words += ["--size", str(2048 * MEGABYTE), "--tmpfs", "/tmp"]
        words += ["--size", str(256 * MEGABYTE), "--tmpfs", "/var", "--dir", "/var/tmp"]
        words += ["--size", str(1024 * MEGABYTE), "--tmpfs", HOME]
        words += [part for name in ("bin", "sbin", "lib", "lib64") for part in ("--symlink", f"usr/{name}", f"/{name}")]
        for kind, place, there in binds:
            words += [kind, str(place), there]
        words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK, "--cap-drop", "ALL"]
        bounds = [f"--nproc={limits.processes}", f"--fsize={limits.file_mb * MEGABYTE}", "--core=0"]
        words += ["/usr/bin/prlimit", *bounds]
        if port:
            python = f"{self._base}/bin/python3"
            words += ["/bin/sh", "-c", f'{python} -I -S /opt/relay.py /opt/relay/socket {port} & exec "$@"', "sh"]
        return [*words, *command]


ISOLATED = ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session")


def _dropped(words: list[str], binds: list[tuple[str, Path, str]], shared: Path) -> list[str]:
    """Give the command that does as root what only root can, and then becomes an ordinary user."""
    script, places = ["set -e"], {}
    for number, (_, place, _) in enumerate(binds):
        if place.is_relative_to("/usr") or place.is_relative_to("/etc") or place.is_relative_to(shared):
            continue
        there = shared / str(number)
        there.mkdir() if place.is_dir() else there.touch()
        script.append(f'mount --bind "${{{2 * len(places) + 1}}}" "${{{2 * len(places) + 2}}}"')
        places[str(place)] = str(there)
    wrapped = [places.get(word, word) if words[i - 1].endswith("bind") else word for i, word in enumerate(words)]
    given = [part for pair in places.items() for part in pair]
    script += [f"shift {len(given)}", f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$@"']
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script), "sh", *given, *wrapped]


def _own(folder: Path) -> None:
    """Hand a folder and all in it to the ordinary user; links themselves, never where they lead."""
    os.chown(folder, NOBODY, NOBODY, follow_symlinks=False)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), NOBODY, NOBODY, follow_symlinks=False)


@dataclass
class Output:
    """The end of what a process prints, read as it comes and otherwise thrown away."""

    process: "subprocess.Popen[bytes]"
    _parts: "deque[bytes]" = field(default_factory=lambda: deque(maxlen=32))

    def __post_init__(self) -> None:
        """Begin to read."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            self._parts.append(chunk)

    def end(self) -> None:
        """Wait for the end of the output, for a moment."""
        self._thread.join(2)
        if self.process.stdout and not self._thread.is_alive():
            self.process.stdout.close()

    @property
    def text(self) -> str:
        """The end of the output."""
        return b"".join(tuple(self._parts)).decode("utf-8", "replace")[-TAIL:]


@dataclass
class Watch:
    """Looks at memory and disk while a process runs, and stops it where it uses too much."""

    process: "subprocess.Popen[bytes]"
    work: Path
    limits: Limits
    temporary: Path | None = None
    reason: str = ""
    peak: float = 0.0  # bytes

    def __post_init__(self) -> None:
        """Begin to look."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        looks = 0
        while not self._ended.wait(0.2) and self.process.poll() is None:
            used = memory(self.process.pid)
            self.peak = max(self.peak, used)
            if used > self.limits.memory_mb * MEGABYTE:
                self.reason = "memory"
            elif looks % 10 == 9 and occupied(self.work) > self.limits.disk_mb * MEGABYTE:
                self.reason = "disk"
            if self.reason:
                _kill(self.process)
            looks += 1

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()
        if self.temporary:
            shutil.rmtree(self.temporary, ignore_errors=True)


def memory(root: int) -> int:
    """Give the bytes that a process and its descendants hold, each shared page counted once for each of them."""
    proc = Path("/proc")
    if not proc.is_dir():
        return 0
    parents: dict[int, int] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    wanted, total = {root}, 0
    for pid in sorted(parents):
        if parents[pid] in wanted:
            wanted.add(pid)
    for pid in wanted:
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (proc / str(pid) / "statm").read_text().split()
            total += (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")
    return total


def occupied(folder: Path) -> int:
    """Give the bytes of the files below a folder; links are not followed."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118
    return total


RUNNING: "set[subprocess.Popen[bytes]]" = set()


STOPPING = threading.Event()  # the grader was interrupted: nothing more is started, and nothing that ends is believed


def stop_all() -> None:
    """Stop every command that still runs, whoever started it."""
    STOPPING.set()
    for process in tuple(RUNNING):
        _kill(process)


def _started(
    words: list[str],
    work: Path,
    variables: dict[str, str],
    limits: Limits,
    door: Path | None = None,
    port: int | None = None,
    temporary: Path | None = None,
) -> Running:
    if STOPPING.is_set():
        raise CannotRunError("interrupted")
    process = subprocess.Popen(
        words,
        cwd=work if temporary is None else "/",
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    RUNNING.add(process)
    return Running(process, Output(process), Watch(process, work, limits, temporary), door, port)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its group at once; in a sandbox nothing outlives it."""
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


PROBES = {
    "the network is reachable": "import socket; socket.create_connection(('1.1.1.1', 53), 2)",
    "the machine's loopback is reachable": "import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
    "files of the machine can be read": "open({secret!r}).read()",
    "files outside the working copy can be written": "open('/usr/local/x', 'w')",
    "the root can be written": "open('/x', 'w')",
    "namespaces can be nested": "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000))",
    "processes are not limited": "import os, time\nfor _ in range(200):\n    if os.fork() == 0: time.sleep(30)\n",
}


def self_test(box: Box) -> None:
    """Try to break out, in the ways that matter. Raises `CannotRunError` that says which of them succeeds."""
    with tempfile.TemporaryDirectory(prefix="self-test-") as folder, socket.socket() as listening:
        secret, work = Path(folder) / "secret", Path(folder) / "work"
        secret.write_text("secret", encoding="utf-8")
        work.mkdir()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        told = {"port": listening.getsockname()[1], "secret": str(secret)}
        works = box.run(work, "python", "-I", "-c", "open('here', 'w').write('x')", limits=Limits(seconds=60))
        if works.status != 0:
            lines = works.output.strip().splitlines()
            said = lines[-1] if lines else f"status {works.status}"
            more = f"\n{PROFILE}" if "uid map" in works.output or "namespace" in works.output else ""
            raise CannotRunError(f"the sandbox does not start: {said}{more}")
        for weakness, code in PROBES.items():
            done = box.run(work, "python", "-I", "-c", code.format(**told), limits=Limits(seconds=20, processes=64))
            if done.status == 0:
                raise CannotRunError(f"the sandbox does not hold: {weakness}; nothing was graded")
        begun = time.monotonic()
        box.run(work, "python", "-I", "-c", "import time; time.sleep(60)", limits=Limits(seconds=1))
        if time.monotonic() - begun > 20:
            raise CannotRunError("the sandbox does not hold: a process outlives its time; nothing was graded")
