"""Read the CSV tables that the stages pass on, each column as the data contract types it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from project import contract, stage
from project.contract import Column, DataContract

PIECE = 50_000  # rows held in memory at a time,
CELLS = 3_000_000  # or as few as hold so many cells

Read = Callable[[str], tuple[Any, dict[str, str] | None]]


def pieces(path: Path, names: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """Give the table at `path`, or its columns `names`, in pieces, every value as text.

    Rows are numbered from 0 in the index. A table without rows is one empty piece.
    """
    try:
        columns = _text(path, names, nrows=0).shape[1]
        yield from _text(path, names, chunksize=max(1, min(PIECE, CELLS // max(1, columns))))
    except FileNotFoundError:
        raise stage.ProjectError(f"{path} is missing: run `uv run dvc repro`") from None
    except ValueError as error:  # also where it is no CSV table, or not UTF-8
        raise stage.ProjectError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def _text(path: Path, names: Sequence[str] | None, **options: Any) -> Any:
    """Read a table as text alone; a lone carriage return is part of a value."""
    options |= {"dtype": str, "na_filter": False, "usecols": names, "lineterminator": "\n"}
    return pd.read_csv(path, **options)


def append(rows: pd.DataFrame, path: Path) -> None:
    """Write rows of text as CSV: the first ones below a header, the others at the end of the file."""
    at_once = max(1, len(rows))
    rows.to_csv(path, mode="a", index=False, header=not path.exists(), lineterminator="\n", chunksize=at_once)


def read(path: Path, data: DataContract, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Give the table at `path`, or the columns `names` of it.

    Numbers and booleans are float64 with NaN where missing, dates datetime64 (UTC) with NaT, all others text with ""
    there; categories that are no strings bear the names that `contract.label` gives them.
    """
    wanted = [c for c in data.columns if names is None or c.name in names]
    every = (pd.DataFrame({c.name: typed(piece[c.name], c, data) for c in wanted}) for piece in pieces(path, names))
    return pd.concat(every)


def typed(values: pd.Series, column: Column, data: DataContract) -> pd.Series:
    """Give the texts of a column as its type: quickly where pandas can, else as frictionless reads them."""
    blank = values.isin(column.missing)
    if column.enum:
        names = {text: contract.label(value) for text, value in meanings(values[~blank], column, data).items()}
        return values.map(names).astype(str).mask(blank, "")
    if not (column.numeric or column.dated):
        return values.mask(blank, "")
    if column.type == "boolean":
        numbers = {text: number(value) for text, value in meanings(values, column, data).items()}
        return values.map(numbers).astype("float64")
    known = values.mask(blank)
    found = _moments(known, column) if column.dated else pd.to_numeric(known, errors="coerce").astype("float64")
    odd = found.isna() & ~blank
    if odd.any():
        read = pd.Series(meanings(values[odd], column, data), dtype=object)
        found[odd] = values[odd].map(_utc(read, None) if column.dated else read.map(number))
    return found


def reader(column: Column, data: DataContract) -> Read:
    """Give frictionless' own reader of a field: from a text to its value and, by kind, what is wrong with it."""
    read_cell = data.schema.get_field(column.name).create_cell_reader()

    def read_text(text: str) -> tuple[Any, dict[str, str] | None]:
        try:
            value, notes = read_cell(text)
            hash(value)
        except (ArithmeticError, TypeError):  # a signalling NaN, which can be neither compared nor hashed
            return None, {"type": f'type is "{column.type}"'}
        return value, notes

    return read_text


def labels(values: pd.Series) -> pd.Series:
    """Give the target as text, by which classes are named."""
    if values.dtype == "float64":
        values = values.map({value: contract.label(value) for value in values.unique()})
    return values.astype(str)


def meanings(texts: pd.Series, column: Column, data: DataContract) -> dict[str, Any]:
    """Give the value that frictionless reads in each of the different `texts`; None where it is missing or wrong."""
    read_text = reader(column, data)
    return {text: read_text(text)[0] for text in texts.unique()}


def _moments(values: pd.Series, column: Column) -> pd.Series:
    try:
        found = _utc(values, column.format or "ISO8601")
    except ValueError:  # a format that pandas does not know
        found = pd.Series(pd.NaT, values.index, dtype="datetime64[us]")
    return found.dt.normalize() if column.type == "date" else found


def _utc(values: pd.Series, form: str | None) -> pd.Series:
    return pd.to_datetime(values, format=form, errors="coerce", utc=True).dt.tz_localize(None).astype("datetime64[us]")


def number(value: Any) -> float:
    """Give a value that frictionless read as float64; NaN where there is none."""
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return float("nan")
