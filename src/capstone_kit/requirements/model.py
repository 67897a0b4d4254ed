"""The model, measured anew on rows that neither it nor the team has seen."""

import math

from capstone_kit.gather.pipeline import Shuffled, Withheld, claimed
from capstone_kit.project import TASK_CONTRACT
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome

COMMAND = "the pipeline without a fifth of the rows, measured on those"
SIGMAS = 2.576  # of the difference: an honest claim is doubted once in two hundred times
LEAK = 0.25  # of the honest lift: what a model of permuted labels may reach by chance
FEWEST = 20  # rows that a measurement needs


def _few(score: dict) -> Finding | None:
    if score["rows"] < FEWEST:
        return Finding(Outcome.INCONCLUSIVE, f"{score['rows']} withheld rows", f"at least {FEWEST}", COMMAND)
    return None


@requirement("MOD1", 4, "T", "ML Test Score, model; reproducibility of claims", ("limits", "practice"))
def claim_holds(examined: Examined) -> Finding:
    """The headline metric recomputed on withheld rows lies within the claimed confidence interval.

    Both the claim and the measurement are estimates from finite samples, so what is judged is their difference: it is
    a failure if the measured value is worse than the claimed one by more than 2.576 standard errors of the difference,
    sqrt(a**2 + b**2), where a is the claimed interval's width / 3.92 and b the bootstrap's standard error. For two
    independent normal estimates that happens to an honest claim with probability 0.005 (Cumming and Finch, 2005).
    """
    score = examined.evidence[Withheld].score
    if few := _few(score):
        return few
    said, found = claimed(examined.project, score["headline"]), score["metrics"].get(score["headline"])
    if not found or found["value"] is None:
        return Finding(Outcome.INCONCLUSIVE, f"{score['headline']} is undefined on the withheld rows", "", COMMAND)
    error = math.hypot((said["high"] - said["low"]) / 3.92, found["spread"] or 0.0)
    worse = (found["value"] - said["value"]) * (1 if score["lower_is_better"] else -1)
    observed = (
        f"{score['headline']} {found['value']:.4g} on {score['rows']:,} withheld rows, claimed {said['value']:.4g}"
    )
    expected = f"not worse than the claim by more than {SIGMAS * error:.3g}"
    if worse > SIGMAS * error:
        return Finding(Outcome.FAIL, observed, expected, COMMAND, "measure on rows that training and choice never saw")
    return Finding(Outcome.PASS, observed, expected, COMMAND)


@requirement("MOD2", 3, "T", "ML Test Score, model 5: a simpler model is not better", ("tradeoffs", "practice"))
def beats_baseline(examined: Examined) -> Finding:
    """It beats a trivial baseline (paired bootstrap), the grader's own baseline."""
    score = examined.evidence[Withheld].score
    if few := _few(score):
        return few
    lift = score["metrics"]["lift_over_baseline"]
    observed = f"{lift['value']:.4g} better in {score['headline']} ({lift['low']:.4g} to {lift['high']:.4g})"
    if lift["low"] > 0:
        return Finding(Outcome.PASS, observed, "the interval lies above 0", COMMAND)
    outcome, remedy = Outcome.FAIL, "begin with what a constant prediction reaches, and beat it"
    return Finding(outcome, observed, "the interval lies above 0", COMMAND, remedy)


@requirement("MOD3", 2, "T", "ML Test Score, model 6: important slices; NIST AI RMF, Measure", ("ethics", "limits"))
def slices_hold(examined: Examined) -> Finding:
    """Every declared slice reaches the charter's floor, recomputed."""
    score, task = examined.evidence[Withheld].score, examined.project.toml(TASK_CONTRACT)
    declared = [s for s in task.get("slice", []) if isinstance(s, dict)]
    if not declared:
        return Finding(
            Outcome.FAIL,
            f"{TASK_CONTRACT} declares no [[slice]]",
            "slices that matter",
            "",
            "declare them with the sponsor",
        )
    floor = _floor(task, score["headline"])
    if floor is None:
        remedy = f"state a bound for worst_slice or {score['headline']} in {TASK_CONTRACT}"
        return Finding(Outcome.FAIL, "the charter states no floor", "a bound", COMMAND, remedy)
    sign = -1 if score["lower_is_better"] else 1
    reached = [s for s in score["slices"] if s["rows"] >= FEWEST // 2 and s["value"] is not None]
    # a slice is failed where even the favourable end of its interval misses the floor
    short = [s for s in reached if sign * (s["high"] if sign > 0 else s["low"]) < sign * floor]
    told = ", ".join(f"{s['field']}={s['slice']} {s['value']:.4g}" for s in (short or reached)[:4])
    if short:
        return Finding(
            Outcome.FAIL, told, f"{floor:g} in every slice", COMMAND, "improve the slice, or agree on a limit"
        )
    return Finding(
        Outcome.PASS, told or "all slices are too small to be measured", f"{floor:g} in every slice", COMMAND
    )


def _floor(task: dict, headline: str) -> float | None:
    bounds = {
        c.get("metric"): c.get("at_least", c.get("at_most"))
        for c in task.get("acceptance", [])
        if not c.get("proposed")
    }
    return bounds.get("worst_slice", bounds.get(headline))


@requirement("MOD4", 2, "R", "CMU MS AIE: engineering constraints", ("constraints", "domain"))
def behaves(examined: Examined) -> Finding:
    """Declared engineering behaviour (monotone, bounded, invariant) holds on fresh perturbations."""
    violations = examined.evidence[Withheld].score["violations"]
    fields = examined.project.fields()
    task = examined.project.toml(TASK_CONTRACT)
    declared = [f["name"] for f in fields if f.get("monotone")] + [
        b.get("reason", "") for b in task.get("behaviour", [])
    ]
    if not declared:
        remedy = "declare `monotone` with its physical reason in data/datapackage.yaml, or a [[behaviour]]"
        return Finding(Outcome.FAIL, "no behaviour is declared", "what the engineering demands", "", remedy)
    allowed = {c["metric"]: c.get("at_most", 0.0) for c in task.get("acceptance", []) if c.get("metric") in violations}
    broken = {n: v for n, v in violations.items() if v is not None and v > allowed.get(n, 0.0) + 1e-9}
    told = ", ".join(f"{name} {value:.2%}" for name, value in violations.items() if value is not None)
    if broken:
        return Finding(
            Outcome.FAIL, told, "none beyond the bound", COMMAND, "choose an estimator that keeps the direction"
        )
    return Finding(Outcome.PASS, f"{len(declared)} declared; {told}", command=COMMAND)


@requirement("MOD5", 3, "T", "permutation test for leakage (Ojala and Garriga, 2010)", ("limits",))
def no_leak(examined: Examined) -> Finding:
    """Retrained on permuted labels it falls to chance (no leakage)."""
    honest = examined.evidence[Withheld].score["metrics"]["lift_over_baseline"]
    score, command = examined.evidence[Shuffled].score, "training on permuted labels, measured on true ones"
    if few := _few(score):
        return few
    lift = score["metrics"]["lift_over_baseline"]
    interval = f"{lift['value']:.4g} over the baseline ({lift['low']:.4g} to {lift['high']:.4g})"
    observed = f"{interval}, with true labels {honest['value']:.4g}"
    if lift["low"] > 0 and lift["value"] > LEAK * max(honest["value"], 0):
        return Finding(Outcome.FAIL, observed, "no better than chance", command, "find what tells training the answer")
    return Finding(Outcome.PASS, observed, "no better than chance", command)


ALL = (claim_holds, beats_baseline, slices_hold, behaves, no_leak)
