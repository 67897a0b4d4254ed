"""Measure the drift monitor: how often it rings for nothing, and how often for a shift.

Run in a trained repository of the template: `uv run python <this file> [RUNS]`. docs/monitoring.md holds its figures.
Shifted rows are drawn from the test rows with replacement, as a grader draws them. For the first table the rows of
reference and test are divided anew each time, so that nothing has moved by construction.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from project import contract, drift, table
from project.predictor import Predictor
from project.problem import Problem

SIZES = (30, 100, 300, 1_000, 3_000)
Shift = Callable[[pd.DataFrame], pd.DataFrame]
RNG = np.random.default_rng(1)


def shifted(share: float, every: bool) -> Shift:
    """Give a shift of the first number, or of every number, by a share of its standard deviation."""

    def move(rows: pd.DataFrame) -> pd.DataFrame:
        names = NUMBERS if every else NUMBERS[:1]
        return rows.assign(**{name: rows[name] + share * SPREAD[name] for name in names})

    return move


def emptied(share: float) -> Shift:
    """Give a shift that leaves a share of the first number out."""

    def empty(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{NUMBERS[0]: rows[NUMBERS[0]].mask(RNG.random(len(rows)) < share)})

    return empty


def mixed(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the first category two times as often in its rarest value."""
    name = CATEGORIES[0]
    rare = rows[name].value_counts().index[-1]
    chosen = RNG.random(len(rows)) < (rows[name] == rare).mean()
    return rows.assign(**{name: rows[name].mask(chosen, rare)})


data, capstone = contract.load()
parameters, predictor = contract.load_parameters(), Predictor(features=data.features)
problem = Problem(data, capstone.task, predictor.labels)
reference = drift.batch(predictor, drift.read_reference(problem, parameters, drift.MOST))
test = table.read(Path("data/splits/test.csv"), data)
NUMBERS = [f.name for f in data.features if f.numeric]
CATEGORIES = [f.name for f in data.features if not f.numeric and not f.dated]
SPREAD = test[NUMBERS].std()


def rings(rows: pd.DataFrame) -> bool:
    """Whether the alarm rings for these live rows."""
    return any(one.moved for one in drift.compare(reference, drift.batch(predictor, problem.inputs(rows))))


def rate(shift: Shift, size: int, runs: int) -> float:
    """Give the share of runs that ring."""
    drawn = (test.sample(size, replace=True, random_state=int(RNG.integers(2**31))) for _ in range(runs))
    return float(np.mean([rings(shift(rows)) for rows in drawn]))


def false_alarms(size: int, runs: int) -> int:
    """Count the alarms where the rows that training did not see are divided anew into reference and live rows."""
    parts = (table.read(Path(f"data/splits/{part}.csv"), data) for part in ("calibration", "test"))
    pool, rung = pd.concat(parts, ignore_index=True), 0
    for _ in range(runs):
        order = RNG.permutation(len(pool))
        known, live = (drift.batch(predictor, problem.inputs(pool.iloc[rows])) for rows in (order[size:], order[:size]))
        rung += any(one.moved for one in drift.compare(known, live))
    return rung


def main() -> None:
    """Print the false alarms, then a row for each shift with a column for each number of live rows."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for size in (size for size in SIZES if size <= len(test)):
        print(
            f"nothing moved, {size:,} live rows: {false_alarms(size, 2 * runs)} alarms in {2 * runs} runs", flush=True
        )
    shifts: dict[str, Shift] = {"none": lambda rows: rows}
    shifts |= {f"{NUMBERS[0]} by {s} standard deviations": shifted(s, every=False) for s in (0.25, 0.5, 1, 2)}
    shifts |= {f"every number by {s} standard deviations": shifted(s, every=True) for s in (0.25, 0.5)}
    shifts |= {f"{NUMBERS[0]} missing in {s:.0%}": emptied(s) for s in (0.01, 0.05, 0.2)}
    if CATEGORIES:
        shifts["the rarest category about twice as often"] = mixed
    print("| shift | " + " | ".join(f"{size:,} live rows" for size in SIZES) + " |")
    print("| --- |" + " --- |" * len(SIZES))
    for name, shift in shifts.items():
        print(f"| {name} | " + " | ".join(f"{rate(shift, size, runs):.0%}" for size in SIZES) + " |", flush=True)


if __name__ == "__main__":
    main()
