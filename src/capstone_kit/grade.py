"""Grading: untrusted repositories, the instructor's profile and seed, evidence that the grader makes itself."""

import contextlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from threading import Semaphore
from typing import Any

from capstone_kit import VERSION, cluster, examination, gather, template
from capstone_kit.checkout import Checkout, checkout
from capstone_kit.environment import Installed, environment_of, locked
from capstone_kit.evidence import Evidence, NoEvidenceError
from capstone_kit.examination import KNOWN, About, Decision
from capstone_kit.formats import FORMATS
from capstone_kit.gather.lab import JUDGE, Lab
from capstone_kit.gather.own_tests import tools_of
from capstone_kit.profiles import Profile
from capstone_kit.project import CannotRunError, KitError, Project
from capstone_kit.requirements.base import Examined, Requirement
from capstone_kit.result import Finding, Outcome, Report, Result
from capstone_kit.sandbox import STOPPING, Box, Limits, Open, Sandbox, self_test, stop_all
from capstone_kit.scaffold import Scaffold, of_folder

Slots = contextlib.AbstractContextManager[Any]
REPORT = "capstone-report.json"
PROTECTED = (".github/workflows/ci.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml")


@dataclass(frozen=True)
class Submission:
    """A team's repository, and what the instructor knows about it."""

    team: str  # also the name of its folder in the results
    source: str  # a path or an address of git
    commit: str | None = None  # else the last before the deadline
    withheld: Path | None = None  # rows that the team has never seen
    decisions: tuple[tuple[str, Decision], ...] = ()  # what a person decided, by requirement


@dataclass(frozen=True)
class Assignment:
    """What holds for every repository of a run."""

    profile: Profile
    seed: int
    cache: Path
    only: tuple[str, ...] = ()
    milestone: str | None = None
    before: datetime | None = None
    sandboxed: bool = True
    protected: tuple[str, ...] = PROTECTED  # files that a team may not weaken

    @property
    def requirements(self) -> list[Requirement]:
        """What is examined."""
        return examination.chosen(self.profile, self.only, self.milestone)

    @property
    def limits(self) -> Limits:
        """What a command of a project may use."""
        return Limits(seconds=60 * self.profile.settings.minutes)

    def box(self, slots: Slots, environment: Path, *reads: Path) -> Box:
        """Give a place to run commands in."""
        return Sandbox(environment, reads, slots) if self.sandboxed else Open(environment, reads, slots)


@dataclass(frozen=True)
class Judge:
    """The examiner's own code and packages: a freshly rendered template and what its lock file names."""

    environment: Path
    repository: Path

    @classmethod
    def prepared(cls, cache: Path, say: Callable[[str], None] = lambda _: None) -> "Judge":
        """Make both, once for each version of the kit."""
        folder = cache / "judge" / f"{VERSION}-{template.digest(cache)[:12]}"
        if not folder.exists():
            say("rendering and locking the template")
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                made = template.render({}, Path(temporary), cache)
                template.lock(made)
                shutil.copytree(made, Path(temporary) / "whole")
                with contextlib.suppress(OSError):  # another grader was quicker
                    (Path(temporary) / "whole").rename(folder)
        return cls(environment_of(folder, cache, None, say).path, folder)

    @cached_property
    def sources(self) -> frozenset[str]:
        """The packages that the template's lock has as source alone: those may be built."""
        return frozenset(locked(self.repository)[1])


def grade(
    submissions: Sequence[Submission],
    assignment: Assignment,
    out: Path,
    jobs: int = 1,
    address: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Report]:
    """Grade all, and write each team's report as soon as it is there.

    `jobs` commands run at a time: of so many repositories, and of one where no other is left. A repository that was
    graded already, at the same commit by the same rules, is not graded again.
    """
    if address:
        return _on_cluster(submissions, assignment, out, address, say)
    if not importlib.util.find_spec("cookiecutter"):
        raise CannotRunError("grading renders the template, which needs cookiecutter: install `capstone-kit[grade]`")
    Judge.prepared(assignment.cache, lambda step: say(f"the examiner's own tools: {step}"))
    if assignment.sandboxed:
        _tried(assignment.cache)
    slots = Semaphore(jobs)

    def one(submission: Submission) -> Report:
        folder = out / submission.team
        report = graded(submission, assignment, _earlier(folder), lambda step: say(f"{submission.team}: {step}"), slots)
        if STOPPING.is_set():
            raise CannotRunError("interrupted")
        write(report, folder)
        return report

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(one, submissions))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise


