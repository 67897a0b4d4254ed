"""A small repository with a history of measured values, for the tests of its pages: written, never run."""

import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capstone_kit.examination import KNOWN
from capstone_kit.result import Outcome, Report, Result

CONTRACT = """
[project]
name = {name}
description = {text}
team = {text}
sponsor = {text}
license = "MIT"

[task]
kind = "classification"
headline = "average_precision"
coverage = 0.9

[[acceptance]]
metric = "average_precision"
at_least = 0.7
reason = {text}

[[acceptance]]
metric = "recall"
at_least = 0.75
reason = {text}

[[constraint]]
metric = "latency_p95_ms"
at_most = 5.0
unit = "ms"
"""
CHARTER = """# Charter

## The ask
{text}

See [the contract](../capstone.toml) or [mail](mailto:ada.park@firm.edu), ada.park@firm.edu.

## Milestones
| Milestone | Shown by | Date |
|---|---|---|
| First champion | {cell} | May |

## Sign-off
| Name | Role | Date | Commit of capstone.toml |
|---|---|---|---|
| Ada Park | sponsor | | |
"""
RISKS = """# Impact

| Id | Function | Risk or threat | L | S | Mitigation | Owner | Evidence |
|---|---|---|---|---|---|---|---|
| G1 | Govern | {cell} | low | low | {cell} | Ada Park | x |
| G2 | Govern | The graver one | high | high | **Watch** it | Ada Park | x |

## Limits of the system
{text}
"""

REGISTER = """# Register

| Id | Function | Risk | Comes from | Measured | Annex IV | Answer |
|---|---|---|---|---|---|---|
| R12 | Measure | {cell} | x | `headline_noisy` = 0.71 in place of 0.78 | 3 | ask Ada Park |
"""


@dataclass(frozen=True)
class Small:
    """The repository."""

    root: Path

    def write(self, name: str, content: str | dict[str, Any] | list[Any]) -> None:
        """Write a file, JSON where the content is no text."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8", newline="\n")

    def git(self, *words: str, day: int = 1) -> str:
        """Run git on a day of September."""
        date = f"2026-09-{day:02}T12:00:00+00:00"
        more = {f"GIT_{role}_DATE": date for role in ("AUTHOR", "COMMITTER")}
        done = subprocess.run(["git", *words], cwd=self.root, env=os.environ | more, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, day: int = 1) -> str:
        """Commit everything; give the hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", f"Day {day}", day=day)
        return self.git("rev-parse", "HEAD")

    def measure(self, precision: float, recall: float = 0.8, latency: float = 0.03) -> None:
        """Write measured values as `evaluate` does."""
        ends = {"low": round(precision - 0.05, 3), "high": round(precision + 0.05, 3)}
        values = {"average_precision": {"value": precision} | ends, "recall": {"value": recall}}
        self.write("reports/metrics.json", values | {"set_coverage": {"value": 0.93, "low": 0.9, "high": 0.95}})
        self.write("reports/constraints.json", {"latency_p95_ms": latency})
        self.write("reports/validation.json", {"accepted": 100})


def begin(folder: Path, text: str = "Plain words", confidentiality: str = "public") -> Small:
    """Begin a repository in which nothing is measured; `text` stands wherever a team can put one."""
    small = Small(folder)
    folder.mkdir(parents=True, exist_ok=True)
    small.git("init", "--quiet", "--initial-branch", "main")
    quoted, cell = json.dumps(text, ensure_ascii=True), " ".join(text.split()).replace("|", "\\|")
    small.write("capstone.toml", CONTRACT.format(name=quoted, text=quoted))
    small.write("dvc.yaml", "stages: {}\n")
    fields = [{"name": "wear", "type": "number", "title": text}]
    small.write(
        "data/datapackage.yaml",
        {
            "confidentiality": confidentiality,
            "licenses": [{"name": text}],
            "resources": [{"schema": {"fields": fields}}],
        },
    )
    small.write("docs/charter.md", CHARTER.format(text=text, cell=cell))
    small.write("docs/impact-assessment.md", RISKS.format(text=text, cell=cell))
    small.write("docs/risk-register.md", REGISTER.format(cell=cell))
    small.write("docs/runbook.md", f"# Runbook\n{text}\n")
    small.write("docs/decisions/0001-choose.md", f"# 0001 {cell}\n\n## Status\nAccepted. {text}\n")
    small.write("docs/status/week-01.md", f"# Week 1 {cell}\n\n## Summary\n{text}\n")
    small.commit(1)
    return small


