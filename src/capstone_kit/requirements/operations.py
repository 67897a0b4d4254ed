"""Operations: what happens when the world changes, and whether others can run the system."""

from capstone_kit.gather.operating import DRIFT, Drift, Followed
from capstone_kit.gather.pipeline import Shuffled, Withheld
from capstone_kit.gather.service import Served
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome


@requirement("OPS1", 3, "T", "ML Test Score, monitoring 2 and 3", ("limits", "production"))
def drift(examined: Examined) -> Finding:
    """The drift alarm stays silent on resamples and rings on a shifted batch."""
    found, command = examined.evidence[Drift], f"{' '.join(DRIFT)} batch.csv"
    observed = (
        f"{found.false_alarms} alarms on {found.resamples} resamples, {found.alarms} on {found.shifts} shifted batches"
    )
    if found.alarms < found.shifts or found.false_alarms > 1:
        return Finding(
            Outcome.FAIL, observed, "silent on resamples, rings on shifts", command, "compare with the training rows"
        )
    return Finding(Outcome.PASS, observed, "silent on resamples, rings on shifts", command)


@requirement("OPS2", 2, "C", "ML Test Score, monitoring; Prometheus", ("production", "scale"))
def counts(examined: Examined) -> Finding:
    """`/metrics` counters rise by exactly n after n calls."""
    found, command = examined.evidence[Served], "curl localhost:3000/metrics"
    exact = [name for name, rise in found.risen.items() if rise == found.counted]
    if not exact:
        risen = (
            ", ".join(f"{name} by {rise:g}" for name, rise in list(found.risen.items())[:3]) or "no counter of /predict"
        )
        return Finding(
            Outcome.FAIL,
            f"after {found.counted} requests: {risen}",
            "a counter that rises as much",
            command,
            "count requests",
        )
    return Finding(Outcome.PASS, f"{exact[0]} rose by {found.counted} after {found.counted} requests", command=command)


@requirement("OPS3", 2, "R", "ML Test Score, monitoring; AIPI 561", ("production", "scale"))
def gate(examined: Examined) -> Finding:
    """Retraining on new data works; the gate refuses a worse model."""
    examined.evidence[Withheld]
    found, command = examined.evidence[Shuffled], "the gate, offered a model of permuted labels"
    if found.promoted:
        remedy = "agree on criteria that bind (take `proposed` off), and let the gate hold them"
        return Finding(Outcome.FAIL, "a model of permuted labels became champion", "it is refused", command, remedy)
    return Finding(
        Outcome.PASS, f"retrained on other rows; the worse model was refused: {found.gate[:120]}", command=command
    )


@requirement("OPS4", 1, "R", "sponsors' guides on handover", ("production",))
def runbook(examined: Examined) -> Finding:
    """The runbook's tagged commands run."""
    found, command = examined.evidence[Followed], "the blocks marked `console run` in docs/runbook.md"
    if found.commands == 0:
        return Finding(
            Outcome.FAIL, "no block is marked `console run`", "commands that are tested", command, "mark them"
        )
    if found.failed:
        observed = f"{len(found.failed)} of {found.commands} fail; {found.failed[0]}"
        return Finding(Outcome.FAIL, observed, "each ends with 0", command, "mend the command or the runbook")
    return Finding(Outcome.PASS, f"{found.commands} commands run", command=command)


ALL = (drift, counts, gate, runbook)
