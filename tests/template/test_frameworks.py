"""Each framework: what is laid for it fits together; with CAPSTONE_ALL=1 it trains, serves and survives a kill."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from bake import ROOT, bake
from conftest import Repository, stop
from wheels import torch_from_folder

FRAMEWORKS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["framework"]
ALL = bool(os.environ.get("CAPSTONE_ALL"))
LEFT_OUT = "CAPSTONE_ALL=1 (make test-all) runs it"
SEAM = {"fitting": {"Candidate", "fit", "answer"}, "export": {"check", "to_onnx"}, "model": {"CANDIDATES"}}


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
    modules = [f"src/project/{name}.py" for name in (*SEAM, "search", "train")]
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


@pytest.fixture(scope="module", params=[name for name in FRAMEWORKS if name != "scikit-learn"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give the repository of each framework that the other tests do not install, its pipeline run."""
    if not ALL:
        pytest.skip(LEFT_OUT)
    folder = tmp_path_factory.mktemp(request.param)
    repository = Repository(bake(folder, framework=request.param), folder)
    torch_from_folder(repository.path / "pyproject.toml")
    repository.run("uv", "lock", "--quiet")
    repository.run("git", "add", "--all")
    repository.run("git", "commit", "--quiet", "--message", "Lock")
    repository.run("uv", "sync", "--quiet")
    repository.run("uv", "run", "dvc", "repro", OMP_NUM_THREADS="1")
    return repository


def test_the_pipeline_of_a_framework_gives_a_champion(trained: Repository) -> None:
    """Every criterion of the default domain holds, directions and constraints too, and the service predicts."""
    assert (trained.path / "models/receipt.json").exists()
    assert "**no**" not in (trained.path / "README.md").read_text(encoding="utf-8")
    assert "predicts" in trained.run("uv", "run", "python", "-m", "project.smoke").stdout


def test_the_repository_of_a_framework_is_green(trained: Repository) -> None:
    """Its tests, its hooks and its types hold with the framework installed."""
    trained.run("uv", "run", "pytest", "--quiet", OMP_NUM_THREADS="1")
    trained.run("uv", "run", "ty", "check")
    clone = trained.clone(trained.home / "clone")
    clone.run("uv", "sync", "--quiet")
    clone.run("uv", "run", "pre-commit", "run", "--all-files")


def test_a_killed_training_goes_on(trained: Repository) -> None:
    """Killed in the fit that counts, the next one says so, ends with the same bits, and tracks every epoch."""
    if not (trained.path / "tests/test_fitting.py").exists():
        pytest.skip("this framework learns in one go: there is nothing to resume")
    parameters = trained.path / "params.yaml"
    text = parameters.read_text(encoding="utf-8").replace("trials: 4", "trials: 1").replace("folds: 3", "folds: 2")
    parameters.write_text(text, encoding="utf-8", newline="\n")
    trained.run("uv", "run", "python", "-m", "project.train")
    expected = (trained.path / "models/model.onnx").read_bytes()
    training = subprocess.Popen(
        ["uv", "run", "python", "-m", "project.train"],
        cwd=trained.path,
        env=trained.environment,
        start_new_session=True,
    )
    for _ in range(3_000):
        if len(list((trained.path / ".cache/checkpoints").glob("[!.]*.safetensors"))) == 3:  # two folds, then the last
            break
        time.sleep(0.02)
    stop(training, signal.SIGKILL)
    said = trained.run("uv", "run", "python", "-m", "project.train").stdout
    assert "goes on after epoch" in said
    assert "is now marked KILLED" in said
    assert (trained.path / "models/model.onnx").read_bytes() == expected
