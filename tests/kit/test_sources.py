"""Where a table comes from: the web, databases, files of every form. What cannot be read is refused in one sentence."""

import gzip
import os
import sqlite3
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import psycopg
import pytest
import trustme
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))

from bake import bake
from inside import adopts, as_generated
from servers import PASSWORD, free_port, postgresql, web

from capstone_kit.adopt.source import locate

ROWS = 240
UUID = "00000000-0000-4000-8000-{:012d}"


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generated repository, nothing installed."""
    return bake(tmp_path_factory.mktemp("baked"), project_slug="sources")


@pytest.fixture
def repository(baked: Path) -> Iterator[Path]:
    """Give that repository as it was generated."""
    yield baked
    as_generated(baked)


def plant(town: str = "Delft") -> pd.DataFrame:
    """Give a small table with a text, numbers and a target."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "town": rng.choice([town, "plain", "other"], ROWS),
            "load": rng.normal(1500, 300, ROWS).round(2),
            "speed": rng.normal(5, 1, ROWS).round(3),
            "result": rng.choice(["good", "bad"], ROWS),
        }
    )


def contract(repository: Path) -> dict:
    """Give the data contract."""
    return yaml.safe_load((repository / "data/datapackage.yaml").read_text(encoding="utf-8"))


def fields(repository: Path) -> dict[str, tuple[str, str]]:
    """Give type and role of every field by name."""
    return {f["name"]: (f["type"], f["role"]) for f in contract(repository)["resources"][0]["schema"]["fields"]}


TYPES = {"town": "string", "load": "number", "speed": "number", "result": "string"}


def types(repository: Path) -> dict[str, str]:
    """Give the type of every field by name."""
    return {name: type_ for name, (type_, _) in fields(repository).items()}


def everything(repository: Path) -> str:
    """Give all that is below the repository, git's objects unpacked or not."""
    files = [p for p in repository.rglob("*") if p.is_file() and ".git/objects" not in p.as_posix()]
    return "\n".join(p.read_bytes().decode("utf-8", errors="replace") for p in files)


# The web


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve tables, and what is none; give the address."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "locked").mkdir()
    for name in ("plant.csv", "plant.dat", "locked/plant.csv", "broken.csv"):
        plant().to_csv(folder / name, index=False)
    plant().to_excel(folder / "download", index=False, engine="openpyxl")
    (folder / "page.csv").write_text("\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", encoding="utf-8")
    (folder / "empty.csv").write_bytes(b"")
    with web(folder) as address:
        yield address


@pytest.mark.parametrize("name", ["plant.csv", "plant.csv?version=2", "moved.csv", "plant.dat"])
def test_a_table_is_fetched(repository: Path, site: str, name: str) -> None:
    """By its name, with a query, after a redirection, with an ending that says nothing."""
    done = adopts(repository, f"{site}/{name}", "result")
    assert (done.status, done.errors) == (0, "")
    assert types(repository) == TYPES
    assert contract(repository)["sources"] == [{"title": f"{site}/{name.partition('?')[0]}"}]


def test_a_download_has_the_name_that_the_server_gives_it(repository: Path, site: str) -> None:
    """The address ends in /download, and the header says that it is a workbook."""
    assert adopts(repository, f"{site}/download", "result").errors == ""
    assert (repository / "data/source/measured-2024.xlsx").exists()
    assert types(repository) == TYPES


