"""Predict for a Parquet file, or a folder of them, larger than memory: `python -m project.batch INPUT OUTPUT`.

Each row group of the input becomes one Parquet file in the folder OUTPUT, with one row for each of its rows, in order:
a prediction with its uncertainty, or the reason why there is none. A file is written whole or not at all. So after a
crash the same command goes on where it was, and ends with the same bytes as if nothing had happened.
"""

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from tqdm import tqdm

from project import contract, stage, table
from project.ingest import as_text
from project.serving.answer import named
from project.serving.models import Serving
from project.validate import errors_in

JOB = "_job.json"  # what the folder OUTPUT was made from; readers of Parquet pass by what begins with _
FOOTER = 65_536  # bytes at the end of a Parquet file, by which a changed one is known


@dataclass(frozen=True)
class Group:
    """A row group of the input: the file, its place there, and which of all rows is its first."""

    path: Path
    number: int
    first: int
    rows: int


def groups(source: Path) -> list[Group]:
    """Give the row groups of a file, or of a folder's files by name. Raises `ProjectError` where there are none."""
    paths = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
    found: list[Group] = []
    first = 0
    for path in paths:
        try:
            metadata = pq.read_metadata(path)
        except (OSError, pa.ArrowException) as error:
            raise stage.ProjectError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())}") from None
        for number in range(metadata.num_row_groups):
            found.append(Group(path, number, first, metadata.row_group(number).num_rows))
            first += found[-1].rows
    if not first:
        raise stage.ProjectError(f"{source} holds no row in a file that ends in .parquet")
    return found


def job(parts: list[Group], receipt: dict[str, Any]) -> dict[str, Any]:
    """Give what the predictions depend on: the files with the hash of their ends, and the model by its receipt."""
    files = {}
    for path in dict.fromkeys(part.path for part in parts):
        with path.open("rb") as file:
            file.seek(-min(FOOTER, path.stat().st_size), 2)
            files[path.name] = {"bytes": path.stat().st_size, "end_sha256": hashlib.sha256(file.read()).hexdigest()}
    model = {name: receipt[name] for name in ("model_version", "model_sha256")}
    return {"files": files, "rows": sum(part.rows for part in parts), **model}


class Scorer:
    """Turns rows as text into the champion's predictions."""

    def __init__(self) -> None:
        """Load contract and champion."""
        self.data = contract.load_data_contract()
        self.champion = Serving(self.data.features).champion
        self.predictor = self.champion.predictor
        self.schema = self._schema()

    def _schema(self) -> pa.Schema:
        number, texts = pa.float64(), pa.list_(pa.string())
        if labels := self.predictor.labels:
            found = {"prediction": pa.string(), **{f"probability {x}": number for x in labels}, "prediction_set": texts}
        else:
            found = {"prediction": number, "low": number, "high": number}
        return pa.schema({"row": pa.int64(), **found, "out_of_domain": texts, "error": pa.string()})

    def score(self, rows: pd.DataFrame, first: int) -> pa.Table:
        """Give one line for each of `rows`, which are numbered from `first`."""
        rows = rows.reset_index(drop=True)
        refused = self._refused(rows)
        good = rows.drop(index=list(refused))
        found = self._predict(good) if len(good) else pd.DataFrame(columns=self.schema.names)
        found = found.reindex(index=rows.index, columns=self.schema.names)
        found["row"] = rows.index + first
        found["error"] = pd.Series(refused, dtype=object).reindex(rows.index)
        return pa.Table.from_pandas(found, self.schema, preserve_index=False)

    def _refused(self, rows: pd.DataFrame) -> dict[int, str]:
        """Give the first reason against each row that breaks the contract."""
        refused: dict[int, str] = {}
        for place, field, value, reason in errors_in(rows, self.data.features, self.data):
            refused.setdefault(place, reason if field is None else f"{field}: found {value!r}, {reason}")
        return refused

    def _predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        columns = {f.name: table.typed(rows[f.name], f, self.data).to_numpy() for f in self.data.features}
        found, labels = self.predictor.predict(columns), self.predictor.labels
        said: dict[str, Any] = {"out_of_domain": named(found.outside, [f.name for f in self.data.features])}
        if found.probabilities is None or found.sets is None:
            assert found.intervals is not None
            low, high = found.intervals.T
            said |= {"prediction": found.values, "low": low, "high": high}
        else:
            said |= {f"probability {label}": found.probabilities[:, i] for i, label in enumerate(labels)}
            said["prediction"] = [labels[value] for value in found.values]
            said["prediction_set"] = named(found.sets, labels)
        return pd.DataFrame(said, index=rows.index)


