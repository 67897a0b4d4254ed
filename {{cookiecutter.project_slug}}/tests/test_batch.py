"""Batch scoring: the predictor's own answers, each row once, whatever happens on the way."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from project import batch, contract, stage, table
from project.predictor import Predictor

pytestmark = pytest.mark.usefixtures("inside")
GROUPS = 6  # of up to 100 rows


@pytest.fixture
def rows(pipeline: Path) -> pd.DataFrame:
    """Give accepted rows, every value as text, that fill the row groups."""
    accepted = next(table.pieces(pipeline / "data/accepted.csv"))
    return accepted.head(GROUPS * min(100, len(accepted) // GROUPS))


@pytest.fixture
def source(rows: pd.DataFrame, tmp_path: Path) -> Path:
    """Give a Parquet file of them, in row groups."""
    path = tmp_path / "rows.parquet"
    rows.to_parquet(path, index=False, row_group_size=len(rows) // GROUPS)
    return path


def score(source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the command."""
    monkeypatch.setattr(sys, "argv", ["batch", str(source), str(folder)])
    batch.main()


def contents(folder: Path) -> dict[str, bytes]:
    """Give the files with predictions."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


def test_each_row_gets_the_predictors_answer_once(
    rows: pd.DataFrame, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: contract.DataContract
) -> None:
    """A folder of two files: rows in order, each once, with what the predictor says of it."""
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"in/{name}.parquet").write_bytes(source.read_bytes())
    score(tmp_path / "in", tmp_path / "out", monkeypatch)
    found = pd.read_parquet(tmp_path / "out")
    assert found["row"].tolist() == list(range(2 * len(rows)))
    assert found["error"].isna().all()
    predictor = Predictor(features=data.features)
    said = predictor.predict({f.name: table.typed(rows[f.name], f, data).to_numpy() for f in data.features})
    if predictor.labels:
        assert found["prediction"].tolist() == [predictor.labels[value] for value in said.values] * 2
    else:  # sums of 32 bits, whose last bit depends on how many rows are asked at once
        rounding = 1e-5 * float(np.ptp(said.values))
        assert found["prediction"].to_numpy() == pytest.approx(np.tile(said.values, 2), abs=rounding)
    assert (found["out_of_domain"].map(len) > 0).tolist() == (said.outside.sum(axis=1) > 0).tolist() * 2
    if said.probabilities is not None:
        assert found.filter(like="probability ").to_numpy()[: len(rows)] == pytest.approx(said.probabilities, abs=1e-5)


def test_a_broken_row_says_why(
    rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: contract.DataContract
) -> None:
    """It has no prediction but a reason, and the rows around it have theirs."""
    field = next((f for f in data.features if f.numeric or f.dated or f.enum), None)
    if field is None:
        pytest.skip("the contract takes any text")
    rows = rows.head(3).copy()
    rows.loc[1, field.name] = "no such value"
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    score(tmp_path / "rows.parquet", tmp_path / "out", monkeypatch)
    found = pd.read_parquet(tmp_path / "out")
    assert found["prediction"].isna().tolist() == [False, True, False]
    assert found["error"][1].startswith(f"{field.name}: found 'no such value', ")
    rows[field.name] = "no such value"
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    score(tmp_path / "rows.parquet", tmp_path / "none", monkeypatch)
    assert pd.read_parquet(tmp_path / "none")["prediction"].isna().all()


def failing(after: int) -> Callable[..., Any]:
    """Give a scoring that the disk stops after so many pieces."""
    whole, done = batch.Scorer.score, []

    def score(self: batch.Scorer, rows: pd.DataFrame, first: int) -> Any:
        done.append(first)
        if len(done) > after:
            raise OSError(28, "No space left on device")
        return whole(self, rows, first)

    return score


def test_what_was_interrupted_goes_on_to_the_same_bytes(
    rows: pd.DataFrame,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A full disk is one sentence; the same command leaves the finished files alone and writes the rest."""
    score(source, tmp_path / "peace", monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(batch.Scorer, "score", failing(2))
        with pytest.raises(stage.ProjectError, match="No space left on device; what is done stays"):
            score(source, tmp_path / "out", monkeypatch)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    assert len(done) == 2
    (tmp_path / "out/.part-00002-of-00006.parquet.1.tmp").write_bytes(b"left by a killed process")
    score(source, tmp_path / "out", monkeypatch)
    assert all(path.stat().st_mtime_ns == when for path, when in done.items())
    assert contents(tmp_path / "out") == contents(tmp_path / "peace")
    assert not list((tmp_path / "out").glob(".part*"))
    assert f"{2 * len(rows) // GROUPS} of them by an earlier run" in capsys.readouterr().out


def test_a_folder_of_another_input_is_refused(
    rows: pd.DataFrame, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Predictions for two inputs are never mixed."""
    score(source, tmp_path / "out", monkeypatch)
    rows[::-1].to_parquet(source, index=False, row_group_size=len(rows) // GROUPS)
    with pytest.raises(stage.ProjectError, match="another input or model"):
        score(source, tmp_path / "out", monkeypatch)
    with pytest.raises(stage.ProjectError, match="not of this command"):
        score(source, tmp_path, monkeypatch)


def test_bad_inputs_are_one_sentence(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: contract.DataContract
) -> None:
    """No file, no Parquet, a column too few."""
    with pytest.raises(stage.ProjectError, match="cannot be read as Parquet"):
        score(tmp_path / "nothing.parquet", tmp_path / "out", monkeypatch)
    (tmp_path / "text.parquet").write_text("a,b")
    with pytest.raises(stage.ProjectError, match="cannot be read as Parquet"):
        score(tmp_path / "text.parquet", tmp_path / "out", monkeypatch)
    (tmp_path / "empty").mkdir()
    with pytest.raises(stage.ProjectError, match="holds no row"):
        score(tmp_path / "empty", tmp_path / "out", monkeypatch)
    few = pq.read_table(source)
    pq.write_table(few.drop_columns(data.features[0].name), tmp_path / "few.parquet")
    with pytest.raises(stage.ProjectError, match="has no column"):
        score(tmp_path / "few.parquet", tmp_path / "few", monkeypatch)