def test_https_is_trusted_by_its_authority_alone(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose authority nobody knows is refused with the setting that names it; then its table is fetched."""
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    plant().to_csv(tmp_path / "plant.csv", index=False)
    with web(tmp_path, tls) as site:
        assert "SSL_CERT_FILE names the file" in adopts(repository, f"{site}/plant.csv", "result").sentence
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        assert adopts(repository, f"{site}/plant.csv", "result").errors == ""
    assert types(repository) == TYPES


def test_credentials_are_sent_and_kept_nowhere(repository: Path, site: str) -> None:
    """The server gets them; neither the files nor what is printed has them."""
    done = adopts(repository, f"{site.replace('://', '://ada:shibboleth@')}/locked/plant.csv?key=mellon", "result")
    assert (done.status, done.errors) == (0, "")
    shown = done.shown + everything(repository)
    assert "shibboleth" not in shown
    assert "mellon" not in shown


REFUSED = {
    "missing": ("{site}/nowhere.csv", "404"),
    "a password is asked for": ("{site}/locked/plant.csv", "401"),
    "a page": ("{site}/page.csv", "this is a web page, no table"),
    "a folder": ("{site}/", "this is a web page, no table"),
    "an empty file": ("{site}/empty.csv", "the file is empty"),
    "broken off": ("{site}/broken.csv", "the server closed the connection"),
    "nobody listens": ("http://127.0.0.1:{port}/plant.csv", "refused"),
    "no such host": ("http://nowhere.invalid/plant.csv", "nowhere.invalid"),
    "no number as port": ("http://127.0.0.1:shibboleth/plant.csv", "the address is not valid"),
    "brackets": ("http://[shibboleth/plant.csv", "the address is not valid"),
    "another scheme": ("ftp://ada:shibboleth@127.0.0.1/plant.csv", "of other addresses only http(s) is read"),
}


@pytest.mark.parametrize(("address", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_fetched_is_one_sentence(repository: Path, site: str, address: str, says: str) -> None:
    """The reason, and no password."""
    sentence = adopts(repository, address.format(site=site, port=free_port()), "result").sentence
    assert says in sentence
    assert "shibboleth" not in sentence


# Databases


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with the table and a few odd texts."""
    path = tmp_path_factory.mktemp("sqlite") / "plant.db"
    with sqlite3.connect(path) as connection:
        plant().assign(note="a;b:c, 50 %").to_sql("plant", connection, index=False)
    connection.close()
    return path


def test_a_query_to_sqlite_is_kept_as_its_rows(repository: Path, sqlite: Path) -> None:
    """Columns, rows and the query are in the repository; colons and per cent signs are no parameters."""
    query = "SELECT load, result, '12:30 :x' AS label FROM plant WHERE note LIKE '%50 \\%%' ESCAPE '\\'"
    done = adopts(repository, f"sqlite:///{sqlite}", "result", f"--query={query}")
    assert (done.status, done.errors) == (0, "")
    kept = pd.read_csv(repository / "data/source/query.csv")
    assert (len(kept), list(kept), set(kept["label"])) == (ROWS, ["load", "result", "label"], {"12:30 :x"})
    assert contract(repository)["sources"] == [{"title": f"sqlite:///{sqlite}", "query": query}]


SQLITE = {
    "wrong table": ("SELECT * FROM nowhere", "no such table: nowhere"),
    "no SQL": ("load and speed, please", "syntax error"),
    "nothing read": ("DELETE FROM plant", "readonly"),
    "a table dropped": ("DROP TABLE plant", "readonly"),
    "no rows": ("SELECT * FROM plant WHERE load < 0", "no rows"),
    "bytes": ("SELECT result, CAST(load AS BLOB) AS picture FROM plant", "the column 'picture' holds bytes"),
}


@pytest.mark.parametrize(("query", "says"), SQLITE.values(), ids=SQLITE.keys())
def test_a_query_that_cannot_be_read_is_one_sentence(repository: Path, sqlite: Path, query: str, says: str) -> None:
    """And no query changes the database."""
    assert says in adopts(repository, f"sqlite:///{sqlite}", "result", f"--query={query}").sentence
    with sqlite3.connect(sqlite) as connection:
        assert connection.execute("SELECT count(*) FROM plant").fetchone() == (ROWS,)
    connection.close()


def test_a_sqlite_file_that_is_not_there_is_not_made(repository: Path, tmp_path: Path) -> None:
    """SQLite itself would make an empty one."""
    done = adopts(repository, f"sqlite:///{tmp_path}/nowhere.db", "result", "--query=SELECT 1")
    assert "there is no such file" in done.sentence
    assert not (tmp_path / "nowhere.db").exists()


MISUSED = {
    "a file with a query": ("plant.csv", ("--query=SELECT 1",), "--query needs a database URL"),
    "a page with a query": ("https://example.org/x.csv", ("--query=SELECT 1",), "--query needs a database URL"),
    "a database without a query": ("postgresql://ada:shibboleth@h/db", (), "give --query with a database URL"),
    "a port that is none": ("postgresql://ada:ses@ame:x@h:y/db", ("--query=SELECT 1",), "cannot be read"),
    "an unknown database": ("shibboleth://ada:pw@h/db", ("--query=SELECT 1",), "shibboleth"),
    "a database without driver": ("mysql://ada:mellon@h/db", ("--query=SELECT 1",), "uv add --group dev 'mysqlclient'"),
}


@pytest.mark.parametrize(("source", "words", "says"), MISUSED.values(), ids=MISUSED.keys())
def test_a_wrong_address_is_one_sentence(repository: Path, source: str, words: tuple[str, ...], says: str) -> None:
    """It says what to give instead, and not the password."""
    sentence = adopts(repository, source, "result", *words).sentence
    assert says in sentence
    assert not any(secret in sentence for secret in ("ada", "ses@ame", "mellon"))


def test_a_missing_driver_is_named_with_the_command_that_adds_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's driver is an extra of the kit."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    sentence = adopts(repository, "postgresql://ada@127.0.0.1/db", "result", "--query=SELECT 1").sentence
    assert sentence.endswith("the driver psycopg is missing: uv add --group dev 'capstone-kit[postgresql]'")


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Run PostgreSQL with a table of its own types; give host, port and name of the database."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with postgresql(Path(folder) / "postgresql") as port:
            _fill(port)
            yield f"127.0.0.1:{port}/postgres"


def _fill(port: int) -> None:
    table = plant()
    with psycopg.connect(host="127.0.0.1", port=port, user="ada", password=PASSWORD, dbname="postgres") as connection:
        connection.execute(
            "CREATE TABLE plant (id uuid, town text, load numeric(8, 2), speed double precision, warm boolean, "
            "seen timestamptz, day date, tags text[], result text)"
        )
        connection.execute("CREATE SEQUENCE counter")
        with connection.cursor().copy("COPY plant FROM STDIN") as copy:
            for n, (town, load, speed, result) in enumerate(table.itertuples(index=False)):
                gap = None if n % 10 == 0 else n % 3 == 0
                day = f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d}"
                cells = (UUID.format(n), town, load, speed, gap, f"{day} 10:30:00+02", day, ["a"], result)
                copy.write_row(cells)


