"""The rows of a query, kept as CSV: a snapshot that every clone has, without the database's password."""

import csv
import datetime
import re
from pathlib import Path
from typing import Any

from capstone_kit.project import KitError

DRIVERS = {"psycopg": "capstone-kit[postgresql]", "MySQLdb": "mysqlclient"}  # that are not called as they are imported


def rows(address: str, query: str, path: Path) -> str:
    """Write the rows of `query` to `path`; give the database's address as it may be shown."""
    import sqlalchemy
    import sqlalchemy.exc

    url = _database(address)
    bare = sqlalchemy.URL.create(url.drivername.partition("+")[0], host=url.host, port=url.port, database=url.database)
    shown = bare.render_as_string()
    try:
        late = {"connect_timeout": 20} if url.drivername.partition("+")[0] == "postgresql" else {}
        with sqlalchemy.create_engine(url, connect_args=late, poolclass=sqlalchemy.NullPool).connect() as connection:
            _keep_rows(connection, query, path)
    except ModuleNotFoundError as error:
        driver = DRIVERS.get(str(error.name), error.name)
        raise KitError(f"{shown}: the driver {error.name} is missing: uv add --group dev '{driver}'") from error
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, ValueError) as error:
        lines = str(getattr(error, "orig", None) or error).strip().splitlines() or ["no reason given"]
        reason = lines[0].replace(str(url.password), "…") if url.password else lines[0]
        raise KitError(f"{shown}: {reason}") from error
    return shown


def _database(address: str) -> Any:
    """Give a database's URL, with the driver that the kit brings. Raises `KitError` that does not show it."""
    import sqlalchemy.exc

    try:
        url = sqlalchemy.engine.make_url(address)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise KitError(
            "the database URL cannot be read: postgresql://user:password@host:5432/name, in a password %40 for an @"
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername.partition("+")[0] == "sqlite" and url.database and not Path(url.database).is_file():
        raise KitError(
            f"{url.database}: there is no such file; sqlite:///name is below this folder, sqlite:////name is not"
        )
    return url


def _keep_rows(connection: Any, query: str, path: Path) -> None:
    """Write the rows of `query`, in a transaction that may only read."""
    import sqlalchemy

    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    if connection.dialect.name == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
    literal = re.sub(r"(?<![:\w\\]):(?=\w)", r"\:", query)  # `:name` would ask for a parameter
    found = connection.execution_options(stream_results=True).execute(sqlalchemy.text(literal))
    if not found.returns_rows:
        raise KitError("--query gives no rows: it has to be one that reads, such as SELECT … FROM …")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = list(found.keys())
        writer.writerow(names)
        for rows in found.partitions(10_000):
            writer.writerows([_cell(name, value) for name, value in zip(names, row, strict=True)] for row in rows)


def _cell(name: str, value: Any) -> Any:
    """Give a database's value as `ingest` reads it from other sources: times by ISO 8601, true and false."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (dict, list, tuple, bytes, memoryview)):
        raise KitError(f"--query: the column {name!r} holds {type(value).__name__}: give it one value a row")
    return value
