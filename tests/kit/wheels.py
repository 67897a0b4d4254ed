"""Packages that come from elsewhere than the index."""

import os
from pathlib import Path


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
