"""What may go wrong with an answer: noisy and missing sensors, small deliberate changes, groups; two answers explained.

A sensor is a numeric feature. Its noise is the `accuracy` that the data contract states for it, in its unit; where none
is stated, `SHARE` of its standard deviation. Readings stay within the contract's limits: others would be refused.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from project import explain
from project.contract import Slice
from project.evaluation import groups
from project.evaluation.behaviour import Test
from project.evaluation.metrics import Floats
from project.predictor import Predictions

SHARE = 0.05
MOST_ROWS, CELLS = 2_000, 200_000  # test rows that are used, or as few as hold so many cells
SENSORS = 20  # that are taken away one by one, the most important ones
DRAWS = 5  # of noise
TRIES = 20  # small changes of each row, every sensor moved up or down by its noise


def measure(test: Test, slices: tuple[Slice, ...], important: list[str], seed: int) -> dict[str, Any]:
    """Give what `reports/trust.json` holds; `important` are features in the order of their importance."""
    count = max(50, min(MOST_ROWS, CELLS // len(test.problem.data.features)))
    some = replace(test, rows=test.problem.sample(test.rows, count, seed))
    sizes, rng = noise(some), np.random.default_rng(seed)
    stated = {f.name: f.accuracy is not None for f in some.problem.data.features}
    return {
        "rows": len(some.rows),
        "headline": {"name": some.problem.task.headline, "value": headline(some, some.found)},
        "noise": {
            "value": noisy(some, sizes, rng),
            "sensors": [{"field": name, "size": size, "stated": stated[name]} for name, size in sizes.items()],
        },
        "missing": missing(some, [name for name in important if name in sizes][:SENSORS]),
        "evasion": evasion(some, sizes, rng),
        "groups": groups.measure(test, slices),
        "explanations": explanations(test, seed),
    }


def noise(test: Test) -> dict[str, float]:
    """Give the size of each sensor's noise, in its unit; a field that never changes is none."""
    sensors = [f for f in test.problem.data.features if f.numeric and f.type != "boolean"]
    sizes = {f.name: float(f.accuracy or SHARE * test.rows[f.name].std()) for f in sensors}
    return {name: float(f"{size:.4g}") for name, size in sizes.items() if size > 0}


def headline(test: Test, found: Predictions) -> float | None:
    """Give the headline metric of predictions for the test's rows, as it is read; None where it is undefined."""
    value = float(test.problem.turned(test.headline(found, np.ones((1, len(test.rows)))))[0])
    return None if np.isnan(value) else round(value, 6)


def shaken(test: Test, sizes: dict[str, float], draw: Callable[[int], Floats]) -> Predictions:
    """Predict for the rows, each sensor moved by its size times what `draw` gives."""
    moved = {}
    for field in (f for f in test.problem.data.features if f.name in sizes):
        low = -np.inf if field.minimum is None else field.minimum
        high = np.inf if field.maximum is None else field.maximum
        values = test.rows[field.name].to_numpy() + sizes[field.name] * draw(len(test.rows))
        moved[field.name] = np.clip(np.rint(values) if field.type == "integer" else values, low, high)
    return test.predict(moved)


def noisy(test: Test, sizes: dict[str, float], rng: np.random.Generator) -> float | None:
    """Give the headline metric with normal noise on all sensors, the mean of some draws."""
    values = [headline(test, shaken(test, sizes, rng.standard_normal)) for _ in range(DRAWS if sizes else 0)]
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 6) if known else None


def missing(test: Test, names: list[str]) -> list[dict[str, Any]]:
    """Give the headline metric without each sensor, the worst first, and whether the service would refuse the row."""
    required = {f.name: f.required for f in test.problem.data.features}
    gone = np.full(len(test.rows), np.nan)
    found = [{"field": n, "value": headline(test, test.predict({n: gone})), "refused": required[n]} for n in names]
    measured = [entry for entry in found if entry["value"] is not None]
    return sorted(measured, key=lambda entry: float(test.problem.turned(np.array(entry["value"]))))


def evasion(test: Test, sizes: dict[str, float], rng: np.random.Generator) -> dict[str, Any]:
    """Give how many answers some change within the noise turns, and how many alarms it silences: at least so many.

    A class turns into another one, a number leaves the interval that was given with it.
    """
    turned, silenced = np.zeros((2, len(test.rows)), dtype=bool)
    alarms = np.asarray(test.found.values == test.problem.positive)
    for _ in range(TRIES if sizes else 0):
        after = shaken(test, sizes, lambda rows: rng.choice([-1.0, 1.0], rows))
        turned |= test.changed(after)
        silenced |= alarms & (after.values != test.found.values)
    share = round(float(silenced[alarms].mean()), 6) if alarms.any() and sizes else None
    return {
        "tries": TRIES,
        "turned": round(float(turned.mean()), 6) if sizes else None,
        "alarms": int(alarms.sum()),
        "silenced": share,
    }


def explanations(test: Test, seed: int) -> list[dict[str, Any]]:
    """Explain two answers: the surest right and the surest wrong one, alarms first; of numbers the best and the worst.

    `row` is the place of the row in `data/splits/test.csv`, counted from 0.
    """
    found, error = test.found, np.abs(test.found.values - test.truth)
    if found.probabilities is None:
        places = [int(error.argmin()), int(error.argmax())]
    else:
        sure = found.probabilities[np.arange(len(error)), found.values] + (found.values == test.problem.positive)
        ranked = np.argsort(-sure, kind="stable")
        places = [int(part[0]) for part in (ranked[error[ranked] == 0], ranked[error[ranked] > 0]) if len(part)]
    explained = []
    for place in places:
        one = {name: values[place : place + 1] for name, values in test.problem.columns(test.rows).items()}
        right = bool(error[place] == (0 if test.problem.classify else error.min()))
        said = {"row": int(test.rows.index[place]), "right": right}
        explained.append(said | explain.explain(test.predictor, one, seed).record())
    return explained
