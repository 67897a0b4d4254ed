"""Measure what the engineering constraints bound, in a process that holds the predictor and nothing else."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from project import contract, stage
from project.predictor import MODEL, Predictor
from project.serving import request

TRAINING = Path("reports/training.json")


def measure(bodies: list[str]) -> dict[str, float]:
    """Give the 95th percentile latency of one row (ms), the peak memory (MB), the model's size (MB), training time (s).

    `bodies` are requests of one row each; they are sent one by one, decoding and validation included.
    """
    done = subprocess.run(
        [sys.executable, "-m", "project.evaluation.constraints"],
        input=json.dumps(bodies),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise stage.ProjectError(f"the predictor's process failed: {done.stderr.strip().splitlines()[-1]}")
    return {
        **json.loads(done.stdout),
        "model_size_mb": round(MODEL.stat().st_size / 1e6, 3),
        "training_time_s": stage.read_json(TRAINING)["training_time_s"],
    }


def main() -> None:
    """Predict each row given on standard input, and print latency and memory as JSON."""
    data = contract.load_data_contract()
    predictor, rows = Predictor(features=data.features), request.Rows(data)
    bodies = [body.encode() for body in json.load(sys.stdin)]
    latencies = []
    warming = bodies[:20]
    for body in warming + bodies:
        started = time.perf_counter()
        predictor.predict(rows.columns(rows.decode(body)))
        latencies.append(time.perf_counter() - started)
    p95 = float(np.quantile(latencies[len(warming) :], 0.95)) * 1e3
    print(json.dumps({"latency_p95_ms": round(p95, 3), "peak_memory_mb": round(_peak_memory() / 1e6, 1)}))


def _peak_memory() -> float:
    """Give this process's largest resident set so far, in bytes."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset)
    if sys.platform == "linux":  # where the figure of getrusage holds the parent's memory as well
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return float(status.partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # macOS counts in bytes


if __name__ == "__main__":
    stage.run(main)
