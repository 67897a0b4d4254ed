"""Root becomes a user without rights before anything runs, and shows it what only root can read."""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from capstone_kit.project import CannotRunError

NOBODY = 65_533  # not 65534, which other services may be: a number that systemd leaves to no one
STAGE = Path("/run/capstone")  # an empty folder; what is mounted there, one sandbox alone sees


def prepared(mounts: Mapping[str, Path], work: Path) -> tuple[list[str], dict[str, str]]:
    """Give the words before a command that make root an ordinary user, and where that user finds each mount's source.

    The working copy becomes that user's. Raises `CannotRunError` for a source that not everyone may read.
    """
    for source in mounts.values():
        if source != work.resolve() and not source.stat().st_mode & stat.S_IROTH:
            raise CannotRunError(f"{source} must be readable by everyone: the sandbox runs as a user without rights")
    STAGE.mkdir(mode=0o755, exist_ok=True)
    _give_away(work)
    lines = ["set -e", f"mount -t tmpfs -o mode=755,size=1m none {STAGE}"]
    for number, source in enumerate(mounts.values()):
        made = "mkdir" if source.is_dir() else "touch"
        lines += [f"{made} {STAGE}/{number}", f'mount --bind "${{{number + 1}}}" {STAGE}/{number}']
    become = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --pdeathsig KILL --"
    lines += [f"shift {len(mounts)}", f'exec {become} "$@"']
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh"]
    places = {place: f"{STAGE}/{number}" for number, place in enumerate(mounts)}
    return [*words, *map(str, mounts.values())], places


def _give_away(work: Path) -> None:
    """Hand a folder and all in it to that user.

    By descriptors: a command that already runs there may put a link in the place of a folder. And not what has a
    second name, which may lie elsewhere.
    """
    os.chown(work, NOBODY, NOBODY)
    for _, folders, files, handle in os.fwalk(work):
        for name in (*folders, *files):
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(name, dir_fd=handle, follow_symlinks=False)
                once = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1
                if once and found.st_uid != NOBODY:
                    os.chown(name, NOBODY, NOBODY, dir_fd=handle, follow_symlinks=False)
