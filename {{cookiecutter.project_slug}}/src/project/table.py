"""Read the CSV tables that the stages pass on, each column as the data contract types it."""

from pathlib import Path

import pandas as pd

from project import stage
from project.contract import Column, DataContract


def read(path: Path, data: DataContract) -> pd.DataFrame:
    """Give the table at `path`: numeric fields as float64 with NaN where missing, all others as text with "" there."""
    try:
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise stage.ProjectError(f"{path} is missing: run `uv run dvc repro`") from None
    schema = data.package.resources[0].schema
    text = text.mask(text.isin(schema.missing_values), "")
    return pd.DataFrame({column.name: _typed(text[column.name], column) for column in data.columns})


def _typed(values: pd.Series, column: Column) -> pd.Series:
    if column.dated and column.role in ("feature", "time"):
        return pd.to_datetime(values.replace("", None))
    if not column.numeric:
        return values
    if column.type == "boolean":
        values = values.str.lower().replace({"true": "1", "false": "0"})
    return pd.to_numeric(values).astype("float64")


def labels(values: pd.Series) -> pd.Series:
    """Give the target as text, by which classes are named."""
    return values.astype(str)
