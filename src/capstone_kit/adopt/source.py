"""Where the data come from, brought to a file below `data/source/`, with what a reader has to know of its form."""

import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from capstone_kit.adopt.form import LINES, beside_the_table, common_encoding, encoding_of, form_of, is_web_page, said
from capstone_kit.project import KitError

FOLDER = "data/source"
TABLES = (".csv", ".tsv", ".txt")
READ = (*TABLES, ".gz", ".xlsx", ".parquet", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Source:
    """A table on disk and how to read it."""

    origin: str  # as the documents name it: a file's name, or an address without credentials
    path: Path  # where it lies now
    name: str  # where it will lie, below the repository
    options: dict[str, Any] = field(default_factory=dict)  # for the reader in src/project/ingest.py
    remarks: tuple[str, ...] = ()  # what was found out about its form, for people
    query: str | None = None
    address: str | None = None  # from which anybody may fetch it again

    @property
    def size(self) -> int:
        """Size in bytes."""
        return sum(file.stat().st_size for file in (_parts(self.path) if self.path.is_dir() else [self.path]))

    def copy(self, target: Path) -> None:
        """Copy the table to `target`; of a folder, the parts and nothing else."""
        if not self.path.is_dir():
            shutil.copyfile(self.path, target)
            return
        target.mkdir(parents=True)
        for part in _parts(self.path):
            shutil.copyfile(part, target / part.name)


def _parts(folder: Path) -> list[Path]:
    """Give the files of a folder that `ingest` reads, in its order; a system hides its own behind a dot."""
    parts = (part for part in folder.iterdir() if part.suffix.lower() in (*TABLES, ".gz") and part.is_file())
    return sorted(part for part in parts if not part.name.startswith("."))


def locate(source: str, folder: Path, sheet: str | None, query: str | None, target: str) -> Source:
    """Give the table at `source`; what has to be fetched is put into `folder`. Raises `KitError` in one sentence.

    Its names stand in the row that holds `target`.
    """
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    if query is not None:
        if not scheme or scheme in ("http", "https"):
            raise KitError("--query needs a database URL such as postgresql://user@host/name")
        from capstone_kit.adopt import database

        path = folder / "query.csv"
        shown = database.rows(source, query, path)
        return Source(shown, path, f"{FOLDER}/{path.name}", {}, ("the rows of the query, as they are now",), query)
    if scheme in ("http", "https"):
        return _downloaded(source, folder, target, sheet)
    if scheme:
        raise KitError(f"{scheme}://…: give --query with a database URL; of other addresses only http(s) is read")
    try:
        path = Path(source).expanduser().resolve()
        if not path.exists():
            raise KitError(f"{source}: there is no such file or folder")
        return _described(path, path.name, target, sheet)
    except (OSError, RuntimeError) as error:  # RuntimeError: the home of nobody
        raise KitError(f"{source}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _downloaded(address: str, folder: Path, target: str, sheet: str | None) -> Source:
    from capstone_kit.adopt import download

    path, shown, lasting = download.fetched(address, folder, READ)
    path = path.rename(path.with_name(_plain(path.name)))
    return replace(_described(path, shown, target, sheet), address=shown if lasting else None)


def _described(path: Path, origin: str, target: str, sheet: str | None) -> Source:
    name = f"{FOLDER}/{_plain(path.name)}"
    if path.is_dir():
        parts = _parts(path)
        if not parts:
            raise KitError(f"{path.name}: the folder holds no {', '.join(TABLES)} file")
        options, remarks = form_of(parts[0], common_encoding(parts), target)
        return Source(origin, path, name, options, (f"{len(parts)} parts", *remarks))
    suffix = path.suffix.lower()
    if suffix == ".xls":
        raise KitError(f"{path.name}: Excel's form of before 2007 is not read: save it as .xlsx")
    if suffix not in READ:
        raise KitError(f"{path.name}: {suffix or 'no ending'} is not read; allowed are {', '.join(READ)}")
    if path.stat().st_size == 0:
        raise KitError(f"{path.name}: the file is empty")
    if is_web_page(path):
        raise KitError(f"{path.name}: this is a web page, no table: save the file that the page offers, not the page")
    if suffix == ".xlsx":
        return Source(origin, path, name, *_sheet_of(path, target, sheet))
    if sheet is not None:
        raise KitError(f"--sheet is for Excel files, and {path.name} is none")
    options, remarks = form_of(path, encoding_of(path), target) if suffix in (*TABLES, ".gz") else ({}, ())
    return Source(origin, path, name, options, remarks)


def _plain(name: str) -> str:
    """Give a file name of letters, digits, dots and hyphens, safe on every system and in every address."""
    stem, dot, ending = name.rpartition(".")
    return (re.sub(r"[^\w-]+", "-", stem or ending).strip("-.") or "data") + (dot + ending.lower() if stem else "")


def _sheet_of(path: Path, target: str, sheet: str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give the reader's options for a sheet: the one asked for, or the first that names the target, or the first."""
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(path, read_only=True)
        sheets = {name: _first_rows(workbook[name]) for name in workbook.sheetnames if sheet in (None, name)}
        names = workbook.sheetnames
        workbook.close()
    except Exception as error:  # openpyxl raises what zipfile and its XML parser raise
        raise KitError(f"{path.name}: no Excel workbook can be read from it: {error}") from error
    if not sheets:
        raise KitError(f"{path.name} has no sheet {sheet!r}; it has {', '.join(map(repr, names))}")
    fitting = [name for name, rows in sheets.items() if any(target.strip() in row for row in rows)]
    chosen = sheet or next(iter(fitting), names[0])
    skipped = beside_the_table(sheets[chosen], target) if sheets[chosen] else {}
    options = {"sheet_name": chosen, **skipped}
    if sheet is None and len(names) > 1:
        return options, (f"sheet {chosen!r} of {len(names)} (choose with --sheet)", *said(skipped))
    return options, said(skipped)


def _first_rows(sheet: Any) -> list[list[str]]:
    """Give the first rows as text; a sheet of charts has none."""
    rows = sheet.iter_rows(max_row=LINES, values_only=True) if hasattr(sheet, "iter_rows") else ()
    return [["" if cell is None else str(cell).strip() for cell in row] for row in rows]
