"""Honest projects that differ from the template lose nothing; what cannot be decided goes to a person."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from attacks import append, graded, replace, write
from conftest import IDENTITY
from journey import ALL, LEFT_OUT

from capstone_kit.result import Outcome

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
PIPELINE = ("REP2", "REP3", "REP4", "DAT1", "DAT2", "DAT3", "TRK1", "TRK2", "MOD1", "MOD2", "MOD5", "OPS3")


def other_layout(root: Path) -> None:
    """Give stages and modules other names: evaluation in a package of its own."""
    folder = root / "src/project/measuring"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Evaluation."""\n', encoding="utf-8")
    text = (root / "src/project/evaluate.py").read_text(encoding="utf-8")
    (folder / "test_rows.py").write_text(text, encoding="utf-8")
    (folder / "__main__.py").write_text(
        '"""Measure."""\n\nfrom project import stage\nfrom project.measuring.test_rows import main\n\n'
        "stage.run(main)\n",
        encoding="utf-8",
    )
    pipeline = (root / "dvc.yaml").read_text(encoding="utf-8")
    pipeline = pipeline.replace(
        "  evaluate:\n    cmd: python -m project.evaluate", "  ours:\n    cmd: python -m project.measuring"
    )
    pipeline = re.sub(r"(?m)^  (train|split|validate|ingest|register):$", r"  our-\1:", pipeline)
    (root / "dvc.yaml").write_text(pipeline, encoding="utf-8")


def windows_line_ends(root: Path) -> None:
    """Commit every text file with carriage returns."""
    (root / ".gitattributes").write_text("* -text\n", encoding="utf-8")
    for path in [*root.rglob("*.py"), *root.glob("*.toml"), *root.glob("*.yaml"), *root.glob("docs/**/*.md")]:
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


EXTRA = """
  summarise:
    cmd: python -c "open('reports/rows.txt', 'w').write(str(sum(1 for _ in open('data/accepted.csv'))))"
    deps:
      - data/accepted.csv
    outs:
      - reports/rows.txt:
          cache: false
"""
MORE_METRICS = replace(
    "src/project/evaluate.py",
    '    stage.write_json(METRICS, results["metrics"])\n',
    '    results["metrics"]["our_own_metric"] = {"value": float(len(results["metrics"]))}\n'
    '    stage.write_json(METRICS, results["metrics"])\n',
)
DEAD_REMOTE = write(".dvc/config", "[core]\n    remote = gone\n['remote \"gone\"']\n    url = ssh://192.0.2.7/data\n")

HONEST: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "stages and modules of other names": (other_layout, PIPELINE),
    "an extra stage": (append("dvc.yaml", EXTRA), PIPELINE),
    "a metric of their own": (MORE_METRICS, PIPELINE),
    "a remote that is down": (DEAD_REMOTE, (*PIPELINE, "SRV2", "TRK3")),
    "line ends of Windows": (windows_line_ends, (*PIPELINE, "QA4", "DAT4", "GOV1", "SPN1")),
}


@pytest.mark.skipif(not ALL, reason=LEFT_OUT)
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_project_loses_nothing(name: str, honest: Path, graders_cache: Path, tmp_path: Path) -> None:
    """The team works as it likes, runs its pipeline and commits what comes of it; every point stays."""
    change, ids = HONEST[name]
    repository = clone(honest, tmp_path)
    change(repository)
    programs = {"PATH": f"{honest / '.venv/bin'}:{os.environ['PATH']}", "PYTHONPATH": str(repository / "src")}
    run(repository, "dvc", "repro", **programs)
    commit(repository)
    report = graded(repository, graders_cache, ids)
    assert {r.id: r.outcome for r in report.results if r.outcome is not Outcome.PASS} == {}, report.results


def test_a_machine_that_is_too_slow_is_no_zero(honest: Path, graders_cache: Path) -> None:
    """A pipeline that does not end within the time goes to a person."""
    (found,) = graded(honest, graders_cache, ("REP2",), minutes=0.02).results
    assert (found.outcome, found.points) == (Outcome.INCONCLUSIVE, None)
    assert "too much time" in found.observed


def test_data_in_a_remote_that_nobody_gave_are_no_zero(honest: Path, graders_cache: Path, tmp_path: Path) -> None:
    """What needs them goes to a person, with the reason."""
    repository = clone(honest, tmp_path)
    run(repository, "git", "rm", "--quiet", "--cached", "data/source/cars.csv")
    (repository / "data/source/cars.csv").unlink()
    (repository / "data/source/cars.csv.dvc").write_text("outs:\n- md5: 00\n  path: cars.csv\n", encoding="utf-8")
    commit(repository)
    report = graded(repository, graders_cache, ("REP2", "DAT1", "MOD1"))
    assert {r.outcome for r in report.results} == {Outcome.INCONCLUSIVE}
    assert "a remote that the grader was not given" in report.results[0].observed


def clone(honest: Path, folder: Path) -> Path:
    """Give a clone of the reference project."""
    subprocess.run(["git", "clone", "--quiet", str(honest), str(folder / "team")], check=True)
    return folder / "team"


def run(repository: Path, *command: str, **more: str) -> None:
    """Run a command there."""
    subprocess.run(command, cwd=repository, check=True, env=dict(os.environ) | IDENTITY | more, capture_output=True)


def commit(repository: Path) -> None:
    """Commit everything."""
    run(repository, "git", "add", "--all")
    run(repository, "git", "commit", "--quiet", "--message", "Our way")