READ = "SELECT id, town, load, speed, warm, seen, day, result FROM plant"


def ada(database: str, password: str = PASSWORD) -> str:
    """Give the URL with user and password."""
    return f"postgresql://ada:{quote(password, safe='')}@{database}"


def test_postgresql_is_read_and_its_password_kept_nowhere(repository: Path, database: str) -> None:
    """UUIDs, decimals, booleans with gaps and times come as what they are."""
    done = adopts(repository, ada(database), "result", f"--query={READ}")
    assert (done.status, done.errors) == (0, "")
    assert fields(repository) == {
        "id": ("string", "identifier"),
        "town": ("string", "feature"),
        "load": ("number", "feature"),
        "speed": ("number", "feature"),
        "warm": ("boolean", "feature"),
        "seen": ("datetime", "feature"),
        "day": ("date", "feature"),
        "result": ("string", "target"),
    }
    assert len(pd.read_csv(repository / "data/source/query.csv")) == ROWS
    shown = done.shown + everything(repository)
    assert not any(secret in shown for secret in (PASSWORD, quote(PASSWORD, safe=""), "ada:"))
    assert contract(repository)["sources"][0]["title"].endswith(f"://{database}")


def test_the_password_may_come_from_the_environment(
    repository: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PGPASSWORD, so that no history of a shell holds it; postgres:// is the same as postgresql://."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert adopts(repository, f"postgres://ada@{database}", "result", f"--query={READ}").errors == ""


POSTGRESQL = {
    "wrong password": ("wrong", "{database}", READ, "password authentication failed"),
    "wrong table": (PASSWORD, "{database}", "SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
    "wrong query": (PASSWORD, "{database}", "SELEC 1", "syntax error"),
    "wrong database": (PASSWORD, "{database}x", READ, "does not exist"),
    "wrong port": (PASSWORD, "127.0.0.1:{port}/postgres", READ, "refused"),
    "wrong host": (PASSWORD, "nowhere.invalid/postgres", READ, "nowhere.invalid"),
    "a list in a cell": (PASSWORD, "{database}", "SELECT result, tags FROM plant", "the column 'tags' holds list"),
    "a write": (PASSWORD, "{database}", "DELETE FROM plant", "syntax error"),
    "a hidden write": (PASSWORD, "{database}", "SELECT nextval('counter'), result FROM plant", "read-only"),
}


@pytest.mark.parametrize(("password", "place", "query", "says"), POSTGRESQL.values(), ids=POSTGRESQL.keys())
def test_what_postgresql_refuses_is_one_sentence(
    repository: Path, database: str, password: str, place: str, query: str, says: str
) -> None:
    """The server's reason, without the password."""
    address = ada(place.format(database=database, port=free_port()), password)
    sentence = adopts(repository, address, "result", f"--query={query}").sentence
    assert says in sentence
    assert not any(secret in sentence for secret in (PASSWORD, quote(PASSWORD, safe=""), "ada:"))


# Files


def test_the_sheet_is_chosen(repository: Path, tmp_path: Path) -> None:
    """Of two sheets with the target the first, with a remark, or the one named; one that is not there is refused."""
    with pd.ExcelWriter(tmp_path / "plant.xlsx") as writer:
        plant().assign(load=1).to_excel(writer, sheet_name="Notes", index=False)
        plant().to_excel(writer, sheet_name="Runs 2024", index=False)
    done = adopts(repository, tmp_path / "plant.xlsx", "result", "--sheet=Runs 2024")
    assert (done.errors, types(repository)) == ("", TYPES)
    as_generated(repository)
    assert "sheet 'Notes' of 2" in adopts(repository, tmp_path / "plant.xlsx", "result").shown
    as_generated(repository)
    assert "it has 'Notes', 'Runs 2024'" in adopts(repository, tmp_path / "plant.xlsx", "result", "--sheet=x").sentence


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".csv.gz", ".tsv", ".xlsx"])
def test_each_format_gives_the_same_contract(repository: Path, tmp_path: Path, ending: str) -> None:
    """Types do not depend on how the table was saved."""
    path = tmp_path / f"plant{ending}"
    match ending:
        case ".parquet":
            plant().to_parquet(path)
        case ".jsonl":
            plant().to_json(path, orient="records", lines=True)
        case ".xlsx":
            plant().to_excel(path, index=False)
        case _:
            plant().to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    assert adopts(repository, path, "result").errors == ""
    assert types(repository) == TYPES


