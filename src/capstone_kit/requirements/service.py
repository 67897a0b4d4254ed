"""The service: it is built, ready, right, robust, and within its constraints."""

from capstone_kit.gather.pipeline import Rerun
from capstone_kit.gather.service import Built, Served
from capstone_kit.gather.stages import MODEL
from capstone_kit.gather.versions import Previous
from capstone_kit.project import TASK_CONTRACT
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome

READY = 60.0  # seconds
SLOW = 3.0  # times a limit of time that a slower machine may take before it is the project's fault
EQUAL = 0.98  # of the answers: at a threshold a float32 may fall on the other side
NAMED = 0.8
SERVE = "uv run bentoml serve"
LIMITS = {"latency_p95_ms": "ms", "peak_memory_mb": "MB", "model_size_mb": "MB"}


@requirement("SRV1", 3, "R", "AIPI 561; MLOps Zoomcamp", ("production", "fullstack"))
def starts(examined: Examined) -> Finding:
    """The Bento builds and is ready within the declared time."""
    built = examined.evidence[Built]
    if built.status != 0:
        return Finding(
            Outcome.FAIL, f"`bentoml build`: {built.said}", "it builds", "uv run bentoml build", "mend what it says"
        )
    served = examined.evidence[Served]
    observed = f"built in {built.seconds:.0f} s, ready after {served.ready_seconds:.1f} s"
    if served.ready_seconds > SLOW * READY:
        return Finding(Outcome.FAIL, observed, f"ready within {READY:.0f} s", SERVE, "load less at the start")
    if served.ready_seconds > READY:
        return Finding(Outcome.INCONCLUSIVE, f"{observed}: the machine may be slow", f"within {READY:.0f} s", SERVE)
    return Finding(Outcome.PASS, observed, f"ready within {READY:.0f} s", SERVE)


@requirement("SRV2", 4, "C", "ML Test Score, infrastructure; training-serving skew", ("production", "fullstack"))
def answers(examined: Examined) -> Finding:
    """Random probes: answers fit the schema and equal offline predictions."""
    found = examined.evidence[Served]
    observed = f"{found.answered} of {found.valid} answered, {found.equal} as the model predicts"
    if found.equal < EQUAL * found.valid:
        outcome = Outcome.PARTIAL if found.equal >= 0.5 * found.valid else Outcome.FAIL
        remedy = "predict in one place, for evaluation and service alike"
        return Finding(outcome, f"{observed}; {found.apart}", "the model's predictions", SERVE, remedy, share=0.25)
    return Finding(Outcome.PASS, observed, "the model's predictions", SERVE)


@requirement("SRV3", 2, "C", "CMU 17-645, milestone 3", ("production", "scale"))
def refuses(examined: Examined) -> Finding:
    """Malformed input gets a 4xx that names the field; the next valid request succeeds."""
    found = examined.evidence[Served]
    observed = (
        f"{found.refused} of {found.malformed} malformed bodies refused, {found.named} of {found.nameable} fields named"
    )
    if not found.alive or found.answered < found.valid / 2:
        problem = "a valid request fails after them" if not found.alive else "valid requests are refused too"
        return Finding(
            Outcome.FAIL, f"{observed}; {problem}", "valid requests succeed", SERVE, "refuse only what is wrong"
        )
    if found.refused < found.malformed:
        return Finding(
            Outcome.FAIL,
            f"{observed}; let through: {found.let_through}",
            "a 4xx for each",
            SERVE,
            "check by the data contract",
        )
    if found.named < NAMED * found.nameable:
        return Finding(
            Outcome.PARTIAL, observed, "the field is named", SERVE, "name the field in the answer", share=0.5
        )
    return Finding(Outcome.PASS, observed, "a 4xx that names the field", SERVE)


@requirement("SRV4", 1, "C", "attacks on autograders", ("production",))
def depends(examined: Examined) -> Finding:
    """The output depends on the input."""
    found = examined.evidence[Served]
    observed = f"{found.distinct} different predictions for {found.valid} different rows"
    if found.distinct < 2:
        return Finding(Outcome.FAIL, observed, "predictions that differ", SERVE, "look at what the model learnt")
    return Finding(Outcome.PASS, observed, "predictions that differ", SERVE)


@requirement("SRV5", 2, "C", "CMU MS AIE: engineering constraints", ("constraints", "scale"))
def within_constraints(examined: Examined) -> Finding:
    """p95 latency, error rate, memory and model size keep to the project's engineering constraints."""
    found, first = examined.evidence[Served], examined.evidence[Rerun]
    declared = examined.project.toml(TASK_CONTRACT).get("constraint", [])
    bounds = {c["metric"]: float(c["at_most"]) for c in declared if c.get("metric") in LIMITS and "at_most" in c}
    if not bounds:
        remedy = f"state [[constraint]] tables for {', '.join(LIMITS)} in {TASK_CONTRACT}"
        return Finding(Outcome.FAIL, "no engineering constraint is declared", "bounds with reasons", "", remedy)
    if found.errors:
        return Finding(Outcome.FAIL, f"{found.errors} requests failed", "none", SERVE, "look into the service's output")
    size = (first.work / MODEL).stat().st_size / 1e6
    measured = {"latency_p95_ms": found.p95_ms, "peak_memory_mb": _model_memory(first), "model_size_mb": size}
    told = ", ".join(f"{name} {measured[name]:.3g} {LIMITS[name]} of {bound:g}" for name, bound in bounds.items())
    over = {name: measured[name] / bound for name, bound in bounds.items() if measured[name] > bound}
    if "model_size_mb" in over or over.get("peak_memory_mb", 0) > 1.5 or over.get("latency_p95_ms", 0) > SLOW:
        return Finding(Outcome.FAIL, told, "within the bounds", SERVE, "a smaller or quicker model, or an agreed bound")
    if over:
        return Finding(Outcome.INCONCLUSIVE, f"{told}: the machine may be slow", "within the bounds", SERVE)
    return Finding(Outcome.PASS, told, "within the bounds", SERVE)


def _model_memory(first: Rerun) -> float:
    """Give the memory that the pipeline measured for one prediction process, on this machine."""
    return first.metrics.get("peak_memory_mb") or 0.0


@requirement("SRV6", 2, "C", "ML Test Score, infrastructure 6: rollback", ("production", "scale"))
def previous(examined: Examined) -> Finding:
    """The previous version can be served, and answers as it did."""
    found = examined.evidence[Previous]
    command = "the version before, from the registry, on the same rows"
    if not found.file:
        remedy = "register every model with its ONNX file, and keep it"
        return Finding(
            Outcome.FAIL, f"the registry holds {found.versions} versions, none before the last", "two", command, remedy
        )
    observed = f"version {found.number}: {found.equal} of {found.rows} predictions as before"
    if found.equal < found.rows:
        return Finding(
            Outcome.FAIL, observed, "as it answered then", command, "never change a registered model's files"
        )
    return Finding(Outcome.PASS, observed, "as it answered then", command)


ALL = (starts, answers, refuses, depends, within_constraints, previous)
