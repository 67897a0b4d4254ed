"""A student's own examination: what is met and what is next. A preview; the grade of record is the instructor's."""

import sys
import tempfile
from collections.abc import Collection
from datetime import date
from pathlib import Path
from threading import Semaphore

from capstone_kit import examination, gather, profiles, programs
from capstone_kit.checkout import checkout
from capstone_kit.environment import Installed
from capstone_kit.evidence import Evidence
from capstone_kit.examination import KNOWN, About
from capstone_kit.gather.lab import Lab
from capstone_kit.gather.own_tests import tools_of
from capstone_kit.profiles import Profile
from capstone_kit.project import TASK_CONTRACT, KitError, Project, git
from capstone_kit.requirements.base import Examined
from capstone_kit.result import Report
from capstone_kit.sandbox import Open
from capstone_kit.scaffold import Scaffold, of_history

AT_ONCE = 2  # commands


def profile_of(project: Project, name: str | None) -> Profile:
    """Give the profile that was asked for, or that of the repository's programme and term."""
    if name:
        return profiles.load(name, KNOWN)
    told = project.toml(TASK_CONTRACT).get("project", {})
    program = str(told.get("program", ""))
    if program not in programs.names():
        return profiles.default(program, KNOWN)
    return programs.load(program).plan(str(told["term"]) if "term" in told else None)


def calendar(project: Project, profile: Profile, milestone: str | None = None, today: date | None = None) -> str:
    """Give a line for each milestone, or for the one that is asked for: its week, and its day if the term's is known.

    Raises `KitError` where the first day of the term is no date.
    """
    begins = project.toml(TASK_CONTRACT).get("project", {}).get("begins")
    if begins is not None and type(begins) is not date:
        raise KitError(f"{TASK_CONTRACT}: project.begins: found {begins!r}, expected a date as in begins = 2027-01-11")
    if begins is None:
        head = f"{profile.weeks} weeks; `begins = 2027-01-11` below [project] in {TASK_CONTRACT} gives them days"
    else:
        head = f"{profile.weeks} weeks from {begins}"
    lines = [f"\nMilestones of {profile.name}, {head}"]
    for due in (m for m in profile.milestone if milestone in (None, m.id)):
        day = "" if begins is None else _day(due.due(begins), today or date.today())
        lines.append(f"  week {due.week:2}{day}  {due.id}: {due.title}")
    return "\n".join(lines)


def _day(due: date, today: date) -> str:
    days = (due - today).days
    return f", {due} ({f'in {days} days' if days > 0 else 'today' if not days else f'{-days} days ago'})"


def check(
    project: Project, profile: Profile, only: Collection[str] = (), milestone: str | None = None, run: bool = False
) -> Report:
    """Examine the repository as it stands; with `run` also what its own code does, in a clone of the last commit."""
    wanted, scaffold = examination.chosen(profile, only, milestone), of_history(project)
    about = About(name_of(project), commit_of(project), preview=True)
    if not run:
        return examination.examine(Examined(project, Evidence(), scaffold), profile, wanted, about)
    with tempfile.TemporaryDirectory(prefix="capstone-check-") as folder:
        lab = _lab(project, scaffold, Path(folder))
        evidence = gather.everything(lab, Installed(Path(sys.prefix), "", 0.0, True), [r.id for r in wanted])
        return examination.examine(Examined(lab.project, evidence, scaffold), profile, wanted, about)


def _lab(project: Project, scaffold: Scaffold, folder: Path) -> Lab:
    """Give a laboratory on this machine, openly: it is the team's own code. The last commit is what is looked at."""
    if not scaffold.known:
        raise KitError("--run needs the repository's history from its first commit: `git fetch --unshallow`")
    checkout(str(project.root), folder / "clone")
    for name in (n for n in scaffold.files if n.startswith("src/") or n == "pyproject.toml"):
        (folder / "pristine" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pristine" / name).write_bytes(scaffold.files[name])
    (folder / "scratch").mkdir()
    here = Open(Path(sys.prefix), slots=Semaphore(AT_ONCE))
    return Lab(
        clone=folder / "clone",
        scratch=folder / "scratch",
        box=here,
        judge=here,
        pristine=folder / "pristine" / "src",
        seed=0,
        scaffold=scaffold,
        tools=tools_of(folder),
        say=lambda text: print(f"capstone: {text}\n", end="", file=sys.stderr, flush=True),
    )


def name_of(project: Project) -> str:
    """Give the name by which the report calls the repository."""
    return str(project.toml(TASK_CONTRACT).get("project", {}).get("slug", project.root.name))


def commit_of(project: Project) -> str:
    """Give the commit, marked where the files differ from it; "" where there is none."""
    try:
        commit = git(project.root, "rev-parse", "HEAD").strip()
        return commit + ("+" if git(project.root, "status", "--porcelain", "--untracked-files=no").strip() else "")
    except KitError:
        return ""


def write(report: Report, form: str, output: Path | None) -> None:
    """Print the report in a format, or write it to a file."""
    from capstone_kit.formats import FORMATS

    if form not in FORMATS:
        raise KitError(f"--format: there is no {form!r}; there are {', '.join(FORMATS)}")
    text = FORMATS[form].render(report)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
    else:
        sys.stdout.write(text)
