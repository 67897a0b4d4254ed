"""Tracking: every model has a run that says what it was made from, and what it reached."""

from capstone_kit.gather.pipeline import Rerun, tracked
from capstone_kit.gather.store import Run
from capstone_kit.project import PARAMETERS
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome

COMMAND = "uv run mlflow ui"
CLOSE = 1e-4  # relative


def newest(first: Rerun) -> Run | None:
    """Give the last run that the re-run made; runs that were there before, or claim to be of another time, are not."""
    made = [run for run in tracked(first).runs if run.started_ms >= first.begun_ms - 1000]
    return made[-1] if made else None


@requirement("TRK1", 3, "R", "DTU 02476; MLOps Zoomcamp", ("toolchain",))
def makes_a_run(examined: Examined) -> Finding:
    """Training makes a new MLflow run with parameters, metrics, commit and data hash."""
    first = examined.evidence[Rerun]
    run = newest(first)
    if run is None:
        return Finding(Outcome.FAIL, "the re-run made no run", "a run of its own", COMMAND, "log training to MLflow")
    tags = " ".join(run.tags.values())
    hashes = [
        value for value in run.tags.values() if len(value) in (32, 40, 64) and set(value) <= set("0123456789abcdef")
    ]
    lacking = [
        what
        for what, there in (
            ("parameters", run.params),
            ("metrics", run.metrics),
            ("the commit", first.commit and first.commit in tags),
            ("a hash of the data", [h for h in hashes if h != first.commit]),
            ("the status FINISHED", run.status == "FINISHED"),
        )
        if not there
    ]
    if lacking:
        share = 1 - len(lacking) / 5
        return Finding(
            Outcome.PARTIAL,
            f"the run lacks {', '.join(lacking)}",
            "all five",
            COMMAND,
            "log it as the template does",
            share,
        )
    return Finding(
        Outcome.PASS,
        f"run {run.id[:8]}: {len(run.params)} parameters, {len(run.metrics)} metrics, commit, data hash",
        command=COMMAND,
    )


@requirement("TRK2", 2, "R", "DTU 02476", ("toolchain",))
def same_values(examined: Examined) -> Finding:
    """MLflow's values equal DVC's parameters and metrics."""
    first = examined.evidence[Rerun]
    run = newest(first)
    if run is None:
        return Finding(Outcome.FAIL, "the re-run made no run", "a run of its own", COMMAND, "log training to MLflow")
    both = [n for n in first.metrics if n in run.metrics and first.metrics[n] is not None]
    apart = [n for n in both if abs(run.metrics[n] - (first.metrics[n] or 0)) > CLOSE * max(1e-2, abs(run.metrics[n]))]
    if not both:
        return Finding(
            Outcome.FAIL,
            "the run has none of the metrics in reports/",
            "the same metrics",
            COMMAND,
            "log the evaluation to the run",
        )
    if apart:
        observed = f"{apart[0]}: MLflow {run.metrics[apart[0]]:.6g}, reports/ {first.metrics[apart[0]]:.6g}"
        return Finding(Outcome.FAIL, observed, "equal values", COMMAND, "log what the evaluation measured")
    seed = (examined.project.plain(PARAMETERS) or {}).get("seed")
    if seed is not None and run.params.get("seed", str(seed)) != str(seed):
        return Finding(
            Outcome.FAIL,
            f"seed: MLflow {run.params['seed']}, {PARAMETERS} {seed}",
            "equal values",
            COMMAND,
            "log params.yaml",
        )
    return Finding(Outcome.PASS, f"{len(both)} metrics and the seed are equal", command=COMMAND)


ALL = (makes_a_run, same_values)