def measured(folder: Path, text: str = "Plain words", confidentiality: str = "public") -> Small:
    """Give a repository in which everything that a page shows is there."""
    small = begin(folder, text, confidentiality)
    small.measure(0.78)
    ends = {"value": 0.8, "low": 0.7, "high": 0.9, "rows": 10}
    small.write(
        "reports/slices.json", [{"field": text, "slice": text} | ends, {"field": "wear", "slice": "[-inf, 3)"} | ends]
    )
    moved = [{"field": text, "contribution": 0.4}, {"field": "wear", "contribution": -0.1}]
    explained = {"row": 3, "right": True, "explained": text, "base": 0.1, "prediction": 0.4, "contributions": moved}
    trust = {"rows": 90, "headline": {"value": 0.78}, "noise": {"value": 0.71}, "explanations": [explained]}
    trust |= {"missing": [{"field": text, "value": 0.5}], "evasion": {"tries": 20, "turned": 0.034, "silenced": 0.24}}
    small.write("reports/trust.json", trust)
    small.write("reports/drift.json", {"judged": True, "alarm": True, "comparisons": [{"name": text, "moved": True}]})
    small.write("reports/plots/calibration.csv", "predicted,observed\n0.1,0.1\n0.9,0.8\n")
    cell = '"' + text.replace('"', '""').replace("\x00", "") + '"'
    small.write("reports/plots/importance.csv", f"feature,drop\n{cell},0.5\nwear,0.1\n")
    small.write("reports/plots/outcomes.csv", f"actual,predicted\n{cell},wear\nwear,wear\n")
    small.write("models/receipt.json", {"data_sha256": text, "mlflow_run_id": text, "bento_tag": text})
    small.write("models/model.json", {"features": {text: {"typical": text}}})
    small.commit(2)
    return small


def cohort(teams: int, seed: int = 0) -> dict[str, Report]:
    """Give made-up reports of that many teams; of one requirement most fail."""
    return {f"team-{n:03}": made_up(f"team-{n:03}", random.Random(seed + n)) for n in range(teams)}


def made_up(team: str, rng: random.Random) -> Report:
    """Give a report by chance."""
    results = []
    for id_, requirement in KNOWN.items():
        weights = [6, 2, 30 if id_ == "OPS3" else 1, 1, 0.1, 0.2, 8 if requirement.how == "H" else 0]
        outcome = rng.choices(list(Outcome), weights)[0]
        points = {Outcome.PASS: 4, Outcome.NOT_APPLICABLE: 4, Outcome.PARTIAL: 2}.get(outcome, 0)
        earned = None if outcome.open else points
        texts = ("3 of 4 rows", "4 of 4 rows", "uv run dvc repro", "mend it")
        results.append(Result(id_, requirement.family, requirement.statement, outcome, earned, 4, *texts))
    return Report(
        repository=team,
        commit="0" * 40,
        profile="course",
        profile_title="A made-up course",
        profile_sha256="f" * 64,
        kit_version="1",
        environment="",
        seed=0,
        started="2026-09-01T10:00:00+00:00",
        ended="2026-09-01T10:20:00+00:00",
        preview=False,
        sandboxed=True,
        results=tuple(results),
        flags=("dvc.yaml differs",) if rng.random() < 0.1 else (),
    )
