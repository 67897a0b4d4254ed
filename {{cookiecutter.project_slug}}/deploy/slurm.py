"""Run the pipeline with its search spread over the nodes of a Slurm cluster.

Needs `train.engine: dask` in params.yaml, and the project's folder, environment included, on a file system that all
nodes see. Run it on a login node, or within a small job of its own:

    uv run --group cluster python deploy/slurm.py --jobs 8 --queue cpu --account abc123
"""

import argparse
import os
import subprocess
import sys

from dask_jobqueue import SLURMCluster  # ty: ignore[import-not-found]  # in the group `cluster`


def main() -> None:
    """Start the workers' jobs, run `dvc repro` with them, and cancel them."""
    parser = argparse.ArgumentParser(description="Run `dvc repro` with the search on Slurm.")
    parser.add_argument("--jobs", type=int, default=4, help="so many jobs at most, each of them a node's share")
    parser.add_argument("--cores", type=int, default=8, help="of each job; so many trials run in it at once")
    parser.add_argument("--memory", default="32GB", help="of each job")
    parser.add_argument("--walltime", default="02:00:00")
    parser.add_argument("--queue", help="Slurm's partition")
    parser.add_argument("--account")
    parser.add_argument("--print", action="store_true", help="show the job script and stop")
    asked = parser.parse_args()
    with SLURMCluster(
        cores=asked.cores,
        processes=asked.cores,  # a process for each trial: scikit-learn holds the interpreter's lock
        memory=asked.memory,
        walltime=asked.walltime,
        queue=asked.queue,
        account=asked.account,
        python=sys.executable,
        job_script_prologue=["export DASK_DISTRIBUTED__WORKER__DAEMON=False"],  # for estimators that start processes
    ) as cluster:
        if asked.print:
            print(cluster.job_script())
            return
        cluster.adapt(minimum_jobs=1, maximum_jobs=asked.jobs)
        environment = os.environ | {"DASK_SCHEDULER_ADDRESS": cluster.scheduler_address}
        done = subprocess.run(["dvc", "repro"], env=environment, check=False)  # noqa: S607
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
