"""Read the CSV tables that the stages pass on, each column as the data contract types it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from project import stage
from project.contract import Column, DataContract

PIECE = 50_000  # rows held in memory at a time


def pieces(path: Path) -> Iterator[pd.DataFrame]:
    """Give the table at `path` in pieces, every value as text; rows are numbered from 0 in the index."""
    try:
        yield from pd.read_csv(path, dtype=str, na_filter=False, chunksize=PIECE)
    except FileNotFoundError:
        raise stage.ProjectError(f"{path} is missing: run `uv run dvc repro`") from None


def read(path: Path, data: DataContract, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Give the table at `path`, or the columns `names` of it.

    Numbers and booleans are float64 with NaN where missing, dates datetime64 (UTC) with NaT, all others text with "".
    """
    wanted = [c for c in data.columns if names is None or c.name in names]
    try:
        text = pd.read_csv(path, dtype=str, na_filter=False, usecols=[c.name for c in wanted])
    except FileNotFoundError:
        raise stage.ProjectError(f"{path} is missing: run `uv run dvc repro`") from None
    return pd.DataFrame({column.name: typed(text[column.name], column, data.missing) for column in wanted})


def typed(values: pd.Series, column: Column, missing: Sequence[str]) -> pd.Series:
    """Give the texts of a column as its type; a text that is none becomes a missing value."""
    blank = values.isin(missing)
    if column.dated:
        form = column.format or "ISO8601"
        return pd.to_datetime(values.mask(blank), format=form, errors="coerce", utc=True).dt.tz_localize(None)
    if not column.numeric:
        return values.mask(blank, "")
    if column.type == "boolean":
        values = values.map(dict.fromkeys(column.true_values, "1") | dict.fromkeys(column.false_values, "0"))
    return pd.to_numeric(values.mask(blank), errors="coerce").astype("float64")


def labels(values: pd.Series) -> pd.Series:
    """Give the target as text, by which classes are named."""
    return values.astype(str)
