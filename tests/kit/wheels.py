"""Packages that come from elsewhere than the index."""

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

TORCH = "https://download.pytorch.org/whl/cpu"


def torch_from_folder(project: Path) -> None:
    """Let uv take PyTorch for the processor from the folder in UV_FIND_LINKS, where its index cannot be reached."""
    found = sorted(Path(os.environ.get("UV_FIND_LINKS", "nowhere")).glob("torch-*+cpu-*.whl"))
    text = project.read_text(encoding="utf-8")
    if not found or "[[tool.uv.index]]" not in text:
        return
    before, _, after = text.partition("[[tool.uv.index]]")
    version = found[-1].name.split("-")[1]
    text = before + after[after.index("[tool.uv.exclude-newer-package]") :]
    constraint = f'[tool.uv]\nconstraint-dependencies = ["torch=={version}"]\n'
    project.write_text(text.replace("[tool.uv]\n", constraint, 1), encoding="utf-8", newline="\n")


@contextmanager
def torch_index(folder: Path) -> Generator[str]:
    """Give the address of an index that has PyTorch for the processor, with hashes.

    It is PyTorch's own, or one on the loopback where the folder in UV_FIND_LINKS has the wheel.
    """
    found = sorted(Path(os.environ.get("UV_FIND_LINKS", "nowhere")).glob("torch-*+cpu-*.whl"))
    if not found:
        yield TORCH
        return
    page, wheel = folder / "simple/torch/index.html", found[-1]
    page.parent.mkdir(parents=True)
    (page.parent / wheel.name).symlink_to(wheel)
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = wheel.name.replace("+", "%2B")
    page.write_text(f'<!DOCTYPE html><a href="{name}#sha256={digest}">{wheel.name}</a>', encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


def torch_from_index(project: Path, address: str) -> None:
    """Let uv take PyTorch from another index than its own."""
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace(TORCH, address), encoding="utf-8", newline="\n")
