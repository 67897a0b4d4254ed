"""The documents: links lead somewhere, measured numbers are filled in, the runbook's commands run, the notebook too."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml
from conftest import ROOT, run_stages

from project import stage
from project.evaluation import figures

NOT_OURS = {".venv", "node_modules", "portfolio", "site"}
DOCUMENTS = [path for path in ROOT.rglob("*.md") if path.relative_to(ROOT).parts[0] not in NOT_OURS]
NOTEBOOK = ROOT / "notebooks" / "01-explore.ipynb"


def outputs_of_the_pipeline() -> list[Path]:
    """Give what dvc.yaml declares as output: there only after `dvc repro`."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    entries = [entry for s in stages for key in ("outs", "metrics", "plots") for entry in s.get(key, [])]
    names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
    return [ROOT / name for name in names]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_a_file(document: Path) -> None:
    """A relative link names a file of the repository, or one that the pipeline writes."""
    outputs = outputs_of_the_pipeline()
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
        if not re.match(r"\w+:", link):
            target = (document.parent / link).resolve()
            made = any(target == out or out in target.parents or target in out.parents for out in outputs)
            assert target.exists() or made, link


def test_the_evaluation_fills_in_the_documents(inside: Path) -> None:
    """README and model card hold the measured headline metric."""
    headline = re.search(r'headline = "(\w+)"', (inside / "capstone.toml").read_text(encoding="utf-8"))
    assert headline
    value = stage.read_json(Path("reports/metrics.json"))[headline[1]]["value"]
    assert f"| {headline[1]} | {value:.4g} (" in Path("docs/model-card.md").read_text(encoding="utf-8")
    assert "Not evaluated yet" not in Path("README.md").read_text(encoding="utf-8")


def test_names_stand_on_an_axis_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dollar signs begin no formula, and no backslash comes before them."""
    monkeypatch.chdir(tmp_path)
    tables = {
        "importance": pd.DataFrame({"feature": ["price in $"], "drop": [0.1]}),
        "calibration": pd.DataFrame({"predicted": [0.0, 1.0], "observed": [0.0, 1.0]}),
        "outcomes": pd.DataFrame({"actual": ["$a$", "b"], "predicted": ["$a$", "$a$"]}),
    }
    figures.draw(tables, "accuracy")
    drawn = "".join(path.read_text(encoding="utf-8") for path in figures.FIGURES.glob("*.svg"))
    assert {"<!-- price in $ -->", "<!-- $a$ -->"} <= set(re.findall("<!-- .* -->", drawn))


def runbook_commands() -> list[str]:
    """Give the commands of the runbook's blocks that are tagged `console run`."""
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console run\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("command", runbook_commands())
def test_the_runbook_commands_run(inside: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tagged command succeeds where the pipeline has run; a stage runs in this process, which has its imports."""
    words = shlex.split(command)
    assert words[:2] == ["uv", "run"], command
    subprocess.run(["git", "init", "--quiet"], check=True)  # dvc works in a git repository
    if words[2:4] == ["python", "-m"]:
        monkeypatch.setattr(sys, "argv", words[4:])
        run_stages(inside, words[4].removeprefix("project."))
    else:
        done = subprocess.run([sys.executable, "-m", *words[2:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("inside")
def test_the_notebook_runs_and_holds_no_outputs() -> None:
    """The notebook's cells run as one script on the pipeline's data; its file holds code and text alone."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    plt.switch_backend("Agg")
    exec(compile("\n".join("".join(cell["source"]) for cell in cells), NOTEBOOK.name, "exec"), {})
    assert plt.get_fignums()
    plt.close("all")
