"""Experiments of DVC: many settings, each trained and evaluated like the model that is served, beside the workspace.

Trade-off study and experiments share it. What is measured once stays, whatever is committed meanwhile outside of what
the pipeline reads: another call runs only what is new, and an interrupted sweep goes on. The experiments run one after
the other: none disturbs the timing of another, and none outlives an interrupt, as a worker of DVC's queue does.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from capstone_kit.project import CannotRunError, KitError, Project, blobs, git, reason, words

METRICS, CONSTRAINTS = "reports/metrics.json", "reports/constraints.json"
COSTS = {"latency_p95_ms": "p95 latency (ms)", "model_size_mb": "size (MB)", "training_time_s": "training time (s)"}
FALLING = ("mae", "rmse", "log_loss", "brier")  # quality is better when these are lower
READ = ("src", "data", "dvc.yaml", "params.yaml", "capstone.toml", "uv.lock")  # what decides an experiment
PATIENCE = 30  # seconds in which DVC may clean up after an interrupt

Overrides = tuple[str, ...]  # of parameters, as `dvc exp run --set-param` takes them
Files = dict[str, Any]  # the contents of METRICS and CONSTRAINTS


def headline(project: Project) -> str:
    """Give the metric by which the task is judged."""
    return str(project.toml("capstone.toml")["task"]["headline"])


def named(project: Project, prefix: str, wanted: Iterable[Overrides]) -> dict[str, Overrides]:
    """Give each experiment by the name that only its parameters have, on this state of what the pipeline reads."""
    state = git(project.root, "ls-tree", "-r", "HEAD", "--", *READ) + git(project.root, "diff", "HEAD", "--", *READ)
    return {f"{prefix}-{_digest([state, *overrides])}": overrides for overrides in wanted}


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]


def run(project: Project, prefix: str, missing: Mapping[str, Overrides], shown: Callable[[Overrides], str]) -> None:
    """Run the experiments, each with a line of progress; what fails is named and left out."""
    os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{(project.root / 'mlflow.db').as_posix()}")
    began = time.monotonic()
    for number, (own, overrides) in enumerate(missing.items(), start=1):
        took = (time.monotonic() - began) / max(number - 1, 1)
        left = f", about {took * (len(missing) - number + 1) / 60:.0f} min left" if number > 1 else ""
        print(f"{prefix}: {number} of {len(missing)}{left}: {shown(overrides)}", flush=True)
        sets = [word for override in overrides for word in ("--set-param", override)]
        try:
            _dvc(project, "exp", "run", "evaluate", "--temp", "--name", own, *sets)
        except KitError as error:  # the others are worth their figures all the same
            print(f"{prefix}: left out: {error}", flush=True)
        except BaseException:
            print(f"{prefix}: what has ended is kept: the same command goes on", flush=True)
            raise


def _dvc(project: Project, *arguments: str) -> None:
    """Run DVC in a process group of its own, so that an interrupt ends it with its stages. Raises `KitError`."""
    command = words("dvc", *arguments)
    process = subprocess.Popen(
        command,
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name != "nt",  # Windows sends Ctrl-C to every process of the console
    )
    try:
        _, errors = process.communicate()
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise KitError(f"`dvc exp run` failed: {reason(errors)}")


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt the group, and kill what is left of it once DVC has had time to clean up."""
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
    if os.name != "nt":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def measured(project: Project, prefix: str) -> dict[str, Files]:
    """Give what the experiments that ended measured, by name: DVC keeps each as a commit below refs/exps."""
    listed = git(project.root, "for-each-ref", "--format=%(objectname) %(refname:lstrip=-1)", "refs/exps")
    commits = {own: commit for commit, own in map(str.split, listed.splitlines()) if own.startswith(f"{prefix}-")}
    texts = blobs(project.root, [f"{commit}:{file}" for commit in commits.values() for file in (METRICS, CONSTRAINTS)])
    found = {}
    for own, commit in commits.items():
        try:
            found[own] = {file: json.loads(texts[f"{commit}:{file}"]) for file in (METRICS, CONSTRAINTS)}
        except (KeyError, ValueError):  # it was made by other code, which wrote no such files
            continue
    return found


def library(module: str) -> Any:
    """Import what the project's own environment has. Raises `CannotRunError` elsewhere."""
    try:
        return import_module(module)
    except ImportError:
        raise CannotRunError(f"{module} is not here: run it in the repository as `uv run capstone …`") from None
