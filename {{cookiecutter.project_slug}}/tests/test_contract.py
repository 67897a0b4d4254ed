"""A wrong contract stops every command with one sentence that names the file and the key."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import copy_inputs

from project import contract

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
    "unknown field": ("capstone.toml", r'field = "\w+"', 'field = "nowhere"', "'nowhere' is no field"),
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
