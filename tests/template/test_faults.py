"""Killed, doubled and crowded: the pipeline comes to the same result, and no run is lost."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Repository, stop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

STAGES = ("ingest", "validate", "split", "train", "evaluate", "register")
RESULTS = (
    "models/model.onnx",
    "models/model.json",
    "reports/metrics.json",
    "reports/slices.json",
    "data/splits/test.csv",
)
FAST = {"trials: 4": "trials: 1", "folds: 3": "folds: 2", "bootstrap: 1000": "bootstrap: 100"}


def hurry(repository: Repository) -> Repository:
    """Make the search small, so that what is tested is the order of things and not the model."""
    path = repository.path / "params.yaml"
    text = path.read_text(encoding="utf-8")
    for asked, quick in FAST.items():
        assert asked in text
        text = text.replace(asked, quick)
    path.write_text(text, encoding="utf-8")
    return repository


def digests(repository: Repository) -> dict[str, str]:
    """Give the hashes of the results."""
    return {name: hashlib.sha256((repository.path / name).read_bytes()).hexdigest() for name in RESULTS}


def statuses(repository: Repository, uri: str = "sqlite:///mlflow.db") -> list[str]:
    """Give the status of every run in a store."""
    code = (
        f"import mlflow; mlflow.set_tracking_uri({uri!r}); "
        "print(*mlflow.search_runs(search_all_experiments=True)['status'])"
    )
    return repository.run("uv", "run", "python", "-c", code).stdout.split()


@pytest.fixture(scope="module")
def undisturbed(mechanical: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give a quick repository whose pipeline ran in peace; its environment is shared by all clones."""
    clone = hurry(mechanical.clone(tmp_path_factory.mktemp("undisturbed") / "repository"))
    clone.run("uv", "sync", "--quiet")
    clone.run("uv", "run", "dvc", "repro")
    return clone


