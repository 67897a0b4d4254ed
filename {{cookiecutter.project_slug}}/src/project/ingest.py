"""Bring the rows in: from the domain's example, a file or a folder of parts. Writes `data/raw.csv`, all values as text.

Nothing is changed but the decimal sign of numbers and dates written in several ways. Rows come in pieces, so that the
file may be larger than memory.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from project import contract, stage
from project.table import PIECE, append

RAW = Path("data/raw.csv")
TABLES = (".csv", ".tsv", ".txt", ".gz")
OF_NUMBERS = ("decimal", "thousands")  # the options that say how numbers are written,
DATES = "dates"  # and the formats of each field whose dates are written in several


def pieces(source: str, options: dict[str, Any], seed: int) -> Iterator[pd.DataFrame]:
    """Give the rows at `source` in pieces, every value as text, "" where there is none.

    `source` is "example" (the domain's own data), a CSV, Excel, Parquet or JSON Lines file, a folder of CSV files with
    the same columns in any order, or the URL of a CSV file. Raises `ProjectError` where it cannot be read.
    """
    if source == "example":
        from project import example

        yield example.load(seed)
        return
    of_reader = {name: value for name, value in options.items() if name not in (*OF_NUMBERS, DATES)}
    try:
        for table in _read(source, of_reader):
            table.columns = pd.Index(distinct(map(str, table.columns)))
            yield iso_dates(table, options.get(DATES, {}))
    except (OSError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise stage.ProjectError(f"params.yaml: ingest.source: cannot read {source!r}: {reason}") from error


def _read(source: str, options: dict[str, Any]) -> Iterator[pd.DataFrame]:
    suffix = Path(source).suffix.lower()
    if Path(source).is_dir():
        yield from _parts(Path(source), options)
    elif suffix == ".xlsx":
        yield pd.read_excel(source, dtype=str, na_filter=False, **options)
    elif suffix == ".parquet":
        import pyarrow.parquet

        for batch in pyarrow.parquet.ParquetFile(source).iter_batches(PIECE):
            yield as_text(batch.to_pandas(types_mapper=pd.ArrowDtype))
    elif suffix in (".jsonl", ".ndjson"):
        import pyarrow.json

        yield as_text(pyarrow.json.read_json(source).to_pandas(types_mapper=pd.ArrowDtype))
    elif suffix in TABLES or "://" in source:
        for table in pd.read_csv(source, dtype=str, na_filter=False, chunksize=PIECE, **options):
            if not isinstance(table.index, pd.RangeIndex):  # pandas takes what has no name for the rows' names
                raise ValueError(f"the rows have more cells than the first row has names: {', '.join(table)}"[:200])
            yield table
    else:
        raise ValueError(f"{suffix or 'no ending'} is none of {', '.join(TABLES)}, .xlsx, .parquet, .jsonl")


def _parts(folder: Path, options: dict[str, Any]) -> Iterator[pd.DataFrame]:
    header: list[str] = []
    parts = [path for path in folder.iterdir() if path.suffix.lower() in TABLES and not path.name.startswith(".")]
    for path in sorted(parts):
        for piece in _read(str(path), options):
            names = distinct(map(str, piece.columns))
            header = header or names
            odd = [f"{name!r} is missing" for name in header if name not in names]
            odd += [f"{name!r} is new" for name in names if name not in header]
            if odd:
                raise ValueError(f"{path.name} has other columns than the parts before it: {', '.join(odd[:6])}")
            yield piece.set_axis(names, axis="columns")[header]


def distinct(names: Iterable[str]) -> list[str]:
    """Give column names without spaces at their ends, the same ones numbered."""
    found: list[str] = []
    for name in names:
        plain = name.strip()
        count = found.count(plain)
        found.append(f"{plain}.{count}" if count else plain)
    return found


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Give typed columns as text: integers without a point, booleans as true and false, times by ISO 8601."""
    import pyarrow as pa

    def text(values: pd.Series) -> pd.Series:
        column = pa.array(values)
        if pa.types.is_nested(column.type):
            raise ValueError(f"the column {values.name!r} holds {column.type}: give it one value a row")
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return pd.Series(column.cast(pa.string()).fill_null(""), dtype=str)

    return pd.DataFrame({name: text(table[name]) for name in table})


def decimal_point(table: pd.DataFrame, options: dict[str, Any], numbers: list[str]) -> pd.DataFrame:
    """Give the table with a point as the decimal sign of its `numbers`, and nothing between thousands."""
    for sign, plain in ((options.get("thousands"), ""), (options.get("decimal"), ".")):
        for name in table.columns.intersection(numbers) if sign else ():
            table[name] = table[name].str.replace(sign, plain, regex=False)
    return table


def iso_dates(table: pd.DataFrame, formats: dict[str, list[str]]) -> pd.DataFrame:
    """Give the table with those dates by ISO 8601 (UTC) that one of their field's `formats` reads, the first counts."""
    if absent := [name for name in formats if name not in table]:
        raise ValueError(f"the table has no column {absent[0]!r}, of which options.{DATES} speaks")
    for name in formats:
        texts = pd.Series(table[name].unique(), dtype=str)
        found = pd.Series(pd.NaT, index=texts.index).dt.tz_localize("UTC")
        for form in formats[name]:
            found = found.fillna(pd.to_datetime(texts, format=form, errors="coerce", utc=True))
        timed = any(form == "ISO8601" or "%M" in form for form in formats[name])
        iso = found.dt.strftime("%Y-%m-%dT%H:%M:%SZ" if timed else "%Y-%m-%d")
        table[name] = table[name].map(dict(zip(texts, iso.fillna(texts), strict=True)))
    return table


def main() -> None:
    """Write the raw table."""
    parameters = contract.load_parameters()
    source, options = parameters.ingest.source, parameters.ingest.options
    numbers = []
    if any(name in options for name in OF_NUMBERS):
        numbers = [c.name for c in contract.load_data_contract().columns if c.type in ("number", "integer")]
    rows = columns = 0
    with stage.replacing(RAW) as temporary:
        for piece in tqdm(pieces(source, options, parameters.seed), desc="ingest", unit="piece", disable=None):
            append(decimal_point(piece, options, numbers), temporary)
            rows, columns = rows + len(piece), piece.shape[1]
    print(f"ingest: {rows:,} rows, {columns} columns from {source} -> {RAW}")


if __name__ == "__main__":
    stage.run(main)
