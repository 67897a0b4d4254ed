"""Each attack on the reference project gains nothing over the honest one, and leaves no trace outside its sandbox."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import ATTACKS, Attack, graded
from conftest import IDENTITY
from journey import ALL, LEFT_OUT
from record import Table

from capstone_kit.result import Outcome, Report, Result

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
CANARIES = [Path(p) for p in ("/tmp/canary", "/tmp/canary-of-the-backend", "/usr/local/canary")]
TABLE = Table("attacks", tuple(attack.name for attack in ATTACKS))
AIMS = sorted({id_ for attack in ATTACKS for id_ in attack.aims if ALL or attack.quick})


@pytest.fixture(scope="module")
def fair(honest: Path, graders_cache: Path) -> Report:
    """Give what the honest project earns on all that is attacked here."""
    return graded(honest, graders_cache, tuple(AIMS))


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Write docs/attacks.md where what every attack earned is known, of this run or of those before."""
    yield
    if ALL:
        TABLE.write()


def _row(attack: Attack, honest: dict[str, Result], found: dict[str, Result], flags: tuple[str, ...]) -> list[str]:
    points = (_points(honest, attack), _points(found, attack))
    return [str(attack.number), attack.name, ", ".join(attack.aims), *points, _told(attack, found, flags)]


def _points(found: dict[str, Result], attack: Attack) -> str:
    results = [found[id_] for id_ in attack.aims]
    return f"{sum(r.points or 0 for r in results)} of {sum(r.maximum for r in results)}"


def _told(attack: Attack, found: dict[str, Result], flags: tuple[str, ...]) -> str:
    """Give the finding that costs it points, else the flag or finding that names it, with nothing of where it ran."""
    findings = {r.id: f"{r.id} {r.outcome}: {r.observed}" for r in found.values()}
    lost = [findings[id_] for id_ in attack.loses]
    named = [text for text in (*flags, *findings.values()) if attack.named and attack.named in text]
    return next(iter([*lost, *named]), "nothing to see")[:160]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listen on the machine's loopback, where nothing of a team's may ever arrive."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.1)
        yield listening


def test_the_honest_project_earns_all_of_it(fair: Report) -> None:
    """The reference has every point that the attacks aim at."""
    short = [(r.id, r.outcome, r.observed) for r in fair.results if r.missing]
    assert not short


def attempt(attack: Attack) -> object:
    """Give the attack as a parameter: the slow ones only where all are asked for."""
    marks = [] if ALL or attack.quick else [pytest.mark.skip(reason=LEFT_OUT)]
    return pytest.param(attack, id=f"{attack.number} {attack.name}", marks=marks)


@pytest.mark.parametrize("attack", [*map(attempt, ATTACKS)])
def test_an_attack_gains_nothing(
    attack: Attack, honest: Path, fair: Report, graders_cache: Path, tmp_path: Path, listener: socket.socket
) -> None:
    """It earns no more than the honest project, is named where it can be seen, and reaches nothing outside."""
    repository = tmp_path / "attacker"
    subprocess.run(["git", "clone", "--quiet", str(honest), str(repository)], check=True)
    for name in ("models/model.onnx", "models/model.json"):
        shutil.copyfile(honest / name, repository / ".git" / Path(name).name)
    attack.change(repository)
    programs = {"PATH": f"{honest / '.venv/bin'}:{os.environ['PATH']}", "PYTHONPATH": str(repository / "src")}
    commands = [["dvc", "repro"]] if attack.runs else []
    for command in (*commands, ["git", "add", "--all"], ["git", "commit", "--quiet", "--message", "An improvement"]):
        subprocess.run(command, cwd=repository, check=True, env=dict(os.environ) | IDENTITY | programs)
    report = graded(repository, graders_cache, attack.aims, minutes=2)
    before, after = ({r.id: r for r in found.results} for found in (fair, report))
    assert set(after) == set(attack.aims)
    for id_ in attack.aims:
        assert (after[id_].points or 0) <= (before[id_].points or 0), after[id_]
    for id_ in attack.loses:
        assert after[id_].outcome is not Outcome.PASS, after[id_]
    told = " ".join([*(r.observed for r in report.results), *report.flags])
    assert attack.named in told, told
    if ALL:
        TABLE.keep(attack.name, *_row(attack, before, after, report.flags))
    assert not [path for path in CANARIES if path.exists()]
    with pytest.raises(TimeoutError):
        listener.accept()
