"""What a repository has for a programme that ends in research: experiments, a paper, how to cite it."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from bake import ROOT, bake
from test_experiments import typeset

from capstone_kit import programs
from capstone_kit.experiments.matrix import Matrix
from capstone_kit.formats import escape

sys.path.insert(0, str(ROOT))
from local_extensions import latex

ONLY_OF_RESEARCH = ("CITATION.cff", "experiments.toml", "paper/.gitignore", "paper/paper.md", "paper/paper.tex")
LICENSES = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["license"]
ANSWERS = {
    "project_name": 'A "50 %" #1 of $x_y & ~z^2 \\ <b>',
    "project_slug": "fifty-percent",
    "team": "Zoë & Ünal: [the] `team` # one",
    "description": "It's: 100 % {of} what | was 'asked'.",
}


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository of research whose answers hold what Markdown, LaTeX and YAML take for signs."""
    return bake(tmp_path_factory.mktemp("research"), program="cmu-materials", **ANSWERS)


@pytest.mark.parametrize("name", programs.names())
def test_only_the_programmes_that_end_in_research_have_its_files(name: str, tmp_path: Path) -> None:
    """All of them or none; and the page of outcomes says which."""
    root = bake(tmp_path, program=name)
    there = [file for file in ONLY_OF_RESEARCH if (root / file).exists()]
    research = programs.load(name).research
    assert there == (list(ONLY_OF_RESEARCH) if research else [])
    assert ("paper/" in (root / "docs/outcomes.md").read_text(encoding="utf-8")) == research


def cited(root: Path) -> dict[str, Any]:
    """Give what CITATION.cff says, once it keeps to version 1.2.0 of the Citation File Format."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format"]
    done = subprocess.run([*command, str(root / "CITATION.cff")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_citation_file_holds_the_answers(baked: Path) -> None:
    """Title, abstract and team as they were answered."""
    told = cited(baked)
    assert (told["title"], told["abstract"]) == (ANSWERS["project_name"], ANSWERS["description"])
    assert told["authors"] == [{"name": ANSWERS["team"]}]


@pytest.mark.parametrize("license", LICENSES)
def test_the_citation_file_names_the_licence(tmp_path: Path, license: str) -> None:  # noqa: A002
    """By its SPDX identifier; a proprietary one has none, and a citation must not promise one."""
    told = cited(bake(tmp_path, program="cmu-materials", license=license))
    assert told.get("license") == (None if license == "proprietary" else license)


def test_the_matrix_that_is_shipped_can_find_something(baked: Path) -> None:
    """It is read, and has seeds enough for the comparisons that its comment speaks of."""
    found = Matrix.model_validate(tomllib.loads((baked / "experiments.toml").read_text(encoding="utf-8")))
    assert found.ablation
    assert set(found.ablation.drop) == {"features", "directions", "candidates"}
    assert 25 * 2 / 2 ** len(found.seeds) < 0.05 <= 26 * 2 / 2 ** len(found.seeds)


def test_the_paper_is_set_before_anything_is_written(baked: Path) -> None:
    """By LaTeX, the answers as they are; what no command has written says so."""
    text = (baked / "paper/paper.tex").read_text(encoding="utf-8")
    assert latex(ANSWERS["project_name"]) in text
    assert text.count(r".tex}}{\notwritten}") == 3
    typeset(baked / "paper", "paper")


def test_kit_and_template_escape_for_latex_alike() -> None:
    """Each has its own copy: the template is rendered where the kit is not installed."""
    every = "".join(map(chr, range(0x20, 0x7F))) + "Zoë 漢字"
    assert latex(every) == escape.latex(every)
