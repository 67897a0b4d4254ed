"""Each framework: what is laid for it fits together; with CAPSTONE_ALL=1 training survives a kill."""

import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from bake import ROOT, bake
from conftest import Repository, stop, trained
from pairs import ALL

FRAMEWORKS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["framework"]
LEFT_OUT = "CAPSTONE_ALL=1 (make test-all) runs it"
SEAM = {
    "training/fitting": {"Candidate", "fit", "answer"},
    "training/export": {"check", "to_onnx"},
    "model": {"CANDIDATES"},
}


@pytest.fixture(scope="module", params=FRAMEWORKS)
def baked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the repository that each framework makes, nothing installed."""
    return bake(tmp_path_factory.mktemp(request.param), framework=request.param)


def test_the_modules_of_a_framework_are_linted_and_typed_where_they_are_laid(baked: Path) -> None:
    """ruff and ty find nothing in them by the repository's own settings, what is not installed here left aside."""
    tools = Path(sys.executable).parent
    for words in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"]):
        done = subprocess.run([tools / words[0], *words[1:], "src", "tests"], cwd=baked, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    modules = [f"src/project/{name}.py" for name in (*SEAM, "training/search", "train")]
    words = ["--ignore", "import-not-found", "--ignore", "unused-ignore-comment", *modules]
    done = subprocess.run([tools / "ty", "check", *words], cwd=baked, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_framework_brings_its_own_dependencies(baked: Path) -> None:
    """The group that `train` includes has bounds, and nothing that only another framework needs."""
    project = tomllib.loads((baked / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    assert groups["train"][0] == {"include-group": "framework"}
    assert all(re.search(r">=\d", line) for line in groups["framework"])
    source = (baked / "src/project/model.py").read_text(encoding="utf-8")
    libraries = ("lightgbm", "torch", "sklearn")
    library = next(name for name in libraries if re.search(rf"^(import|from) {name}", source, re.MULTILINE))
    needed = {"lightgbm": "lightgbm", "torch": "torch", "sklearn": "skl2onnx"}[library]
    assert any(line.startswith(needed) for line in groups["framework"])
    assert ("torch" in project["tool"]["uv"]["sources"]) == (library == "torch")


def test_a_framework_has_what_the_pipeline_asks_of_it(baked: Path) -> None:
    """Every name of the seam is defined, and every module of it is a dependency of the stage `train`."""
    pipeline = (baked / "dvc.yaml").read_text(encoding="utf-8")
    for module, names in SEAM.items():
        source = (baked / f"src/project/{module}.py").read_text(encoding="utf-8")
        assert names <= set(re.findall(r"^(?:def |class )?(\w+)(?:\(| = |:)", source, re.M)), module
        assert f"- src/project/{module}.py\n" in pipeline


@pytest.mark.skipif(not ALL, reason=LEFT_OUT)
def test_a_killed_training_goes_on(generate: Callable[..., Repository], tmp_path: Path) -> None:
    """Killed in the fit that counts, the next one says so, ends with the same bits, and tracks every epoch."""
    clone = trained(generate("mechanical", "pytorch"), tmp_path / "clone")
    parameters = clone.path / "params.yaml"
    text = parameters.read_text(encoding="utf-8").replace("trials: 4", "trials: 1").replace("folds: 3", "folds: 2")
    parameters.write_text(text, encoding="utf-8", newline="\n")
    clone.run("uv", "run", "python", "-m", "project.train")
    expected = (clone.path / "models/model.onnx").read_bytes()
    training = subprocess.Popen(
        ["uv", "run", "python", "-m", "project.train"],
        cwd=clone.path,
        env=clone.environment,
        start_new_session=True,
    )
    for _ in range(3_000):
        if len(list((clone.path / ".cache/checkpoints").glob("[!.]*.safetensors"))) == 3:  # two folds, then the last
            break
        time.sleep(0.02)
    stop(training, signal.SIGKILL)
    said = clone.run("uv", "run", "python", "-m", "project.train").stdout
    assert "goes on after epoch" in said
    assert "is now marked KILLED" in said
    assert (clone.path / "models/model.onnx").read_bytes() == expected
