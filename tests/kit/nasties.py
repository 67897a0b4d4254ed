"""Tables as they come: each case writes one, and says whether adoption takes it and what it has to see in it.

A case either runs, and then `fields` says what the data contract must hold of some columns; or it is refused, and then
`says` is part of the one sentence that a student reads.
"""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

ROWS = 120
TARGET = "outcome"
Writer = Callable[[Path], Path]
Maker = Callable[[], pd.DataFrame]


@dataclass(frozen=True)
class Nasty:
    """A table that something is wrong or odd with, and what has to become of it."""

    name: str
    write: Writer
    says: str = ""  # part of the sentence that refuses it; empty where it is taken
    target: str = TARGET
    wishes: tuple[str, ...] = ()
    kind: str = "classification"
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)  # by name: what the contract holds, at least
    trains: bool = False  # the pipeline is tried on it too
    broken: str = ""  # what is known to be wrong today; its test fails once it is mended, so that this is taken out
    stops: str = ""  # the same of the pipeline


def plain(rows: int = ROWS, /, **more: Any) -> pd.DataFrame:
    """Give a table from which the outcome, `good` or `bad`, can be learnt; `more` are further or other columns."""
    rng = np.random.default_rng(rows)
    temperature = rng.normal(300, 5, rows).round(2)
    speed = rng.integers(500, 3000, rows)
    bad = temperature - 300 + (speed - 1750) / 250 + rng.normal(0, 1, rows) > 4
    columns = {"temperature": temperature, "speed": speed, "grade": rng.choice(list("ABC"), rows)}
    table = pd.DataFrame(columns | {TARGET: np.where(bad, "bad", "good")})
    table.loc[: max(1, rows // 5), TARGET] = "bad"  # in a short table, too, there are some of both
    return table.assign(**more)


def repeated(*cells: Any, rows: int = ROWS) -> list[Any]:
    """Give `rows` cells: those given, over and over."""
    return [cells[number % len(cells)] for number in range(rows)]


def days(form: str, rows: int = ROWS) -> list[str]:
    """Give dates of two years, written by a strftime pattern."""
    starts = pd.date_range("2022-01-01", periods=rows, freq="149h")
    return list(starts.strftime(form))


def in_turn(*forms: str) -> list[str]:
    """Give dates of two years, each row written by the next of the strftime patterns."""
    return [days(forms[row % len(forms)])[row] for row in range(ROWS)]


def text(make: Maker, encoding: str = "utf-8", ending: str = ".csv", **form: Any) -> Writer:
    """Write a table as text."""

    def write(folder: Path) -> Path:
        path = folder / f"plant{ending}"
        path.write_bytes(make().to_csv(index=False, lineterminator="\n", **form).encode(encoding))
        return path

    return write


def raw(content: bytes | str, name: str = "plant.csv") -> Writer:
    """Write a file as it stands."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def header(*names: str) -> Writer:
    """Write a table whose first columns bear `names`, which may repeat; the target is the last column."""

    def write(folder: Path) -> Path:
        cells = plain(**{f"more {number}": repeated(*range(number, 7 + number)) for number in range(len(names))})
        named = [*names, "temperature", TARGET]
        cells = cells[[*(f"more {number}" for number in range(len(names))), "temperature", TARGET]]
        return text(lambda: cells.set_axis(named, axis="columns"))(folder)

    return write


def workbook(fill: Callable[[openpyxl.Workbook], None]) -> Writer:
    """Write an Excel file; `fill` is given the empty workbook."""

    def write(folder: Path) -> Path:
        book = openpyxl.Workbook()
        fill(book)
        book.save(folder / "plant.xlsx")
        return folder / "plant.xlsx"

    return write


def put(sheet: Any, table: pd.DataFrame) -> None:
    """Append a table to a sheet, its names first."""
    for row in (list(table.columns), *table.astype(object).to_numpy().tolist()):
        sheet.append(row)


def two_sheets(book: openpyxl.Workbook) -> None:
    """Put notes on the first sheet and the table on the second."""
    assert book.active
    book.active.title = "Read me"
    book.active.append(["Exported by the historian", "on Monday"])
    put(book.create_sheet("Runs 2024"), plain())


def merged_title(book: openpyxl.Workbook) -> None:
    """Put a title over three merged cells above the names."""
    assert book.active
    book.active.append(["Runs of the plant"])
    book.active.merge_cells("A1:D1")
    put(book.active, plain())


def dated_sheet(book: openpyxl.Workbook) -> None:
    """Put dates, booleans, empty cells and a whole number kept as a float into one sheet."""
    dates = pd.date_range("2024-01-01", periods=ROWS, freq="D").to_pydatetime()
    put(book.active, plain(when=dates, running=repeated(True, False, True), level=repeated(1.5, None, 3.0)))


def parquet(make: Callable[[], pa.Table]) -> Writer:
    """Write a Parquet file."""

    def write(folder: Path) -> Path:
        pa.parquet.write_table(make(), folder / "plant.parquet")
        return folder / "plant.parquet"

    return write


def typed() -> pa.Table:
    """Give nulls, instants with and without zone, categories, decimals and small floats."""
    table = plain()
    instants = pd.date_range("2024-01-01", periods=ROWS, freq="h")
    return pa.table(
        {
            "level": pa.array(repeated(1.5, None, 3.0), pa.float32()),
            "count": pa.array(repeated(1, 2, None, 4), pa.int16()),
            "when": pa.array(instants, pa.timestamp("us")),
            "zoned": pa.array(instants.tz_localize("Europe/Vienna"), pa.timestamp("ms", "Europe/Vienna")),
            "day": pa.array([instant.date() for instant in instants], pa.date32()),
            "grade": pa.array(table["grade"]).dictionary_encode(),
            "price": pa.array(repeated(Decimal("1.10"), Decimal("20.35"), None), pa.decimal128(9, 2)),
            "running": pa.array(repeated(True, False, None)),
            "temperature": table["temperature"],
            TARGET: table[TARGET],
        }
    )


def nested() -> pa.Table:
    """Give a column of lists."""
    return pa.Table.from_pandas(plain()).append_column("spectrum", pa.array([[1.0, 2.0]] * ROWS))


def json_lines(**more: list[Any]) -> Writer:
    """Write JSON lines, with further columns."""

    def write(folder: Path) -> Path:
        records = plain(**more).to_dict("records")
        path = folder / "plant.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write


def parts(second: Callable[[pd.DataFrame], pd.DataFrame]) -> Writer:
    """Write a folder of two CSV parts, the second changed."""

    def write(folder: Path) -> Path:
        place = folder / "runs"
        place.mkdir()
        table = plain()
        table[: ROWS // 2].to_csv(place / "2023.csv", index=False)
        second(table[ROWS // 2 :]).to_csv(place / "2024.csv", index=False)
        return place

    return write


def hidden_part(folder: Path) -> Path:
    """Write two CSV parts, and beside them what macOS leaves on foreign disks."""
    place = parts(lambda part: part)(folder)
    (place / "._2023.csv").write_bytes(b"\0\5\x16\7")
    return place


def aligned(folder: Path) -> Path:
    """Write columns that spaces put below each other."""
    path = folder / "plant.txt"
    path.write_text(plain().to_string(index=False) + "\n", encoding="utf-8")
    return path


def squeezed(folder: Path) -> Path:
    """Write a CSV file compressed by gzip."""
    path = folder / "plant.csv.gz"
    path.write_bytes(gzip.compress(plain().to_csv(index=False).encode()))
    return path


def million(folder: Path, rows: int = 1_000_000, columns: int = 30) -> Path:
    """Write a million rows by thirty columns in about two seconds: 26 numbers, two categories, a date, the target."""
    rng = np.random.default_rng(0)
    numbers = {f"x{number}": rng.normal(number, 1, rows).astype(np.float32) for number in range(columns - 4)}
    instants = np.datetime64("2015-01-01T00:00:00") + rng.integers(0, 300_000_000, rows).astype("timedelta64[s]")
    table = pa.table(
        numbers
        | {
            "line": pa.array(rng.integers(0, 5, rows)).cast(pa.string()),
            "machine": pa.array(rng.integers(0, 900, rows)).cast(pa.string()),
            "when": pa.array(instants).cast(pa.timestamp("s")),
            TARGET: pa.array(np.where(numbers["x0"] + numbers["x1"] > 2.5 + rng.normal(0, 1, rows), "bad", "good")),
        }
    )
    pyarrow.csv.write_csv(table, folder / "million.csv")
    return folder / "million.csv"


def wide() -> pd.DataFrame:
    """Give 2,000 columns, of which one tells something."""
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=(ROWS, 1996)).round(4)).add_prefix("channel ")
    return pd.concat([noise, plain()], axis="columns")


def classes(count: int, each: int) -> pd.DataFrame:
    """Give `count` classes of `each` rows, which a number tells apart."""
    rows = count * each
    labels = [f"product {number % count}" for number in range(rows)]
    place = np.arange(rows) % count + np.random.default_rng(0).normal(0, 0.2, rows).round(3)
    return plain(rows, place=place, **{TARGET: labels})


def rare(rows: int = 6000) -> pd.DataFrame:
    """Give one bad row in two hundred."""
    return plain(rows, **{TARGET: np.where(np.arange(rows) % 200 == 0, "bad", "good")})


def personal() -> pd.DataFrame:
    """Give names, addresses, numbers by which people are known, and a column that only sounds like one."""
    first, last = ["Ana", "Bo", "Chidi", "Doris", "Émile"], ["Okafor", "O'Brien", "Müller", "Silva", "Van Dam"]
    return plain(
        **{
            "full_name": [f"{first[n % 5]} {last[n // 5 % 5]}" for n in range(ROWS)],
            "e-mail": [f"user{n % 60}@example.org" for n in range(ROWS)],
            "mobile phone": [f"+43 660 {1000000 + n % 60 * 7919}" for n in range(ROWS)],
            "ssn": [f"{100 + n % 60}-45-{6789 - n % 60}" for n in range(ROWS)],
            "phone_model": repeated("Nokia 3310", "Pixel 9"),
        }
    )


def useless() -> pd.DataFrame:
    """Give a column for each reason for which a model should not see it."""
    table = plain()
    return table.assign(
        serial=[f"SN-{number:06d}" for number in range(ROWS)],
        always=7,
        never="",
        remark=[
            f"operator {number} saw nothing unusual at noon, but heard {number * 31} knocks" for number in range(ROWS)
        ],
        verdict=table[TARGET].map({"good": "pass", "bad": "fail"}),
        rejects=np.where(table[TARGET] == "bad", 1, 0) * np.arange(1, ROWS + 1),
    )


NAMES = (
    "two words", "it's", "💧 level", "class", "lambda", "a.b.c", "temp [K]", "`tick`", "$price",
    "=1+1", "-minus", "@home", "#hash", "x" * 300, "{{ jinja }}", "<b>bold</b>", "a|b", "a: b", "null", "yes",
    "Ünïcödé", "名前", "%d", "__init__", "index", "prediction", "0", "*star*",
)  # fmt: skip
HOSTILE = (
    "=cmd|' /C calc'!A0", "{{ 7 * 7 }}", "<script>alert(1)</script>", "null", "yes", "- a", "#x", "a | b", "\u202eabc",
    "'", "${HOME}",
)  # fmt: skip
FEATURE = {"role": "feature"}
NUMBER, TEXT, BOOLEAN = ({"type": name, **FEATURE} for name in ("number", "string", "boolean"))
LABEL = {"role": "target"}


FORMS = (
    Nasty(
        "semicolons and decimal commas in cp1252",
        text(
            lambda: plain(Größe=np.linspace(1.25, 9.75, ROWS), Preis=repeated("1 €", "2 €")),
            "cp1252", sep=";", decimal=",",
        ),
        fields={"Größe": NUMBER, "temperature": NUMBER, "Preis": {**NUMBER, "unit": "€"}}, trains=True,
    ),
    Nasty("tabs", text(plain, sep="\t", ending=".tsv"), fields={"temperature": NUMBER}),
    Nasty("tabs in a .csv", text(plain, sep="\t"), fields={"temperature": NUMBER}),
    Nasty(
        "columns below each other", aligned, fields={"temperature": NUMBER, "grade": TEXT},
    ),
    Nasty("bars", text(plain, sep="|"), fields={"temperature": NUMBER}),
    Nasty("byte order mark", text(plain, "utf-8-sig"), fields={"temperature": NUMBER}),
    Nasty("UTF-16", text(plain, "utf-16"), fields={"temperature": NUMBER}),
    Nasty("Windows line ends", raw(plain().to_csv(index=False, lineterminator="\r\n")), fields={"temperature": NUMBER}),
    Nasty("gzip", squeezed, fields={"temperature": NUMBER}),
    Nasty("everything quoted", text(plain, quoting=1), fields={"temperature": NUMBER}),
    Nasty(
        "line breaks within cells",
        text(lambda: plain(**{"shift\nplan": repeated("early\nand hot", "late, cold", 'at "night"')})),
        fields={"shift\nplan": TEXT},
    ),
    Nasty(
        "a cell of 200,000 characters", text(lambda: plain(dump=["x" * 200_000, *repeated("a", "b", rows=ROWS - 1)])),
    ),
    Nasty(
        "thousands signs", text(lambda: plain(output=[f"{n * 12345:,}" for n in range(ROWS)])),
        fields={"output": FEATURE},
    ),
    Nasty(
        "thousands apart by an apostrophe", text(lambda: plain(output=[f"{n}'345" for n in range(1, ROWS + 1)])),
        fields={"output": FEATURE},
    ),
    Nasty(
        "a title above the names",
        raw("Runs of the plant;2024\n\n" + plain().to_csv(index=False, sep=";", decimal=",")),
        fields={"temperature": NUMBER, "grade": TEXT}, trains=True,
    ),
    Nasty(
        "units below the names", raw(re.sub("\n", "\n[K],[rpm],,\n", plain().to_csv(index=False), count=1)),
        fields={"temperature": NUMBER, "grade": TEXT}, trains=True,
    ),
    Nasty("a target that only rows hold", text(plain), "there is no column 'good'", target="good"),
    Nasty("a name too few", raw(plain().to_csv(index=False).replace("temperature,", "", 1)), "plant.csv"),
    Nasty("unequal numbers of cells", raw(plain().to_csv(index=False) + "1,2,A,good,more\n"), "fields in line"),
    Nasty("a quote that is never closed", raw('a,outcome\n"1,good\n' + "2,bad\n" * 30), "plant.csv"),
    Nasty("no names", raw(plain()[["temperature", "speed"]].to_csv(index=False, header=False)), "no column names"),
    Nasty("names alone", raw("temperature,outcome\n"), "no rows"),
    Nasty("empty", raw(""), "empty"),
    Nasty("blank lines alone", raw("\n\n \n"), "empty"),
    Nasty("binary garbage", raw(np.random.default_rng(0).bytes(4096)), "no text"),
    Nasty("another ending", raw(plain().to_csv(index=False), "plant.dat"), ".dat is not read"),
    Nasty("no such file", lambda folder: folder / "nowhere.csv", "no such file"),
    Nasty("no Excel inside", raw("not a workbook", "plant.xlsx"), "Excel"),
    Nasty("no Parquet inside", raw("not a table", "plant.parquet"), "plant.parquet"),
    Nasty("two sheets, the second with the target", workbook(two_sheets), fields={"temperature": NUMBER}),
    Nasty("the sheet without the target chosen", workbook(two_sheets), "no rows", wishes=("--sheet", "Read me")),
    Nasty(
        "two sheets, the second chosen", workbook(two_sheets), wishes=("--sheet", "Runs 2024"),
        fields={"temperature": NUMBER},
    ),
    Nasty("a sheet that is not there", workbook(two_sheets), "'Runs 2024'", wishes=("--sheet", "Runs 2025")),
    Nasty("a merged title", workbook(merged_title), fields={"temperature": NUMBER}),
    Nasty(
        "dates and gaps in Excel", workbook(dated_sheet),
        fields={"when": {"type": "date", **FEATURE}, "running": BOOLEAN, "level": NUMBER}, trains=True,
    ),
    Nasty(
        "types of Parquet", parquet(typed),
        fields={"level": NUMBER, "count": {"type": "integer"}, "price": NUMBER, "grade": TEXT, "running": BOOLEAN},
        trains=True,
    ),
    Nasty("lists in Parquet", parquet(nested), "spectrum"),
    Nasty("JSON lines", json_lines(), fields={"temperature": NUMBER}),
    Nasty("objects in JSON lines", json_lines(place=[{"line": 1, "bay": 2}] * ROWS), "place"),
    Nasty("broken JSON lines", raw('{"a": 1, "outcome": "x"}\n{"a": 2,\n', "plant.jsonl"), "plant.jsonl"),
    Nasty("two parts", parts(lambda part: part), fields={"temperature": NUMBER}),
    Nasty("a part that the system hides", hidden_part, fields={"temperature": NUMBER}),
    Nasty("parts in another order", parts(lambda part: part[part.columns[::-1]]), fields={"temperature": NUMBER}),
    Nasty(
        "parts with other columns", parts(lambda part: part.rename(columns={"speed": "rpm"})),
        "2024.csv has other columns than the parts before it: 'speed' is missing, 'rpm' is new",
    ),
    Nasty("Excel of before 2007", raw("an old workbook", "plant.xls"), "save it as .xlsx"),
    Nasty("a folder without tables", lambda folder: folder, "no .csv"),
)  # fmt: skip

CELLS = (
    Nasty(
        "words for true and false",
        text(lambda: plain(ok=repeated("yes", "no"), on=repeated("TRUE", "FALSE", ""), up=repeated("y", "n"))),
        fields={"ok": BOOLEAN, "on": BOOLEAN, "up": BOOLEAN}, trains=True,
    ),
    Nasty(
        "days and months either way",
        text(lambda: plain(dmy=days("%d/%m/%Y"), mdy=days("%m/%d/%Y"), iso=days("%Y-%m-%d"), dots=days("%d.%m.%Y"))),
        fields={
            "dmy": {"type": "date", "format": "%d/%m/%Y"}, "mdy": {"type": "date", "format": "%m/%d/%Y"},
            "iso": {"type": "date"}, "dots": {"type": "date", "format": "%d.%m.%Y"},
        },
        trains=True,
    ),
    Nasty(
        "days in three ways, some either way round",
        text(
            lambda: plain(
                when=in_turn("%Y-%m-%d", "%d/%m/%Y", "%d %b %Y"), at=in_turn("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"),
                both=in_turn("%d/%m/%Y", "%m/%d/%Y"), noon=days("%m/%d/%Y %I:%M %p"), month=days("%Y-%m"),
            )
        ),
        fields={
            "when": {"type": "date", "format": None}, "at": {"type": "datetime", "format": None},
            "both": {"type": "string", "role": "excluded"}, "noon": {"type": "datetime"}, "month": {"type": "date"},
        },
        trains=True,
    ),
    Nasty(
        "moments written as one number",
        text(lambda: plain(day=days("%Y%m%d"), minute=days("%Y%m%d%H%M"), count=repeated(20240131, 20240199))),
        fields={
            "day": {"type": "date", "format": "%Y%m%d"}, "minute": {"type": "datetime", "format": "%Y%m%d%H%M"},
            "count": {"type": "integer"},
        },
        trains=True,
    ),
    Nasty(
        "instants with zones",
        text(lambda: plain(at=days("%Y-%m-%dT%H:%M:%S+02:00"), zulu=days("%Y-%m-%dT%H:%M:%SZ"))),
        fields={"at": {"type": "datetime"}, "zulu": {"type": "datetime"}}, trains=True,
    ),
    Nasty(
        "signs of a missing value",
        text(
            lambda: plain(
                na=repeated(1.5, 2.5, "NA"), question=repeated(1, 2, 3, "?"), dash=repeated(1.25, 2.5, "-"),
                slash=repeated("n/a", 5, 6), none=repeated("", 7.5, 8), nan=repeated("nan", 7.5, 8),
                null=repeated("NULL", 7.5, 8), word=repeated("", "a", "b"),
            )
        ),
        fields=dict.fromkeys(("na", "question", "dash", "slash", "none", "nan", "null", "word"), FEATURE),
        trains=True,
    ),
    Nasty(
        "a word that means nothing in one column and something in others",
        text(lambda: plain(n=repeated(1, 2, "none"), c=repeated("none", "x"), outcome=repeated("none", *"all"))),
        fields={
            "n": {"type": "integer", "missingValues": ["", "none"]}, "c": {"missingValues": None},
            TARGET: {"constraints": {"required": True, "enum": ["a", "l", "none"]}},
        },
        trains=True,
    ),
    Nasty(
        "columns of no use", text(useless),
        fields={
            "serial": {"role": "identifier"}, "always": {"role": "excluded"}, "never": {"role": "excluded"},
            "remark": {"role": "excluded"}, "verdict": {"role": "excluded"}, "rejects": FEATURE,
        },
    ),
    Nasty(
        "people", text(personal),
        fields={
            "full_name": {"role": "excluded"}, "e-mail": {"role": "excluded"}, "mobile phone": {"role": "excluded"},
            "ssn": {"role": "excluded"}, "phone_model": FEATURE,
        },
    ),
    Nasty("negative numbers", text(lambda: plain(depth=np.linspace(-900, -0.5, ROWS))), fields={"depth": NUMBER}),
    Nasty(
        "beyond single precision",
        text(
            lambda: plain(
                huge=np.linspace(1e299, 1e300, ROWS), tiny=np.linspace(1e-300, 1e-299, ROWS), edge=3.5e38,
                ends=[1.7e308, -1.7e308, *repeated(1.5, rows=ROWS - 2)],
            )
        ),
        trains=True,
    ),
    Nasty(
        "a few numbers beyond single precision", text(lambda: plain(load=[1e300, 1e39, *range(ROWS - 2)])),
        trains=True,
    ),
    Nasty("infinities", text(lambda: plain(load=repeated(1.5, "inf", 2.5, "-Infinity", 4))), trains=True),
    Nasty("whole numbers beyond double precision", text(lambda: plain(big=[2**60 + n for n in range(ROWS)]))),
    Nasty("numbers among texts", text(lambda: plain(code=repeated(1, 2.5, "A", "B7", "<5"))), fields={"code": TEXT}),
    Nasty("leading zeros", text(lambda: plain(zip=repeated("01234", "00999", "10115"))), fields={"zip": TEXT}),
    Nasty(
        "per cent and currency",
        text(
            lambda: plain(
                share=[f"{n % 97} %" for n in range(ROWS)], unit_cost=[f"${n * 31:,}.50" for n in range(ROWS)],
                mixed=repeated("1 €", "2 $", "3 €"), partly=repeated("1 %", "2", ""),
            )
        ),
        fields={
            "share": {**NUMBER, "unit": "%", "bareNumber": False}, "unit_cost": {**NUMBER, "title": "Unit cost"},
            "mixed": TEXT, "partly": TEXT,
        },
        trains=True,
    ),
    Nasty(
        "a reading that begins after the training rows",
        text(lambda: plain(day=days("%Y-%m-%d"), late=[""] * (ROWS - 12) + [*range(12)])), wishes=("--time", "day"),
        fields={"late": NUMBER | {"type": "integer"}}, trains=True,
    ),
    Nasty("times of day", text(lambda: plain(clock=days("%H:%M")))),
    Nasty(
        "5,000 values of a category", text(lambda: plain(10_000, part=[f"P{n % 5000}" for n in range(10_000)])),
        trains=True,
    ),
    Nasty(
        "texts that mean something elsewhere",
        text(lambda: plain(cell=repeated(*HOSTILE))),
        fields={"cell": TEXT}, trains=True,
    ),
    Nasty(
        "the same letters in two forms", text(lambda: plain(town=repeated("Zürich", "Zu\u0308rich", "Bern"))),
        fields={"town": TEXT},
    ),
    Nasty(
        "blanks around cells",
        text(lambda: plain(code=repeated(" a", "a ", "a", "b"), size=repeated(" 1.5", "2 ", "3"))),
    ),
)  # fmt: skip

NAMED = (
    Nasty("odd names", header(*NAMES), fields={"two words": FEATURE, "💧 level": FEATURE}, trains=True),
    Nasty("quotes in names", header('a "quoted" one'), trains=True),
    Nasty("backslashes in names", header("a\\b"), trains=True),
    Nasty("names twice", header("load", "load", "load.1"), trains=True),
    Nasty("no name", header(""), trains=True),
    Nasty("blank names", header(" ", "  load "), trains=True),
    Nasty("names that differ by case", header("Load", "LOAD", "load")),
    Nasty(
        "a target with an odd name", text(lambda: plain().rename(columns={TARGET: "is it [good]?"})),
        target="is it [good]?", trains=True,
    ),
    Nasty("a target that is not there", text(plain), "there is no column 'weather'", target="weather"),
    Nasty("a target nearly named", text(plain), "did you mean 'outcome'?", target="outcom"),
    Nasty("a target in another case", text(plain), "did you mean 'outcome'?", target="Outcome"),
    Nasty("a time that is not there", text(plain), "--time", wishes=("--time", "when")),
    Nasty("a target named twice", text(plain), "--target was given 2 times", wishes=("--target", "speed")),
    Nasty(
        "a column in two roles", text(plain), "'speed' is named by --group and by --drop",
        wishes=("--group", "speed", "--drop", "speed"),
    ),
    Nasty("a time that is the target", text(plain), "--time", wishes=("--time", TARGET)),
    Nasty(
        "a time of two days", text(lambda: plain(day=repeated("2024-01-01", "2024-01-02"))), "has 2 different times",
        wishes=("--time", "day"),
    ),
    Nasty(
        "a group of one", text(lambda: plain(plant="Linz")), "group", wishes=("--group", "plant"),
    ),
)  # fmt: skip

TARGETS = (
    Nasty("gaps in the target", text(lambda: plain(outcome=repeated("good", "bad", "", "good"))), trains=True),
    Nasty(
        "gaps in a number to be predicted", text(lambda: plain(outcome=[*np.linspace(1, 9, ROWS - 9), *([""] * 9)])),
        kind="regression",
    ),
    Nasty("no target in any row", text(lambda: plain(outcome="")), "no value"),
    Nasty("one class", text(lambda: plain(outcome="good")), "nothing to learn"),
    Nasty(
        "a constant to be predicted", text(lambda: plain(outcome=1.5)), "nothing to learn",
        wishes=("--kind", "regression"),
    ),
    Nasty("a class for each row", text(lambda: plain(outcome=[f"k{n}" for n in range(ROWS)])), "different values"),
    Nasty(
        "a class of one row", text(lambda: plain(outcome=["odd", *repeated("good", "bad", rows=ROWS - 1)])),
        trains=True,
    ),
    Nasty("two rows of each class", text(lambda: classes(30, 2)), "has 3 rows"),
    Nasty("twenty rows", text(lambda: plain(20)), trains=True),
    Nasty("nine rows", text(lambda: plain(9)), "at least 10"),
    Nasty("one row", text(lambda: plain()[:1]), "nothing to learn"),
    Nasty("one column", text(lambda: plain()[[TARGET]]), "no column is left"),
    Nasty("nothing but the target and a constant", text(lambda: plain(x=1)[["x", TARGET]]), "no column is left"),
    Nasty("2,000 columns", text(wide), trains=True),
    Nasty("100 classes", text(lambda: classes(100, 20)), trains=True),
    Nasty(
        "three whole numbers", text(lambda: plain(outcome=repeated(1, 2, 3))), fields={TARGET: {"type": "string"}},
        trains=True,
    ),
    Nasty(
        "true and false", text(lambda: plain(outcome=repeated(True, False, False))),
        fields={TARGET: {"type": "string"}}, trains=True,
    ),
    Nasty(
        "yes and no", text(lambda: plain(outcome=repeated("yes", "no", "no"))), trains=True,
    ),
    Nasty("1.0 and 2.0", text(lambda: plain(outcome=repeated(1.0, 2.0))), fields={TARGET: LABEL}, trains=True),
    Nasty(
        "classes -1 and 1", text(lambda: plain(outcome=repeated(-1, 1))), fields={TARGET: {"type": "string"}},
        trains=True,
    ),
    Nasty(
        "classes with odd texts", text(lambda: plain(outcome=repeated("<b>x</b>", "a, b", "{{ c }}", "null", "💧"))),
        trains=True,
    ),
    Nasty(
        "huge numbers to be predicted", text(lambda: plain(outcome=np.linspace(1e299, 1e300, ROWS))),
        "single precision's largest",
    ),
    Nasty(
        "tiny numbers to be predicted", text(lambda: plain(outcome=np.linspace(1e-30, 9e-30, ROWS))),
        kind="regression", trains=True,
    ),
    Nasty(
        "per cent to be predicted", text(lambda: plain(outcome=[f"{n / 2}%" for n in range(ROWS)])), kind="regression",
        fields={TARGET: {"unit": "%"}}, trains=True,
    ),
    Nasty("a bad row in two hundred", text(rare), trains=True),
    Nasty("texts where numbers are asked for", text(plain), "needs numbers", wishes=("--kind", "regression")),
    Nasty("a class that is not there", text(plain), "is no class", wishes=("--positive", "awful")),
    Nasty("dates to be predicted", text(lambda: plain(outcome=days("%Y-%m-%d"))), "days"),
)  # fmt: skip

NASTIES = (*FORMS, *CELLS, *NAMED, *TARGETS)
