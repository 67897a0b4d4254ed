"""The reference project: a team that has done its work, on real data, with documents written. Nothing in it cheats.

`python tests/kit/reference.py FOLDER` makes one, for looking at.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from wheels import TORCH, torch_from_index

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = ROOT / "tests" / "projects" / "reference"
ANSWERS = {
    "project_name": "Fuel economy",
    "team": "Team Otto",
    "sponsor": "Hartwell Motors",
    "program": "cmu-mechanical",
    "description": "Predicts how far a car goes on a gallon from its engine and its weight.",
}
CAPSTONE = ("uv", "run", "capstone")
MEMBERS = ("Ada Park", "Ben Osei", "Chris Lindgren")
WEIGHT = "unit: lb"
MONOTONE = """unit: lb
          monotone:
            direction: decreasing
            reason: A heavier car needs more work for the same mile, so at equal power it never goes further"""


@dataclass(frozen=True)
class Team:
    """The team at work in its repository."""

    root: Path

    def run(self, *command: str, day: int = 1, member: int = 0) -> str:
        """Run a command on a day of September, as a member; give what it printed."""
        hidden = {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
        date, name = f"2026-09-{day:02}T12:00:00+00:00", MEMBERS[member]
        more = {f"GIT_{role}_DATE": date for role in ("AUTHOR", "COMMITTER")}
        more |= {f"GIT_{role}_NAME": name for role in ("AUTHOR", "COMMITTER")}
        more |= {f"GIT_{role}_EMAIL": f"{name.split()[0].lower()}@example.edu" for role in ("AUTHOR", "COMMITTER")}
        kept = {key: value for key, value in os.environ.items() if key not in hidden}
        done = subprocess.run(command, cwd=self.root, env=kept | more, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def commit(self, message: str, day: int, member: int) -> str:
        """Commit everything; give the hash."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message, day=day, member=member)
        return self.run("git", "rev-parse", "--short=12", "HEAD").strip()

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file, each of which is there."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        for before, after in changes:
            if not re.search(before, text):
                raise RuntimeError(f"{name} holds no {before!r}")
            text = re.sub(before, lambda _, new=after: new, text)
        path.write_text(text, encoding="utf-8", newline="\n")


def cars(path: Path) -> Path:
    """Write the table of 406 cars that comes with vega_datasets (BSD-3-Clause; data: StatLib, 1983)."""
    import pandas as pd
    import vega_datasets

    pd.read_json(Path(vega_datasets.__file__).parent / "_data" / "cars.json").to_csv(path, index=False)
    return path


def build(folder: Path, framework: str = "scikit-learn", torch: str = TORCH) -> Path:
    """Generate, adopt, write, train and commit below `folder`; give the repository. `torch` is PyTorch's index."""
    answers = [f"{name}={value}" for name, value in (ANSWERS | {"framework": framework}).items()]
    command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--output-dir", str(folder)]
    Team(folder).run(*command, *answers, day=1)
    team = Team(folder / "fuel-economy")
    torch_from_index(team.root / "pyproject.toml", torch)
    team.run("uv", "sync", "--quiet")
    source = cars(folder / "cars.csv")
    team.run(*CAPSTONE, "adopt", str(source), "--target", "Miles_per_Gallon", "--drop", "Name", "--yes")
    of_use = ("docs/impact-assessment.md", "docs/risk-register.md")
    for name in ("src/project/consumption.py", "tests/test_consumption.py", *of_use):
        shutil.copyfile(OVERLAY / name, team.root / name)
    _agree(team)
    signed = team.commit("Agree on the criteria with Hartwell", day=4, member=0)
    charter = (OVERLAY / "docs/charter.md").read_text(encoding="utf-8").replace("@COMMIT@", signed)
    (team.root / "docs/charter.md").write_text(charter, encoding="utf-8", newline="\n")
    _write_documents(team)
    for week, day in ((1, 4), (2, 11), (3, 18)):
        name = f"docs/status/week-0{week}.md"
        shutil.copyfile(OVERLAY / name, team.root / name)
        if week == 3:
            team.run("uv", "run", "dvc", "repro")
            _report(team)
        team.commit(f"Report on week {week}", day=day, member=week - 1)
    return team.root


def _agree(team: Team) -> None:
    """Write down what was agreed: criteria, a direction with its reason, the licence of the rows."""
    limit = 'metric = "mae"\nat_most = 4.0\nreason = "Hartwell loses money on a car whose guess is off by more"'
    team.edit(
        "capstone.toml", (r"proposed = true\n", ""), (r'metric = "mae"\nat_most = [\d.]+\nreason = "[^"]*"', limit)
    )
    team.edit(
        "data/datapackage.yaml",
        (WEIGHT, MONOTONE),
        ("confidentiality: internal", "confidentiality: public"),
        (r"name: unknown\n    title: .*", "name: BSD-3-Clause\n    title: Table of cars in vega_datasets"),
    )
    team.edit("params.yaml", (r"trials: \d+", "trials: 2"), (r"folds: \d+", "folds: 2"))


def _write_documents(team: Team) -> None:
    """Write the team's answers into datasheet, model card and README."""
    answers = tomllib.loads((OVERLAY / "answers/datasheet.toml").read_text(encoding="utf-8"))
    sheet = (team.root / "docs/datasheet.md").read_text(encoding="utf-8")
    head, *parts = re.split(r"(?m)^(?=## )", sheet)
    written = [f"## {name}\n{answers[name]}\n\n" if (name := _heading(p)) in answers else p for p in parts]
    (team.root / "docs/datasheet.md").write_text(head + "".join(written), encoding="utf-8", newline="\n")
    parts = ("intended-use", "factors", "caveats")
    intended, factors, caveats = ((OVERLAY / f"docs/model-card.{p}.md").read_text(encoding="utf-8") for p in parts)
    team.edit(
        "docs/model-card.md",
        (r"(?s)## Intended use\n.*?(?=## )", f"## Intended use\n{intended}\n"),
        (r"(?s)## Factors\n.*?(?=## )", f"## Factors\n{factors}\n"),
        (r"(?s)## Caveats[^\n]*\n.*?(?=\n## |\Z)", f"## Caveats and recommendations\n{caveats}"),
    )
    shutil.copyfile(OVERLAY / "docs/final-report.md", team.root / "docs/final-report.md")
    readme = (OVERLAY / "readme.md").read_text(encoding="utf-8")
    team.edit("README.md", (r"\n## State", f"{readme}\n## State"))


def _heading(part: str) -> str:
    return part.partition("\n")[0].removeprefix("## ").strip()


def _report(team: Team) -> None:
    """Write the measured figures into the final report, in words."""
    found = json.loads((team.root / "reports/metrics.json").read_text(encoding="utf-8"))
    mae, lift, worst = (found[name]["value"] for name in ("mae", "lift_over_baseline", "worst_slice"))
    results = (
        f"The mean absolute error on the test cars is {mae:.3g} miles per gallon, {lift:.3g} better than the median of "
        f"the training cars. The worst origin has {worst:.3g}. All criteria that Hartwell signed hold; the "
        "interval holds the truth as often as it was stated. An expert would have foreseen the error on diesel engines."
    )
    team.edit("docs/final-report.md", ("@RESULTS@", results))


if __name__ == "__main__":
    print(build(Path(sys.argv[1]).resolve()))
