"""`capstone privacy`: personal data are found where they lie, and nothing else is taken for them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from bake import bake

from capstone_kit import privacy
from capstone_kit.project import Project

MAILS = [f"ada.park{n}@firm.edu" for n in range(5)]
PHONES = [f"+1 412 555 {n:04}" for n in range(5)]
NUMBERS = [f"123-45-678{n}" for n in range(5)]
PEOPLE = ["Ada Park", "Ben Osei", "Chris Lindgren", "Dana Hartwell", "Emil Novak"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a repository as it was generated."""
    return Project(bake(tmp_path))


def write(project: Project, name: str, text: str) -> None:
    """Write a file below the project."""
    project.path(name).parent.mkdir(parents=True, exist_ok=True)
    project.path(name).write_text(text, encoding="utf-8")


def log(project: Project, field: str, values: list[str]) -> None:
    """Write a prediction log in which a field has these values."""
    lines = [json.dumps({"inputs": [{field: value, "torque": 40}], "answer": {}}) for value in values]
    write(project, "logs/predictions.jsonl", "\n".join(lines) + '\n{"inputs": [{"cut sh')


def mark(project: Project, field: str, **keys: Any) -> None:
    """Write keys into a field of the data contract."""
    package = yaml.safe_load(project.text("data/datapackage.yaml"))
    (found,) = (f for f in package["resources"][0]["schema"]["fields"] if f["name"] == field)
    found |= keys
    write(project, "data/datapackage.yaml", yaml.safe_dump(package, sort_keys=False))


CASES: dict[str, tuple[Callable[[Project], None], str]] = {
    "addresses in the log": (
        lambda p: log(p, "contact", MAILS),
        "logs/predictions.jsonl: 5 values of contact look like e-mail addresses",
    ),
    "telephones in the log": (
        lambda p: log(p, "line", PHONES),
        "logs/predictions.jsonl: 5 values of line look like telephone numbers",
    ),
    "names of people in the sample": (
        lambda p: write(p, "data/sample.csv", "full_name,wear\n" + "".join(f"{who},1\n" for who in PEOPLE)),
        "data/sample.csv: 5 values of full_name look like names of people",
    ),
    "national identities in the sample": (
        lambda p: write(p, "data/sample.csv", "key,wear\n" + "".join(f"{number},1\n" for number in NUMBERS)),
        "data/sample.csv: 5 values of key look like national identity numbers",
    ),
    "addresses within remarks in the log": (
        lambda p: log(p, "remark", [*(f"ask {mail}, who was there" for mail in MAILS), *"abcdefgh"]),
        "logs/predictions.jsonl: remark holds 5 e-mail addresses",
    ),
    "addresses in a notebook": (
        lambda p: write(p, "notebooks/02-look.ipynb", json.dumps({"cells": MAILS})),
        "notebooks/02-look.ipynb holds 5 e-mail addresses",
    ),
    "a marked field in the log": (
        lambda p: (mark(p, "part", personal="numbers of workers"), log(p, "part", ["a", "b", "c"]))[0],
        "logs/predictions.jsonl: 3 values of part, which the contract marks personal (numbers of workers)",
    ),
    "a marked feature": (
        lambda p: mark(p, "torque", personal="how hard a worker pulls"),
        "data/datapackage.yaml: the model is given torque, which is marked personal (how hard a worker pulls)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_found(project: Project, case: str) -> None:
    """One line says where, how many values, and of what kind."""
    put, line = CASES[case]
    put(project)
    assert list(privacy.findings(project)) == [line]


HARMLESS: dict[str, Callable[[Project], None]] = {
    "as it was generated": lambda _: None,
    "two addresses": lambda p: log(p, "contact", MAILS[:2]),
    "addresses that nobody has": lambda p: log(p, "contact", [f"user{n}@example.org" for n in range(9)]),
    "names of products": lambda p: log(p, "grade", ["Steel", "Brass", "Copper", "Zinc"]),
    "what a person cleared": lambda p: (mark(p, "part", personal=False), log(p, "part", PHONES))[0],
    "a binary file": lambda p: (write(p, "logs/x.log", ""), p.path("logs/x.log").write_bytes(b"\xff\x00" * 99))[0],
    "no table": lambda p: write(p, "reports/x.csv", '"' + "x" * 200_000),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_nothing_else_is_taken_for_it(project: Project, case: str) -> None:
    """Few values, made-up domains, ordinary words and what a person has cleared raise no suspicion."""
    HARMLESS[case](project)
    assert list(privacy.findings(project)) == []


def test_the_command_ends_with_one_and_a_line_each(project: Project) -> None:
    """Without findings it says where it looked and ends with 0; a link is not followed."""
    command = [sys.executable, "-m", "capstone_kit", "privacy"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    outside = project.root.parent / "elsewhere.csv"
    outside.write_text("contact\n" + "\n".join(MAILS), encoding="utf-8")
    project.path("reports").mkdir(exist_ok=True)
    project.path("reports/link.csv").symlink_to(outside)
    log(project, "contact", MAILS)
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stdout == "logs/predictions.jsonl: 5 values of contact look like e-mail addresses\n"