def start_pipeline(clone: Repository, output: Path) -> subprocess.Popen[bytes]:
    """Start `dvc repro` in a session of its own; it is our own child, so that nobody else has to notice its end."""
    tools = clone.path / ".venv/bin"
    with output.open("wb") as log:
        return subprocess.Popen(
            [str(tools / "dvc"), "repro"],
            cwd=clone.path,
            env=clone.environment | {"PYTHONUNBUFFERED": "1", "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for(stage: str, output: Path, process: subprocess.Popen[bytes]) -> float:
    """Return once the stage has started, or the pipeline has ended; give the time."""
    while f"python -m project.{stage}" not in output.read_text(encoding="utf-8") and process.poll() is None:
        time.sleep(0.02)
    return time.monotonic()


@pytest.fixture(scope="module")
def seconds(undisturbed: Repository, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Give how long each stage takes here, from a pipeline that runs in peace."""
    folder = tmp_path_factory.mktemp("timed")
    clone = hurry(undisturbed.clone(folder / "repository"))
    clone.run("uv", "sync", "--quiet")
    process = start_pipeline(clone, folder / "output")
    started = [wait_for(stage, folder / "output", process) for stage in STAGES]
    assert process.wait(300) == 0, (folder / "output").read_text(encoding="utf-8")
    ended = [*started[1:], time.monotonic()]
    assert digests(clone) == digests(undisturbed), "the same pipeline, run twice in peace, gives different bytes"
    return {stage: end - start for stage, start, end in zip(STAGES, started, ended, strict=True)}


@pytest.mark.parametrize("stage", STAGES)
def test_a_pipeline_killed_in_a_stage_ends_as_if_it_had_not_been(
    undisturbed: Repository, seconds: dict[str, float], tmp_path: Path, stage: str
) -> None:
    """SIGKILL to DVC and its child somewhere in the stage, then again: the same bytes, and no run left RUNNING."""
    clone = hurry(undisturbed.clone(tmp_path / "repository"))
    clone.run("uv", "sync", "--quiet")
    process = start_pipeline(clone, tmp_path / "output")
    wait_for(stage, tmp_path / "output", process)
    share = random.Random(stage).uniform(0.1, 0.6)
    time.sleep(share * seconds[stage])
    assert process.poll() is None, "the pipeline ended before it could be killed"
    stop(process, signal.SIGKILL)
    print(f"killed after {share:.0%} of {stage} ({seconds[stage]:.1f} s)")  # shown if what follows fails
    clone.run("uv", "run", "dvc", "repro")
    assert digests(clone) == digests(undisturbed)
    clone.run("uv", "run", "dvc", "repro", "--force", "--single-item", "train")
    assert "RUNNING" not in statuses(clone)


def test_a_store_killed_in_the_making_is_made_again(undisturbed: Repository, tmp_path: Path) -> None:
    """SIGKILL while MLflow makes its tables, four times over: the next process finds a store that works."""
    store = tmp_path / "new.db"
    environment = undisturbed.environment | {"MLFLOW_TRACKING_URI": f"sqlite:///{store}"}
    code = "from project.training import tracking as t; print(t.connect('first').get_experiment_by_name('first').name)"
    command = [str(undisturbed.path / ".venv/bin/python"), "-c", code]
    for seconds in (0.1, 0.2, 0.4, 0.6):
        store.unlink(missing_ok=True)
        process = subprocess.Popen(command, cwd=undisturbed.path, env=environment, stdout=-3, stderr=-3)
        while not store.exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(seconds)
        process.kill()
        process.wait(30)
        done = subprocess.run(command, cwd=undisturbed.path, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "first\n"), done.stderr[-2000:]


def start_training(clone: Repository, uri: str) -> subprocess.Popen[str]:
    """Start a training against a shared store."""
    return subprocess.Popen(
        [str(clone.path / ".venv/bin/python"), "-m", "project.train"],
        cwd=clone.path,
        env=clone.environment | {"MLFLOW_TRACKING_URI": uri},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_eight_first_runs_at_once_lose_none(undisturbed: Repository, tmp_path: Path) -> None:
    """Eight trainings open a store that does not exist yet; all eight are there afterwards, FINISHED."""
    uri = f"sqlite:///{tmp_path}/shared.db"
    clones = []
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("data", "src", "capstone.toml", "params.yaml"):
            (folder / name).symlink_to(undisturbed.path / name)
        (folder / ".venv").symlink_to(undisturbed.path / ".venv")
        clones.append(Repository(folder, tmp_path))
    processes = [start_training(clone, uri) for clone in clones]
    for process in processes:
        said, _ = process.communicate(timeout=900)
        assert process.returncode == 0, said[-3000:]
    assert statuses(undisturbed, uri) == ["FINISHED"] * 8


def test_two_pipelines_share_a_store(undisturbed: Repository, tmp_path: Path) -> None:
    """Two clones run `dvc repro` at once against one store: both are tracked and registered, and name its champion."""
    uri = f"sqlite:///{tmp_path}/shared.db"
    clones = [hurry(undisturbed.clone(tmp_path / name)) for name in ("one", "two")]
    processes = []
    for clone in clones:
        clone.run("uv", "sync", "--quiet")
        environment = clone.environment | {"MLFLOW_TRACKING_URI": uri}
        command = ["uv", "run", "dvc", "repro"]
        processes.append(
            subprocess.Popen(command, cwd=clone.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        )
    for process in processes:
        said, _ = process.communicate(timeout=900)
        assert process.returncode == 0, said[-3000:].decode()
    assert statuses(undisturbed, uri) == ["FINISHED"] * 2
    versions = f"import mlflow; print(len(mlflow.MlflowClient({uri!r}).search_model_versions()))"
    assert undisturbed.run("uv", "run", "python", "-c", versions).stdout.split()[-1] == "2"
    assert all((clone.path / "models/receipt.json").exists() for clone in clones)


def test_a_second_pipeline_in_the_same_folder_says_who_is_running(undisturbed: Repository, tmp_path: Path) -> None:
    """DVC's lock keeps a second `dvc repro` out with a sentence, and the first one finishes."""
    clone = hurry(undisturbed.clone(tmp_path / "repository"))
    clone.run("uv", "sync", "--quiet")
    first = subprocess.Popen(["uv", "run", "dvc", "repro"], cwd=clone.path, env=clone.environment, stdout=-3, stderr=-3)
    time.sleep(3)
    second = clone.run("uv", "run", "dvc", "repro", check=False)
    assert first.wait(900) == 0
    assert second.returncode != 0
    assert "Unable to acquire lock" in second.stderr or "locked" in second.stderr.lower()
