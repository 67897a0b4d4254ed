"""The virtual environment of a repository's lock file, made without running any of its code."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from capstone_kit.project import KitError, Project, safe
from capstone_kit.sandbox import VENV

PINNED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\]*)?")
OURS = "capstone-kit"
EVERY = 5  # seconds between two lines of progress
INSTALL = ("pip", "install", "--quiet", "--no-compile-bytecode", "--python")
CROSS = "\N{MULTIPLICATION SIGN}"  # before the reason, where uv cannot resolve


@dataclass(frozen=True)
class Installed:
    """An environment, shared by all repositories with the same locked packages."""

    path: Path
    digest: str  # SHA-256 of the requirements
    seconds: float
    reused: bool
    left_out: tuple[str, ...] = ()  # packages that come from elsewhere than the index, or would have to be built


def environment_of(
    clone: Path,
    cache: Path,
    trusted: frozenset[str] | None = frozenset(),
    say: Callable[[str], None] = lambda _: None,
) -> Installed:
    """Give the environment of the clone's `uv.lock`, from the instructor's own index, made at most once.

    Exactly the locked versions and hashes are installed, as wheels: no code of the project or of a package runs. What
    is published as source alone is built if it is in `trusted` (lines of the template's own lock; None: all), else left
    out. Raises `KitError`.
    """
    begun = time.monotonic()
    wheels, sources, left_out = locked(clone)
    built = [line for line in sources if trusted is None or line in trusted]
    left_out += [line.split()[0] for line in sources if line not in built]
    digest = hashlib.sha256("\n".join([sys.version, *wheels, *built]).encode()).hexdigest()
    path = cache / "environments" / digest[:24]
    reused = path.exists()
    if not reused:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="making-", dir=path.parent) as folder:
            made = Path(folder) / "venv"
            _make(made, wheels, built, say)
            try:
                made.rename(path)
            except OSError:  # another grader was quicker
                shutil.rmtree(made, ignore_errors=True)
    return Installed(path, digest, time.monotonic() - begun, reused, tuple(left_out))


def _make(made: Path, wheels: list[str], built: list[str], say: Callable[[str], None]) -> None:
    """Make the environment at a path, and tell how far it is."""
    count = len(wheels) + len(built) + 1
    _uv(made.parent, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(made))
    with _telling(made, count, say):
        tool = _uv(made.parent, "self", "version", "--short").split()[0]
        _uv(made.parent, *INSTALL, str(made), "--no-build", f"uv=={tool}")  # for `bentoml build`
        _install(made, built)
        _install(made, wheels, "--no-build")  # last: from here on the environment's Python runs in sandboxes alone
    say(f"compiling {count} packages")
    _compile(made)


@contextmanager
def _telling(made: Path, count: int, say: Callable[[str], None]) -> Generator[None]:
    """Tell at the beginning what is installed, and every few seconds how much of it is there."""
    say(f"installing {count} packages, once for all repositories with this lock file")
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(EVERY):
            there = sum(1 for _ in made.glob("lib/*/site-packages/*.dist-info"))
            say(f"installing: {there} of {count} packages are there, the others are being fetched")

    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    try:
        yield
    finally:
        ended.set()
        telling.join()


def _install(environment: Path, requirements: list[str], *options: str) -> None:
    if not requirements:
        return
    wanted = environment.parent / "requirements.txt"
    wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    words = ("--no-deps", "--require-hashes", *options, "--requirements", str(wanted))
    _uv(environment.parent, *INSTALL, str(environment), *words)


def _compile(environment: Path) -> None:
    """Compile all modules, without `site`: in the environment's own Python, lines of `.pth` files would run.

    What cannot be compiled is left to the sandbox.
    """
    names = ("-s", str(environment), "-p", VENV)  # what tracebacks show
    words = (sys.executable, "-I", "-S", "-m", "compileall", "-q", "-q", "-j", "0", *names, str(environment / "lib"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(words, cwd=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=900)


def locked(clone: Path) -> tuple[list[str], list[str], list[str]]:
    """Give the locked packages with their hashes, one a line: wheels, sources alone, and what no index has."""
    lock = Project(clone).text("uv.lock")
    packages = Project(clone).toml("uv.lock").get("package", [])
    sourced = {canonicalize_name(str(p.get("name", ""))) for p in packages if not p.get("wheels")}
    with tempfile.TemporaryDirectory() as folder:  # uv sees these two files and nothing else of the repository
        (Path(folder) / "uv.lock").write_text(lock, encoding="utf-8")
        (Path(folder) / "pyproject.toml").write_text(Project(clone).text("pyproject.toml"), encoding="utf-8")
        options = ("--no-config", "--frozen", "--quiet", "--no-emit-project", "--no-header", "--no-annotate")
        exported = _uv(Path(folder), "export", *options, "--no-emit-package", OURS, "--format", "requirements.txt")
    wheels, sources, left_out = [], [], []
    for entry in exported.replace("\\\n", " ").splitlines():
        line = " ".join(entry.split())
        if not line or line.startswith("#"):
            continue
        fits = PINNED.match(line)
        if not fits or "--hash=" not in line:
            left_out.append(safe(line)[:80])
        elif canonicalize_name(fits["name"]) in sourced:
            sources.append(line)
        else:
            wheels.append(line)
    return sorted(wheels), sorted(sources), left_out


def _uv(root: Path, *words: str) -> str:
    """Run uv with the instructor's settings alone. Raises `KitError`."""
    hidden = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PROJECT", "UV_COMPILE_BYTECODE", "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    more = {"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    try:
        done = subprocess.run(
            ["uv", *words],
            cwd=root,
            env=kept | more,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise KitError("uv is not installed: https://docs.astral.sh/uv/getting-started/installation") from None
    if done.returncode:
        lines = [line.strip() for line in safe(done.stderr).splitlines() if line.strip()]
        said = next((line for line in lines if line.startswith(("error:", CROSS))), lines[-1] if lines else "no reason")
        raise KitError(f"uv {words[0]}: {said.removeprefix('error: ').removeprefix(CROSS).strip()}")
    return done.stdout


def lock_problems(clone: Path) -> list[str]:
    """Name where `uv.lock` is not that of `pyproject.toml`, by reading both. Raises `KitError`."""
    project = Project(clone)
    declared, lock = project.toml("pyproject.toml"), project.toml("uv.lock")
    name = canonicalize_name(str(declared.get("project", {}).get("name", "")))
    entry = next((p for p in lock.get("package", []) if canonicalize_name(str(p.get("name", ""))) == name), None)
    if entry is None:
        return [f"uv.lock does not hold {name}: `uv lock`"]
    metadata = entry.get("metadata", {})
    groups: dict[str, tuple[Any, Any]] = {
        "dependencies": (declared["project"].get("dependencies", []), metadata.get("requires-dist", []))
    }
    locked_groups = metadata.get("requires-dev", {})
    for group, wanted in declared.get("dependency-groups", {}).items():
        groups[f"group {group}"] = ([w for w in wanted if isinstance(w, str)], locked_groups.get(group, []))
    return [
        f"{where}: {problem}" for where, (wanted, locked) in groups.items() for problem in _differences(wanted, locked)
    ]


def _differences(wanted: Iterable[Any], locked: Iterable[Any]) -> list[str]:
    try:
        asked = {canonicalize_name((r := Requirement(str(w))).name): r.specifier for w in wanted}
    except InvalidRequirement as error:
        return [str(error).splitlines()[0]]
    held = {
        canonicalize_name(str(entry.get("name", ""))): str(entry.get("specifier", ""))
        for entry in locked
        if isinstance(entry, dict)
    }
    problems = [f"{name} is not locked: `uv lock`" for name in sorted(asked.keys() - held.keys())]
    for name in sorted(asked.keys() & held.keys()):
        if set(str(asked[name]).split(",")) != set(held[name].replace(" ", "").split(",")):
            problems.append(f"{name} is locked for {held[name] or 'any version'}, asked is {asked[name]}: `uv lock`")
    return problems
