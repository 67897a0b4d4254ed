"""`capstone grade`: who is graded by which rules, progress, and what is written for the instructor."""

import hashlib
import os
import re
import sys
import time
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from capstone_kit import examination, grade, gradebook, profiles
from capstone_kit.examination import KNOWN, Decision
from capstone_kit.grade import Assignment, Submission
from capstone_kit.gradebook import Team
from capstone_kit.project import KitError, safe
from capstone_kit.report import matrix
from capstone_kit.result import Report

DECISIONS = "decisions.toml"  # in the folder of results, as the form of the cohort's page saves it


@dataclass(frozen=True)
class Wishes:
    """What the instructor asked for on the command line."""

    repositories: tuple[str, ...]
    roster: Path | None
    out: Path
    profile: str
    seed: int
    commit: str | None
    before: datetime | None
    only: tuple[str, ...]
    milestone: str | None
    withheld: Path | None
    decisions: Path | None
    protected: Path | None
    canvas: Path | None
    item: str
    jobs: int
    cluster: str | None
    diff: Path | None
    sandboxed: bool


def cache() -> Path:
    """Give the folder for environments and clones of the template, made if it is not there."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(os.environ.get("CAPSTONE_CACHE") or Path(home) / "capstone")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(wishes: Wishes) -> None:
    """Grade, or compare two runs, and say where the results are. Raises `KitError`."""
    if wishes.diff and not (wishes.repositories or wishes.roster):
        print("\n".join(grade.changes(wishes.diff, wishes.out)) or "nothing differs")
        return
    teams = gradebook.roster(wishes.roster) if wishes.roster else named(wishes.repositories, wishes.commit)
    if not teams:
        raise KitError("name repositories, or give a --roster")
    assignment = Assignment(
        profile=profiles.load(wishes.profile, KNOWN),
        seed=wishes.seed,
        cache=cache(),
        only=wishes.only,
        milestone=wishes.milestone,
        before=wishes.before,
        sandboxed=wishes.sandboxed,
        protected=files_in(wishes.protected) if wishes.protected else grade.PROTECTED,
    )
    examination.chosen(assignment.profile, wishes.only, wishes.milestone)  # a wrong name is refused at once
    saved = wishes.decisions or next((p for p in [wishes.out / DECISIONS] if p.is_file()), None)
    decided = decisions(saved, teams) if saved else {}
    earlier = grade.reports(wishes.diff or wishes.out)
    submissions = [
        Submission(
            t.name, t.repository, t.commit, rows_of(wishes.withheld, t.name), tuple(decided.get(t.name, {}).items())
        )
        for t in teams
    ]
    begun = time.monotonic()

    def say(text: str) -> None:
        line = f"[{time.monotonic() - begun:5.0f} s] {safe(text)}\n"  # whole: others speak at the same time
        print(line, end="", file=sys.stderr, flush=True)

    made = grade.grade(submissions, assignment, wishes.out, wishes.jobs, wishes.cluster, say)
    reports = dict(zip([t.name for t in teams], made, strict=True))
    pages = matrix.write(wishes.out, reports, earlier, decided)
    _finish(wishes, teams, reports, pages)


def _finish(wishes: Wishes, teams: list[Team], reports: dict[str, Report], pages: list[Path]) -> None:
    files = [*pages, *gradebook.write(wishes.out, teams, reports)]
    if wishes.canvas:
        text = gradebook.canvas(wishes.canvas, wishes.item, teams, reports)
        files.append(wishes.out / "canvas.csv")
        files[-1].write_text(text, encoding="utf-8", newline="\n")
    for name, report in reports.items():
        open_ = f", {report.open} open" if report.open else ""
        flags = f", {len(report.flags)} to be looked at" if report.flags else ""
        print(f"{name}: {report.score} of {report.maximum}{open_}{flags}")
    print(f"written: {', '.join(str(f) for f in files)}, and a folder for each team in {wishes.out}")
    if wishes.diff:
        print("\n".join(grade.changes(wishes.diff, wishes.out)) or "nothing differs")


def named(repositories: tuple[str, ...], commit: str | None) -> list[Team]:
    """Give teams by the last part of their repository's path; one with an alike name bears a hash."""
    if commit and len(repositories) > 1:
        raise KitError("--commit is of a single repository: give a --roster with a column commit")
    teams: dict[str, Team] = {}
    for repository in repositories:
        last = repository.rstrip("/").rpartition("/")[2].removesuffix(".git")
        name = re.sub(r"[^A-Za-z0-9._-]", "-", last).strip("-.") or "repository"
        if name in teams:
            name = f"{name}-{hashlib.sha256(repository.encode()).hexdigest()[:6]}"
        teams[name] = Team(name, repository, commit, ())
    return list(teams.values())


def rows_of(folder: Path | None, team: str) -> Path | None:
    """Give the rows that the instructor kept from a team, if there are any."""
    path = folder / f"{team}.csv" if folder else None
    return path.resolve() if path and path.is_file() else None


def files_in(path: Path) -> tuple[str, ...]:
    """Read a list of files, one a line. Raises `KitError`."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path.name}: {error}") from None
    return tuple(line for line in lines if line and not line.startswith("#"))


def decisions(path: Path, teams: list[Team]) -> dict[str, dict[str, Decision]]:
    """Read what a person decided. Raises `KitError` that names team, requirement and key."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KitError(f"{path.name}: {error}") from None
    found: dict[str, dict[str, Decision]] = {}
    for team, entries in content.items():
        if team not in {t.name for t in teams}:
            raise KitError(f"{path.name}: there is no team {team!r}")
        for id_, entry in entries.items() if isinstance(entries, dict) else ():
            points = entry.get("points") if isinstance(entry, dict) else None
            if id_ not in KNOWN or not isinstance(points, int) or points < 0:
                raise KitError(f"{path.name}: {team}.{id_}: expected a requirement with points, a whole number from 0")
            found.setdefault(team, {})[id_] = Decision(points, str(entry.get("note", "")))
    return found
