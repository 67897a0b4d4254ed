"""The form of a text table: encoding, delimiter, decimal sign, found in its first lines."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from capstone_kit.adopt.profile import AFTER, BEFORE, MISSING, perhaps_missing
from capstone_kit.project import KitError

SAMPLE = 200_000  # bytes looked at for encoding and delimiter
LINES = 60  # of them, given to the detection of the delimiter
DELIMITERS = [",", ";", "\t", "|"]
ALIGNED = r"\s+"  # columns put below each other by as many spaces as it takes
OTHERS = ["cp1250", "cp1251", "cp1253", "cp1255", "cp1256", "koi8_r", "mac_roman"]
OTHERS += ["cp932", "euc_jp", "gb18030", "big5", "cp949"]
NUMERAL = r"[-+]?[\d.,]*\d([eE][-+]?\d+)?"
GAPS = "'\u2019 \u00a0\u202f"  # between thousands, beside the other decimal sign: apostrophes and spaces
CELL = 10_000_000  # characters of the longest cell that is looked at


def form_of(path: Path, encoding: str, target: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give the reader's options for a text table, and remarks on what is unusual in it."""
    every = _first_lines(path, encoding)
    above = max(_above(_stripped(every, delimiter), target) for delimiter in DELIMITERS)
    lines = [line for line in every[above:] if line.strip()]
    if not lines:
        raise KitError(f"{path.name}: the file is empty")
    options: dict[str, Any] = {}
    delimiter = _delimiter(lines, path)
    if delimiter == " " and any(re.search(r"^ |  | $", line.rstrip("\r\n")) for line in lines):
        delimiter = ALIGNED
    if delimiter != ",":
        options["sep"] = delimiter
    if encoding != "utf-8":
        options["encoding"] = encoding
    rows = _cells(lines, delimiter)
    if any(cell.startswith(" ") for cell in rows[0][1:]) or _mostly(
        cell.startswith(" ") for row in rows for cell in row[1:]
    ):
        options["skipinitialspace"] = True
    if all(re.fullmatch(r"[-+]?\d*[.,]?\d+(e[-+]?\d+)?", cell.strip(), re.IGNORECASE) for cell in rows[0]):
        raise KitError(f"{path.name}: the first row holds numbers, no column names: put a row with names above it")
    options |= beside_the_table(_stripped(every, delimiter), target)
    cells = [re.sub(f"^{BEFORE}|{AFTER}$", "", cell.strip()) for row in rows[1:] for cell in row]
    options |= _numerals(cells, delimiter)
    return options, said(options)


def said(options: dict[str, Any]) -> tuple[str, ...]:
    """Give a reader's options in words."""
    plain = tuple(f"{name} {value!r}" for name, value in options.items() if name != "skiprows")
    rows = ", ".join(str(number + 1) for number in options.get("skiprows", ()))
    return (*plain, f"row {rows} holds no data and is skipped") if rows else plain


def beside_the_table(rows: list[list[str]], target: str) -> dict[str, list[int]]:
    """Give as a reader's option which of the first rows are none of the table: titles above the names, units below."""
    above = _above(rows, target)
    filled = [number for number, row in enumerate(rows) if number > above and any(row)]
    numeric = [n for n in range(len(rows[above])) if _mostly(_cell(rows[i], n, NUMERAL) for i in filled[1:])]
    texts = [rows[filled[0]][n] for n in numeric if n < len(rows[filled[0]])] if filled[3:] else []
    units = len(texts) > 1 and not any(re.fullmatch(NUMERAL, text) or _nothing(text) for text in texts)
    skipped = [*range(above), *filled[: int(units)]]
    return {"skiprows": skipped} if skipped else {}


def _above(rows: list[list[str]], target: str) -> int:
    """Give how many rows, all with fewer cells, stand above the one that holds the target's name."""
    number = next((number for number, row in enumerate(rows) if target.strip() in row), 0)
    widths = [len(list(filter(None, row))) for row in rows[: number + 1]]
    return number if all(width < widths[-1] for width in widths[:-1]) else 0


def _stripped(lines: list[str], delimiter: str) -> list[list[str]]:
    return [[cell.strip() for cell in row] for row in _cells(lines, delimiter)]


def _nothing(text: str) -> bool:
    return text in MISSING or perhaps_missing(text)


def _cell(row: list[str], place: int, pattern: str) -> bool:
    return place < len(row) and bool(re.fullmatch(pattern, row[place]))