@cache
def _tried(folder: Path) -> None:
    """Try the sandbox, once in each process that grades."""
    self_test(Sandbox(Judge.prepared(folder).environment))


def _on_cluster(
    submissions: Sequence[Submission], assignment: Assignment, out: Path, address: str, say: Callable[[str], None]
) -> list[Report]:
    """Grade on the workers of a Dask cluster; they need git, uv and bubblewrap, and to see the same paths."""
    tasks = [(_absolute(s), assignment, _earlier(out / s.team)) for s in submissions]
    reports: dict[int, Report] = {}
    for place, report, error in cluster.spread(address, _on_worker, tasks):
        if isinstance(error, CannotRunError):
            raise error
        submission = submissions[place]
        reports[place] = report or undecided(submission, assignment, f"its worker failed: {type(error).__name__}")
        say(f"{submission.team}: {reports[place].score} of {reports[place].maximum}, {reports[place].open} open")
        write(reports[place], out / submission.team)
    return [reports[place] for place in range(len(submissions))]


def _on_worker(submission: Submission, assignment: Assignment, earlier: Report | None) -> Report:
    """Grade in a worker's process, which tries its own machine's sandbox first."""
    if assignment.sandboxed:
        _tried(assignment.cache)
    return graded(submission, assignment, earlier)


def _absolute(submission: Submission) -> Submission:
    """Give the submission by a path that does not depend on where a worker was started."""
    path = Path(submission.source)
    return replace(submission, source=str(path.resolve())) if path.exists() else submission


def graded(
    submission: Submission,
    assignment: Assignment,
    earlier: Report | None = None,
    say: Callable[[str], None] = lambda _: None,
    slots: Slots | None = None,
) -> Report:
    """Give the report on one repository. Whatever goes wrong is in it: nothing here stops the run.

    A command of the repository runs while it holds one of `slots`; without them, one at a time.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="run-", dir=_scratch(assignment.cache)) as folder:
            return _graded(submission, assignment, earlier, Path(folder), say, slots or Semaphore(1))
    except (KitError, NoEvidenceError) as error:
        say(f"not graded: {error}")
        return undecided(submission, assignment, str(error))
    except Exception as error:  # the examiner's own fault stops neither the others nor costs the team a point
        say(f"not graded: the examination itself failed: {error!r}")
        return undecided(submission, assignment, f"the examination itself failed: {type(error).__name__}")


def _graded(
    submission: Submission,
    assignment: Assignment,
    earlier: Report | None,
    folder: Path,
    say: Callable[[str], None],
    slots: Slots,
) -> Report:
    say("fetching")
    found = checkout(submission.source, folder / "clone", submission.commit, assignment.before)
    if earlier and not assignment.only and _same(earlier, found, assignment):
        say("graded before: nothing has changed")
        return redecided(earlier, dict(submission.decisions))
    project = Project(folder / "clone")
    scaffold = _scaffold(project, assignment.cache, folder)
    say("installing")
    judge = Judge.prepared(assignment.cache)
    try:
        installed = environment_of(project.root, assignment.cache, judge.sources, say)
        lab = _lab(submission, assignment, folder, installed, judge, scaffold, say, slots)
        evidence = gather.everything(lab, installed, [r.id for r in assignment.requirements])
        digest = installed.digest
    except KitError as error:  # nothing can be run; the files can be read all the same
        digest, evidence = "", gather.nothing(NoEvidenceError(str(error), blame=not project.exists("uv.lock")))
    say("examining")
    report = examination.examine(
        Examined(project, evidence, scaffold),
        assignment.profile,
        assignment.requirements,
        About(submission.team, found.commit, False, assignment.sandboxed, digest, assignment.seed),
        flags=(*found.remarks, *drift(project, scaffold, assignment.protected), *gather.flags(evidence)),
        decisions=dict(submission.decisions),
    )
    report = merged(earlier, report) if earlier and assignment.only else report
    say(f"{report.score} of {report.maximum}, {report.open} open")
    return report


def _lab(
    submission: Submission,
    assignment: Assignment,
    folder: Path,
    installed: Installed,
    judge: Judge,
    scaffold: Scaffold,
    say: Callable[[str], None],
    slots: Slots,
) -> Lab:
    pristine, tools = judge.repository / "src", tools_of(assignment.cache)
    scratch = folder / "scratch"
    scratch.mkdir()
    return Lab(
        clone=folder / "clone",
        scratch=scratch,
        box=assignment.box(slots, installed.path, tools),
        judge=assignment.box(slots, judge.environment, pristine, JUDGE, installed.path),
        pristine=pristine,
        seed=assignment.seed,
        scaffold=scaffold,
        tools=tools,
        limits=assignment.limits,
        left_out=installed.left_out,
        withheld=submission.withheld,
        say=say,
    )


def _scaffold(project: Project, cache: Path, folder: Path) -> Scaffold:
    """Give what the template alone makes of the repository's answers; of the default ones where it has none."""
    place = folder / "scaffold"
    place.mkdir()
    return of_folder(template.render(template.answers(project), place, cache))


