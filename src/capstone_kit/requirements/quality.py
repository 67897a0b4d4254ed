"""Quality: tests that notice faults, code that tools accept, a CI that was not weakened, a history without secrets."""

import re
from collections.abc import Iterator
from typing import Any

from capstone_kit.gather.history import blobs, secrets
from capstone_kit.gather.lint import Linted
from capstone_kit.gather.own_tests import CAUGHT, OwnTests
from capstone_kit.project import KitError, Project
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome

TESTS = "uv run pytest"
COVERED = 0.8
SILENT = 200  # lines for each finding that may be silenced
FEW = 5  # that may be silenced in any case
WORKFLOWS = (".github/workflows/ci.yml", ".gitlab-ci.yml")
LARGE = 1_000_000  # bytes of a file in git, outside data/source
HUGE = 25_000_000  # of any file in git's history
SHA = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")


@requirement("QA1", 4, "R", "ML Test Score, infrastructure 2; mutation testing", ("production",))
def tests_catch(examined: Examined) -> Finding:
    """The project's own tests pass, and catch at least 60% of seeded mutants."""
    found = examined.evidence[OwnTests]
    if found.status is None:
        return Finding(Outcome.INCONCLUSIVE, f"stopped: {found.said}", "they end", TESTS)
    if found.status != 0 and found.plain == 0:
        observed = "the tests fail when a statement that does nothing is added: they check the text, not what it does"
        return Finding(Outcome.FAIL, observed, "tests of behaviour", TESTS, "test what functions give")
    if found.status != 0:
        return Finding(Outcome.FAIL, f"ended with {found.status}: {found.said}", "they pass", TESTS, "mend them")
    if not found.mutants:
        return Finding(Outcome.INCONCLUSIVE, "there is nothing to put a fault into", "functions", TESTS)
    share = found.killed / found.mutants
    observed = f"they pass, and catch {found.killed} of {found.tried} faults"
    if share < CAUGHT:
        outcome = Outcome.PARTIAL if share >= CAUGHT / 2 else Outcome.FAIL
        missed = "; ".join(found.survivors[:5])
        return Finding(
            outcome,
            f"{observed}; not noticed: {missed}",
            f"{CAUGHT:.0%}",
            TESTS,
            "test these lines",
            share / CAUGHT / 2,
        )
    return Finding(Outcome.PASS, observed, f"at least {CAUGHT:.0%}", TESTS)


@requirement("QA2", 2, "R", "DTU 02476", ("production",))
def covered(examined: Examined) -> Finding:
    """Coverage of `src`, measured by the grader."""
    found = examined.evidence[OwnTests]
    share = found.covered / max(1, found.statements)
    observed = f"{found.covered:,} of {found.statements:,} statements, {share:.0%}"
    if found.mutants and found.killed < 0.2 * found.mutants:
        return Finding(
            Outcome.FAIL, f"{observed}, and faults in them go unnoticed", "tests that assert", TESTS, "assert"
        )
    if share >= COVERED:
        return Finding(Outcome.PASS, observed, f"at least {COVERED:.0%}", TESTS)
    outcome = Outcome.PARTIAL if share >= 0.75 * COVERED else Outcome.FAIL
    return Finding(outcome, observed, f"at least {COVERED:.0%}", TESTS, "test what is not reached", share=0.5)


