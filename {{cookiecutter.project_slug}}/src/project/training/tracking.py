"""MLflow, safe for several processes: the store is made once, a killed run is closed, a run says where it came from."""

import getpass
import logging
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from project import contract, stage
from project.predictor import MODEL, Inputs, Predictor
from project.serving import models
from project.split import SPLITS

logging.getLogger("mlflow").setLevel(logging.ERROR)  # the stages say what happened
logging.getLogger("alembic").setLevel(logging.ERROR)

ALIAS = "champion"
SERVED = "served"  # of a run: the folder with what is served beside the model
PROCESS_TAG = "process"
CONTRACTS = (contract.DATA_CONTRACT, contract.TASK_CONTRACT)


def connect(experiment: str) -> MlflowClient:
    """Open the store and the experiment; make both at the first use, one process at a time."""
    uri = os.environ["MLFLOW_TRACKING_URI"]
    try:
        store = Path(uri.removeprefix("sqlite:///"))
        with _made_whole(store) if uri.startswith("sqlite:///") else nullcontext():
            mlflow.set_experiment(experiment)
    except MlflowException as error:
        raise stage.ProjectError(f"MLFLOW_TRACKING_URI: cannot use {uri}: {error.message}") from error
    return MlflowClient()


@contextmanager
def _made_whole(store: Path) -> Generator[None]:
    """Let one process at a time open the store; if one was killed while it made the tables, begin with none again."""
    unfinished = store.with_name(f".{store.name}.unfinished")
    with FileLock(store.with_name(f".{store.name}.lock")):
        if unfinished.exists():
            for ending in ("", "-journal", "-wal", "-shm"):
                store.with_name(store.name + ending).unlink(missing_ok=True)
        if not store.exists():
            unfinished.touch()
        yield
        unfinished.unlink(missing_ok=True)


@contextmanager
def run(experiment: str) -> Generator[str]:
    """Open a run that says where it came from, and close those that killed processes left; give its id."""
    client = connect(experiment)
    for run_id in close_killed_runs(client, experiment):
        print(f"train: run {run_id} was left by a killed process and is now marked KILLED")
    with mlflow.start_run(tags=origin()) as started:
        yield started.info.run_id


def close_killed_runs(client: MlflowClient, experiment: str) -> list[str]:
    """Mark runs as KILLED whose process on this machine is gone; give their ids."""
    found = client.get_experiment_by_name(experiment)
    running = client.search_runs([found.experiment_id], "attributes.status = 'RUNNING'") if found else []
    killed = [run.info.run_id for run in running if _is_gone(run.data.tags.get(PROCESS_TAG, ""))]
    for run_id in killed:
        client.set_terminated(run_id, "KILLED")
    return killed


def origin() -> dict[str, str]:
    """Give the tags that say what a run was made from: commit, dirty flag, hashes of data and contracts, process."""
    return {
        "git_commit": _git("rev-parse", "HEAD") or "none",
        "git_dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no"))).lower(),
        "data_sha256": models.digest(*sorted(SPLITS.glob("*.csv"))),
        "contract_sha256": models.digest(*CONTRACTS),
        "data": "synthetic" if contract.load_parameters().ingest.synthetic else "real",
        PROCESS_TAG: identity(psutil.Process()),
    }


def log_training(
    parameters: contract.Parameters, report: dict[str, Any], example: Inputs, predictor: Predictor
) -> None:
    """Log the parameters, the search and the ONNX model to the active run."""
    import onnx
    from mlflow.models import infer_signature

    best = report["trials"][0]
    mlflow.log_params({"estimator": best["estimator"], **best["settings"]})
    mlflow.log_params({"seed": parameters.seed, **parameters.split.model_dump(), **parameters.train.model_dump()})
    mlflow.log_metric("cross_validation", best["score"])
    mlflow.log_metric("training_time_s", report["training_time_s"])
    mlflow.log_dict({"trials": report["trials"]}, "trials.json")
    mlflow.onnx.log_model(
        onnx.load(MODEL),
        name="model",
        signature=infer_signature(example, predictor.score(example)),
        input_example=example,
        pip_requirements=[f"{name}=={version(name)}" for name in ("onnx", "onnxruntime")],
        onnx_execution_providers=["CPUExecutionProvider"],
        metadata=predictor.metadata,
        save_as_external_data=False,  # one file, which is fetched and served as it is
    )


