"""Where the data come from, brought to a file below `data/source/`, with what a reader has to know of its form."""

import csv
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from capstone_kit.project import KitError

FOLDER = "data/source"
TABLES = (".csv", ".tsv", ".txt")
READ = (*TABLES, ".gz", ".xlsx", ".xls", ".parquet", ".jsonl", ".ndjson")
SAMPLE = 200_000  # bytes looked at for encoding and delimiter
LINES = 60  # of them, given to the detection of the delimiter
DELIMITERS = [",", ";", "\t", "|"]


@dataclass(frozen=True)
class Source:
    """A table on disk and how to read it."""

    origin: str  # as the documents name it: a file's name, or an address without credentials
    path: Path  # where it lies now
    name: str  # where it will lie, below the repository
    options: dict[str, Any] = field(default_factory=dict)  # for the reader in src/project/ingest.py
    remarks: tuple[str, ...] = ()  # what was found out about its form, for people
    query: str | None = None

    @property
    def size(self) -> int:
        """Size in bytes."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files if file.is_file())


def locate(source: str, folder: Path, sheet: str | None, query: str | None) -> Source:
    """Give the table at `source`; what has to be fetched is put into `folder`. Raises `KitError` in one sentence."""
    scheme = urlsplit(source).scheme
    if query is not None:
        if "://" not in source:
            raise KitError(f"--query needs a database URL such as postgresql://user@host/name, found {source!r}")
        return _queried(source, query, folder)
    if scheme in ("http", "https"):
        return _described(_fetched(source, folder), _hidden(source), sheet)
    if "://" in source:
        raise KitError(f"{_hidden(source)}: give --query with a database URL; of other addresses only http(s) is read")
    path = Path(source).expanduser()
    if not path.exists():
        raise KitError(f"{source}: there is no such file or folder")
    return _described(path.resolve(), path.name, sheet)


def _described(path: Path, origin: str, sheet: str | None) -> Source:
    name = f"{FOLDER}/{_plain(path.name)}"
    if path.is_dir():
        parts = sorted(part for part in path.iterdir() if part.suffix.lower() in TABLES)
        if not parts:
            raise KitError(f"{path.name}: the folder holds no {', '.join(TABLES)} file")
        options, remarks = _form_of(parts[0])
        return Source(origin, path, name, options, (f"{len(parts)} parts", *remarks))
    suffix = path.suffix.lower()
    if suffix not in READ:
        raise KitError(f"{path.name}: {suffix or 'no ending'} is not read; allowed are {', '.join(READ)}")
    if path.stat().st_size == 0:
        raise KitError(f"{path.name}: the file is empty")
    if suffix in (".xlsx", ".xls"):
        return Source(origin, path, name, *_sheet_of(path, sheet))
    if sheet is not None:
        raise KitError(f"--sheet is for Excel files, and {path.name} is none")
    options, remarks = _form_of(path) if suffix in (*TABLES, ".gz") else ({}, ())
    return Source(origin, path, name, options, remarks)


def _plain(name: str) -> str:
    """Give a file name of letters, digits, dots and hyphens, safe on every system and in every address."""
    stem, dot, ending = name.rpartition(".")
    return (re.sub(r"[^\w-]+", "-", stem or ending).strip("-.") or "data") + (dot + ending.lower() if stem else "")


def _sheet_of(path: Path, sheet: str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    import openpyxl

    try:
        names = openpyxl.load_workbook(path, read_only=True).sheetnames
    except Exception as error:  # openpyxl raises what zipfile and its XML parser raise
        raise KitError(f"{path.name}: no Excel workbook can be read from it: {error}") from error
    if sheet is not None and sheet not in names:
        raise KitError(f"{path.name} has no sheet {sheet!r}; it has {', '.join(map(repr, names))}")
    if sheet is None and len(names) > 1:
        return {"sheet_name": names[0]}, (f"sheet {names[0]!r}, the first of {len(names)} (choose with --sheet)",)
    return {"sheet_name": sheet or names[0]}, ()


def _form_of(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give the reader's options for a text table, and remarks on what is unusual in it."""
    encoding = _encoding(path)
    lines = _first_lines(path, encoding)
    if not lines:
        raise KitError(f"{path.name}: the file is empty")
    options: dict[str, Any] = {}
    delimiter = _delimiter(lines, path)
    if delimiter != ",":
        options["sep"] = delimiter
    if encoding != "utf-8":
        options["encoding"] = encoding
    rows = list(csv.reader(lines, delimiter=delimiter))
    if any(cell.startswith(" ") for cell in rows[0][1:]) or _mostly(
        cell.startswith(" ") for row in rows for cell in row[1:]
    ):
        options["skipinitialspace"] = True
    if all(re.fullmatch(r"[-+]?\d*[.,]?\d+(e[-+]?\d+)?", cell.strip(), re.IGNORECASE) for cell in rows[0]):
        raise KitError(f"{path.name}: the first row holds numbers, no column names: put a row with names above it")
    options |= _numerals([cell.strip() for row in rows[1:] for cell in row], delimiter)
    return options, tuple(f"{name} {value!r}" for name, value in options.items())


