"""The experiments of a research project: what the matrix asks for, what the figures say, a small matrix that is run."""

import csv
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import Repository, stop
from journey import Student
from small import begin
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from capstone_kit import experiments, sweep
from capstone_kit.experiments import compare, matrix, paper
from capstone_kit.experiments.paper import Run
from capstone_kit.project import KitError, Project

FIELDS = """
resources:
  - name: pump
    schema:
      fields:
        - {name: id, type: integer, role: identifier}
        - {name: load, type: number, monotone: {direction: increasing, reason: physics}}
        - {name: i0, type: number, role: feature, signal: current}
        - {name: i1, type: number, role: feature, signal: current}
        - {name: inlet, type: number, role: feature}
        - {name: outlet, type: number, role: feature}
        - {name: fails, type: string, role: target}
"""
DROP = '[ablation]\ndrop = ["features", "directions", "candidates"]\n'
GROUPS = DROP + 'groups.temperature = ["inlet", "outlet"]\n'
SEEDS = "seeds = [1, 2]\n"
FACTOR = '[factor.rows]\nall = {}\nhalf = { "train.max_rows" = 1000 }\n'


def project(folder: Path, text: str) -> Project:
    """Give a repository with a contract, the report of a search, and this matrix."""
    for name, content in (
        ("experiments.toml", text),
        ("data/datapackage.yaml", FIELDS),
        ("reports/training.json", json.dumps({"trials": [{"estimator": name} for name in ("forest", "boosting")] * 2})),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return Project(folder)


def test_every_combination_of_levels_is_run_with_every_seed(tmp_path: Path) -> None:
    """The conditions of a seed follow each other, so that an interrupted run leaves whole comparisons."""
    second = '[factor.depth]\nshallow = { "train.only.max_depth" = 3 }\ndeep = { "train.only.max_depth" = 9 }\n'
    design = matrix.read(project(tmp_path, SEEDS + FACTOR + second))
    assert design.factors == ("rows", "depth")
    assert [condition.name for condition in design.conditions] == [
        "all, shallow",
        "all, deep",
        "half, shallow",
        "half, deep",
    ]
    runs = design.runs()
    assert list(runs)[:5] == [*((c.name, 1) for c in design.conditions), ("all, shallow", 2)]
    assert runs["half, deep", 2] == ("++seed=2", "++train.max_rows=1000", "++train.only.max_depth=9")


def test_the_ablation_leaves_out_each_group_direction_and_candidate(tmp_path: Path) -> None:
    """Samples of a signal go together, so do the features of a named group; identifier and target stay."""
    design = matrix.read(project(tmp_path, SEEDS + GROUPS))
    levels = {condition.name: condition.overrides for condition in design.conditions}
    keep = '++train.candidates=["boosting", "forest"]'
    field = "data/datapackage.yaml:{}resources.0.schema.fields.{}"
    assert levels == {
        "all": (keep,),
        "without load": (keep, field.format("++", "1.role=excluded")),
        "without current": (keep, *(field.format("++", f"{n}.role=excluded") for n in (2, 3))),
        "without temperature": (keep, *(field.format("++", f"{n}.role=excluded") for n in (4, 5))),
        "without the direction of load": (keep, field.format("~", "1.monotone")),
        "without the candidate boosting": ('++train.candidates=["forest"]',),
        "without the candidate forest": ('++train.candidates=["boosting"]',),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seeds = [1]\n" + FACTOR, "seeds: Tuple should have at least 2 items"),
        ("seeds = [1, 1]\n" + FACTOR, "the same seed twice"),
        ("seeds = [-1, 1]\n" + FACTOR, "seeds.0: Input should be greater than or equal to 0, found -1"),
        (SEEDS, "1 condition is nothing to compare"),
        (SEEDS + "[factor.rows]\nall = { train = { max_rows = 5 } }\n", "train: found a table, expected a value"),
        (SEEDS + '[ablation]\ndrop = ["rows"]\n', "ablation.drop.0: Input should be 'features'"),
        (SEEDS + GROUPS.replace("inlet", "inlt"), "groups.temperature: no feature 'inlt'; did you mean inlet?"),
        (SEEDS + "factors = 3\n", "factors: Extra inputs are not permitted"),
        ("seeds = [", "experiments.toml: "),
    ],
)
def test_a_wrong_matrix_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    """With the key, what was found and what is allowed."""
    with pytest.raises(KitError, match=re.escape(says)) as error:
        matrix.read(project(tmp_path, text))
    assert "\n" not in str(error.value)


def test_without_a_matrix_or_a_search_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    """Write the one, run the other."""
    with pytest.raises(KitError, match=r"experiments.toml is missing: it says what is compared"):
        matrix.read(Project(tmp_path))
    found = project(tmp_path, SEEDS + DROP)
    (tmp_path / "reports/training.json").unlink()
    with pytest.raises(KitError, match="names no trials: run `uv run dvc repro` first"):
        matrix.read(found)


