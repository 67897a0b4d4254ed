"""Honest projects that differ from the template lose nothing; what cannot be decided goes to a person."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import reference
from attacks import graded
from changes import NO_CARD, append, replace, write
from conftest import IDENTITY
from differences import EXTRA, MORE_METRICS, NOISE, OTHER_ESTIMATOR, OWN_FUNCTION, other_layout, windows_line_ends
from journey import ALL, LEFT_OUT
from record import Table
from wheels import torch_index

from capstone_kit.result import Outcome, Report

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
PIPELINE = ("REP2", "REP3", "REP4", "DAT1", "DAT2", "DAT3", "TRK1", "TRK2", "MOD1", "MOD2", "MOD5", "OPS3")
WHOLE = (*PIPELINE, "REP1", "TRK3", "TRK4", "MOD3", "MOD4", "SRV1", "SRV2", "SRV3", "SRV4", "SRV6", "OPS1", "OPS2")
NOBODY = {"HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@dataclass(frozen=True)
class Difference:
    """A variant of the reference project that nothing is wrong with."""

    name: str
    change: Callable[[Path], None]
    ids: tuple[str, ...]
    undecided: str = ""  # what is said where a person has to decide
    framework: str = "scikit-learn"
    minutes: float = 5
    quick: bool = False  # in every run of the tests; the others with CAPSTONE_ALL=1


def nothing(root: Path) -> None:
    """Change nothing."""


def nameless(root: Path) -> None:
    """Commit as somebody whose git knows neither name nor address, as on a new machine."""
    append("docs/status/week-03.md", "\nThe sponsor has read this report and agrees.\n")(root)
    somebody = {f"GIT_{role}_NAME": "root" for role in ("AUTHOR", "COMMITTER")}
    somebody |= {f"GIT_{role}_EMAIL": "" for role in ("AUTHOR", "COMMITTER")}
    run(root, "git", "commit", "--quiet", "--all", "--message", "Report", **somebody)


def in_a_remote(root: Path) -> None:
    """Keep the data in a DVC remote that only the team can reach."""
    run(root, "git", "rm", "--quiet", "--cached", "data/source/cars.csv")
    (root / "data/source/cars.csv").unlink()
    (root / "data/source/cars.csv.dvc").write_text("outs:\n- md5: 00\n  path: cars.csv\n", encoding="utf-8")


DEAD_REMOTE = write(".dvc/config", "[core]\n    remote = gone\n['remote \"gone\"']\n    url = ssh://192.0.2.7/data\n")
CARD = replace("src/project/train.py", "def main() -> None:\n", NO_CARD)
DIFFERENCES = (
    Difference("stages and modules of other names", other_layout, PIPELINE),
    Difference("an extra stage", append("dvc.yaml", EXTRA), PIPELINE),
    Difference("a metric of their own", MORE_METRICS, PIPELINE),
    Difference("a remote that is down", DEAD_REMOTE, (*PIPELINE, "SRV2", "TRK3")),
    Difference("line ends of Windows", windows_line_ends, (*PIPELINE, "QA4", "DAT4", "GOV1", "SPN1")),
    Difference("another estimator", OTHER_ESTIMATOR, WHOLE),
    Difference("PyTorch", nothing, WHOLE, framework="pytorch", minutes=15),
    Difference("figures that differ in the sixth digit from run to run", NOISE, PIPELINE),
    Difference("no git identity, here or there", nameless, ("REP1", "QA4", "QA5", "SPN1", "SPN2", "SPN3"), quick=True),
    Difference("a function of their own in a module of the template", OWN_FUNCTION, ("QA3",), quick=True),
    Difference("a machine that is too slow", nothing, ("REP2",), "too much time", minutes=0.02, quick=True),
    Difference(
        "data in a remote that nobody gave",
        in_a_remote,
        ("REP2", "DAT1", "MOD1"),
        "a remote that the grader was not given",
        quick=True,
    ),
    Difference("an accelerator that the grader lacks", CARD, ("REP2", "REP3", "MOD1", "QA1"), "an accelerator"),
)
TABLE = Table("fairness", tuple(difference.name for difference in DIFFERENCES))


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Write docs/fairness.md where what came of every difference is known, of this run or of those before."""
    yield
    if ALL:
        TABLE.write()


@pytest.fixture(scope="module")
def pytorch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the reference project with PyTorch, whose index the grader is told of as an instructor would tell it."""
    with torch_index(tmp_path_factory.mktemp("index")) as address, pytest.MonkeyPatch.context() as patch:
        patch.delenv("UV_FIND_LINKS", raising=False)
        patch.setenv("UV_INDEX_STRATEGY", "unsafe-best-match")  # each package comes by its hash
        made = reference.build(tmp_path_factory.mktemp("pytorch"), "pytorch", address)
        patch.setenv("UV_INDEX", address)
        yield made


def case(difference: Difference) -> object:
    """Give the difference as a parameter: the slow ones only where all are asked for."""
    marks = [] if ALL or difference.quick else [pytest.mark.skip(reason=LEFT_OUT)]
    return pytest.param(difference, id=difference.name, marks=marks)


@pytest.mark.parametrize("difference", [*map(case, DIFFERENCES)])
def test_an_honest_project_loses_nothing(
    difference: Difference,
    honest: Path,
    request: pytest.FixtureRequest,
    graders_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The team works as it likes, runs its pipeline and commits what comes of it; every point stays, or stays open."""
    source = honest if difference.framework == "scikit-learn" else request.getfixturevalue("pytorch")
    repository = clone(source, tmp_path)
    difference.change(repository)
    if not difference.undecided and not difference.quick and difference.change is not nothing:
        programs = {"PATH": f"{honest / '.venv/bin'}:{os.environ['PATH']}", "PYTHONPATH": str(repository / "src")}
        run(repository, "dvc", "repro", **programs)
    run(repository, "git", "add", "--all")
    run(repository, "git", "commit", "--quiet", "--allow-empty", "--message", "Our way")
    if difference.change is nameless:
        for name, value in NOBODY.items():
            monkeypatch.setenv(name, value)
    report = graded(repository, graders_cache, difference.ids, difference.minutes)
    expected = Outcome.INCONCLUSIVE if difference.undecided else Outcome.PASS
    assert {r.id: (r.outcome, r.observed) for r in report.results if r.outcome is not expected} == {}
    assert difference.undecided in report.results[0].observed
    if ALL:
        TABLE.keep(difference.name, difference.name, *told(report, difference))


def told(report: Report, difference: Difference) -> tuple[str, ...]:
    """Give the cells of the table: requirements asked, points earned of those decided, points left open, and why."""
    why = next((r.observed for r in report.results if r.outcome.open), "")
    earned = f"{report.score} of {report.maximum - report.open}"
    return ", ".join(difference.ids), earned, str(report.open or ""), why[:120]


def clone(honest: Path, folder: Path) -> Path:
    """Give a clone of the reference project."""
    subprocess.run(["git", "clone", "--quiet", str(honest), str(folder / "team")], check=True)
    return folder / "team"


def run(repository: Path, *command: str, **more: str) -> None:
    """Run a command there."""
    subprocess.run(command, cwd=repository, check=True, env=dict(os.environ) | IDENTITY | more, capture_output=True)
