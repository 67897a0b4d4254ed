"""Bake the template without installing anything: the folder as a student finds it, in a third of a second."""

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def only_on_path(folder: Path, *programs: str) -> Generator[None]:
    """Hide every program but `programs` from child processes."""
    folder.mkdir(exist_ok=True)
    places = [str(folder)]
    for program in programs:
        found = shutil.which(program)
        assert found, f"{program} is needed by this test"
        if sys.platform == "win32":  # where a link needs a privilege, and a program finds its libraries beside it
            places.append(str(Path(found).parent))
        elif not (folder / program).exists():
            (folder / program).symlink_to(found)
    before = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join(places)
    try:
        yield
    finally:
        os.environ["PATH"] = before


def bake(folder: Path, **answers: str) -> Path:
    """Generate into `folder`, with git but without uv; give the repository."""
    settings = folder / "cookiecutter.yaml"
    settings.write_text(f"replay_dir: {(folder / 'replay').as_posix()}\n", encoding="utf-8")
    target = folder / "target"
    target.mkdir(exist_ok=True)
    with only_on_path(folder / "programs", "git"):
        made = cookiecutter(
            str(ROOT), no_input=True, extra_context=answers, output_dir=str(target), config_file=str(settings)
        )
    return Path(made)
