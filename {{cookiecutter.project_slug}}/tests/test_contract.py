"""A wrong contract stops every command with one sentence that names the file and the key."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, copy_inputs, write_contract

from project import contract, table

MISTAKES = {
    "unknown role": ("data/datapackage.yaml", r"role: target", "role: goal", "role: found 'goal'"),
    "two targets": ("data/datapackage.yaml", r"role: feature", "role: target", "found 2 fields with role target"),
    "no target": ("data/datapackage.yaml", r"role: target", "role: excluded", "found 0 fields with role target"),
    "unknown type": ("data/datapackage.yaml", r"type: \w+", "type: numbr", "numbr"),
    "no YAML": ("data/datapackage.yaml", r"resources:", "resources: [", "data/datapackage.yaml"),
    "no TOML": ("capstone.toml", r"\[task\]", "[task", "capstone.toml"),
    "unknown key": ("capstone.toml", r"\[task\]", "[task]\ncolour = 1", "task.colour"),
    "missing key": ("capstone.toml", r"coverage = .*", "", "task.coverage"),
    "out of range": ("capstone.toml", r"coverage = .*", "coverage = 1.5", "task.coverage"),
    "unknown headline": ("capstone.toml", r'headline = ".*"', 'headline = "luck"', "headline is 'luck', allowed are"),
    "two bounds": ("capstone.toml", r"at_least = (.*)", r"at_least = \1\nat_most = 2", "acceptance."),
    "unknown field": ("capstone.toml", r"field = .*", 'field = "nowhere"', "'nowhere' is no field"),
    "wrong value": ("params.yaml", r"seed: \d+", "seed: many", "seed"),
    "unknown method": ("params.yaml", r"method: \w+", "method: magic", "split.method"),
}


@pytest.mark.parametrize(("path", "pattern", "replacement", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence_naming_file_and_key(
    tmp_path: Path, path: str, pattern: str, replacement: str, said: str
) -> None:
    """Whatever is wrong, the error is a `ContractError` of one line with the file and the key."""
    copy_inputs(tmp_path)
    text = (tmp_path / path).read_text(encoding="utf-8")
    changed = re.sub(pattern, replacement, text, count=1)
    if changed == text:
        pytest.skip(f"{path} has nothing like {pattern}")
    (tmp_path / path).write_text(changed, encoding="utf-8")
    with pytest.raises(contract.ContractError) as raised:
        contract.load(tmp_path)
        contract.load_parameters(tmp_path)
    sentence = str(raised.value)
    assert said in sentence
    assert Path(path).name in sentence
    assert "\n" not in sentence


Y = {"name": "y", "type": "integer", "role": "target", "constraints": {"enum": [0, 1]}}
X = {"name": "x", "type": "string"}
TASK = '[task]\nkind = "classification"\nheadline = "accuracy"\ncoverage = 0.9\n'
REGRESSION = '[task]\nkind = "regression"\nheadline = "mae"\ncoverage = 0.9\n'
CONTRADICTIONS = {
    "a listed value of another type": (
        [{**X, "type": "number", "constraints": {"enum": ["a"]}}, Y],
        TASK,
        "fields.x.constraints.enum: found 'a'",
    ),
    "a limit of another type": (
        [{**X, "type": "date", "constraints": {"minimum": "noon"}}, Y],
        TASK,
        "fields.x.constraints.minimum: found 'noon'",
    ),
    "a bare direction": (
        [{**X, "type": "number", "monotone": "increasing"}, Y],
        TASK,
        "fields.x.monotone: found 'increasing', expected the keys direction and reason",
    ),
    "a positive class that is none": ([X, Y], f"{TASK}positive = 2\n", "task.positive: found '2', allowed are 0, 1"),
    "a positive class of a number": (
        [X, {"name": "y", "type": "number", "role": "target"}],
        f"{REGRESSION}positive = 2\n",
        "task.positive: found '2', allowed are the values that 'y' lists, and it lists none",
    ),
    "classes for a number": ([X, Y], REGRESSION, "task.kind: found 'regression', but 'y' is no number"),
    "edges for a text": ([X, Y], f'{TASK}[[slice]]\nfield = "x"\nedges = [1]\n', "slice.field: 'x' is no number"),
    "a shifted text": (
        [X, Y],
        TASK + '[[behaviour]]\nkind = "invariant"\nreason = "r"\nshift = { x = 1 }\n',
        "behaviour.shift: 'x' is no number",
    ),
}


def write_task(folder: Path, task: str) -> None:
    """Write a task contract below `folder`: this repository's project, and another task."""
    project = (ROOT / "capstone.toml").read_text(encoding="utf-8").partition("[task]")[0]
    (folder / "capstone.toml").write_text(project + task, encoding="utf-8")


@pytest.mark.parametrize(("fields", "task", "said"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_contracts_that_contradict_themselves_are_refused(
    tmp_path: Path, fields: list[dict[str, Any]], task: str, said: str
) -> None:
    """What no row could keep, or no model could learn, is said before a stage runs."""
    write_task(tmp_path, task)
    with pytest.raises(contract.ContractError, match=re.escape(said)):
        write_contract(tmp_path, fields)
        contract.load(tmp_path)


SPELLINGS = {
    "whole numbers": ("integer", [0, 1], "1", ["0", "1"]),
    "fractions that are whole": ("number", [0.0, 1.0], "1.0", ["0", "1"]),
    "texts": ("string", ["0", "1"], '"1"', ["0", "1"]),
    "booleans": ("boolean", [False, True], "true", ["false", "true"]),
    "booleans as ever": ("boolean", None, "true", ["false", "true"]),
}


@pytest.mark.parametrize(("kind", "enum", "positive", "names"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_class_has_one_name_however_it_is_written(
    tmp_path: Path, kind: str, enum: list[Any] | None, positive: str, names: list[str]
) -> None:
    """The table, the list of classes and the positive class agree."""
    limits = {"required": True} | ({} if enum is None else {"enum": enum})
    write_contract(tmp_path, [X, {"name": "y", "type": kind, "role": "target", "constraints": limits}])
    write_task(tmp_path, f"{TASK}positive = {positive}\n")
    data, capstone = contract.load(tmp_path)
    assert [str(value) for value in data.target.enum] == names
    assert capstone.task.positive == names[1]
    (tmp_path / "rows.csv").write_text("x,y\na,0\nb,1\n", encoding="utf-8")
    assert table.labels(table.read(tmp_path / "rows.csv", data)["y"]).tolist() == names


def test_the_command_line_shows_the_sentence_and_no_traceback(tmp_path: Path) -> None:
    """A stage ends with status 1 and the sentence alone."""
    copy_inputs(tmp_path)
    (tmp_path / "capstone.toml").unlink()
    done = subprocess.run([sys.executable, "-m", "project.contract"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: capstone.toml: the file is missing\n"


def test_every_direction_and_bound_has_a_reason(data: contract.DataContract) -> None:
    """The contract says why a prediction may only rise or fall with a field."""
    assert all(field["monotone"]["reason"] for field in data.fields.values() if "monotone" in field)