def log_evaluation(client: MlflowClient, run_id: str, measured: dict[str, float], files: list[Path]) -> None:
    """Add the evaluation's values and files to the training run. Raises `ProjectError` where the run is unknown."""
    try:
        now = int(time.time() * 1000)
        client.log_batch(run_id, [Metric(name, value, now, 0) for name, value in measured.items()])
        for path in files:
            client.log_artifact(run_id, str(path), "evaluation")
    except MlflowException as error:
        uri = os.environ["MLFLOW_TRACKING_URI"]
        raise stage.ProjectError(
            f"run {run_id} is not in {uri}: it was trained with another store; run `uv run dvc repro --force train`"
        ) from error


def register(client: MlflowClient, run_id: str, name: str) -> str:
    """Register the run's model under `name`, once; give its version."""
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    if known:
        return str(known[0].version)
    outputs = client.get_run(run_id).outputs
    assert outputs is not None, "log_training logs a model to every run"
    return str(mlflow.register_model(f"models:/{outputs.model_outputs[0].model_id}", name).version)


def champion(client: MlflowClient, name: str) -> str | None:
    """Give the version that is champion, if there is one."""
    try:
        return str(client.get_model_version_by_alias(name, ALIAS).version)
    except MlflowException:
        return None


def rolled_back(client: MlflowClient, name: str, version: str) -> list[str]:
    """Give a sentence if a person took the version back: it does not become champion again by itself."""
    who = client.get_model_version(name, version).tags.get("rolled_back")
    return [f"it was rolled back {who}: `uv run capstone promote {version}` is a person's decision"] if who else []


def servable(client: MlflowClient, name: str, version: str) -> bool:
    """Whether a version is here, or its run holds what is served beside the model."""
    run_id = client.get_model_version(name, version).run_id
    return (models.VERSIONS / version).exists() or bool(client.list_artifacts(str(run_id), SERVED))


def fetch(client: MlflowClient, name: str, version: str) -> Path:
    """Give the folder of a version, from the registry if it is not here. Raises `ProjectError` where it is nowhere."""
    if (folder := models.VERSIONS / version).exists():
        return folder
    try:
        run_id = client.get_model_version(name, version).run_id
        with tempfile.TemporaryDirectory() as temporary:
            model = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=temporary))
            rest = Path(client.download_artifacts(str(run_id), SERVED, temporary))
            return models.keep(
                version, {MODEL: model / MODEL.name} | {MODEL.parent / p.name: p for p in rest.iterdir()}
            )
    except (MlflowException, OSError) as error:
        raise stage.ProjectError(f"version {version} of {name} cannot be fetched: {error}") from error


def decided(client: MlflowClient, name: str, version: str, decision: str, reason: str) -> None:
    """Keep with the version what the gate decided, and why."""
    client.set_model_version_tag(name, version, "gate", decision)
    client.set_model_version_tag(name, version, "gate_reason", reason)


def promote(client: MlflowClient, name: str, version: str, approved_by: str) -> None:
    """Make a version, whose folder is here, the champion: in the registry, and for the running service."""
    before = champion(client, name)
    client.set_model_version_tag(name, version, "approved_by", approved_by)
    client.set_model_version_tag(name, version, "approved_at", datetime.now(UTC).isoformat(timespec="milliseconds"))
    client.set_registered_model_alias(name, ALIAS, version)
    pointed = models.pointer()
    previous = pointed.get("previous") if before in (None, version) else before
    shadow = None if pointed.get("shadow") == version else pointed.get("shadow")
    models.point(champion=version, previous=previous, shadow=shadow)


def approver() -> str:
    """Give who runs this, as git or the machine knows them."""
    return " ".join(filter(None, (_git("config", "user.name"), _git("config", "user.email")))) or getpass.getuser()


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: S607
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def identity(process: psutil.Process) -> str:
    """Give what tells a process from others: machine, number, and when it began, for numbers come again."""
    return f"{platform.node()} {process.pid} {process.create_time():.2f}"


def _is_gone(process: str) -> bool:
    host, _, rest = process.rpartition(" ")[0].partition(" ")
    if host != platform.node() or not rest.isdigit():
        return False  # another machine's process: only that machine knows
    try:
        return identity(psutil.Process(int(rest))) != process
    except psutil.NoSuchProcess:
        return True
