"""The sandbox for code that nobody trusts: what it sees, and how bubblewrap is told."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from capstone_kit.project import CannotRunError
from capstone_kit.sandbox import filter as calls
from capstone_kit.sandbox import rootless
from capstone_kit.sandbox.box import Box, Limits, Running, followed
from capstone_kit.sandbox.bubbled import Bubbled, Handed
from capstone_kit.sandbox.watch import MEGABYTE

HOME, WORK, VENV, READS = "/home/student", "/home/student/project", "/opt/venv", "/opt/reads"
FORWARD = "/opt/forward.py"
PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SYSTEM = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/ssl", "/etc/mime.types", "/etc/fonts")
ETC = {
    "passwd": f"root:x:0:0:root:/root:/bin/sh\nstudent:x:1000:1000:student:{HOME}:/bin/sh\n",
    "group": "root:x:0:\nstudent:x:1000:\n",
    "hosts": "127.0.0.1 localhost laptop\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
ISOLATED = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--clearenv"),
    *("--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "laptop"),
)
VARIABLES = {
    "PATH": f"{VENV}/bin:/usr/local/bin:/usr/bin:/bin",
    "VIRTUAL_ENV": VENV,
    "PYTHONPATH": f"{WORK}/src",
    "HOME": HOME,
    "LOGNAME": "student",
    "USER": "student",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
}
SCRATCH = {"/dev/shm": ("1777", 512), "/tmp": ("1777", 2048), HOME: ("0755", 1024)}


@dataclass(frozen=True)
class Sandbox(Box):
    """Bubblewrap: no network, nothing of the machine but its programs, nothing writable but the working copy.

    Root drops to an ordinary user first, since no limit on processes binds it; what only root can read is then mounted
    where that user reads it, in a mount namespace of its own.
    """

    network: bool = False  # all of the machine's network, its own ports too
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
        if not shutil.which("bwrap", path=PROGRAMS):
            raise CannotRunError("bubblewrap is not installed: `apt-get install bubblewrap`, or your system's like")
        allowed, mounts = limits or Limits(), self._mounts(work)
        with Handed() as handed:
            arguments = [*ISOLATED, *(("--share-net",) if self.network else ()), *self._system(), *_scratch()]
            for name, text in ETC.items():
                arguments += ["--ro-bind-data", handed.file(text), f"/etc/{name}"]
            if port:
                forward = Path(__file__).with_name("forward.py").read_text(encoding="utf-8")
                arguments += ["--ro-bind-data", handed.file(forward), FORWARD]
                command = (str(self.interpreter), "-I", "-S", FORWARD, handed.control(), str(port), *command)
            if filtered := calls.program():
                arguments += ["--seccomp", handed.file(filtered)]
            before, places = rootless.prepared(mounts, work) if os.geteuid() == 0 else ([], {})
            for place, source in mounts.items():
                kind = "--bind" if place == WORK else "--ro-bind"
                arguments += [kind, places.get(place, str(source)), place]
            for name, value in (VARIABLES | dict(more or {})).items():
                arguments += ["--setenv", name, value]
            arguments += [
                "--remount-ro",
                "/dev",
                "--remount-ro",
                "/",
                "--chdir",
                WORK,
                "--info-fd",
                handed.information(),
            ]
            # its own arguments go through a file: everyone inside can read the first process's command line
            words = ["bwrap", "--args", handed.file("\0".join(arguments) + "\0"), "--", *_bounds(allowed), *command]
            found = Bubbled([*before, *words], {"PATH": PROGRAMS}, handed, port)
        return followed(found.process, found.end, work, allowed, found.connect)

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
    def interpreter(self) -> Path:
        """The environment's base interpreter: the same path inside and outside, and no package has a part in it."""
        return (self.environment / "bin" / "python").resolve()

    def _mounts(self, work: Path) -> dict[str, Path]:
        """Give what is seen, by its place inside; nothing below the working copy, where a link could lead it astray."""
        found = {VENV: self.environment.resolve(), WORK: work.resolve()}
        found |= {f"{READS}/{number}": path.resolve() for number, path in enumerate(self.reads)}
        found |= {str(prefix): prefix.resolve() for prefix in self._prefixes()}
        if below := [place for place in found if place.startswith(f"{WORK}/")]:
            raise CannotRunError(f"the Python at {below[0]} lies where the sandbox has the working copy: use another")
        return found

    def _prefixes(self) -> set[Path]:
        """Give the folders of the base interpreter, by each name that leads to it: uv names it by a link."""
        names, step = set(), self.environment.absolute() / "bin" / "python"
        while step.is_symlink():
            step = Path(os.path.normpath(step.parent / step.readlink()))
            names.add(step.parents[1])
        names.add(step.resolve().parents[1])
        outside = {name for name in names if not name.is_relative_to("/usr") and name != Path("/")}
        return {name for name in outside if not name.is_relative_to(self.environment.absolute())}

    def _system(self) -> Iterator[str]:
        """Give the mounts that every program needs."""
        yield from ("--ro-bind", "/usr", "/usr")
        for name in ("bin", "sbin", "lib", "lib32", "lib64"):
            path = Path("/", name)
            if path.is_symlink():
                yield from ("--symlink", str(path.readlink()), str(path))
            elif path.is_dir():
                yield from ("--ro-bind", str(path), str(path))
        for name in (*SYSTEM, *(("/etc/resolv.conf",) if self.network else ())):
            yield from ("--ro-bind-try", name, name)
        yield from ("--proc", "/proc", "--dev", "/dev")


def _scratch() -> Iterator[str]:
    """Give the folders in memory that may be written."""
    for place, (mode, size) in SCRATCH.items():
        yield from ("--perms", mode, "--size", str(size * MEGABYTE), "--tmpfs", place)
    yield from ("--symlink", "../tmp", "/var/tmp")


def _bounds(limits: Limits) -> list[str]:
    """Give what sets the limits of each process: inside, where no process of the machine counts."""
    bounds = [f"--nproc={limits.processes}", f"--fsize={limits.file_mb * MEGABYTE}", "--core=0"]
    return ["/usr/bin/prlimit", *bounds, "--"]
