"""A synthetic table that keeps the data contract, for those who may not see the real rows.

Each column is drawn on its own from what the real one holds: quantiles of numbers and dates, shares of categories and
of missing values. What links the columns is lost, so a model learns next to nothing from it; it shows that all runs.
"""

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from pandas.util import hash_array

from capstone_kit import drawing, remote
from capstone_kit.adopt.profile import numbers
from capstone_kit.project import DATA_CONTRACT, PARAMETERS, KitError, Project, run
from capstone_kit.writing import Transaction, text_of

SAMPLE = "data/sample.csv"
CELLS = 4_000_000  # of the real rows, to draw from
ATTEMPTS = 20  # to draw rows that are no copies

Prints = npt.NDArray[np.uint64]  # one number for each row


def make(project: Project, rows: int, seed: int) -> None:
    """Write `rows` synthetic rows to `SAMPLE`. Raises `KitError` where the real rows are not here."""
    schema = yaml.safe_load(project.text(DATA_CONTRACT))["resources"][0]["schema"]
    real, known = _real_rows(project, schema)
    table = _without_copies(schema["fields"], real, known, rows, np.random.default_rng(seed))
    transaction = Transaction(project.root)
    transaction.write(SAMPLE, table.to_csv(index=False, lineterminator="\n"))
    transaction.commit()
    print(f"{len(table):,} synthetic rows -> {SAMPLE}; every column on its own, no row of the real table among them")
    print("commit it; where the real data cannot be reached, `capstone sample --stand-in` uses it")


def stand_in(project: Project) -> None:
    """Fetch the source from the team's remote; where that fails, let the pipeline use the sample, and say so."""
    content = project.yaml(PARAMETERS)
    source = content["ingest"]["source"]
    reason = "" if source in ("example", SAMPLE) or "://" in source else _missing(project, source)
    if not reason:
        print(f"the data are here: {source}")
        return
    if not project.path(SAMPLE).exists():
        raise KitError(f"{source} is not here ({reason}), and there is no {SAMPLE}: make one where the data are")
    content["ingest"] = {"source": SAMPLE}
    transaction = Transaction(project.root)
    transaction.write(PARAMETERS, text_of(content))
    transaction.commit()
    print(f"{source} is not here: {reason}")
    print(f"{PARAMETERS} now names {SAMPLE}, and every figure made from it says so")
    print(f"to go back: git checkout {PARAMETERS}")


def _missing(project: Project, source: str) -> str:
    """Give why the source is not here, "" if it is, now at the latest."""
    if project.path(source).exists():
        return ""
    record = project.path(f"{source}.dvc")
    if not record.exists():
        return "neither git nor DVC has it"
    try:
        remote.use_secrets(project)
        run(project.root, "dvc", "pull", "--quiet", f"{source}.dvc")
    except KitError as error:
        return str(error) if "path: http" not in project.text(f"{source}.dvc") else _fetched_anew(project, source)
    return "" if project.path(source).exists() else "the team's remote does not have it"


def _fetched_anew(project: Project, source: str) -> str:
    """Fetch the source from the address that its .dvc file names; give why not, "" if it is the same as it was."""
    record = project.path(f"{source}.dvc")
    before = record.read_bytes()
    pinned = yaml.safe_load(before)["outs"]
    try:
        run(project.root, "dvc", "update", "--quiet", f"{source}.dvc")
        if yaml.safe_load(record.read_bytes())["outs"] == pinned:
            return ""
        project.path(source).unlink()
        reason = "its address gives other data than those that were adopted"
    except KitError as error:
        reason = str(error)
    record.write_bytes(before)
    return reason


def _real_rows(project: Project, schema: dict[str, Any]) -> tuple[pd.DataFrame, Prints]:
    """Give the first real rows, NaN where missing, and the fingerprints of all of them."""
    everywhere, most = list(schema.get("missingValues", [""])), CELLS // len(schema["fields"])
    missing = {field["name"]: field.get("missingValues", everywhere) for field in schema["fields"]}
    kept: list[pd.DataFrame] = []
    known: list[Prints] = []
    for piece in _pieces(project, schema["fields"]):
        real = piece.astype(str).mask(piece[list(missing)].isin(missing))
        known.append(_fingerprints(schema["fields"], real))
        if sum(map(len, kept)) < most:
            kept.append(real)
    if not kept:
        raise KitError("the real table has a header and no rows")
    return pd.concat(kept, ignore_index=True), np.concatenate(known)


def _pieces(project: Project, fields: list[drawing.Field]) -> Iterator[pd.DataFrame]:
    """Read the source as the project's own ingest stage reads it."""
    try:
        ingest, stage = (importlib.import_module(f"project.{name}") for name in ("ingest", "stage"))
    except ModuleNotFoundError as error:
        raise KitError(f"{error.name} is not installed here: run it as `uv run capstone sample`") from error
    parameters = yaml.safe_load(project.text(PARAMETERS))
    source, options = parameters["ingest"]["source"], dict(parameters["ingest"].get("options", {}))
    if source == SAMPLE:
        raise KitError(f"{PARAMETERS} names {SAMPLE} itself: name the real source there")
    place = source if source == "example" or "://" in source else str(project.path(source))
    of_numbers = [field["name"] for field in fields if field["type"] in ("number", "integer")]
    try:
        for piece in ingest.pieces(place, options, parameters["seed"]):
            if lost := [field["name"] for field in fields if field["name"] not in piece]:
                raise KitError(f"{source} has no column {lost[0]!r}, which the data contract lists: adopt it again")
            yield ingest.decimal_point(piece, options, of_numbers)
    except stage.ProjectError as error:
        raise KitError(str(error)) from error


def _fingerprints(fields: list[drawing.Field], table: pd.DataFrame) -> Prints:
    """Give a number for each row, the same for rows that say the same: `1.50` is `1.5`."""
    prints = np.zeros(len(table), dtype=np.uint64)
    for field in fields:
        if not drawing.hidden(field) and field.get("role") != "group":
            cells = _said(field, table[field["name"]])
            prints = prints * np.uint64(1_000_003) + hash_array(cells)  # ty: ignore[not-callable]
    return prints


def _said(field: drawing.Field, cells: pd.Series) -> npt.NDArray[Any]:
    if field["type"] in ("number", "integer"):
        return numbers(cells).to_numpy() + 0.0
    return cells.fillna("").to_numpy(dtype=object)


def _without_copies(
    fields: list[drawing.Field], real: pd.DataFrame, known: Prints, rows: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw until there are enough rows that equal no real one in the columns that say something."""
    kept: list[pd.DataFrame] = []
    for _ in range(ATTEMPTS):
        drawn = pd.DataFrame({f["name"]: drawing.column(f, real[f["name"]], rows, rng) for f in fields})
        kept.append(drawn[~np.isin(_fingerprints(fields, drawn), known)])
        if sum(map(len, kept)) >= rows:
            break
    found = pd.concat(kept, ignore_index=True).head(rows)
    if found.empty:
        raise KitError("every combination of values occurs in the real table: no synthetic row would be new")
    return _counted(fields, found)


def _counted(fields: list[drawing.Field], table: pd.DataFrame) -> pd.DataFrame:
    """Give the table with rows from several draws counted as one."""
    for field in fields:
        if field.get("role") == "identifier" or field.get("constraints", {}).get("unique"):
            table[field["name"]] = drawing.column(field, pd.Series(dtype=str), len(table), np.random.default_rng(0))
    return table
