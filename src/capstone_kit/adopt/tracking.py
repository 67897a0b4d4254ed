"""A source that git must not hold, too large or not to be shared: under DVC, with its address where it has one."""

import contextlib
import subprocess
from collections.abc import Generator
from pathlib import Path

from capstone_kit.adopt.source import FOLDER, Source
from capstone_kit.project import KitError, Project, run
from capstone_kit.writing import Transaction

IGNORED = f"{FOLDER}/.gitignore"


def prepare(transaction: Transaction, project: Project, table: Source, shared: bool) -> None:
    """Let git see the source if it is `shared`, and ignore it in favour of its .dvc file if not."""
    path, entry, record = project.path(IGNORED), f"/{Path(table.name).name}", f"{table.name}.dvc"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    others = [line for line in lines if line != entry]
    if not shared:
        transaction.write(IGNORED, "\n".join(lines if entry in lines else [*lines, entry]) + "\n")
        transaction.will_make(record)
        return
    transaction.remove(record)
    if others != lines:
        transaction.write(IGNORED, "\n".join(others) + "\n") if others else transaction.remove(IGNORED)


def track(project: Project, table: Source) -> None:
    """Put the source under DVC, by its address where anybody may fetch it from there. Raises `KitError`."""
    with _out_of_git(project.root, table.name):
        if table.address and _imported(project, table, table.address):
            return
        run(project.root, "dvc", "add", "--quiet", table.name)


@contextlib.contextmanager
def _out_of_git(root: Path, name: str) -> Generator[None]:
    """Take what git tracked until now from its index; put it back if the block fails."""
    if not run(root, "git", "ls-files", name):
        yield
        return
    run(root, "git", "rm", "-r", "--quiet", "--cached", name)
    try:
        yield
    except BaseException:
        subprocess.run(["git", "reset", "--quiet", "--", name], cwd=root, capture_output=True)
        raise
    print(f"warning: earlier commits still hold {name}: if nobody may see it there, start from a new repository")


def _imported(project: Project, table: Source, address: str) -> bool:
    """Record where the file came from, without fetching it again; give whether DVC can."""
    path, record = project.path(table.name), f"{table.name}.dvc"
    aside = project.path(f".cache/{path.name}.aside")
    before = project.path(record).read_bytes() if project.path(record).exists() else None
    path.rename(aside)  # `import-url` begins with removing it
    try:
        run(project.root, "dvc", "import-url", "--quiet", "--force", "--no-download", address, table.name, within=120)
    except KitError as error:
        print(f"note: the address is kept in the data contract alone, as DVC cannot follow it: {error}")
        project.path(record).unlink(missing_ok=True) if before is None else project.path(record).write_bytes(before)
        return False
    finally:
        path.unlink(missing_ok=True)
        aside.rename(path)
    run(project.root, "dvc", "commit", "--quiet", "--force", record)
    return True