def test_intervals_and_corrections_are_those_of_statsmodels() -> None:
    """Student's interval of a mean, and Holm's correction, ties among it."""
    rng = random.Random(3)
    values = [rng.gauss(0.7, 0.1) for _ in range(7)]
    found = compare.mean(values)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(values).tconfint_mean())
    ps = [0.04, 0.001, 0.04, 0.5, 0.02]
    assert compare.holm(ps) == pytest.approx(list(multipletests(ps, method="holm")[1]))


def test_the_paired_test_counts_the_signs() -> None:
    """All six differences of one sign: 2 of 64 ways are as far; no difference at all: nothing; mixed: chance."""
    assert compare.paired_p([0.1, 0.2, 0.3, 0.1, 0.2, 0.4]) == pytest.approx(2 / 64)
    assert compare.paired_p([0.0, 0.0, 0.0]) == 1.0
    assert compare.paired_p([0.1, -0.1, 0.2, -0.2]) == pytest.approx(1.0)


def test_equal_conditions_are_seldom_told_apart() -> None:
    """Of 300 matrices in which nothing differs, at most the 5 % that is allowed, and chance, have a finding."""
    rng, findings = np.random.default_rng(5), 0
    for _ in range(300):
        found = {(name, seed): float(rng.normal()) for name in "abcd" for seed in range(8)}
        findings += any(row.significant for row in compare.rows("abcd", found))
    assert findings <= 300 * compare.LEVEL + 3 * (300 * 0.05 * 0.95) ** 0.5


def test_a_difference_within_seeds_is_found_though_seeds_differ_more() -> None:
    """Paired by seed: what a seed adds to all conditions falls out."""
    rng = np.random.default_rng(1)
    found = {}
    for seed in range(10):
        level = rng.normal(scale=5)
        found |= {("a", seed): level, ("b", seed): level + 0.1 + rng.normal(scale=0.01)}
    reference, other = compare.rows(["a", "b"], found)
    assert reference.p is None
    assert other.significant
    assert other.difference
    assert other.difference.value == pytest.approx(0.1, abs=0.02)


def test_only_seeds_that_both_ended_are_compared() -> None:
    """A condition with one of them, or none, has no test, and says so in the table."""
    found = {("a", 1): 1.0, ("a", 2): 2.0, ("b", 2): 3.0, ("b", 9): 3.0}
    _, one, none = compare.rows(["a", "b", "c"], found)
    assert (one.p, none.mean) == (None, None)
    design = matrix.Design(("f",), tuple(matrix.Condition((n,), ()) for n in "abc"), (1, 2, 9))
    text = paper.results(design, compare.rows(["a", "b", "c"], found), "recall").markdown()
    assert "| b | 2 | 3.0000 \\(3.0000 to 3.0000\\) | fewer than two seeds in common |  |  |  |" in text
    assert "| c | 0 | no run ended |" in text


def test_too_few_seeds_are_said_to_be_too_few() -> None:
    """Three seeds can show nothing at 5 %: the table says so instead of finding no difference."""
    found = {(name, seed): seed + (name == "b") for name in "ab" for seed in range(3)}
    design = matrix.Design(("f",), tuple(matrix.Condition((n,), ()) for n in "ab"), (0, 1, 2))
    rows = compare.rows(["a", "b"], {key: float(value) for key, value in found.items()})
    assert (
        "smallest corrected p-value is 0.25: no difference could have been found"
        in paper.results(design, rows, "recall").notes[1]
    )


NASTY = "50 % of {x} & $y_1 #~^\\ <b> | `z`"