def _scratch(cache: Path) -> Path:
    folder = cache / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _same(earlier: Report, found: Checkout, assignment: Assignment) -> bool:
    """Whether an earlier report was made from the same commit by the same rules."""
    asked = {r.id for r in assignment.requirements}
    return (
        earlier.commit == found.commit
        and earlier.profile_sha256 == assignment.profile.sha256
        and earlier.seed == assignment.seed
        and earlier.kit_version == VERSION
        and earlier.sandboxed == assignment.sandboxed
        and {r.id for r in earlier.results} == asked
    )


def merged(earlier: Report, report: Report) -> Report:
    """Give the earlier report with the results that were made anew in their places."""
    anew = {r.id: r for r in report.results}
    return replace(report, results=tuple(anew.get(r.id, r) for r in earlier.results), flags=report.flags)


def redecided(report: Report, decisions: dict[str, Decision]) -> Report:
    """Give an earlier report with the decisions of today."""
    return replace(report, results=tuple(examination.decided(r, decisions.get(r.id)) for r in report.results))


def undecided(submission: Submission, assignment: Assignment, reason: str) -> Report:
    """Give the report on a repository that could not be examined: everything is left to a person."""
    about = About(submission.team, submission.commit or "", False, assignment.sandboxed, "", assignment.seed)
    project = Project(Path("/nonexistent"))

    def finding(requirement: Requirement) -> Requirement:
        return replace(requirement, function=lambda _: Finding(Outcome.INCONCLUSIVE, reason, requirement.statement))

    return examination.examine(
        Examined(project, Evidence(), Scaffold()),
        assignment.profile,
        [finding(r) for r in assignment.requirements],
        about,
        flags=(f"not examined: {reason}",),
    )


def drift(project: Project, scaffold: Scaffold, protected: Iterable[str]) -> Iterable[str]:
    """Name the files that a team may not weaken and that differ from the template's."""
    for name in protected:
        if name in scaffold.files and not project.exists(name):
            yield f"{name} is gone"
        elif name in scaffold.files and not scaffold.untouched(project, name):
            yield f"{name} differs from the template's: read the change"


def write(report: Report, folder: Path) -> None:
    """Write a team's report in every format."""
    folder.mkdir(parents=True, exist_ok=True)
    for form in FORMATS.values():
        path = folder / form.file
        path.write_text(form.render(report), encoding="utf-8", newline="\n")


def _earlier(folder: Path) -> Report | None:
    """Give the report of an earlier run, if there is one that can be read."""
    try:
        return Report.from_dict(json.loads((folder / REPORT).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def reports(folder: Path) -> dict[str, Report]:
    """Give the reports below a folder of results, by team."""
    found = {path.parent.name: _earlier(path.parent) for path in sorted(folder.glob(f"*/{REPORT}"))}
    return {team: report for team, report in found.items() if report}


def changes(old: Path, new: Path) -> list[str]:
    """Name what two runs judged differently, a line for each team and requirement."""
    before, after = reports(old), reports(new)
    lines = [f"{team}: only in {old if team in before else new}" for team in sorted(before.keys() ^ after.keys())]
    for team in sorted(before.keys() & after.keys()):
        was = {r.id: r for r in before[team].results}
        now = {r.id: r for r in after[team].results}
        for id_ in [i for i in KNOWN if i in was.keys() | now.keys()]:
            told = [_told(results.get(id_)) for results in (was, now)]
            if told[0] != told[1]:
                lines.append(f"{team}: {id_}: {told[0]} -> {told[1]}")
    return lines


def _told(result: Result | None) -> str:
    if result is None:
        return "not asked"
    points = "open" if result.points is None else f"{result.points}/{result.maximum}"
    return f"{result.outcome} {points}"