def _cells(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    if delimiter == ALIGNED:
        return [line.split() for line in lines]
    csv.field_size_limit(CELL)
    return list(csv.reader(lines, delimiter=delimiter))


def _mostly(flags: Iterator[bool] | list[bool]) -> bool:
    found = list(flags)
    return len(found) > 0 and sum(found) > len(found) / 2


def common_encoding(parts: list[Path]) -> str:
    """Give the encoding of all parts; those without a letter beyond ASCII go with any."""
    found = {encoding_of(part, plain="ascii"): part.name for part in parts}
    named = {encoding: name for encoding, name in found.items() if encoding != "ascii"}
    if len(named) > 1:
        listed = ", ".join(f"{name} in {encoding}" for encoding, name in named.items())
        raise KitError(f"the parts are written in different encodings ({listed}): save all of them as UTF-8")
    return next(iter(named), "utf-8")


def encoding_of(path: Path, plain: str = "utf-8") -> str:
    """Give the encoding: by its mark, else UTF-8 if all of it decodes (`plain` if it is ASCII), else the likeliest."""
    import codecs

    with _opened(path) as file:
        start = piece = file.read(SAMPLE)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        if b"\0" in start:
            raise KitError(
                f"{path.name}: this is no text; give a CSV file, or an Excel or Parquet file with its own ending"
            )
        decoder, ascii_alone = codecs.getincrementaldecoder("utf-8")(), True
        try:
            while piece:
                decoder.decode(piece)
                ascii_alone = ascii_alone and piece.isascii()
                piece = file.read(1 << 24)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            near = error.object[max(0, error.start - SAMPLE // 2) : error.start + SAMPLE // 2]
            return _likely_encoding(bytes(near[near.find(b"\n") + 1 : near.rfind(b"\n") + 1] or near))
    if start.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    return plain if ascii_alone else "utf-8"


def _likely_encoding(text: bytes) -> str:
    """Give the likeliest encoding of what is no UTF-8.

    Statistics of letters mislead where most of a table is ASCII, and take a few accents for any of a dozen alphabets.
    So they see the different cells beyond ASCII alone, and decide among what tables are saved in. Western letters need
    none: they stand alone between others, and where cp1250 has letters, cp1252 has signs such as ³.
    """
    from charset_normalizer import from_bytes

    beyond = len(re.findall(rb"[\x80-\xff]", text))
    together = sum(len(run) for run in re.findall(rb"[\x80-\xff]{2,}", text))
    western = not re.search(rb"[\x81-\x83\x86-\x8b\x8d-\x90\x98\x9a\x9b\x9d-\x9f]", text)
    signs_in_words = re.search(rb"[A-Za-z][\xa1-\xb6\xb8-\xbf][a-z]", text)
    if western and not signs_in_words and together <= beyond / 2:
        return "cp1252"
    cells = dict.fromkeys(re.findall(rb'[^,;\t\r\n"]*[\x80-\xff][^,;\t\r\n"]*', text))
    likely = from_bytes(b"\n".join(cells), cp_isolation=OTHERS).best()
    return likely.encoding if likely else "latin-1"


@contextmanager
def _opened(path: Path) -> Generator[Any]:
    """Open a file, unpacking it if it is gzipped."""
    if path.suffix.lower() != ".gz":
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path) as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise KitError(f"{path.name}: the gzip file is broken: {error}") from error


def _first_lines(path: Path, encoding: str) -> list[str]:
    """Give the first lines, whole, and blank ones too; csv, not Unicode, says what ends a line."""
    with _opened(path) as file:
        start = file.read(SAMPLE)
        cut = bool(file.read(1))
    lines = list(io.StringIO(start.decode(encoding, errors="ignore").lstrip("\ufeff"), newline=""))
    lines = lines[:-1] if cut and len(lines) > 1 else lines
    return lines[: LINES + 1]


def _delimiter(lines: list[str], path: Path) -> str:
    """Give the delimiter: the one by which the lines have equally many cells, more than one."""
    import clevercsv

    allowed = [*DELIMITERS, " "] if path.suffix.lower() == ".txt" else DELIMITERS
    present = [d for d in allowed if d in lines[0]]
    if len(present) < 2:
        return present[0] if present else ","
    widths = {d: {len(row) for row in _cells(lines, d)} for d in present}
    even = [d for d, width in widths.items() if len(width) == 1 and width != {1}]
    if len(even) == 1:
        return even[0]
    found = clevercsv.Detector().detect("".join(lines), delimiters=present)
    return found.delimiter if found and found.delimiter in present else present[0]


def _numerals(cells: list[str], delimiter: str) -> dict[str, str]:
    """Give decimal and thousands signs where they are not the point and none."""
    gap = _gap(cells)
    cells = [cell.replace(gap, "") for cell in cells] if gap else cells
    european = sum(bool(re.fullmatch(r"-?(\d{1,3}(\.\d{3})+|\d+),\d+", cell)) for cell in cells)
    grouped = sum(bool(re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", cell)) for cell in cells)
    points = sum(bool(re.fullmatch(r"-?\d+\.\d+", cell)) for cell in cells)
    if gap:
        return ({"decimal": ","} if european > points else {}) | {"thousands": gap}
    if european > max(points, grouped if delimiter == "," else 0):
        dotted = any(re.fullmatch(r"-?\d{1,3}(\.\d{3})+,\d+", cell) for cell in cells)
        return {"decimal": ","} | ({"thousands": "."} if dotted else {})
    return {"thousands": ","} if grouped and not european > grouped else {}


def _gap(cells: list[str]) -> str:
    """Give the apostrophe or space between thousands, "" where none is: each cell of digits and it has to be so."""
    for sign in GAPS:
        held = [cell for cell in cells if re.fullmatch(rf"-?[\d.,]+({sign}[\d.,]+)+", cell)]
        if held and all(re.fullmatch(rf"-?[1-9]\d{{0,2}}({sign}\d{{3}})+([.,]\d+)?", cell) for cell in held):
            return sign
    return ""


def is_web_page(path: Path) -> bool:
    """Whether a page was saved, or sent, in the place of the table that it shows or offers."""
    with path.open("rb") as file:
        start = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<?xml") and b"<html" in start)
