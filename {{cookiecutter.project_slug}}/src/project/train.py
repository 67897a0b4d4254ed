"""Search among the candidates, fit the best, export it to ONNX, and log it to MLflow.

Stops unless the exported model predicts what the fitted pipeline predicts.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from project import contract, explain, model, stage, table
from project.evaluation.metrics import Floats
from project.predictor import LARGEST, METADATA, MISSING_TEXT, MODEL, Inputs, Predictor, layout
from project.problem import Problem, as_json, of_rows
from project.split import SPLITS
from project.training import export
from project.training.search import Search, Trial, best_first, trials

REPORT = Path("reports/training.json")
TOLERANCE = 1e-4  # a probability, or a value in units of the target's spread, may differ by this much
MAY_DIFFER = 0.001  # in this share of the rows at most: float32 thresholds move a row at a tree's very edge
SEEN = 1_000  # values of a text that the metadata lists at most; with more, every value counts as seen


def describe(problem: Problem, rows: pd.DataFrame, inputs: Inputs) -> dict[str, Any]:
    """Give where the training rows lay, for people (`features`) and for the domain check (`inputs`)."""
    columns = layout(problem.data.features)
    found: dict[str, Any] = {kind: [name for _, name in names] for kind, names in columns.items()}
    if "numbers" in found:
        lows, highs = (map(_shortest, end.reduce(inputs["numbers"])) for end in (np.fmin, np.fmax))  # pass NaN by
        ends = zip(found["numbers"], lows, highs, strict=True)
        found["numbers"] = [{"name": name, "low": low, "high": high} for name, low, high in ends]
    return {"inputs": found, "features": {f.name: _summary(rows[f.name], f) for f in problem.data.features}}


def background(problem: Problem, rows: pd.DataFrame, seed: int) -> dict[str, list[Any]]:
    """Give the training rows against which single predictions are explained."""
    count = explain.kept_rows(sum(map(len, layout(problem.data.features).values())))
    return explain.keep(problem.inputs(problem.sample(rows, count, seed)))


def _shortest(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(str(value))  # the shortest decimals of a float32


def _summary(values: pd.Series, column: contract.Column) -> dict[str, Any]:
    """Give the range or the categories of a field, and a typical value, each as a request carries it."""
    if not (column.numeric or column.dated):
        return _categories(values, column)
    known = values.dropna().sort_values()
    if known.empty:
        return {"low": None, "typical": None, "high": None}
    low, middle, high = (as_json(known.iloc[place], column) for place in (0, len(known) // 2, -1))
    if column.type == "number":
        low, high = (_shortest(np.float32(end)) for end in (low, high))
        rounded = float(f"{values.median():.4g}")
        middle = rounded if known.iloc[0] <= rounded <= known.iloc[-1] else middle
    return {"low": low, "typical": middle, "high": high}


def _categories(values: pd.Series, column: contract.Column) -> dict[str, Any]:
    counts = values.replace("", MISSING_TEXT).value_counts().sort_index(kind="stable")
    known = counts.drop(MISSING_TEXT, errors="ignore")
    listed = {"seen": sorted(counts.nlargest(SEEN).index)} | ({"open": True} if len(counts) > SEEN else {})
    return listed | {"typical": as_json(known.idxmax() if len(known) else None, column)}


def parity(expected: Floats, found: Floats, classify: bool) -> dict[str, float]:
    """Compare the ONNX model's output with the fitted estimator's; raises `ProjectError` where they disagree."""
    scale = 1.0 if classify else float(np.std(expected)) or 1.0
    differences = np.abs(expected - found).reshape(len(expected), -1).max(axis=1) / scale
    beyond = float((differences > TOLERANCE).mean())
    if not beyond <= MAY_DIFFER:
        raise stage.ProjectError(
            f"the ONNX model differs from the fitted estimator by more than {TOLERANCE} in "
            f"{beyond:.2%} of {len(expected):,} rows: choose an estimator that converts"
        )
    return {"rows": len(expected), "largest_difference": float(differences.max()), "share_beyond_tolerance": beyond}


def calibrate(problem: Problem, predictor: Predictor, rows: pd.DataFrame) -> float | list[float]:
    """Give the split-conformal quantile of the calibration rows; for classes, one for each (Vovk, 2012)."""
    scores, truth, coverage = predictor.score(problem.inputs(rows)), problem.truth(rows), problem.task.coverage
    if not problem.classify:
        return _conformal_quantile(np.abs(truth - scores), coverage)
    return [_conformal_quantile(1 - scores[truth == k, k], coverage) for k in range(len(problem.labels))]


def _conformal_quantile(scores: npt.NDArray[Any], coverage: float) -> float:
    """Give the ceil((n + 1) coverage)-th smallest of n scores; with too few of them the largest float32."""
    rank = int(np.ceil((len(scores) + 1) * coverage))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else LARGEST


def metadata_of(problem: Problem, best: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """Give what the predictor needs beside the model; the conformal quantile follows once the model can be asked."""
    costs = problem.task.costs if problem.positive is not None and len(problem.labels) == 2 else None
    return {
        "kind": problem.task.kind,
        "target": problem.data.target.name,
        "labels": problem.labels,
        "positive": problem.positive,
        "threshold": costs.threshold if costs else None,
        "coverage": problem.task.coverage,
        "quantile": 0.0,
        "estimator": best["estimator"],
        "settings": best["settings"],
        **described,
    }


def main() -> None:
    """Search, fit, export, compare, calibrate, log."""
    data, capstone = contract.load()
    parameters = contract.load_parameters()
    every, calibration = (table.read(SPLITS / f"{part}.csv", data) for part in ("train", "calibration"))
    problem = of_rows(data, capstone.task, every)
    rows = problem.sample(every, parameters.train.max_rows, parameters.seed)
    search = Search(problem, problem.inputs(rows), problem.truth(rows), parameters.train.folds, parameters.seed)
    tried = trials(problem, parameters.train, parameters.seed)
    for name, settings in dict(tried).items():  # one of each candidate, before minutes of search are lost
        export.check(model.CANDIDATES[name], settings, search.shape, search.inputs)

    from project.training import tracking

    with tracking.run(capstone.project.slug) as run_id:
        started = time.perf_counter()
        scored = best_first(search, tried, parameters.train.engine)
        best = scored[0]
        fitted = search.fit((best["estimator"], best["settings"]), run_id=run_id)
        seconds = time.perf_counter() - started
        with stage.replacing(MODEL) as temporary:
            temporary.write_bytes(export.to_onnx(fitted, search.shape, search.inputs, search.unit))
        metadata = metadata_of(problem, best, describe(problem, rows, search.inputs))
        metadata["background"] = background(problem, rows, parameters.seed)
        stage.write_json(METADATA, metadata)
        predictor = Predictor(features=data.features)
        inputs = problem.inputs(pd.concat([rows, calibration]))
        compared = parity(search.answer(fitted, inputs), predictor.score(inputs), problem.classify)
        stage.write_json(METADATA, metadata | {"quantile": calibrate(problem, predictor, calibration)})
        report = {
            "run_id": run_id,
            "training_time_s": round(seconds, 3),
            "rows": {"used": len(rows), "available": len(every)},
            "parity": compared,
            "trials": scored,
        }
        tracking.log_training(parameters, report, problem.inputs(rows.head(5)), predictor)
        stage.write_json(REPORT, report)
    print(f"train: {summary(report, capstone.task.headline)}{left_out(parameters.train, tried)}")


def summary(report: dict[str, Any], headline: str) -> str:
    """Give the report in a line."""
    used, available = report["rows"].values()
    learnt = f"{used:,} of {available:,} rows (train.max_rows), " if used < available else ""
    best = report["trials"][0]
    return (
        f"{learnt}{best['estimator']} {best['settings']} is best of {len(report['trials'])} trials "
        f"({headline} {abs(best['score']):.3f} in cross-validation), ONNX agrees to "
        f"{report['parity']['largest_difference']:.1e}, run {report['run_id']}"
    )


def left_out(choice: contract.TrainParameters, tried: list[Trial]) -> str:
    """Give in words which candidates were not tried."""
    asked = model.CANDIDATES if choice.candidates == "all" else choice.candidates
    names = sorted(set(asked) - {name for name, _ in tried})
    return f"; not tried: {', '.join(names)} (see src/project/model.py for what each can do)" if names else ""


if __name__ == "__main__":
    stage.run(main)
