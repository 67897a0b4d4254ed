"""A clean clone of a repository that nobody trusts: git runs nothing that it names."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from capstone_kit.project import KitError, safe

FILES = 20_000  # in a commit, at most
BYTES = 500_000_000  # of them together, at most
HISTORY = 4_000_000_000  # bytes of a repository's history, at most
PATIENCE = 1800  # seconds for one command of git
KEPT = ("PATH", "HOME", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "GIT_SSL_CAINFO", "http_proxy", "https_proxy", "HTTPS_PROXY")
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.symlinks": "false",
    "core.autocrlf": "false",
    "core.attributesFile": os.devnull,
    "protocol.allow": "never",
    "protocol.file.allow": "always",
    "protocol.https.allow": "always",
    "protocol.ssh.allow": "always",
    "submodule.recurse": "false",
    "transfer.fsckObjects": "false",
    "gc.auto": "0",
    "credential.interactive": "false",
}


@dataclass(frozen=True)
class Entry:
    """A file of a commit."""

    mode: str  # six octal digits
    name: str


@dataclass(frozen=True)
class Checkout:
    """What was checked out."""

    commit: str  # all of its hash
    remarks: tuple[str, ...] = ()  # what a person should know


def checkout(source: str, into: Path, commit: str | None = None, before: datetime | None = None) -> Checkout:
    """Clone `source`, a path or an address, and check out a commit: that one, or the last before a deadline.

    Dates of commits are what their authors say; that is remarked on where one was used. No hook, filter, submodule or
    program that the repository names is run, and links become plain files. Raises `KitError`.
    """
    place = str(Path(source).resolve()) if Path(source).exists() else source
    if place.startswith("-") or "::" in place:
        raise KitError(f"{safe(source)} is no path or address of a repository")
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        address = _neutral(Path(place), Path(folder) / "neutral").as_uri() if Path(place).is_dir() else place
        _git(into.parent, "clone", "--quiet", "--no-local", "--no-checkout", "--template=", "--", address, str(into))
    try:
        chosen = _chosen(into, commit, before)
        entries = _tree(into, chosen)
        _refuse_bad_names(entries)
        shutil.rmtree(into / ".git" / "info", ignore_errors=True)
        (into / ".git" / "info").mkdir()
        # the attributes of the repository's own files would start filters: these stand above them
        (into / ".git" / "info" / "attributes").write_text("* -filter -text -eol -ident -working-tree-encoding\n")
        _git(into, "checkout", "--quiet", "--detach", chosen)
        _git(into, "update-ref", "refs/heads/main", chosen)
        _git(into, "symbolic-ref", "HEAD", "refs/heads/main")
    except KitError:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return Checkout(chosen, tuple(_remarks(into, entries, chosen, before)))


def _neutral(source: Path, into: Path) -> Path:
    """Give the history of a repository on this machine without its settings: git obeys those when it serves it, too.

    Links, and alternates that name other repositories' objects, are left behind; whose folder it is does not matter.
    """
    kept, head = _history(source)
    _git(into.parent, "init", "--quiet", "--bare", "--template=", str(into))
    left = HISTORY
    for parent, folders, files in os.walk(kept):
        if Path(parent) == kept:
            folders[:] = [name for name in folders if name in ("objects", "refs")]
            files = [name for name in files if name in ("packed-refs", "shallow")]
        there = into / Path(parent).relative_to(kept)
        there.mkdir(exist_ok=True)
        for name in files:
            found = Path(parent, name)
            if not stat.S_ISREG(found.lstat().st_mode) or name.endswith("alternates"):
                continue
            left -= found.stat().st_size
            if left < 0:
                raise KitError(f"the history has more than {HISTORY:,} bytes: too many to be examined")
            shutil.copyfile(found, there / name, follow_symlinks=False)
    shutil.copyfile(head, into / "HEAD", follow_symlinks=False)
    return into


def _history(source: Path) -> tuple[Path, Path]:
    """Give the folder of a repository's history, and its `HEAD`. Raises `KitError` if it only names another's."""
    place = source / ".git"
    if place.is_symlink() or (place if place.is_dir() else source).joinpath("HEAD").is_symlink():
        raise KitError(f"{source} holds a link where its history should lie: it is not followed")
    if not place.is_file():
        kept = place if place.is_dir() else source
        if not (kept / "HEAD").is_file():
            raise KitError(f"{source} is no repository of git")
        return kept, kept / "HEAD"
    tree = (source / place.read_text(encoding="utf-8").removeprefix("gitdir:").strip()).resolve()
    try:
        known = Path((tree / "gitdir").read_text(encoding="utf-8").strip()).resolve() == place.resolve()
        shared = (tree / "commondir").read_text(encoding="utf-8").strip()
    except OSError:
        known, shared = False, ""
    if not known:
        raise KitError(f"{place} names the history of another repository, which has no such worktree")
    return (tree / shared).resolve(), tree / "HEAD"


def _git(root: Path, *words: str) -> str:
    """Run git with settings that the repository cannot change. Raises `KitError`."""
    verb = words[0]
    words = ("git", *(part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")), *words)
    try:
        done = subprocess.run(
            [*_bounded(), *words],
            cwd=root,
            env=_variables(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise KitError(f"git {verb}: no end within {PATIENCE // 60} minutes") from None
    if done.returncode:
        lines = safe(done.stderr.decode("utf-8", "replace")).strip().splitlines()
        said = next((line for line in lines if line.startswith("fatal:")), lines[-1] if lines else "no reason given")
        raise KitError(f"git {verb}: {said.removeprefix('fatal: ')}")
    return done.stdout.decode("utf-8", "replace")


def _bounded() -> tuple[str, ...]:
    """Give the words before a command that bound the size of each file that it writes, where there are such words."""
    return ("prlimit", f"--fsize={HISTORY}", "--") if shutil.which("prlimit") else ()


def _variables() -> dict[str, str]:
    """Give the environment of git: of the instructor's, only what leads to other machines."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    quiet = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C.UTF-8",
    }
    return kept | quiet


