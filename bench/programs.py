"""Generate every programme's default repository, run its pipeline, and write what came out to docs/programs.md.

Each is generated, installed and run as a student would; the seconds are those of `uv sync` and `uv run dvc repro`.
"""

import json
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import yaml
from run import ENV, TEMPLATE, program, run

from capstone_kit import programs

PAGE = TEMPLATE / "docs" / "programs.md"
HEAD = """# Programmes

Made by `uv run python bench/programs.py`: the default answers of every programme, generated, installed and run on one
machine. The headline metric is measured on test rows, with its 95 % interval and how far it lies above a trivial
baseline. [What each programme says of itself](outcomes.md).

| programme | source | domain | data | task | headline metric | over the baseline | constraints | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- | ---: |
"""


def measure(programme: programs.Program, folder: Path) -> str:
    """Give the programme's line of the table. Ends the run where a step fails."""
    cookiecutter = (program("cookiecutter"), TEMPLATE, "--no-input", "-o", folder, f"program={programme.id}")
    run(*cookiecutter, cwd=folder, env=ENV)
    repository = folder / "capstone-project"
    seconds = run("uv", "sync", "--quiet", cwd=repository) + run("uv", "run", "dvc", "repro", cwd=repository)
    contract = yaml.safe_load((repository / "data/datapackage.yaml").read_text(encoding="utf-8"))
    task = tomllib.loads((repository / "capstone.toml").read_text(encoding="utf-8"))
    metrics, constraints = (
        json.loads((repository / f"reports/{name}.json").read_text(encoding="utf-8"))
        for name in ("metrics", "constraints")
    )
    headline = task["task"]["headline"]
    held = [c["metric"] for c in task["constraint"] if constraints[c["metric"]] <= c["at_most"]]
    cells = (
        programme.title,
        programme.source,
        f"`{programme.domain}`",
        origin(contract),
        f"{task['task']['kind']} of {target(contract)}",
        f"{headline} {shown(metrics[headline])}",
        shown(metrics["lift_over_baseline"]),
        f"{len(held)} of {len(task['constraint'])} met",
        f"{seconds:.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def origin(contract: dict[str, Any]) -> str:
    """Give whether the rows are measured or simulated, by the contract's own words."""
    return "simulated" if "Simulated" in contract["description"] else "measured"


def target(contract: dict[str, Any]) -> str:
    """Give the target's title."""
    fields = contract["resources"][0]["schema"]["fields"]
    return next(field["title"] for field in fields if field.get("role") == "target").lower()


def shown(found: dict[str, float]) -> str:
    """Give a metric with its interval."""
    return f"{found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g})"


def main() -> None:
    """Measure the programmes one after the other."""
    lines = []
    for name in programs.names():
        with tempfile.TemporaryDirectory() as folder:
            lines.append(measure(programs.load(name), Path(folder)))
        print(lines[-1], file=sys.stderr)
    PAGE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