def _mostly(flags: Iterator[bool] | list[bool]) -> bool:
    found = list(flags)
    return len(found) > 0 and sum(found) > len(found) / 2


def _encoding(path: Path) -> str:
    """Give the encoding: by its mark, else UTF-8 if all of it decodes, else the likeliest."""
    with _opened(path) as file:
        start = file.read(SAMPLE)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        if b"\0" in start:
            raise KitError(
                f"{path.name}: this is no text; give a CSV file, or one with its own ending ({', '.join(READ)})"
            )
        try:
            import codecs

            decoder, piece = codecs.getincrementaldecoder("utf-8")(), start
            while piece:
                decoder.decode(piece)
                piece = file.read(1 << 24)
            decoder.decode(b"", final=True)
            return "utf-8-sig" if start.startswith(b"\xef\xbb\xbf") else "utf-8"
        except UnicodeDecodeError:
            pass
    from charset_normalizer import from_bytes

    likely = from_bytes(start, cp_exclusion=["utf_7"]).best()
    western = all(byte < 0x80 or byte >= 0xA0 or byte in b"\x80\x85\x91\x92\x93\x94\x95\x96\x97" for byte in start)
    if likely is None or (western and likely.encoding.startswith(("cp", "mac", "latin", "iso"))):
        return "cp1252" if western else (likely.encoding if likely else "latin-1")
    return likely.encoding


@contextmanager
def _opened(path: Path) -> Generator[Any]:
    if path.suffix.lower() == ".gz":
        import gzip

        with gzip.open(path) as file:
            yield file
    else:
        with path.open("rb") as file:
            yield file


def _first_lines(path: Path, encoding: str) -> list[str]:
    with _opened(path) as file:
        text = file.read(SAMPLE).decode(encoding, errors="ignore").lstrip("\ufeff")
    return [line for line in text.splitlines(keepends=True)[: LINES + 1] if line.strip()]


def _delimiter(lines: list[str], path: Path) -> str:
    """Give the delimiter: the one by which the lines have equally many cells, more than one."""
    import clevercsv

    allowed = [*DELIMITERS, " "] if path.suffix.lower() == ".txt" else DELIMITERS
    present = [d for d in allowed if d in lines[0]]
    if len(present) < 2:
        return present[0] if present else ","
    widths = {d: {len(row) for row in csv.reader(lines, delimiter=d)} for d in present}
    even = [d for d, width in widths.items() if len(width) == 1 and width != {1}]
    if len(even) == 1:
        return even[0]
    found = clevercsv.Detector().detect("".join(lines), delimiters=present)
    return found.delimiter if found and found.delimiter in present else present[0]


def _numerals(cells: list[str], delimiter: str) -> dict[str, str]:
    """Give decimal and thousands signs where they are not the point and none."""
    european = sum(bool(re.fullmatch(r"-?(\d{1,3}(\.\d{3})+|\d+),\d+", cell)) for cell in cells)
    grouped = sum(bool(re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", cell)) for cell in cells)
    points = sum(bool(re.fullmatch(r"-?\d+\.\d+", cell)) for cell in cells)
    if european > max(points, grouped if delimiter == "," else 0):
        dotted = any(re.fullmatch(r"-?\d{1,3}(\.\d{3})+,\d+", cell) for cell in cells)
        return {"decimal": ","} | ({"thousands": "."} if dotted else {})
    return {"thousands": ","} if grouped and not european > grouped else {}


def _fetched(address: str, folder: Path) -> Path:
    """Download `address` into `folder`."""
    name = _plain(unquote(Path(urlsplit(address).path).name) or "data.csv")
    path = folder / (name if Path(name).suffix.lower() in READ else f"{name}.csv")
    request = urllib.request.Request(address, headers={"User-Agent": "capstone-kit"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise KitError(f"{_hidden(address)}: cannot be fetched: {reason}") from error
    return path


def _queried(address: str, query: str, folder: Path) -> Source:
    """Run `query` and keep its rows as CSV: a snapshot that every clone has, without the database's password."""
    import pandas as pd
    import sqlalchemy
    import sqlalchemy.exc

    path = folder / "query.csv"
    try:
        engine = sqlalchemy.create_engine(address)
        with engine.connect().execution_options(stream_results=True) as connection:
            pieces = pd.read_sql_query(sqlalchemy.text(query), connection, chunksize=50_000, dtype_backend="pyarrow")
            with path.open("w", encoding="utf-8", newline="") as file:
                for number, piece in enumerate(pieces):
                    piece.to_csv(file, index=False, header=number == 0, lineterminator="\n")
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, ValueError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise KitError(f"{_hidden(address)}: {reason}") from error
    described = _described(path, _hidden(address), None)
    return Source(
        described.origin, path, described.name, described.options, ("the rows of the query, as they are now",), query
    )


def _hidden(address: str) -> str:
    """Give an address without user, password and query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