def _chosen(root: Path, commit: str | None, before: datetime | None) -> str:
    if commit:
        if not re.fullmatch(r"[0-9a-f]{7,64}", commit):
            raise KitError(f"{safe(commit)!r} is no hash of a commit")
        return _git(root, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}").strip()
    branch = "HEAD"
    if before:
        until = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = _git(root, "rev-list", "-1", f"--before={until}", "--first-parent", branch, "--").strip()
        if not found:
            raise KitError(f"there is no commit before {until}")
        return found
    return _git(root, "rev-parse", "--verify", f"{branch}^{{commit}}").strip()


def _tree(root: Path, commit: str) -> list[Entry]:
    """Give what a commit holds. Raises `KitError` where it is too much, before all of it is read.

    A few trees that hold each other can name more files than there is memory.
    """
    words = ("git", "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    entries, left, total = [], b"", 0
    with subprocess.Popen(words, cwd=root, env=_variables(), stdout=subprocess.PIPE) as listing:
        assert listing.stdout
        while chunk := listing.stdout.read(65_536):
            *lines, left = (left + chunk).split(b"\0")
            for line in lines:
                head, _, name = line.decode("utf-8", "replace").partition("\t")
                mode, _, _, size = head.split()
                total += int(size) if size.isdigit() else 0
                entries.append(Entry(mode, name))
            if len(entries) > FILES or total > BYTES:
                listing.kill()
                raise KitError(
                    f"the commit holds more than {FILES:,} files: too many to be examined"
                    if len(entries) > FILES
                    else f"the files of the commit have more than {BYTES:,} bytes: too many to be examined"
                )
    return entries


def _refuse_bad_names(entries: list[Entry]) -> None:
    """Refuse paths that lead out of the repository, or that steer a terminal."""
    for name in (entry.name for entry in entries):
        if any(part.lower() in ("..", ".git", "") for part in name.split("/")) or safe(name) != name:
            raise KitError(f"the commit holds a file of the name {name!a}, which no honest repository has")


def _remarks(root: Path, entries: list[Entry], commit: str, before: datetime | None) -> Iterable[str]:
    links = [entry.name for entry in entries if entry.mode == "120000"]
    modules = [entry.name for entry in entries if entry.mode == "160000"]
    if links:
        yield f"holds links, which are not followed: {', '.join(links[:3])}"
    if modules:
        yield f"holds submodules, which are not fetched: {', '.join(modules[:3])}"
    if before:
        yield "the commit was chosen by its own date, which its author can set: compare with the forge's record"
    if _dates_go_back(root, commit):
        yield "dates of commits go back in time along the history: some were set by hand"


def _dates_go_back(root: Path, commit: str) -> bool:
    dates = [int(d) for d in _git(root, "log", "--first-parent", "--format=%ct", "-n", "2000", commit).split()]
    return any(later < earlier - 3600 for later, earlier in pairwise(dates))
