"""Bring the rows in: from the domain's example, a file or a URL. Writes `data/raw.csv` as it was found."""

from pathlib import Path

import pandas as pd

from project import contract, stage

RAW = Path("data/raw.csv")


def read(source: str, seed: int) -> pd.DataFrame:
    """Give the table at `source`, every value as text; "example" is the domain's own data.

    Raises `ProjectError` where the source cannot be read.
    """
    if source == "example":
        from project import example

        return example.load(seed)
    try:
        return pd.read_csv(source, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise stage.ProjectError(f"params.yaml: ingest.source: cannot read {source!r}: {error}") from error


def main() -> None:
    """Write the raw table."""
    parameters = contract.load_parameters()
    table = read(parameters.ingest.source, parameters.seed)
    with stage.replacing(RAW) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    print(f"ingest: {len(table):,} rows, {table.shape[1]} columns from {parameters.ingest.source} -> {RAW}")


if __name__ == "__main__":
    stage.run(main)