def test_of_a_folder_the_parts_alone_are_kept(repository: Path, tmp_path: Path) -> None:
    """All rows count; other files in the folder stay where they are; gzipped parts are parts."""
    folder = tmp_path / "years"
    folder.mkdir()
    for n in range(3):
        plant().to_csv(folder / f"{2020 + n}.csv{'.gz' if n == 2 else ''}", index=False)
    (folder / "private notes.docx").write_text("not a table", encoding="utf-8")
    done = adopts(repository, folder, "result")
    assert (done.status, done.errors) == (0, "")
    assert f"{3 * ROWS:,} rows" in done.shown
    assert "3 parts" in done.shown
    assert sorted(p.name for p in (repository / "data/source/years").iterdir()) == [
        "2020.csv",
        "2021.csv",
        "2022.csv.gz",
    ]


def test_parts_share_an_encoding(repository: Path, tmp_path: Path) -> None:
    """A part without accents goes with any; two encodings are refused by name."""
    plant().to_csv(tmp_path / "2020.csv", index=False)
    plant("Orléans").to_csv(tmp_path / "2021.csv", index=False, encoding="cp1252")
    assert adopts(repository, tmp_path, "result").errors == ""
    plant("Orléans").to_csv(tmp_path / "2022.csv", index=False)
    assert "2021.csv in cp1252, 2022.csv in utf-8" in adopts(repository, tmp_path, "result").sentence


@pytest.mark.parametrize("content", [b"no gzip at all", gzip.compress(b"a,result\n" * 9000)[:-20]])
def test_a_broken_gzip_file_is_one_sentence(repository: Path, tmp_path: Path, content: bytes) -> None:
    """Another file by that name, and one that was not copied whole."""
    (tmp_path / "plant.csv.gz").write_bytes(content)
    assert "the gzip file is broken" in adopts(repository, tmp_path / "plant.csv.gz", "result").sentence


@pytest.mark.parametrize("source", ["~nobody-at-all/x.csv", "x" * 5000 + ".csv", "/dev/null", "."])
def test_a_path_that_is_none_is_one_sentence(repository: Path, source: str) -> None:
    """Somebody unknown's home, a name beyond all bounds, a device, a folder without tables."""
    assert adopts(repository, source, "result").sentence


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever runs this may read everything")
def test_a_file_that_may_not_be_read_is_one_sentence(repository: Path, tmp_path: Path) -> None:
    """Permission denied."""
    plant().to_csv(tmp_path / "plant.csv")
    (tmp_path / "plant.csv").chmod(0)
    assert "ermission denied" in adopts(repository, tmp_path / "plant.csv", "result").sentence


ENCODINGS = {
    "utf-8": ("Łódź Kraków", {}),
    "utf-8-sig": ("Łódź Kraków", {"encoding": "utf-8-sig"}),
    "utf-16": ("Łódź Kraków", {"encoding": "utf-16"}),
    "cp1252": ("„Genève“ 5_µm São_Paulo Århus €", {"encoding": "cp1252"}),
    "latin-1": ("Málaga ±5_°C Zürich", {"encoding": "cp1252"}),  # the same for every letter that both have
    "cp1250": ("Łódź Kraków żółty zieleń Plzeň", {"encoding": "cp1250"}),
    "cp1251": ("Казань Москва красный синий Омск", {"encoding": "cp1251"}),
    "shift_jis": ("東京 大阪 青色 温度 カタカナ", {"encoding": "cp932"}),
    "gb18030": ("北京 上海 红色 蓝色 温度", {"encoding": "gb18030"}),
    "euc_kr": ("서울 부산 빨강 파랑 온도", {"encoding": "cp949"}),
}


