"""Search here and on Dask workers: `uv run --group cluster python bench/search.py WORKERS…`, in a trained repository.

`--trials N` tries only the first N settings.

Prints JSON: the seconds of each trial and of the whole, here and with so many worker processes, what Dask itself takes
for a trial, and whether all found the same.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # a process for each core, so that no trial takes another's
os.environ["DASK_DISTRIBUTED__WORKER__DAEMON"] = "False"  # as deploy/slurm.py has it

import dask
from distributed import LocalCluster

from project import contract, table
from project.problem import of_rows
from project.split import SPLITS
from project.training import search

EMPTY = 2_000  # trials that do nothing, by which Dask's own time is seen


def setting() -> tuple[search.Search, list[search.Trial]]:
    """Give the repository's own search and its trials."""
    data, capstone = contract.load()
    parameters = contract.load_parameters()
    every = table.read(SPLITS / "train.csv", data)
    problem = of_rows(data, capstone.task, every)
    rows = problem.sample(every, parameters.train.max_rows, parameters.seed)
    found = search.Search(problem, problem.inputs(rows), problem.truth(rows), parameters.train.folds, parameters.seed)
    return found, search.trials(problem, parameters.train, parameters.seed)


def timed(run: Callable[[], Any]) -> tuple[float, list[Any]]:
    """Give seconds and what was found."""
    started = time.perf_counter()
    found = list(run())
    return round(time.perf_counter() - started, 2), found


def nothing(trial: search.Trial) -> search.Trial:
    """Give the trial back."""
    return trial


def on_workers(count: int, whole: search.Search, tried: list[search.Trial]) -> tuple[dict[str, float], list[Any]]:
    """Search with `count` worker processes; give the seconds, and what was found."""
    cluster = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL")
    with cluster, dask.config.set({"scheduler-address": cluster.scheduler_address}):
        first, _ = timed(lambda: search.on_dask(nothing, tried * count))  # the workers import what they need
        seconds, found = timed(lambda: search.on_dask(whole.score, tried))
        empty, _ = timed(lambda: search.on_dask(nothing, [tried[0]] * EMPTY))
    return {"start_s": first, "search_s": seconds, "dask_ms_a_trial": round(1_000 * empty / EMPTY, 2)}, found


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser()
    asked.add_argument("workers", type=int, nargs="+")
    asked.add_argument("--trials", type=int)
    words = asked.parse_args()
    whole, tried = setting()
    tried = tried[: words.trials]
    each = [timed(lambda t=trial: [whole.score(t)]) for trial in tried]
    expected = [found for _, (found,) in each]
    workers, same = {}, True
    for count in words.workers:
        workers[count], found = on_workers(count, whole, tried)
        same = same and found == expected
    print(json.dumps({"each_s": [seconds for seconds, _ in each], "dask": workers, "same": same}))


if __name__ == "__main__":
    main()
