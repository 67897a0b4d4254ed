"""Adopt every real table of the tests, train on it, write docs/tables.md: `uv run python bench/tables.py [NAME ...]`.

Each table goes through `capstone adopt` and `dvc repro` with the default search, in one generated repository that is
taken back in between. Seconds and memory are those of the commands and all their children. With names, only those are
measured anew and the other lines stay; `million` is the generated table of a million rows.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/kit")]

from conftest import Repository
from nasties import TARGET, million
from tables import TABLES, Table

REPORT = ROOT / "docs/tables.md"
HEAD = """# Real tables

Each table below comes inside a package of the Python package index (`tests/kit/tables.py` names file and licence),
went through `capstone adopt` and `dvc repro` with no edit, and is measured on its test rows with a 95 % bootstrap
interval. Lift is the distance from the best constant prediction, in units of the metric, turned so that more is better:
some of these tables hold next to nothing to learn, and then it says so. Seconds are those of the commands, peak memory
that of the largest process of both. The last is no real table: `tests/kit/nasties.py` makes it of 26 numbers, two
categories, a date and a class. Written by `uv run python bench/tables.py`, which takes names of tables too.

| table | package | rows | columns | task | metric | value | lift | adopt s | repro s | peak MB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    seconds: float
    megabytes: float
    ended: bool
    said: str


def measured(repository: Repository, *command: str) -> Run:
    """Run a command in the repository; the peak memory is that of its largest process."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=repository.path, env=repository.environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        said = output.read()
    return Run(time.perf_counter() - started, usage.ru_maxrss / 1024, status == 0, said)


def shown(found: dict[str, Any]) -> str:
    """Give a value with its interval."""
    ends = [f"{found[name]:.3g}" for name in ("value", "low", "high")]
    return f"{ends[0]} ({ends[1]} to {ends[2]})"


class Million(Table):
    """The generated table of a million rows."""

    def write(self, folder: Path) -> Path:
        """Write it as CSV."""
        return million(folder, self.rows, self.columns)


ALL = {table.name: table for table in TABLES} | {
    "million": Million("million", "generated", "", "", 1_000_000, 30, TARGET, "classification", "size")
}


def line(repository: Repository, table: Table, folder: Path) -> str:
    """Adopt, train, and give the table's line in the report."""
    for words in (("reset", "--quiet", "--hard"), ("clean", "-fdq")):
        repository.run("git", *words)
    source = table.write(folder)
    command = ["uv", "run", "capstone", "adopt", str(source), f"--target={table.target}", *table.wishes, "--yes"]
    start = f"| {table.name} | {table.package} | {table.rows:,} | {table.columns} | {table.kind} |"
    adopted = measured(repository, *command)
    trained = measured(repository, "uv", "run", "dvc", "repro") if adopted.ended else adopted
    if not trained.ended:
        reason = re.sub(r"\s+", " ", trained.said.strip().splitlines()[-1])[:120].replace("|", "/")
        return f"{start} {reason} | | | {adopted.seconds:.1f} | | |"
    headline = tomllib.loads((repository.path / "capstone.toml").read_text(encoding="utf-8"))["task"]["headline"]
    metrics = json.loads((repository.path / "reports/metrics.json").read_text(encoding="utf-8"))
    figures = f"{headline} | {shown(metrics[headline])} | {shown(metrics['lift_over_baseline'])}"
    megabytes = max(adopted.megabytes, trained.megabytes)
    return f"{start} {figures} | {adopted.seconds:.1f} | {trained.seconds:.1f} | {megabytes:.0f} |"


def main() -> None:
    """Write the report line by line."""
    names = sys.argv[1:] or list(ALL)
    if unknown := set(names) - set(ALL):
        sys.exit(f"no table is called {', '.join(sorted(unknown))}: there are {', '.join(ALL)}")
    lines = {row.split(" ")[1]: row for row in REPORT.read_text(encoding="utf-8").splitlines() if row[:2] == "| "}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        repository = Repository(folder / "capstone-project", folder)
        command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--output-dir", place]
        subprocess.run(command, check=True, capture_output=True)
        repository.run("uv", "sync", "--quiet")
        for number, name in enumerate(names, 1):
            lines[name] = line(repository, ALL[name], folder)
            print(f"{number} of {len(names)}: {lines[name]}", flush=True)
            rows = [lines[table] for table in ALL if table in lines]
            REPORT.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
