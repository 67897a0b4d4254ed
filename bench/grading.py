"""Measure checking and grading against what they cannot do without, in the same run."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

BENCH = Path(__file__).parent
sys.path[:0] = [str(BENCH), str(BENCH.parent / "tests/kit")]

import reference
from run import Row, median, run

from capstone_kit.environment import environment_of
from capstone_kit.sandbox import Open, Sandbox

KIT = (sys.executable, "-m", "capstone_kit")
TEAMS = 20
SHORT = ("--only", "REP2", "--only", "SRV2")  # a run of the pipeline and a service: what a cohort is divided by


def grading() -> Iterator[Row]:
    """Give the rows about `capstone check` and `capstone grade`, on the reference project."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        environment = dict(os.environ) | {"CAPSTONE_CACHE": str(cache)}
        project = reference.build(Path(folder))

        def grade(*words: str) -> float:
            out = Path(tempfile.mkdtemp(dir=folder))
            return run(*KIT, "grade", *words, "--out", str(out), cwd=Path(folder), env=environment)

        grade(str(project), "--only", "REP1")  # fills the cache
        yield from checking(project)
        yield whole(project, cache, grade)
        yield overhead(project, cache)
        yield cohort(project, grade)


def checking(project: Path) -> list[Row]:
    """Give the quick part against the start of an interpreter that imports yaml."""
    yaml = median(lambda: run(sys.executable, "-c", "import yaml", cwd=project))
    check = median(lambda: run(*KIT, "check", cwd=project))
    help_ = median(lambda: run(*KIT, "--help", cwd=project))
    return [
        Row("`capstone check`; `python -c 'import yaml'`", f"{check:.2f} s", f"{yaml:.2f} s", check / yaml, ""),
        Row("`capstone check`; two seconds", f"{check:.2f} s", "2 s", check / 2, "at most 1"),
        Row("`capstone --help`; 0.3 seconds", f"{help_:.2f} s", "0.3 s", help_ / 0.3, "at most 1"),
    ]


def needed(project: Path, cache: Path) -> tuple[float, float, float]:
    """Give the seconds of a forced `dvc repro`, of the tests, and of the service until it is ready, in the sandbox."""
    box = Sandbox(environment_of(project, cache, None).path)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        subprocess.run(["git", "clone", "--quiet", str(project), str(work)], check=True)
        repro = box.run(work, "dvc", "repro", "--force").seconds
        tests = box.run(work, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider").seconds
        begun = time.perf_counter()
        box.run(work, "python", "-m", "project.smoke")
        return repro, tests, time.perf_counter() - begun


def whole(project: Path, cache: Path, grade: Callable[..., float]) -> Row:
    """Give a whole grade, warm, against what it must run: the pipeline twice, the tests, the service once."""
    repro, tests, service = needed(project, cache)
    must, took = 2 * repro + tests + service, grade(str(project))
    what = (
        f"a whole grade, warm; `dvc repro` twice ({repro:.0f} s each), tests ({tests:.0f} s), service ({service:.0f} s)"
    )
    return Row(what, f"{took:.0f} s", f"{must:.0f} s", took / must, "at most 1.5")


def cohort(project: Path, grade: Callable[..., float]) -> Row:
    """Give a cohort two at a time against one after the other: one repository under several names."""
    roster = project.parent / "roster.csv"
    lines = ["team,repository", *(f"team-{number},{project}" for number in range(TEAMS))]
    roster.write_text("\n".join(lines) + "\n", encoding="utf-8")
    one, two = (grade("--roster", str(roster), *SHORT, "--jobs", jobs) for jobs in ("1", "2"))
    return Row(
        f"a cohort of {TEAMS}, two at a time; one at a time", f"{two:.0f} s", f"{one:.0f} s", one / two, "at least 1.7"
    )


def overhead(project: Path, cache: Path) -> Row:
    """Give `dvc repro` in the sandbox against the same outside it."""
    environment = environment_of(project, cache, None).path
    seconds = {}
    for box in (Open(environment), Sandbox(environment)):

        def once(box: Open | Sandbox = box) -> float:
            with tempfile.TemporaryDirectory() as folder:
                work = Path(folder) / "work"
                subprocess.run(["git", "clone", "--quiet", str(project), str(work)], check=True)
                return box.run(work, "dvc", "repro", "--force").seconds

        seconds[box.sandboxed] = median(once, 3)
    outside, inside = seconds[False], seconds[True]
    return Row(
        "`dvc repro` in the sandbox; outside", f"{inside:.1f} s", f"{outside:.1f} s", inside / outside, "at most 1.1"
    )


if __name__ == "__main__":
    for row in grading():
        print(row, "holds" if row.holds else "does not hold")