def pieces(part: Group, names: list[str]) -> Iterator[tuple[pd.DataFrame, int]]:
    """Give the rows of a row group piece by piece, as text, each with the number of its first row."""
    first = part.first
    file = pq.ParquetFile(part.path, memory_map=True)
    if absent := [name for name in names if name not in file.schema_arrow.names]:
        raise stage.ProjectError(f"{part.path} has no column {absent[0]!r}, which the data contract names")
    for batch in file.iter_batches(table.PIECE, row_groups=[part.number], columns=names):
        yield as_text(batch.to_pandas(types_mapper=pd.ArrowDtype)), first
        first += batch.num_rows


def write(part: Group, path: Path, scorer: Scorer, bar: Any) -> None:
    """Write the predictions for one row group."""
    names = [f.name for f in scorer.data.features]
    with stage.replacing(path) as temporary, pq.ParquetWriter(temporary, scorer.schema) as file:
        for rows, first in pieces(part, names):
            file.write_table(scorer.score(rows, first))
            bar.update(len(rows))


def begin(folder: Path, wanted: dict[str, Any]) -> None:
    """Note in an empty folder what will be in it; refuse one that holds something else."""
    for left in folder.glob(".part-*.tmp"):  # by a process that was killed
        left.unlink()
    if (folder / JOB).exists():
        if stage.read_json(folder / JOB) != wanted:
            raise stage.ProjectError(f"{folder} holds predictions of another input or model: name another folder")
        return
    if any(path.suffix == ".parquet" for path in folder.iterdir()):
        raise stage.ProjectError(f"{folder} holds Parquet files that are not of this command: name another folder")
    stage.write_json(folder / JOB, wanted)


def run(source: Path, folder: Path) -> None:
    """Write what is not there yet."""
    parts = groups(source)
    scorer = Scorer()
    begin(folder, job(parts, scorer.champion.receipt))
    outputs = {folder / f"part-{number:05}-of-{len(parts):05}.parquet": part for number, part in enumerate(parts)}
    done = sum(part.rows for path, part in outputs.items() if path.exists())
    total = sum(part.rows for part in parts)
    with tqdm(total=total, initial=done, desc="batch", unit="row", unit_scale=True, disable=None) as bar:
        for path, part in outputs.items():
            if not path.exists():
                write(part, path, scorer, bar)
    kept = f", {done:,} of them by an earlier run" if done else ""
    print(f"batch: {total:,} rows in {len(parts)} files{kept} -> {folder}")


def main() -> None:
    """Predict for the input that the command line names; one process at a time writes to a folder."""
    parser = argparse.ArgumentParser(prog="python -m project.batch", description="Predict for a Parquet dataset.")
    parser.add_argument("input", type=Path, help="a Parquet file, or a folder of them")
    parser.add_argument("output", type=Path, help="the folder for the predictions; made if it is not there")
    asked = parser.parse_args()
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
        with FileLock(asked.output / ".lock", timeout=0):
            run(asked.input, asked.output)
    except Timeout:
        raise stage.ProjectError(f"another process is writing to {asked.output}") from None
    except (OSError, ValueError) as error:  # those of pyarrow are of these kinds too
        reason = " ".join(str(error).split())
        raise stage.ProjectError(f"{reason}; what is done stays, and the same command goes on from there") from error


if __name__ == "__main__":
    stage.run(main)
