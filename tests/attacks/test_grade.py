"""Grading a roster from the command line: reports, gradebooks, the same numbers twice, no result in another's."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bake import bake
from conftest import IDENTITY, Repository
from distributed import Client

from capstone_kit.formats import FORMATS
from capstone_kit.sandbox import free_port

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
QUICK = ("--only", "SPN1", "--only", "SPN3", "--only", "QA4", "--only", "QA5", "--only", "REP1")


def grade(cache: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `capstone grade`."""
    done = subprocess.run(
        [sys.executable, "-m", "capstone_kit", "grade", *words],
        env=dict(os.environ) | {"CAPSTONE_CACHE": str(cache)},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert not check or done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done


def results(folder: Path, team: str) -> dict[str, tuple[str, int | None]]:
    """Give what a team's requirements earned."""
    report = json.loads((folder / team / "capstone-report.json").read_text(encoding="utf-8"))
    return {r["id"]: (r["outcome"], r["points"]) for r in report["results"]}


@pytest.fixture(scope="module")
def fresh(generate: Callable[..., Repository]) -> Path:
    """Give a repository as it was generated."""
    return generate("mechanical").path


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give one without a lock file."""
    return bake(tmp_path_factory.mktemp("unlocked"))


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory, honest: Path, fresh: Path) -> Path:
    """Give a roster of three teams, one of which has no repository."""
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["team", "repository", "student_id", "email"])
        writer.writerow(["otto", honest, "s1", "ada@example.edu"])
        writer.writerow(["otto", honest, "s2", "ben@example.edu"])
        writer.writerow(["fresh", fresh, "s3", "chris@example.edu"])
        writer.writerow(["lost", path.parent / "nowhere", "s4", "dana@example.edu"])
    return path


@pytest.fixture(scope="module")
def graded(roster: Path, graders_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade the roster on what takes seconds; give the results."""
    out = tmp_path_factory.mktemp("grades")
    grade(graders_cache, "--roster", str(roster), "--out", str(out), "--seed", "5", "--jobs", "2", *QUICK)
    return out


def test_every_team_has_its_reports_in_every_form(graded: Path) -> None:
    """A folder for each, and the gradebooks beside them."""
    for team in ("otto", "fresh", "lost"):
        assert {form.file for form in FORMATS.values()} <= {path.name for path in (graded / team).iterdir()}
    rows = list(csv.DictReader((graded / "moodle.csv").open(encoding="utf-8")))
    assert [row["Identifier"] for row in rows] == ["s1", "s2", "s3", "s4"]
    assert rows[0]["Grade"] == rows[1]["Grade"] != "0"


def test_work_earns_points_and_the_template_none(graded: Path) -> None:
    """The reference has all; a fresh repository none, though each of its requirements works."""
    assert {outcome for outcome, _ in results(graded, "otto").values()} == {"pass"}
    assert {points for _, points in results(graded, "fresh").values()} == {0}
    assert results(graded, "fresh")["REP1"][0] == "scaffold"


def test_a_repository_that_is_not_there_is_left_to_a_person(graded: Path) -> None:
    """It is inconclusive, never zero, and the others are graded all the same."""
    assert set(results(graded, "lost").values()) == {("inconclusive", None)}


def test_without_a_lock_file_the_rest_is_still_judged(unlocked: Path, graders_cache: Path, tmp_path: Path) -> None:
    """What needs an environment fails, with the reason; what is read from the files is read."""
    grade(graders_cache, str(unlocked), "--out", str(tmp_path), "--only", "REP1", "--only", "REP2", "--only", "QA4")
    found = results(tmp_path, unlocked.name)
    assert (found["REP1"][0], found["REP2"][0], found["QA4"][0]) == ("fail", "fail", "scaffold")


def test_a_second_run_gives_the_same(roster: Path, graded: Path, graders_cache: Path, tmp_path: Path) -> None:
    """The order of the teams does not matter either."""
    lines = roster.read_text(encoding="utf-8").splitlines()
    turned = tmp_path / "turned.csv"
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n", encoding="utf-8")
    grade(graders_cache, "--roster", str(turned), "--out", str(tmp_path / "out"), "--seed", "5", *QUICK)
    done = grade(graders_cache, "--diff", str(graded), "--out", str(tmp_path / "out"))
    assert done.stdout == "nothing differs\n"


def test_one_requirement_is_graded_again_in_its_place(
    honest: Path, graded: Path, graders_cache: Path, tmp_path: Path
) -> None:
    """The others keep their results; the comparison names what changed."""
    out = tmp_path / "out"
    shutil.copytree(graded / "otto", out / "otto")
    worse = tmp_path / "otto"
    subprocess.run(["git", "clone", "--quiet", str(honest), str(worse)], check=True)
    (worse / "LICENSE").write_text("All rights reserved\n", encoding="utf-8")
    subprocess.run(
        ["git", "commit", "--quiet", "--all", "--message", "x"], cwd=worse, check=True, env=dict(os.environ) | IDENTITY
    )
    done = grade(graders_cache, str(worse), "--out", str(out), "--seed", "5", "--only", "SPN3", "--diff", str(graded))
    assert results(out, "otto") == results(graded, "otto") | {"SPN3": ("fail", 0)}
    assert "otto: SPN3: pass 1/1 -> fail 0/1" in done.stdout


def test_what_a_person_decided_fills_what_is_open(honest: Path, graders_cache: Path, tmp_path: Path) -> None:
    """And only that: a decision does not overrule what was measured."""
    (tmp_path / "decided.toml").write_text(
        '[fuel-economy.GOV3]\npoints = 2\nnote = "seen"\n[fuel-economy.SPN3]\npoints = 0\n', encoding="utf-8"
    )
    words = ("--only", "GOV3", "--only", "SPN3", "--decisions", str(tmp_path / "decided.toml"))
    grade(graders_cache, str(honest), "--out", str(tmp_path / "out"), *words)
    assert results(tmp_path / "out", "fuel-economy") == {"GOV3": ("manual", 2), "SPN3": ("pass", 1)}


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Start a Dask scheduler and two workers on the loopback, in another folder; give the address."""
    port, dask = free_port(), (sys.executable, "-m", "dask")
    address = f"tcp://127.0.0.1:{port}"
    places = ("--host", "127.0.0.1", "--no-dashboard")
    commands = (
        (*dask, "scheduler", *places, "--port", str(port)),
        (*dask, "worker", address, *places, "--nworkers", "2", "--nthreads", "1"),
    )
    (tmp_path / "elsewhere").mkdir()
    started = [
        subprocess.Popen(words, cwd=tmp_path / "elsewhere", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for words in commands
    ]
    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=120)
    yield address
    for process in reversed(started):
        process.terminate()
        process.wait(timeout=60)


def test_a_cluster_gives_the_same(
    roster: Path, graded: Path, graders_cache: Path, tmp_path: Path, scheduler: str
) -> None:
    """On a real scheduler with two workers, which were started in another folder."""
    words = ("--roster", str(roster), "--out", str(tmp_path / "out"), "--seed", "5", *QUICK)
    assert "otto: " in grade(graders_cache, *words, "--cluster", scheduler).stderr
    assert grade(graders_cache, "--diff", str(graded), "--out", str(tmp_path / "out")).stdout == "nothing differs\n"
    assert (tmp_path / "out/cohort.csv").read_text() == (graded / "cohort.csv").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name repositories, or give a --roster"),
        (("--roster", "nowhere.csv"), "nowhere.csv"),
        ((".", "--only", "SPN9"), "does not ask for 'SPN9'"),
        ((".", "--profile", "nothing"), "there is no profile 'nothing'"),
        ((".", "--cluster", "tcp://127.0.0.1:9"), "no scheduler answers at tcp://127.0.0.1:9"),
        ((".", "--cluster", "nonsense"), "no scheduler answers at nonsense"),
    ],
)
def test_what_keeps_it_from_grading_ends_with_two(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    """One line, and nothing is written."""
    done = grade(tmp_path / "cache", *words, "--out", str(tmp_path / "out"), check=False)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_interrupted_run_goes_on_where_it_was(
    honest: Path, fresh: Path, graders_cache: Path, tmp_path: Path
) -> None:
    """Ctrl-C ends in one line and leaves no process; the next run grades the rest alone."""
    out, profile = tmp_path / "out", tmp_path / "small.toml"
    profile.write_text(
        'title = "t"\ninstitution = "i"\ncourse = "c"\nweeks = 9\n[points]\nQA5 = 50\nREP2 = 50\n', encoding="utf-8"
    )
    command = [sys.executable, "-m", "capstone_kit", "grade", str(fresh), str(honest), "--out", str(out)]
    command += ["--profile", str(profile), "--jobs", "1"]
    environment = dict(os.environ) | {"CAPSTONE_CACHE": str(graders_cache)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 180
        while not (out / fresh.name / "report.html").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.splitlines()[-1].startswith("interrupted")
    assert not (out / honest.name).exists()
    before = (out / fresh.name / "capstone-report.json").read_text(encoding="utf-8")
    again = grade(graders_cache, str(fresh), str(honest), "--out", str(out), "--profile", str(profile))
    assert f"{fresh.name}: graded before" in again.stderr
    assert (out / fresh.name / "capstone-report.json").read_text(encoding="utf-8") == before
    assert results(out, honest.name)["REP2"] == ("pass", 50)


def test_a_run_without_the_sandbox_is_a_choice_that_the_report_records(
    honest: Path, graders_cache: Path, tmp_path: Path
) -> None:
    """Only with the option, and every reader of the report sees it."""
    grade(graders_cache, str(honest), "--out", str(tmp_path / "out"), "--only", "QA5", "--unsandboxed")
    report = json.loads((tmp_path / "out/fuel-economy/capstone-report.json").read_text(encoding="utf-8"))
    assert report["sandboxed"] is False
