"""Hold every row against the data contract. Accepted rows go on; rejected rows are kept with field and reason.

Frictionless says what a cell must be, and is slow. So a quick look at whole columns goes first: a text that it cannot
vouch for is handed to frictionless, once for all rows of a piece that hold it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from frictionless import Resource
from tqdm import tqdm

from project import contract, stage, table
from project.contract import Column, DataContract
from project.ingest import RAW

ACCEPTED = Path("data/accepted.csv")
REJECTED = Path("data/rejected.csv")
SUMMARY = Path("reports/validation.json")
HEADER = 1  # rows are counted as an editor shows them: the header is row 1
ERROR = ["row", "field", "value", "reason"]
PLAIN = {
    "integer": r"[-+]?[0-9]{1,18}",
    "number": r"[-+]?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})([eE][-+]?[0-9]{1,2})?",
    "datetime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[-+][0-9]{2}:[0-9]{2})?",
}
LIMITS = {"required", "unique", "minimum", "maximum"}  # the constraints that the quick look knows
NOTATION = ("bareNumber", "decimalChar", "groupChar")  # what it does not know of a field
ROUNDING = 1e-9  # so near to a limit, in units of the limit, binary fractions may mislead

Flags = npt.NDArray[np.bool_]
Error = tuple[int, str | None, str | None, str]


def find_errors(data: DataContract, path: Path) -> pd.DataFrame:
    """Give one line for each error in the table at `path`: row, field, value, reason.

    Raises `ProjectError` where the table as a whole cannot be read by the contract (a column missing, say).
    """
    return pd.concat([errors for _, errors in judged(data, path)], ignore_index=True)


def judged(data: DataContract, path: Path) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Give the table at `path` piece by piece, each with its errors in the order of the rows."""
    check_header(list(next(table.pieces(path))), data, path)
    again = pd.DataFrame(repeated(data, path), columns=pd.Index(ERROR))
    for piece in table.pieces(path):
        rows = piece.index + HEADER + 1
        here = pd.DataFrame(errors_in(piece, data.columns, data), columns=pd.Index(ERROR))
        here["row"] += HEADER + 1
        found = [part for part in (here, again[again["row"].isin(rows)]) if len(part)]
        yield piece, pd.concat(found).sort_values("row", kind="stable") if found else here


def check_header(header: list[str], data: DataContract, path: Path) -> None:
    """Raise `ProjectError`, as far as possible in frictionless' words, where the columns are not the contract's."""
    names = [column.name for column in data.columns]
    if header != names:
        schema = {"fields": [{"name": name, "type": "string"} for name in names]}
        resource = Resource.from_descriptor({"name": "header", "data": [header], "schema": schema})
        said = [message for (message,) in resource.validate().flatten(["message"])]
        raise stage.ProjectError(f"{path}: {said[0] if said else f'the columns are {header}, expected {names}'}")


def doubtful(values: pd.Series, column: Column, data: DataContract) -> Flags:
    """Give the values of one field for which a quick look cannot vouch."""
    field = data.fields[column.name]
    constraints = field.get("constraints", {})
    doubt, blank = np.ones(len(values), dtype=bool), values.isin(column.missing).to_numpy()
    if not LIMITS.issuperset(constraints) or not set(NOTATION).isdisjoint(field) or column.format:
        return doubt
    if column.type == "string":
        return blank
    if column.type == "datetime" and not {"minimum", "maximum"} & set(constraints):
        fine = pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True).notna().to_numpy()
        return blank | ~(fine & values.str.fullmatch(PLAIN["datetime"]).to_numpy(dtype=bool))
    if column.type in ("integer", "number"):
        return blank | ~(values.str.fullmatch(PLAIN[column.type]).to_numpy(dtype=bool) & _inside(values, column))
    return doubt  # of other types few different texts occur


def _inside(values: pd.Series, column: Column) -> Flags:
    """Give whether each number certainly lies within the limits."""
    low, high = column.minimum, column.maximum
    if low is None and high is None:
        return np.ones(len(values), dtype=bool)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    above = numbers > (-np.inf if low is None else low + ROUNDING * abs(low))
    return above & (numbers < (np.inf if high is None else high - ROUNDING * abs(high)))


def errors_in(piece: pd.DataFrame, columns: Iterable[Column], data: DataContract) -> list[Error]:
    """Give the errors that each row of a piece shows alone in `columns`; rows are numbered as in the index."""
    found: list[Error] = []
    empty = np.ones(len(piece), dtype=bool)
    for column in columns:
        values, read = piece[column.name], table.reader(column, data)
        doubted = values[doubtful(values, column, data)]
        notes = {text: reasons(text, column, read, data) for text in doubted.unique()}
        wrong = doubted[doubted.isin([text for text, said in notes.items() if said])]
        found += [(row, column.name, text, why) for row, text in wrong.items() for why in notes[text]]
        if empty.any():
            empty &= values.isin(column.missing).to_numpy()
    blank = set(piece.index[empty])
    return [error for error in found if error[0] not in blank] + [
        (row, None, None, "the row is blank") for row in blank
    ]


