"""The data contract against rows: each broken value is rejected with row, field and reason."""

from pathlib import Path

import pandas as pd
import pytest

from project import contract, validate

FIRST = 2  # rows are counted as an editor shows them


def broken_values(data: contract.DataContract) -> list[tuple[str, str]]:
    """Give for each field of the contract values that break it."""
    cases = []
    for column in data.columns:
        if column.required or column.role == "target":
            cases.append((column.name, ""))
        if column.minimum is not None:
            cases.append((column.name, str(column.minimum - abs(column.minimum) - 1)))
        if column.maximum is not None:
            cases.append((column.name, str(column.maximum + abs(column.maximum) + 1)))
        if column.enum or column.numeric or column.dated:
            cases.append((column.name, "no such value"))
    return cases[:100]


@pytest.fixture(scope="module")
def rows(pipeline: Path) -> pd.DataFrame:
    """Give a few rows that keep the contract."""
    return pd.read_csv(pipeline / "data/accepted.csv", dtype=str, keep_default_na=False).head(200)


def test_clean_rows_are_accepted(rows: pd.DataFrame, data: contract.DataContract, tmp_path: Path) -> None:
    """Rows that keep the contract have no error."""
    rows.to_csv(tmp_path / "raw.csv", index=False)
    assert validate.find_errors(data, tmp_path / "raw.csv").empty


def test_each_broken_value_is_found_with_row_and_field(
    rows: pd.DataFrame, data: contract.DataContract, tmp_path: Path
) -> None:
    """One value is broken in each row; each row is rejected for that field and no other row is."""
    cases = broken_values(data)[: len(rows) - 1]
    broken = rows.head(len(cases) + 1).copy()
    for position, (name, value) in enumerate(cases):
        broken.loc[position, name] = value
    broken.to_csv(tmp_path / "raw.csv", index=False)
    errors = validate.find_errors(data, tmp_path / "raw.csv")
    found = set(zip(errors["row"], errors["field"], strict=True))
    assert {(position + FIRST, name) for position, (name, _) in enumerate(cases)} <= found
    assert set(errors["row"]) == {position + FIRST for position in range(len(cases))}
    assert errors["reason"].str.len().min() > 0


def test_a_missing_column_stops_the_stage(rows: pd.DataFrame, data: contract.DataContract, tmp_path: Path) -> None:
    """A table without a column of the contract is refused as a whole."""
    rows.drop(columns=data.features[0].name).to_csv(tmp_path / "raw.csv", index=False)
    with pytest.raises(validate.stage.ProjectError, match=r"raw\.csv"):
        validate.find_errors(data, tmp_path / "raw.csv")


def test_rejected_rows_are_kept_and_the_rest_goes_on(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`main` keeps a row without target, with its reason, passes on the others, and counts both."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/datapackage.yaml").write_bytes((inside / "data/datapackage.yaml").read_bytes())
    rows = pd.read_csv(inside / "data/accepted.csv", dtype=str, na_filter=False).head(10)
    target = contract.load_data_contract(inside).target.name
    rows.loc[3, target] = ""
    rows.to_csv(tmp_path / "data/raw.csv", index=False)
    monkeypatch.chdir(tmp_path)
    validate.main()
    assert len(pd.read_csv("data/accepted.csv")) == len(rows) - 1
    rejected = pd.read_csv("data/rejected.csv", dtype=str)
    assert rejected[["_row", "_field"]].to_numpy().tolist() == [[str(3 + FIRST), target]]
    summary = validate.stage.read_json(Path("reports/validation.json"))
    assert (summary["rejected"], summary["without_target"]) == (1, 1)
