"""Reproducibility: a clean clone gives, elsewhere and later, what the team says it gave."""

from capstone_kit.gather.pipeline import Installation, Rerun, Withheld
from capstone_kit.gather.stages import TIMED
from capstone_kit.project import TASK_CONTRACT
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome

TOLERANCE = 0.001  # relative, where the project declares none
LARGEST = 0.02  # that a project may declare
REPRO = "uv run dvc repro --force"


@requirement("REP1", 3, "R", "DTU 02476; ML Test Score, infrastructure 1", ("toolchain", "production"))
def installs(examined: Examined) -> Finding:
    """A clean clone installs from its lock file."""
    found, command = examined.evidence[Installation], "uv sync --locked"
    if found.problems:
        return Finding(
            Outcome.FAIL,
            "; ".join(found.problems[:3]),
            "uv.lock fits pyproject.toml",
            command,
            "`uv lock`, and commit it",
        )
    if found.left_out:
        names = ", ".join(found.left_out[:3])
        return Finding(
            Outcome.INCONCLUSIVE, f"not on the package index as a wheel: {names}", "wheels with hashes", command
        )
    if not found.importable:
        remedy = "make `uv run python -c 'import project'` work in a fresh clone"
        return Finding(Outcome.FAIL, f"`import project` fails: {found.said}", "it imports", command, remedy)
    return Finding(Outcome.PASS, f"installed in {found.seconds:.0f} s, and imports", command=command)


@requirement("REP2", 4, "R", "CMU Machine Learning in Production, milestone 2; DTU 02476", ("toolchain", "production"))
def reruns(examined: Examined) -> Finding:
    """A forced `dvc repro`, run cache off, exits 0 within the time budget."""
    found = examined.evidence[Rerun]
    if found.tricks:
        return Finding(
            Outcome.FAIL,
            "; ".join(found.tricks[:3]),
            "every stage runs anew",
            "cat dvc.yaml",
            "take it out of dvc.yaml",
        )
    if found.stopped:
        outcome = Outcome.INCONCLUSIVE if found.stopped == "time" else Outcome.FAIL
        return Finding(outcome, f"stopped after {found.seconds:.0f} s: too much {found.stopped}", "it ends", REPRO)
    if found.status != 0:
        return Finding(
            Outcome.FAIL, f"ended with {found.status}: {found.said}", "exit status 0", REPRO, "run it in a fresh clone"
        )
    return Finding(Outcome.PASS, f"ended in {found.seconds:.0f} s", command=REPRO)


@requirement("REP3", 4, "R", "ML Test Score, infrastructure 1; reproducibility checklists", ("toolchain", "limits"))
def same_metrics(examined: Examined) -> Finding:
    """Metrics of the re-run equal the committed ones within the declared tolerance."""
    found = examined.evidence[Rerun]
    if not found.committed:
        return Finding(
            Outcome.FAIL, "no metrics are committed", "reports/ in git", "git ls-files reports", "commit reports/"
        )
    if not found.metrics:
        return Finding(
            Outcome.FAIL, f"the re-run measured nothing: {found.said}", "metrics", REPRO, "make `dvc repro` end"
        )
    declared = examined.project.toml(TASK_CONTRACT).get("reproducibility", {}).get("tolerance", TOLERANCE)
    tolerance = min(float(declared), LARGEST)
    names = [n for n in found.committed if n not in TIMED]
    apart = [(n, found.committed[n], found.metrics.get(n)) for n in names]
    wrong = [(n, was, now) for n, was, now in apart if not _close(was, now, tolerance)]
    if wrong:
        name, was, now = wrong[0]
        observed = f"{len(wrong)} of {len(names)} differ; {name}: committed {was}, re-run {now}"
        return Finding(
            Outcome.FAIL,
            observed,
            f"equal within {tolerance:g}",
            REPRO,
            "fix the seeds, and commit what `dvc repro` writes",
        )
    return Finding(Outcome.PASS, f"{len(names)} metrics equal within {tolerance:g}", command=REPRO)


def _close(was: float | None, now: float | None, tolerance: float) -> bool:
    if was is None or now is None:
        return was is now
    return abs(was - now) <= tolerance * max(abs(was), abs(now), 0.01)


@requirement("REP4", 3, "R", "CMU Machine Learning in Production; attacks on autograders", ("toolchain",))
def no_stub(examined: Examined) -> Finding:
    """A changed parameter or perturbed data changes what lies downstream (no stage is a stub)."""
    found, command = examined.evidence[Withheld], "dvc repro --force on fewer rows"
    same = [
        what for what, changed in (("model", found.model_changed), ("metrics", found.metrics_changed)) if not changed
    ]
    if same:
        observed = f"with a fifth of the rows gone the {' and the '.join(same)} stayed as they were"
        return Finding(Outcome.FAIL, observed, "they follow from the data", command, "compute what the stage writes")
    return Finding(Outcome.PASS, "with a fifth of the rows gone, model and metrics are others", command=command)


ALL = (installs, reruns, same_metrics, no_stub)
