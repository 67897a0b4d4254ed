"""The project's own tests: whether they pass, what they reach, and whether they notice faults."""

import contextlib
import importlib.util
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from capstone_kit.evidence import NoEvidenceError
from capstone_kit.gather.lab import Lab, refuse_what_is_lacking
from capstone_kit.gather.mutants import Mutant, chosen, statements
from capstone_kit.project import KitError, Project
from capstone_kit.sandbox import Done, Limits

MUTANTS = 10
TOGETHER = 2
CAUGHT = 0.6  # of them are enough: the others are left alone then
TESTS = 25  # that are run on a mutant: those that reach it, the most specific first
UNCHANGED = "\n\nassert __name__  # changes nothing\n"
DATA = ".measured"
FILES = 2000  # of measurements, one for each process
QUERY = (
    "SELECT file.path, context.context, numbits FROM line_bits JOIN file ON file.id = line_bits.file_id "
    "JOIN context ON context.id = line_bits.context_id LIMIT 500000"
)
SETTINGS = """[run]
source = ${MEASURED_SOURCE}
data_file = ${MEASURED_SOURCE}/../.measured
context = ${PYTEST_CURRENT_TEST-}
parallel = true
branch = false
"""
EVERYWHERE = '''"""Measures the processes that a test starts, too."""

import os
import re

if "COVERAGE_PROCESS_START" in os.environ:
    import coverage

    coverage.process_startup()
'''
PLUGIN = '''"""Tells the coverage measurement which test is running."""

import coverage
import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Name the test."""
    measuring = coverage.Coverage.current()
    if measuring:
        measuring.switch_context(item.nodeid)
    yield
'''
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "-p", "whichtest")


@dataclass(frozen=True)
class OwnTests:
    """What the tests did."""

    status: int | None  # of the run with changes that change nothing
    plain: int | None  # of a run on the files as they are, where that failed; else as above
    seconds: float
    said: str
    covered: int  # statements
    statements: int
    mutants: int  # chosen
    tried: int  # as many of them as decide whether enough are noticed
    killed: int  # of those
    survivors: tuple[str, ...]
    own_files: int  # that the template does not have, or has otherwise


def measure(lab: Lab) -> OwnTests:
    """Run the tests once, measured, and then on each mutant. Raises `NoEvidenceError` where there are none."""
    lab.say("running the project's tests")
    sources = _sources(lab.project)
    if not lab.project.root.joinpath("tests").is_dir():
        raise NoEvidenceError("there is no folder tests", blame=True)
    work = lab.copy("tests")
    for name, text in sources.items():
        (work / name).write_text(text + UNCHANGED, encoding="utf-8")
    done = _measured(lab, work)
    refuse_what_is_lacking(lab, done, "a test")
    lines = [line for line in done.output.splitlines() if line.strip()]
    plain = done.status
    if done.status not in (0, None):
        plain = lab.box.run(lab.copy("tests-plain"), "python", "-P", *PYTEST[:-2], "tests", limits=lab.limits).status
    reached = _reached(work)
    there = {(name, line) for name, text in sources.items() for line in _statements(text)}
    own = {name for name, text in sources.items() if lab.scaffold.text(name).split() != text.split()}
    picked = chosen(sources, own, MUTANTS, lab.seed) if done.status == 0 else []
    tried = _tried(lab, picked, reached, max(20.0, done.seconds))
    survivors = [mutant for mutant, lives in tried if lives]
    return OwnTests(
        status=done.status,
        plain=plain,
        seconds=done.seconds,
        said=lines[-1] if lines else done.stopped or "nothing",
        covered=len(there & reached.keys()),
        statements=len(there),
        mutants=len(picked),
        tried=len(tried),
        killed=len(tried) - len(survivors),
        survivors=tuple(f"{m.file}:{m.line}, {m.what}" for m in survivors),
        own_files=len(own),
    )


def tools_of(cache: Path) -> Path:
    """Give a folder with the coverage measurement and our plugin, and nothing else that could be imported."""
    import coverage

    found = importlib.util.find_spec("coverage")
    assert found
    assert found.origin
    folder = cache / "tools" / coverage.__version__
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            part = Path(temporary) / "tools"
            shutil.copytree(Path(found.origin).parent, part / "coverage", ignore=shutil.ignore_patterns("__pycache__"))
            (part / "whichtest.py").write_text(PLUGIN, encoding="utf-8")
            (part / "sitecustomize.py").write_text(EVERYWHERE, encoding="utf-8")
            (part / "settings.ini").write_text(SETTINGS, encoding="utf-8")
            with contextlib.suppress(OSError):  # another grader was quicker
                part.rename(folder)
    return folder