def reasons(text: str, column: Column, read: table.Read, data: DataContract) -> list[str]:
    """Give what frictionless has against a text; nobody can learn from a target that is missing or not finite."""
    value, notes = read(text)
    if notes or column is not data.target:
        return list((notes or {}).values())
    if value is None:
        return ["the target is missing"]
    return ["the target is not a finite number"] if column.numeric and not np.isfinite(float(value)) else []


def repeated(data: DataContract, path: Path) -> list[Error]:
    """Give the errors of unique fields and of the primary key, as frictionless finds them over the whole table."""
    key = data.schema.primary_key
    unique = [c.name for c in data.columns if data.fields[c.name].get("constraints", {}).get("unique")]
    columns = [c for c in data.columns if c.name in {*unique, *key}]
    if not columns:
        return []
    texts = pd.concat(table.pieces(path, [c.name for c in columns]))
    compared = pd.DataFrame({c.name: _comparable(texts[c.name], c, data) for c in columns})
    readers = {c.name: table.reader(c, data) for c in columns}
    found: list[Error] = []
    for group, field in [([name], name) for name in unique] + ([(key, None)] if key else []):
        suspects = compared.duplicated(group, keep=False) | compared[group].isna().all(axis=1)
        found += _repeats(texts.loc[suspects, group], [readers[name] for name in group], field)
    return found


def _comparable(values: pd.Series, column: Column, data: DataContract) -> pd.Series:
    """Give texts as something that is equal wherever frictionless takes the values for equal."""
    doubt = doubtful(values, column, data) | column.dated
    odd = table.meanings(values[doubt], column, data)
    if column.type in ("integer", "number"):
        odd = {text: table.number(value) for text, value in odd.items()}
    kinds = {"integer": "float64", "number": "float64", "string": "str"}
    known = values.mask(doubt).astype(kinds.get(column.type, object))
    known[doubt] = values[doubt].map(odd).astype(known.dtype)
    return known


def _repeats(texts: pd.DataFrame, readers: list[table.Read], field: str | None) -> Iterator[Error]:
    """Give the rows whose values came before; without `field` they are a primary key, which must not be missing."""
    before: dict[Any, int] = {}
    for row, cells in zip(texts.index + HEADER + 1, texts.to_numpy().tolist(), strict=True):
        values = tuple(read(cell)[0] for read, cell in zip(readers, cells, strict=True))
        if set(values) == {None}:
            if field is None:
                yield row, None, None, "the cells of the primary key are all missing"
            continue
        if values in before:
            yield row, field, cells[0] if field else None, f"the same as in the row at position {before[values]}"
        before[values] = row


def divide(parts: Iterable[tuple[pd.DataFrame, pd.DataFrame]], data: DataContract) -> dict[str, Any]:
    """Write the accepted rows, and the rejected ones with their reasons; give how many rows there are of each."""
    counts: Counter[str] = Counter()
    fields: Counter[str] = Counter()
    first = "it holds no row"
    with stage.replacing(ACCEPTED) as accepted, stage.replacing(REJECTED) as rejected:
        for piece, errors in parts:
            places = errors["row"].to_numpy(dtype=int) - HEADER - 1
            bad = piece.index.isin(places)
            cells = piece.loc[places].reset_index(drop=True)
            explained = pd.concat([errors.add_prefix("_").reset_index(drop=True), cells], axis=1)
            table.append(piece[~bad] if bad.any() else piece, accepted)
            table.append(explained, rejected)
            if len(errors) and not fields:
                first = f"row {errors.iloc[0].row}: {errors.iloc[0].reason}"
            unlabelled = errors.loc[errors["field"] == data.target.name, "value"].isin(data.target.missing).sum()
            counts.update(rows=len(piece), accepted=int((~bad).sum()), rejected=int(bad.sum()))
            counts.update(without_target=int(unlabelled))
            fields.update(errors["field"].fillna("whole row"))
        if not counts["accepted"]:
            raise stage.ProjectError(f"{RAW}: no row keeps the data contract; {first}")
    return counts | {"errors_by_field": dict(fields.most_common())}


def main() -> None:
    """Divide the raw rows into accepted and rejected ones."""
    data = contract.load_data_contract()
    found = divide(tqdm(judged(data, RAW), desc="validate", unit="piece", disable=None), data)
    stage.write_json(SUMMARY, found)
    aside = f", {found['without_target']:,} of them without a target" if found["without_target"] else ""
    why = f"{aside} (reasons in {REJECTED})" if found["rejected"] else ""
    print(
        f"validate: {found['accepted']:,} of {found['rows']:,} rows keep the contract, "
        f"{found['rejected']:,} rejected{why}"
    )


if __name__ == "__main__":
    stage.run(main)
