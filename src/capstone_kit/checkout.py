"""A clean clone of a repository that nobody trusts: git runs nothing that it names."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from capstone_kit.project import KitError, safe

FILES = 20_000  # in a commit, at most
BYTES = 500_000_000  # of them together, at most
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
    "safe.directory": "*",
    "submodule.recurse": "false",
    "transfer.fsckObjects": "false",
    "gc.auto": "0",
    "credential.interactive": "false",
}


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
    address = Path(place).as_uri() if Path(place).exists() else place
    _git(into.parent, "clone", "--quiet", "--no-local", "--no-checkout", "--template=", "--", address, str(into))
    try:
        chosen = _chosen(into, commit, before)
        _refuse_bad_trees(into, chosen)
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
    return Checkout(chosen, tuple(_remarks(into, chosen, before)))


def _git(root: Path, *words: str) -> str:
    """Run git with settings that the repository cannot change. Raises `KitError`."""
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK", "SSL_CERT_FILE") if name in os.environ}
    quiet = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["git", *options, *words], cwd=root, env=kept | quiet, capture_output=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        lines = safe(done.stderr.decode("utf-8", "replace")).strip().splitlines()
        said = next((line for line in lines if line.startswith("fatal:")), lines[-1] if lines else "no reason given")
        raise KitError(f"git {words[0]}: {said.removeprefix('fatal: ')}")
    return done.stdout.decode("utf-8", "replace")


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


def _refuse_bad_trees(root: Path, commit: str) -> None:
    """Refuse a tree that is too large, or whose paths lead out of it."""
    listed = _git(root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit).split("\0")
    entries = [line.split("\t", 1) for line in listed if line]
    if len(entries) > FILES:
        raise KitError(f"the commit holds {len(entries):,} files, at most {FILES:,} are examined")
    total = sum(int(size) for head, _ in entries if (size := head.split()[3]).isdigit())
    if total > BYTES:
        raise KitError(f"the files of the commit have {total:,} bytes, at most {BYTES:,} are examined")
    for _, name in entries:
        if any(part.lower() in ("..", ".git", "") for part in name.split("/")) or safe(name) != name:
            raise KitError(f"the commit holds a file of the name {name!a}, which no honest repository has")


def _remarks(root: Path, commit: str, before: datetime | None) -> Iterable[str]:
    listed = _git(root, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0")
    links = [line.split("\t", 1)[1] for line in listed if line.startswith("120000")]
    modules = [line.split("\t", 1)[1] for line in listed if line.startswith("160000")]
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