def test_the_tables_hold_any_names(tmp_path: Path) -> None:
    """In Markdown each row has the columns of its head, in LaTeX too, and LaTeX sets it."""
    table = paper.Table(("condition", "value"), ((NASTY, "1"), ("plain", "2")), (NASTY,))
    rows = [line for line in table.markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
    lines = [line for line in table.latex().splitlines() if line.endswith(r" \\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {1}
    begin = "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{longtable}\n\\begin{document}\n"
    (tmp_path / "table.tex").write_text(begin + table.latex() + "\\end{document}\n", encoding="utf-8")
    typeset(tmp_path, "table")


def typeset(folder: Path, name: str) -> None:
    """Set a file by LaTeX; skips where there is none."""
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex here (Debian: texlive-latex-base): what LaTeX makes of it was not tried")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_block_goes_between_its_markers_and_nowhere_else() -> None:
    """What the team wrote around it stays; a text without markers stays as it is."""
    text = "before\n<!-- facts:begin -->\nold\n<!-- facts:end -->\nafter\n"
    filled = paper.fill(text, "facts", "new \\1\n")
    assert filled == "before\n<!-- facts:begin -->\nnew \\1\n<!-- facts:end -->\nafter\n"
    assert paper.fill("no markers", "facts", "new") == "no markers"


def test_what_is_not_read_changes_no_experiment(tmp_path: Path) -> None:
    """Writing the paper and committing it leaves the names; an edit of code, committed or not, changes them."""
    small = begin(tmp_path / "small")
    found, wanted = Project(small.root), [("++seed=1",), ("++seed=2",)]
    small.write("src/model.py", "a = 1\n")
    small.commit(2)
    names = sweep.named(found, "experiments", wanted)
    assert len(names) == 2
    small.write("paper/paper.md", "written\n")
    small.commit(3)
    assert sweep.named(found, "experiments", wanted) == names
    small.write("src/model.py", "a = 2\n")
    edited = sweep.named(found, "experiments", wanted)
    small.commit(4)
    committed = sweep.named(found, "experiments", wanted)
    assert not names.keys() & edited.keys()
    assert not names.keys() & committed.keys()


def test_one_run_is_no_comparison(tmp_path: Path) -> None:
    """Nothing is written, and the sentence says how many ended."""
    found = project(tmp_path, SEEDS + FACTOR)
    design = matrix.read(found)
    with pytest.raises(KitError, match="1 runs of 'all' ended, and comparing takes two"):
        experiments.write(found, design, [Run("all", 1, 0.5, {}, "x")])
    assert not (tmp_path / "paper").exists()


@pytest.fixture(scope="module")
def study(mechanical: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give a clone with a quick search and a matrix of two conditions and two seeds, the pipeline run."""
    clone = mechanical.clone(tmp_path_factory.mktemp("study") / "clone")
    clone.run("uv", "sync", "--quiet")
    Student(clone).searches_less()
    parameters = clone.path / "params.yaml"
    text = parameters.read_text(encoding="utf-8").replace("candidates: all", "candidates: [forest]")
    parameters.write_text(text.replace("  folds:", "  max_rows: 2000\n  folds:"), encoding="utf-8", newline="\n")
    (clone.path / "experiments.toml").write_text(SEEDS + FACTOR, encoding="utf-8", newline="\n")
    clone.run("uv", "run", "dvc", "repro", "evaluate")
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message", "A quick study")
    return clone


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal to a process group")
def test_an_interrupt_ends_every_process_and_changes_nothing(study: Repository) -> None:
    """While a stage runs: status 130, no DVC and no training is left, no file of the work tree differs."""
    command = ["uv", "run", "capstone", "experiments"]
    running = subprocess.Popen(
        command, cwd=study.path, env=study.environment, stdout=subprocess.PIPE, start_new_session=True
    )
    copies = study.path / ".dvc/tmp/exps/standalone"
    for _ in range(600):
        if list(copies.glob("tmp*/data/raw.csv")):
            break
        time.sleep(0.1)
    else:
        pytest.fail("no stage began within a minute")
    stop(running, signal.SIGINT)
    assert running.stdout
    assert "what has ended is kept: the same command goes on" in running.stdout.read().decode()
    assert running.returncode == 130
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(study.path / ".venv") not in left
    assert not list(copies.glob("tmp*"))
    assert study.run("git", "status", "--porcelain").stdout == ""


def test_a_matrix_is_run_once_and_fills_the_paper(study: Repository) -> None:
    """Every table is there, with the figures of the runs; a second call runs nothing; the model is as it was."""
    model = (study.path / "models/model.onnx").read_bytes()
    said = study.run("uv", "run", "capstone", "experiments").stdout
    assert "4 of 4 runs have ended" in said
    with (study.path / "paper/results.csv").open(encoding="utf-8") as file:
        runs = list(csv.DictReader(file))
    assert [(run["rows"], run["seed"]) for run in runs] == [("all", "1"), ("half", "1"), ("all", "2"), ("half", "2")]
    shown = study.run("uv", "run", "dvc", "exp", "show", "--json").stdout
    of_dvc = {e["revs"][0]["name"]: e["revs"][0]["data"] for c in json.loads(shown) for e in c["experiments"] or []}
    for run in runs:
        files = of_dvc[run["experiment"]]["metrics"]
        assert float(run["average_precision"]) == files[sweep.METRICS]["data"]["average_precision"]["value"]
    text = (study.path / "paper/paper.md").read_text(encoding="utf-8")
    assert "Not run yet" not in text
    assert "Not written yet" not in text
    assert f"{np.mean([float(r['average_precision']) for r in runs if r['rows'] == 'half']):.4f}" in text
    assert f"| Commit | {study.run('git', 'rev-parse', 'HEAD').stdout.strip()} |" in text
    assert "no difference could have been found beyond chance" in " ".join(text.split())
    assert (study.path / "models/model.onnx").read_bytes() == model
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "The tables")
    again = study.run("uv", "run", "capstone", "experiments").stdout
    assert "4 of 4 runs have ended" in again.splitlines()[0]
    assert "1 of" not in again.replace("1 of 1", "")


def test_the_paper_is_set_with_what_was_found(study: Repository, tmp_path: Path) -> None:
    """By LaTeX, with the tables of the runs."""
    shutil.copytree(study.path / "paper", tmp_path / "paper")
    typeset(tmp_path / "paper", "paper")