@requirement("QA3", 2, "R", "DTU 02476; repo-review", ("production",))
def clean(examined: Examined) -> Finding:
    """Lint, types and formatting under the grader's configuration."""
    found, command = examined.evidence[Linted], "uv run pre-commit run -a"
    allowed = max(FEW, found.lines // SILENT)
    if found.silenced > allowed:
        observed = f"{found.silenced} comments silence a finding, beyond those of the template"
        return Finding(Outcome.FAIL, observed, f"at most {allowed}", "git grep -n noqa", "mend what they hide")
    if found.findings:
        told = "; ".join(found.findings[:3])
        few = len(found.findings) <= found.lines / 500 + 1
        outcome = Outcome.PARTIAL if few else Outcome.FAIL
        return Finding(
            outcome, f"{len(found.findings)} findings: {told}", "none", command, "run it, and commit", share=0.5
        )
    return Finding(Outcome.PASS, f"{found.lines:,} lines, nothing found", command=command)


@requirement("QA4", 2, "S", "GitHub Classroom: an edited workflow graded itself", ("production",))
def same_ci(examined: Examined) -> Finding:
    """The CI workflow is the template's or stricter; its last run at the graded commit is green where a forge tells."""
    names = [name for name in WORKFLOWS if name in examined.scaffold.files]
    there = [name for name in names if examined.project.exists(name)]
    if not names:
        return Finding(Outcome.INCONCLUSIVE, "the template's workflow is not known here", "a clone with its history")
    if not there:
        return Finding(Outcome.FAIL, f"{names[0]} is gone", "the template's CI", "git log -- .github", "bring it back")
    weaker = list(
        weakened(
            _workflow(examined.scaffold.text(there[0]), there[0]), _workflow(examined.project.text(there[0]), there[0])
        )
    )
    if weaker:
        command = f"git log -p -- {there[0]}"
        return Finding(Outcome.FAIL, "; ".join(weaker[:3]), "the template's steps, or more", command, "bring them back")
    return Finding(
        Outcome.PASS, f"{there[0]} runs all that the template's does; whether it was green only the forge knows"
    )


def _workflow(text: str, name: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise KitError(f"{name}: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(found, dict):
        raise KitError(f"{name} is no workflow")
    return found


def weakened(shipped: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Name what a workflow does less than the one that was shipped."""
    before, after = _steps(shipped), _steps(found)
    for command in before:
        if command not in after:
            yield f"the step `{command.splitlines()[0]}` is gone"
        elif before[command] is False and after[command]:
            yield f"the step `{command.splitlines()[0]}` no longer fails the job"
    for name, job in _jobs(found).items():
        was = _jobs(shipped).get(name, {})
        for key in ("if", "rules", "allow_failure", "continue-on-error", "when"):
            if job.get(key) != was.get(key) and name in _jobs(shipped):
                yield f"job {name}: `{key}` was changed"
    if _triggers(shipped) - _triggers(found):
        yield f"it no longer runs on {', '.join(sorted(_triggers(shipped) - _triggers(found)))}"


def _jobs(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    jobs = workflow.get("jobs", {k: v for k, v in workflow.items() if isinstance(v, dict) and "script" in v})
    return {str(k): v for k, v in jobs.items() if isinstance(v, dict)} if isinstance(jobs, dict) else {}


def _steps(workflow: dict[str, Any]) -> dict[str, bool]:
    """Give the commands of all jobs, and whether a failure of each is ignored."""
    found: dict[str, bool] = {}
    for job in _jobs(workflow).values():
        for step in job.get("steps", []) if isinstance(job.get("steps"), list) else []:
            if isinstance(step, dict) and isinstance(step.get("run"), str):
                found[" ".join(step["run"].split())] = bool(step.get("continue-on-error") or step.get("if") is False)
        for line in job.get("script", []) if isinstance(job.get("script"), list) else []:
            found[" ".join(str(line).split())] = bool(job.get("allow_failure"))
    return found


def _triggers(workflow: dict[str, Any]) -> set[str]:
    on: Any = workflow.get("on", workflow.get(True, {}))  # YAML 1.1 reads `on` as true
    return {on} if isinstance(on, str) else set(map(str, on or ()))


@requirement("QA5", 2, "S", "OpenSSF Scorecard; DTU 02476", ("ethics", "production"))
def clean_history(examined: Examined) -> Finding:
    """No secrets or data blobs in history; dependencies and actions are pinned."""
    every = blobs(examined.project.root)
    told = list(secrets(examined.project.root, every))
    if told:
        remedy = "revoke it first; then take it out of history (git filter-repo)"
        return Finding(Outcome.FAIL, f"a secret in history: {told[0]}", "none", "git log -p", remedy)
    large = [
        b
        for b in every
        if b.size > HUGE or (b.size > LARGE and not b.path.startswith("data/source/") and b.path != "uv.lock")
    ]
    if large:
        observed = f"{large[0].path} has {large[0].size / 1e6:.1f} MB in history"
        return Finding(Outcome.FAIL, observed, "data under DVC", "git rev-list --objects --all", "`dvc add` it")
    problems = [*_unpinned(examined.project), *_loose_actions(examined.project)]
    if problems:
        return Finding(Outcome.FAIL, "; ".join(problems[:3]), "bounds, a lock file, actions by hash", "", "pin them")
    return Finding(Outcome.PASS, f"{len(every):,} files in history: no secret, no large blob; all pinned")


def _unpinned(project: Project) -> Iterator[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    if not project.exists("uv.lock"):
        yield "there is no uv.lock"
    settings = project.toml("pyproject.toml")
    groups = settings.get("dependency-groups", {}).values()
    every = [
        *settings.get("project", {}).get("dependencies", []),
        *(d for g in groups for d in g if isinstance(d, str)),
    ]
    for line in every:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            yield f"{line!r} is no requirement"
            continue
        if not wanted.specifier and not wanted.url and wanted.name != "capstone-kit":
            yield f"{wanted.name} has no lower bound"


def _loose_actions(project: Project) -> Iterator[str]:
    for path in sorted(project.path(".github/workflows").glob("*.y*ml")):
        name = path.relative_to(project.root).as_posix()
        for line in project.text(name).splitlines() if project.exists(name) else []:
            used = line.strip().removeprefix("- ").removeprefix("uses:").strip().split(" ")[0]
            if "uses:" in line.split("#")[0] and not used.startswith("./") and not SHA.match(used):
                yield f"{name}: {used} is not pinned by its hash"


ALL = (tests_catch, covered, clean, same_ci, clean_history)
