"""What the stages do alike: write a file whole or not at all, and say an expected error in one sentence."""

import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class ProjectError(Exception):
    """An expected failure; its text is the sentence that the user reads."""


def run(main: Callable[[], None]) -> None:
    """Call `main`; a `ProjectError` becomes one line on standard error and exit status 1."""
    try:
        main()
    except ProjectError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Give a temporary path beside `path`, with nothing there, that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # of a killed process with the same number
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON with LF line ends."""
    with replacing(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage wrote."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(f"{path} is missing: run `uv run dvc repro`") from None
    except ValueError:
        raise ProjectError(f"{path} is damaged: run `uv run dvc checkout --force`") from None