@pytest.mark.parametrize(("encoding", "case"), ENCODINGS.items(), ids=ENCODINGS.keys())
def test_the_encoding_is_detected(tmp_path: Path, encoding: str, case: tuple[str, dict[str, str]]) -> None:
    """From the letters, and every cell reads as it was written."""
    words, options = case
    path = tmp_path / "plant.csv"
    table = plant().assign(town=[(words.split() + ["plain"] * 20)[n % (20 + len(words.split()))] for n in range(ROWS)])
    table.to_csv(path, index=False, encoding=encoding)
    found = locate(str(path), tmp_path, None, None, "result")
    assert found.options == options
    assert pd.read_csv(path, **found.options)["town"].tolist() == table["town"].tolist()


def test_an_accent_far_down_is_seen(tmp_path: Path) -> None:
    """Half a megabyte of ASCII before the first letter that tells the encoding."""
    path = tmp_path / "plant.csv"
    rows = "plain,1,good\n" * 40_000 + "Genève,2,bad\n"
    path.write_bytes(("town,load,result\n" + rows).encode("cp1252"))
    assert locate(str(path), tmp_path, None, None, "result").options == {"encoding": "cp1252"}


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_delimiter_and_decimal_sign_are_detected(tmp_path: Path, sep: str, decimal: str) -> None:
    """In every combination, with the other signs in the texts."""
    path = tmp_path / "plant.csv"
    plant("here, there; or | elsewhere").to_csv(path, index=False, sep=sep, decimal=decimal)
    expected = ({"sep": sep} if sep != "," else {}) | ({"decimal": ","} if decimal == "," else {})
    assert locate(str(path), tmp_path, None, None, "result").options == expected


def test_thousands_are_detected(tmp_path: Path) -> None:
    """1.234,5 with semicolons, and "1,234.5" in quotes."""
    path = tmp_path / "plant.csv"
    path.write_text("load;result\n" + "1.234,5;good\n2,5;bad\n" * 30, encoding="utf-8")
    assert locate(str(path), tmp_path, None, None, "result").options == {"sep": ";", "decimal": ",", "thousands": "."}
    path.write_text("load,result\n" + '"1,234.5",good\n2.5,bad\n' * 30, encoding="utf-8")
    assert locate(str(path), tmp_path, None, None, "result").options == {"thousands": ","}


@pytest.mark.parametrize("sign", ["'", "\u2019", " ", "\u00a0", "\u202f"])
@pytest.mark.parametrize(("decimal", "options"), [(".", {}), (",", {"decimal": ","})])
def test_apostrophes_and_spaces_between_thousands_are_detected(
    tmp_path: Path, sign: str, decimal: str, options: dict[str, str]
) -> None:
    """1'234.5 of Switzerland and 1 234,5 of France, with any of the signs that stand for them."""
    path = tmp_path / "plant.csv"
    path.write_text("load;result\n" + f"1{sign}234{decimal}5;good\n2{decimal}5;bad\n" * 30, encoding="utf-8")
    found = locate(str(path), tmp_path, None, None, "result").options
    assert found == {"sep": ";"} | options | {"thousands": sign}


@pytest.mark.parametrize("text", ["412 555 0199", "061 234", "12 34 56"])
def test_digits_in_other_groups_are_no_thousands(tmp_path: Path, text: str) -> None:
    """A telephone's number, a postcode, a code in pairs stay the texts that they are."""
    path = tmp_path / "plant.csv"
    path.write_text("code,result\n" + f"{text},good\n{text},bad\n" * 30, encoding="utf-8")
    assert locate(str(path), tmp_path, None, None, "result").options == {}


def test_a_wide_table_with_long_lines_is_read_by_its_whole_lines(tmp_path: Path) -> None:
    """The line at which the looked-at piece ends does not count, nor do separators that only Unicode knows."""
    path = tmp_path / "plant.csv"
    header = ";".join(f"a, b {n}" for n in range(3000))
    row = ";".join(["1.5 \u2028x"] * 3000)
    path.write_text("\n".join([header, *[row] * 20]), encoding="utf-8")
    assert locate(str(path), tmp_path, None, None, "result").options["sep"] == ";"
