"""Every answer that changes a file, in pairs: what comes out parses, links, and holds nothing that it should not."""

import ast
import json
import os
import re
import tomllib
from itertools import combinations, product
from pathlib import Path

import nbformat
import pytest
import yaml
from bake import ROOT, bake

from capstone_kit import programs

QUESTIONS = ("program", "domain", "framework", "license", "ci", "python_version")
CHOICES = {name: json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))[name] for name in QUESTIONS}
SIGNS = (".cruft.json", "grafana.json")  # hold the signs of Jinja rightly: answers, and Grafana's own
TITLES = {
    "MIT": "MIT License",
    "Apache-2.0": "Apache License",
    "BSD-3-Clause": "BSD 3-Clause License",
    "proprietary": "Proprietary: all rights reserved",
}


def pairwise() -> list[dict[str, str]]:
    """Give few answers in which each pair of choices of two questions stands together at least once (greedily).

    But programme and domain: each programme stands with its own domain, and each domain with the first programme.
    """
    every, domains, *others = CHOICES.values()
    places = [(program, "auto") for program in every] + [(every[0], domain) for domain in domains[1:]]
    rows = [dict(zip(QUESTIONS, (*place, *chosen), strict=True)) for place, *chosen in product(places, *others)]
    pairs = {row_pair for row in rows for row_pair in combinations(row.items(), 2)}
    chosen = []
    while pairs:
        best = max(rows, key=lambda row: len(pairs & set(combinations(row.items(), 2))))
        pairs -= set(combinations(best.items(), 2))
        chosen.append(best)
    return chosen


@pytest.fixture(scope="module", params=pairwise(), ids=lambda answers: "-".join(answers.values()))
def baked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path]:
    """Give answers, and the repository that they make."""
    return request.param, bake(tmp_path_factory.mktemp("baked"), **request.param)


def files(root: Path) -> list[Path]:
    """Give the files of a repository, git's own left out."""
    return [
        path for path in sorted(root.rglob("*")) if path.is_file() and ".git" not in path.relative_to(root).parts[:1]
    ]


def check_parses(root: Path, lowest_python: str) -> None:
    """Parse every file of a structured format."""
    version = tuple(map(int, lowest_python.split(".")))
    for path in files(root):
        text = path.read_text(encoding="utf-8")
        match path.suffix:
            case ".toml":
                tomllib.loads(text)
            case ".yaml" | ".yml":
                list(yaml.safe_load_all(text))
            case ".json":
                json.loads(text)
            case ".py":
                ast.parse(text, feature_version=(version[0], version[1]))
            case ".ipynb":
                nbformat.validate(json.loads(text))


def outputs(root: Path) -> list[Path]:
    """Give what dvc.yaml declares as output."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    entries = [entry for s in stages for key in ("outs", "metrics", "plots") for entry in s.get(key, [])]
    return [root / (entry if isinstance(entry, str) else next(iter(entry))) for entry in entries]


def test_every_file_parses(baked: tuple[dict[str, str], Path]) -> None:
    """TOML, YAML, JSON, Python of the answered version, and notebooks."""
    answers, root = baked
    check_parses(root, answers["python_version"])


def test_every_relative_link_leads_to_a_file(baked: tuple[dict[str, str], Path]) -> None:
    """A Markdown link names a file of the repository or an output of its pipeline."""
    _, root = baked
    made = outputs(root)
    for path in files(root):
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)|^\[[^\]]+\]: ([^#\s]+)", text, re.MULTILINE):
                name = "".join(link)
                if not re.match(r"\w+:", name):
                    target = Path(os.path.normpath(path.parent / name))
                    assert target.is_relative_to(root), f"{path}: {name} leads out of the repository"
                    later = any(target == out or out in target.parents or target in out.parents for out in made)
                    assert target.exists() or later, f"{path}: {name}"


def test_files_look_hand_written(baked: tuple[dict[str, str], Path]) -> None:
    """No rest of Jinja or of the variants, no empty file, no trailing blank, LF and one line end at the end."""
    _, root = baked
    assert not (root / ".variants").exists()
    for path in files(root):
        raw = path.read_bytes()
        text = raw.decode()
        jinja = re.findall(r"(?<!\$)\{\{.*?\}\}|\{%|cookiecutter\.", text) if path.name not in SIGNS else []
        assert not jinja, f"{path}: {jinja}"
        assert raw.strip(), f"{path} is empty"
        assert b"\r" not in raw, path
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), path
        assert text.endswith("\n") and not text.endswith("\n\n"), path


def test_answers_decide_their_files(baked: tuple[dict[str, str], Path]) -> None:
    """The licence, the forge's CI, the domain's contract and the lowest Python are those asked for, and only those."""
    answers, root = baked
    assert (root / "LICENSE").read_text(encoding="utf-8").lstrip().startswith(TITLES[answers["license"]])
    assert (root / ".github").exists() == (answers["ci"] == "github")
    assert (root / ".gitlab-ci.yml").exists() == (answers["ci"] == "gitlab")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={answers['python_version']},<3.14"
    capstone = tomllib.loads((root / "capstone.toml").read_text(encoding="utf-8"))["project"]
    own = programs.load(answers["program"])
    domain = own.domain if answers["domain"] == "auto" else answers["domain"]
    recorded = {"program": answers["program"], "domain": domain, "license": answers["license"]}
    assert {name: capstone[name] for name in recorded} == recorded
    assert own.title in (root / "docs" / "outcomes.md").read_text(encoding="utf-8")