def _measured(lab: Lab, work: Path) -> Done:
    place, source = lab.box.inside(lab.tools), lab.box.source(work)
    words = ("python", "-P", "-m", "coverage", "run", f"--rcfile={place}/settings.ini", *PYTEST, "tests")
    more = {"PYTHONPATH": f"{place}{os.pathsep}{source}", "MEASURED_SOURCE": source}
    return lab.box.run(work, *words, limits=lab.limits, more=more | {"COVERAGE_PROCESS_START": f"{place}/settings.ini"})


def _sources(project: Project) -> dict[str, str]:
    names = sorted(p.relative_to(project.root).as_posix() for p in project.path("src").rglob("*.py"))
    found = {}
    for name in names:
        try:
            found[name] = project.text(name)
        except KitError:  # a link, or no text
            continue
    if not found:
        raise NoEvidenceError("there is no Python file below src", blame=True)
    return found


def _statements(text: str) -> set[int]:
    try:
        return statements(text)
    except (SyntaxError, ValueError, RecursionError):
        return set()


def _reached(work: Path) -> dict[tuple[str, int], set[str]]:
    """Give the tests by file and line that they reached, as the measurement wrote them down."""
    found: dict[tuple[str, int], set[str]] = {}
    for path in sorted(work.glob(f"{DATA}*"))[:FILES]:
        if path.is_symlink() or not path.is_file():
            continue
        try:
            for name, test, bits in _measurements(path):
                for line in _lines(bits):
                    found.setdefault((name, line), set()).add(test)
        except (sqlite3.Error, TypeError, ValueError):
            continue
    return found


def _measurements(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Give file, test and lines (a bit for each) of one process."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        for name, context, bits in connection.execute(QUERY):
            _, mark, tail = str(name).rpartition("/src/")
            if mark:
                test = str(context).rpartition("|")[2]
                yield f"src/{tail}", re.sub(r" \((?:setup|call|teardown)\)$", "", test), bytes(bits)
    finally:
        connection.close()


def _lines(bits: bytes) -> list[int]:
    return [byte * 8 + bit for byte, value in enumerate(bits[:20_000]) for bit in range(8) if value & (1 << bit)]


def _tried(
    lab: Lab, picked: list[Mutant], reached: Mapping[tuple[str, int], set[str]], seconds: float
) -> list[tuple[Mutant, bool]]:
    """Give mutants in their order with whether no test notices them, until enough are noticed."""
    sizes: dict[str, int] = {}
    for tests in reached.values():
        for test in tests:
            sizes[test] = sizes.get(test, 0) + 1

    def survives(place: int) -> bool:
        mutant = picked[place]
        tests = sorted(_near(reached, mutant) - {""}, key=lambda test: (sizes[test], test))[:TESTS]
        if not tests:
            return True
        work = lab.copy(f"mutant-{place}")
        (work / mutant.file).write_text(mutant.source, encoding="utf-8")
        words = ("python", "-P", *PYTEST, "-x", *tests)
        more = {"PYTHONPATH": f"{lab.box.inside(lab.tools)}{os.pathsep}{lab.box.source(work)}"}
        done = lab.box.run(work, *words, limits=Limits(seconds=10 + 2 * seconds), more=more)
        shutil.rmtree(work.parent, ignore_errors=True)
        return done.status == 0

    lab.say(f"putting {len(picked)} faults into the code")
    found: list[tuple[Mutant, bool]] = []
    with ThreadPoolExecutor(TOGETHER) as pool:
        for lives in pool.map(survives, range(len(picked))):
            found.append((picked[len(found)], lives))
            if sum(not lives for _, lives in found) >= CAUGHT * len(picked):
                pool.shutdown(wait=True, cancel_futures=True)
                break
    return found


def _near(reached: Mapping[tuple[str, int], set[str]], mutant: Mutant) -> set[str]:
    """Give the tests that reach a mutant: by its own line, else by the statement that the line belongs to."""
    for line in range(mutant.line, max(0, mutant.line - 10), -1):
        if found := reached.get((mutant.file, line)):
            return found
    return set()
