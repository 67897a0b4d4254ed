"""One synthetic column: like the real one where that tells nobody anything, else of what the contract alone says."""

import math
from typing import Any

import numpy as np
import pandas as pd

from capstone_kit.adopt.profile import numbers

ENOUGH = 5  # times that a category has to occur before it is shown: a rarer one could identify somebody
TRUE, FALSE = ["true"], ["false"]

Field = dict[str, Any]  # as the data contract lists it


def hidden(field: Field) -> bool:
    """Whether nothing of the real column may be seen."""
    role = field.get("role", "feature")
    return role in ("excluded", "identifier") or (bool(field.get("personal")) and role != "target")


def column(field: Field, real: pd.Series, rows: int, rng: np.random.Generator) -> pd.Series:
    """Draw `rows` values as text, "" where missing; `real` has NaN where missing."""
    values = real.dropna()
    if hidden(field) or values.empty:
        return _from_contract(field, rows, rng)
    if field.get("role") == "group" and field["type"] not in ("date", "datetime"):
        return _groups(field, values.nunique(), rows, rng)
    drawn = _drawn(field, values, rows, rng)
    gaps = 0.0 if field.get("constraints", {}).get("required") else real.isna().mean()
    return drawn.mask(rng.random(rows) < gaps, "")


def _from_contract(field: Field, rows: int, rng: np.random.Generator) -> pd.Series:
    """Draw what the contract allows, knowing no real value."""
    limits, kind = field.get("constraints", {}), field["type"]
    if field.get("role") == "identifier" or limits.get("unique"):
        first = math.ceil(limits.get("minimum", 1)) if kind in ("integer", "number") else 1
        return pd.Series([str(first + n) for n in range(rows)], dtype=str)
    if not limits.get("required"):
        return pd.Series([""] * rows, dtype=str)
    if kind == "boolean":
        return _chosen(field.get("trueValues", TRUE) + field.get("falseValues", FALSE), rows, rng)
    if "enum" in limits:
        return _chosen(limits["enum"], rows, rng)
    day = pd.Series(["2000-01-01"], dtype=str)
    alike = {"integer": math.ceil(limits.get("minimum", 0)), "number": limits.get("minimum", 0)}
    dated = _written(field, pd.to_datetime(day, utc=True)).iloc[0] if kind in ("date", "datetime") else "hidden"
    return pd.Series([str(alike.get(kind, dated))] * rows, dtype=str)


def _chosen(texts: list[Any], rows: int, rng: np.random.Generator, shares: Any = None) -> pd.Series:
    return pd.Series(rng.choice(np.array([str(text) for text in texts], dtype=object), rows, p=shares), dtype=str)


def _groups(field: Field, count: int, rows: int, rng: np.random.Generator) -> pd.Series:
    """Draw as many groups as there are, none by its real name unless the contract lists these."""
    limits = field.get("constraints", {})
    if "enum" in limits:
        return _chosen(limits["enum"], rows, rng)
    if field["type"] == "string":
        return _chosen([f"group {n}" for n in range(count)], rows, rng)
    first = math.ceil(limits.get("minimum", 1))
    last = min(first + count - 1, math.floor(limits.get("maximum", math.inf)) if "maximum" in limits else first + count)
    return pd.Series(rng.integers(first, last + 1, rows), dtype="int64").astype(str)


def _drawn(field: Field, values: pd.Series, rows: int, rng: np.random.Generator) -> pd.Series:
    kind, limits = field["type"], field.get("constraints", {})
    if "enum" not in limits and kind in ("number", "integer"):
        return _numbers(field, values, rows, rng)
    if kind in ("date", "datetime"):
        return _dates(field, values, rows, rng)
    shares = values[_allowed(field, values)].value_counts()
    if field.get("role") != "target":  # of whose classes none may be missing
        shares = shares[shares >= ENOUGH]
    if not shares.empty:
        return _chosen(list(shares.index), rows, rng, shares / shares.sum())
    if kind == "string" and "enum" not in limits:
        return pd.Series([f"category {n % 10}" for n in range(rows)], dtype=str)
    return _from_contract(field | {"constraints": limits | {"required": True}}, rows, rng)


def _allowed(field: Field, values: pd.Series) -> pd.Series:
    """Give which texts the contract takes."""
    enum = field.get("constraints", {}).get("enum")
    if field["type"] == "boolean":
        return values.isin([*field.get("trueValues", TRUE), *field.get("falseValues", FALSE)])
    if enum is None:
        return values.notna()
    if field["type"] in ("number", "integer"):
        return numbers(values).isin([float(value) for value in enum])
    return values.isin([str(value) for value in enum])


def _numbers(field: Field, values: pd.Series, rows: int, rng: np.random.Generator) -> pd.Series:
    """Draw between the percentiles of the accepted values, and round to the decimals that these have."""
    low, high = (field.get("constraints", {}).get(key, end) for key, end in (("minimum", -np.inf), ("maximum", np.inf)))
    found = numbers(values)
    real = found[(found >= low) & (found <= high)].to_numpy()
    if not len(real):
        return _from_contract(field | {"constraints": field.get("constraints", {}) | {"required": True}}, rows, rng)
    drawn = np.quantile(real, rng.random(rows))
    drawn = drawn + (rng.random(rows) - 0.5) * np.ptp(np.quantile(real, [0.25, 0.75])) / 50
    texts = values.head(1000)
    decimals = 0 if field["type"] == "integer" else int(texts.str.partition(".")[2].str.rstrip("0").str.len().max())
    if decimals > 12 or texts.str.contains("e", case=False).any() or np.abs(real).max() >= 1e15:
        return pd.Series([repr(float(f"{value:.6g}")) for value in np.clip(drawn, low, high)], dtype=str)
    step = 10.0**-decimals
    drawn = np.clip(np.round(drawn, decimals), math.ceil(low / step) * step if low > -np.inf else low, high)
    return pd.Series([f"{value:.{decimals}f}" for value in drawn], dtype=str)


def _dates(field: Field, values: pd.Series, rows: int, rng: np.random.Generator) -> pd.Series:
    form = field.get("format", "default")
    found = pd.to_datetime(values, format="ISO8601" if form == "default" else form, errors="coerce", utc=True)
    real = found.dropna().astype("datetime64[ns, UTC]")
    if real.empty:
        return _from_contract(field | {"constraints": {"required": True}}, rows, rng)
    drawn = np.quantile(real.astype("int64"), rng.random(rows)).astype(np.int64)
    return _written(field, pd.Series(pd.to_datetime(drawn, unit="ns", utc=True)))


def _written(field: Field, moments: pd.Series) -> pd.Series:
    """Give moments as text in the field's format."""
    iso = "%Y-%m-%d" if field["type"] == "date" else "%Y-%m-%dT%H:%M:%SZ"
    form = field.get("format", "default")
    return moments.dt.strftime(iso if form == "default" else form).astype(str)
