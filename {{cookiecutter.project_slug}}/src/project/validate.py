"""Hold every row against the data contract. Accepted rows go on; rejected rows are kept with field and reason.

Frictionless decides, and is slow. So a vectorised check looks first, piece by piece: a row that it cannot vouch for in
every field is handed to frictionless, all others are as the contract wants them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from frictionless import Resource

from project import contract, stage, table
from project.contract import Column, DataContract
from project.ingest import RAW

ACCEPTED = Path("data/accepted.csv")
REJECTED = Path("data/rejected.csv")
SUMMARY = Path("reports/validation.json")
HEADER = 1  # rows are counted as an editor shows them: the header is row 1
NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
MOMENT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[-+]\d\d:\d\d)?"
CHECKED = {"required", "unique", "minimum", "maximum", "enum"}  # constraints that the quick check knows

Flags = npt.NDArray[np.bool_]


def doubtful(values: pd.Series, column: Column, constraints: dict[str, Any], missing: list[str]) -> Flags:
    """Give the values of one field for which the quick check cannot vouch."""
    blank = values.isin(missing).to_numpy()
    if not CHECKED.issuperset(constraints) or (column.type == "string" and column.format):
        return np.ones(len(values), dtype=bool)
    fine = _fits(values, column)
    if column.enum:
        fine = fine & values.isin([str(value) for value in column.enum]).to_numpy()
    elif column.numeric and column.type != "boolean":
        fine = fine & _within(pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64), column)
    elif not {"minimum", "maximum"}.isdisjoint(constraints):
        return np.ones(len(values), dtype=bool)
    return np.where(blank, column.required, ~fine)


def _fits(values: pd.Series, column: Column) -> Flags:
    """Give whether each text is certainly of the field's type."""
    match column.type:
        case "string":
            return np.ones(len(values), dtype=bool)
        case "integer":
            return values.str.fullmatch(r"[-+]?\d+").to_numpy(dtype=bool)
        case "number":
            return values.str.fullmatch(NUMBER).to_numpy(dtype=bool)
        case "boolean":
            return values.isin([*column.true_values, *column.false_values]).to_numpy()
        case "date" | "datetime":
            form = column.format or ("%Y-%m-%d" if column.type == "date" else "ISO8601")
            fine = pd.to_datetime(values, format=form, errors="coerce", utc=True).notna().to_numpy()
            pattern = {"date": r"\d{4}-\d\d-\d\d", "datetime": MOMENT}[column.type]
            return fine if column.format else fine & values.str.fullmatch(pattern).to_numpy(dtype=bool)
        case _:
            return np.zeros(len(values), dtype=bool)


def _within(numbers: npt.NDArray[np.float64], column: Column) -> Flags:
    """Give whether each number certainly lies within the limits: at one that binary cannot hold, it may not."""
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    above = numbers >= low if low % 1 == 0 else numbers > low
    below = numbers <= high if high % 1 == 0 else numbers < high
    return np.isfinite(numbers) & above & below


def find_errors(data: DataContract, path: Path) -> pd.DataFrame:
    """Give one line for each error that frictionless finds in the table at `path`: row, field, value, reason.

    Raises `ProjectError` where the table as a whole cannot be read by the contract (a column missing, say).
    """
    descriptor = data.package.resources[0].to_descriptor()
    schema = descriptor["schema"]
    limits = {field["name"]: field.get("constraints", {}) for field in schema["fields"]}
    twice = _repeated(
        path, [c.name for c in data.columns if limits[c.name].get("unique")], schema.get("primaryKey", [])
    )
    header: list[str] = []
    doubted: list[pd.DataFrame] = []
    for piece in table.pieces(path):
        header = list(piece)
        if header != [column.name for column in data.columns]:
            break  # frictionless says what is wrong with the header
        flags = [doubtful(piece[c.name], c, limits[c.name], list(data.missing)) for c in data.columns]
        empty = (piece == "").all(axis=1).to_numpy()
        doubted.append(piece[np.logical_or.reduce(flags) | empty | twice[piece.index]])
    rows = pd.concat(doubted) if doubted else pd.DataFrame(columns=header)
    errors = _judged([list(rows), *rows.to_numpy().tolist()] if doubted else [header], schema, path)
    errors["row"] = rows.index.to_numpy()[errors["row"].to_numpy(dtype=int) - HEADER - 1] + HEADER + 1
    return errors


