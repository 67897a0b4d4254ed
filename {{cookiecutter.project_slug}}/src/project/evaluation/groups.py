"""Group metrics: how the declared slices of the test rows fare, and how far they lie apart."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from project.contract import Slice
from project.evaluation.behaviour import Test
from project.evaluation.metrics import Flags
from project.predictor import MISSING_TEXT

# How far apart the groups lie: the largest difference between two of them in any of these rates.
DIFFERENCES = {
    "demographic_parity_difference": ("selection_rate",),
    "equalized_odds_difference": ("true_positive_rate", "false_positive_rate"),
    "accuracy_difference": ("accuracy",),
    "mae_difference": ("mae",),
    "mean_error_difference": ("mean_error",),
}

Rates = dict[str, float | None]


def divide(values: pd.Series, chosen: Slice) -> Iterator[tuple[str, Flags]]:
    """Give the name of each slice and which rows lie in it: numbers and ranges in their order, the missing last."""
    if chosen.edges:
        values = pd.cut(values, [-np.inf, *chosen.edges, np.inf], right=False)
    values = values.astype(object).where(values.notna() & (values != ""), MISSING_TEXT)
    for value in sorted(values.unique(), key=_place):
        yield str(value), (values == value).to_numpy()


def of(test: Test, chosen: Slice) -> Iterator[tuple[str, Flags]]:
    """Divide the test rows as `divide` does; true and false bear their names."""
    values = test.rows[chosen.field]
    boolean = any(c.name == chosen.field and c.type == "boolean" for c in test.problem.data.columns)
    return divide(values.map({0.0: "false", 1.0: "true"}) if boolean else values, chosen)


def _place(value: Any) -> tuple[int, float, str]:
    """Give by what a slice is ordered: ranges by their lower end, numbers by their size, texts by their letters."""
    if isinstance(value, pd.Interval):
        return 0, float(value.left), ""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    return (0, number, "") if np.isfinite(number) else (1 + int(value == MISSING_TEXT), 0.0, str(value))


def measure(test: Test, wanted: tuple[Slice, ...]) -> list[dict[str, Any]]:
    """Give for each slice's field the rates of its groups, and the differences between them."""
    found = []
    for chosen in wanted:
        rated = [(name, inside, rates(test, inside)) for name, inside in of(test, chosen)]
        groups = [{"group": name, "rows": int(inside.sum())} | rate for name, inside, rate in rated]
        apart = differences([rate for _, _, rate in rated])
        found.append({"field": chosen.field, "groups": groups, "differences": apart})
    return found


def rates(test: Test, inside: Flags) -> Rates:
    """Give the rates of the rows `inside`; None where no row of the kind is among them."""
    truth, said, positive = test.truth[inside], test.found.values[inside], test.problem.positive
    if not test.problem.classify:
        return {"mae": _mean(np.abs(said - truth)), "mean_error": _mean(said - truth)}
    accuracy = {"accuracy": _mean(said == truth)}
    if positive is None:
        return accuracy
    alarm, actual = said == positive, truth == positive
    return accuracy | {
        "selection_rate": _mean(alarm),
        "true_positive_rate": _mean(alarm[actual]),
        "false_positive_rate": _mean(alarm[~actual]),
    }


def differences(groups: list[Rates]) -> dict[str, float]:
    """Give how far the groups lie apart, by the names of `DIFFERENCES`; what fewer than two groups have is left out."""
    found = {}
    for name, kinds in DIFFERENCES.items():
        values = [[rate for group in groups if (rate := group.get(kind)) is not None] for kind in kinds]
        apart = [max(rates) - min(rates) for rates in values if len(rates) > 1]
        if apart:
            found[name] = round(max(apart), 6)
    return found


def _mean(values: npt.NDArray[Any]) -> float | None:
    return round(float(values.mean()), 6) if len(values) else None
