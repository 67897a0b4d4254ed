"""Hold every row against the data contract. Accepted rows go on; rejected rows are kept with field and reason."""

from pathlib import Path

import pandas as pd
from frictionless import Resource

from project import contract, stage
from project.ingest import RAW

ACCEPTED = Path("data/accepted.csv")
REJECTED = Path("data/rejected.csv")
SUMMARY = Path("reports/validation.json")
HEADER = 1  # rows are counted as an editor shows them: the header is row 1


def find_errors(data: contract.DataContract, path: Path) -> pd.DataFrame:
    """Give one line for each error that frictionless finds in the table at `path`: row, field, value, reason.

    Raises `ProjectError` where the table as a whole cannot be read by the contract (a column missing, say).
    """
    descriptor = data.package.resources[0].to_descriptor() | {"path": path.name}
    report = Resource.from_descriptor(descriptor, basepath=str(path.parent)).validate(limit_errors=1_000_000)
    found = report.flatten(["rowNumber", "fieldName", "cell", "note", "tags", "message"])
    for row, *_, tags, message in found:
        if row is None or "#row" not in tags:
            raise stage.ProjectError(f"{path}: {message}")
    columns = pd.Index(["row", "field", "value", "reason"])
    return pd.DataFrame([error[:4] for error in found], columns=columns)


def main() -> None:
    """Divide the raw rows into accepted and rejected ones."""
    data = contract.load_data_contract()
    rows = pd.read_csv(RAW, dtype=str, keep_default_na=False)
    errors = find_errors(data, RAW)
    bad = rows.index.isin(errors["row"] - HEADER - 1)
    accepted = rows[~bad]
    if accepted.empty:
        first = errors.iloc[0]
        raise stage.ProjectError(f"{RAW}: no row keeps the data contract; row {first.row}: {first.reason}")
    reasons = errors["field"].fillna("whole row").value_counts()
    rejected = errors.add_prefix("_").join(rows, on=errors["row"] - HEADER - 1)
    for path, table in ((ACCEPTED, accepted), (REJECTED, rejected)):
        with stage.replacing(path) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
    summary = {"rows": len(rows), "accepted": len(accepted), "rejected": int(bad.sum())}
    stage.write_json(SUMMARY, summary | {"errors_by_field": reasons.to_dict()})
    why = f" (reasons in {REJECTED})" if bad.any() else ""
    print(f"validate: {len(accepted):,} of {len(rows):,} rows keep the contract, {bad.sum():,} rejected{why}")


if __name__ == "__main__":
    stage.run(main)