def _repeated(path: Path, unique: list[str], key: list[str] | str) -> Flags:
    """Give the rows whose value in a unique field, or whose primary key, occurs more than once."""
    groups = [[name] for name in unique] + ([[key] if isinstance(key, str) else key] if key else [])
    names = sorted({name for group in groups for name in group})
    try:
        columns = pd.read_csv(path, dtype=str, na_filter=False, usecols=names or [0])
    except ValueError:
        return np.zeros(0, dtype=bool)  # a column is missing, which frictionless will say
    found = np.zeros(len(columns), dtype=bool)
    for group in groups:
        found |= columns.duplicated(group, keep=False).to_numpy()
    return found


def _judged(cells: list[list[str]], schema: dict[str, Any], path: Path) -> pd.DataFrame:
    """Give frictionless' errors on rows of text below their header."""
    report = Resource.from_descriptor({"name": "rows", "data": cells, "schema": schema}).validate(limit_errors=10**6)
    found = report.flatten(["rowNumber", "fieldName", "cell", "note", "tags", "message"])
    for row, *_, tags, message in found:
        if row is None or "#row" not in tags:
            raise stage.ProjectError(f"{path}: {message}")
    columns = pd.Index(["row", "field", "value", "reason"])
    return pd.DataFrame([error[:4] for error in found], columns=columns)


def divide(path: Path, errors: pd.DataFrame) -> tuple[int, int]:
    """Write the accepted rows and the rejected ones with their reasons; give how many rows there are of each."""
    places = errors.add_prefix("_").set_index(errors["row"].to_numpy(dtype=int) - HEADER - 1)
    counts = [0, 0]
    with stage.replacing(ACCEPTED) as accepted, stage.replacing(REJECTED) as rejected:
        for number, piece in enumerate(table.pieces(path)):
            bad = piece.index.isin(places.index)
            parts = piece[~bad], places.join(piece[bad], how="inner")
            for name, part in zip((accepted, rejected), parts, strict=True):
                part.to_csv(name, mode="a" if number else "w", index=False, header=number == 0, lineterminator="\n")
            counts = [counts[0] + int((~bad).sum()), counts[1] + int(bad.sum())]
        if not counts[0]:
            first = f"row {errors.iloc[0].row}: {errors.iloc[0].reason}" if len(errors) else "it holds no row"
            raise stage.ProjectError(f"{RAW}: no row keeps the data contract; {first}")
    return counts[0], counts[1]


def main() -> None:
    """Divide the raw rows into accepted and rejected ones."""
    data = contract.load_data_contract()
    errors = find_errors(data, RAW)
    accepted, rejected = divide(RAW, errors)
    reasons = errors["field"].fillna("whole row").value_counts()
    unlabelled = int(((errors["field"] == data.target.name) & errors["value"].isin(data.missing)).sum())
    summary = {"rows": accepted + rejected, "accepted": accepted, "rejected": rejected, "without_target": unlabelled}
    stage.write_json(SUMMARY, summary | {"errors_by_field": reasons.to_dict()})
    aside = f", {unlabelled:,} of them without a target" if unlabelled else ""
    why = f"{aside} (reasons in {REJECTED})" if rejected else ""
    print(f"validate: {accepted:,} of {accepted + rejected:,} rows keep the contract, {rejected:,} rejected{why}")


if __name__ == "__main__":
    stage.run(main)
