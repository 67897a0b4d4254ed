"""Rows that break a data contract, each in one way that the contract itself names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a quick `capstone check` loads neither
    import numpy as np
    import pandas as pd


NUMBERS = ("integer", "number")
EACH = 2  # rows for each way in which a field can be broken
MOST = 60  # rows in all
DATES = {"date": "", "datetime": "T10:00:00"}  # and what follows the day


def corruptions(good: pd.DataFrame, fields: list[dict[str, Any]], seed: int) -> list[tuple[str, dict[str, str]]]:
    """Give rows as texts by column, with what is wrong with each. `good` are accepted rows as texts."""
    import numpy as np

    rng = np.random.default_rng(seed)
    if good.empty:
        return []
    ways = [(f["name"], what, value) for f in fields if f["name"] in good for what, value in _ways(f, rng)]
    chosen = [ways[i] for i in rng.permutation(len(ways))] * EACH
    rows = []
    for name, what, value in chosen[:MOST]:
        row = {column: str(text) for column, text in good.iloc[int(rng.integers(len(good)))].items()}
        rows.append((f"{name}: {what}", row | {name: value}))
    return rows


def _ways(field: dict[str, Any], rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Give the ways in which a value of a field can break the contract."""
    limits = field.get("constraints") if isinstance(field.get("constraints"), dict) else {}
    limits, kind = limits or {}, field.get("type")
    if limits.get("required") and field.get("role") != "target":
        yield "missing", ""
    if kind in NUMBERS:
        yield "no number", _word(rng)
        for end, sign in (("minimum", -1), ("maximum", 1)):
            if isinstance(limits.get(end), (int, float)) and "enum" not in limits:
                bound = float(limits[end])
                beyond = bound + sign * max(1.0, abs(bound)) * float(rng.uniform(1.5, 9))
                yield f"beyond the {end}", str(round(beyond)) if kind == "integer" else repr(beyond)
    if limits.get("enum"):
        yield "no category", _word(rng) if kind == "string" else str(rng.integers(10**8, 10**9))
    if kind in DATES and not field.get("format"):
        yield "no date", f"{rng.integers(1950, 2030)}-02-{rng.integers(30, 32)}{DATES[kind]}"


def _word(rng: np.random.Generator) -> str:
    """Give a text that no list of known faults holds."""
    return "".join(rng.choice(list("bcdfghjklmpqrstvwxz"), 9))
