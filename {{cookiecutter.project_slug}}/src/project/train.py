"""Search among the candidates, fit the best, export it to ONNX, and log it to MLflow.

Stops unless the exported model predicts what the fitted pipeline predicts.
"""

import random
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from project import contract, metrics, model, stage, table
from project.predictor import METADATA, MODEL, Inputs, Predictor, model_inputs
from project.split import SPLITS

REPORT = Path("reports/training.json")
TOLERANCE = 1e-4  # a probability, or a value in units of the target's spread, may differ by this much
MAY_DIFFER = 0.001  # in this share of the rows at most: float32 thresholds move a row at a tree's very edge


@dataclass(frozen=True)
class Problem:
    """What all candidates are fitted to."""

    data: contract.DataContract
    task: contract.Task
    labels: list[str]
    parameters: contract.Parameters

    def features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the model's inputs for `rows` as a table."""
        inputs = model_inputs({name: rows[name].to_numpy() for name in rows}, self.data.features)
        return pd.DataFrame({name: values[:, 0] for name, values in inputs.items()}, index=rows.index)

    def target(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Give the classes of `rows` as indices of `labels`, or the values."""
        values = rows[self.data.target.name]
        if self.task.kind == "regression":
            return values.to_numpy(dtype=np.float64)
        return pd.Index(self.labels).get_indexer(table.labels(values))

    @property
    def positive(self) -> int | None:
        """The index of the positive class, if the task names one."""
        return None if self.task.positive is None else self.labels.index(str(self.task.positive))

    def pipeline(self, name: str, settings: dict[str, Any], features: pd.DataFrame) -> Pipeline:
        """Give an unfitted pipeline."""
        return model.pipeline(name, self.task.kind, self.data, features, self.parameters.seed, settings)

    def headline(self, fitted: Pipeline, features: pd.DataFrame, truth: np.ndarray[Any, Any]) -> float:
        """Give the headline metric of a fitted pipeline, turned so that more is better."""
        weights = np.ones((1, len(truth)))
        if self.task.kind == "regression":
            found = metrics.regression(truth, fitted.predict(features), weights)
        else:
            p = fitted.predict_proba(features)
            found = metrics.classification(truth, p, p.argmax(axis=1), self.positive, weights)
        value = float(found[self.task.headline][0])
        return -value if self.task.headline in metrics.LOWER_IS_BETTER else value


def inputs_of(features: pd.DataFrame) -> Inputs:
    """Give a table of features as the exported model's inputs."""
    return {name: features[name].to_numpy().reshape(-1, 1) for name in features}


def search(problem: Problem, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Score settings of each candidate by cross-validation; give one entry a trial, the best first."""
    choice = problem.parameters.train
    features, truth = problem.features(rows), problem.target(rows)
    directed = any(f.direction for f in problem.data.features)
    able = [name for name in choice.candidates if model.keeps_directions(name) or not directed]
    if not able:
        names = ", ".join(choice.candidates)
        raise stage.ProjectError(
            f"params.yaml: train.candidates: {names} cannot keep the directions of the data contract: add boosting"
        )
    trials = [(name, settings) for name in able for settings in _settings(name, choice.trials, problem.parameters.seed)]
    kind = KFold if problem.task.kind == "regression" else StratifiedKFold
    folds = list(kind(choice.folds, shuffle=True, random_state=problem.parameters.seed).split(features, truth))
    results = []
    for name, settings in tqdm(trials, desc="train: search", unit="trial", disable=None):
        scores = []
        for fit, held in folds:
            fitted = problem.pipeline(name, settings, features).fit(features.iloc[fit], truth[fit])
            scores.append(problem.headline(fitted, features.iloc[held], truth[held]))
        results.append({"estimator": name, "settings": settings, "score": round(float(np.mean(scores)), 6)})
    return sorted(results, key=lambda result: -result["score"])


def _settings(name: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Give `count` settings, drawn at random without repetition; all of them where there are fewer."""
    values = model.SETTINGS[name]
    every = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    return random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311


def export(fitted: Pipeline, features: pd.DataFrame) -> bytes:
    """Give `fitted` as an ONNX model with one input for each feature."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types: Any = [
        (name, (FloatTensorType if features[name].dtype == np.float32 else StringTensorType)([None, 1]))
        for name in features
    ]
    options = {"zipmap": False} if hasattr(fitted, "predict_proba") else None
    converted = to_onnx(fitted, initial_types=types, options=options and {id(fitted): options}, target_opset=18)
    converted.opset_import.sort(key=lambda opset: opset.domain)  # else in the order of a set, which varies
    return converted.SerializeToString(deterministic=True)


def parity(fitted: Pipeline, predictor: Predictor, features: pd.DataFrame) -> dict[str, float]:
    """Compare the exported model with the fitted pipeline; raises `ProjectError` where they disagree."""
    theirs = fitted.predict_proba(features) if predictor.labels else fitted.predict(features)
    ours = predictor.score(inputs_of(features))
    scale = 1.0 if predictor.labels else float(np.std(theirs)) or 1.0
    differences = np.abs(theirs - ours).reshape(len(features), -1).max(axis=1) / scale
    found = {
        "rows": len(features),
        "largest_difference": float(differences.max()),
        "share_beyond_tolerance": float((differences > TOLERANCE).mean()),
    }
    if found["share_beyond_tolerance"] > MAY_DIFFER:
        raise stage.ProjectError(
            f"the ONNX model differs from the fitted pipeline by more than {TOLERANCE} in "
            f"{found['share_beyond_tolerance']:.2%} of {len(features):,} rows: choose an estimator that converts"
        )
    return found


def describe(features: pd.DataFrame) -> dict[str, Any]:
    """Give where the training rows lay: range and median of a number, categories of a text."""
    found: dict[str, Any] = {}
    for name in features:
        values = features[name]
        if values.dtype == np.float32:
            low, high = (float(str(end)) for end in (values.min(), values.max()))  # shortest decimals of float32
            found[name] = {"low": low, "typical": float(f"{values.median():.4g}"), "high": high}
        else:
            counts = values.value_counts().sort_index(kind="stable")
            found[name] = {"seen": sorted(counts.index), "typical": counts.idxmax()}
    return found


def calibrate(problem: Problem, predictor: Predictor, rows: pd.DataFrame) -> float | list[float]:
    """Give the split-conformal quantile of the calibration rows; for classes, one for each (Vovk, 2012)."""
    scores = predictor.score(inputs_of(problem.features(rows)))
    truth = problem.target(rows)
    if not predictor.labels:
        return _conformal_quantile(np.abs(truth - scores), problem.task.coverage)
    chosen = 1 - scores[np.arange(len(truth)), truth]
    return [_conformal_quantile(chosen[truth == k], problem.task.coverage) for k in range(len(predictor.labels))]


def _conformal_quantile(scores: np.ndarray[Any, Any], coverage: float) -> float:
    """Give the ceil((n + 1) coverage)-th smallest of n scores; with too few of them the largest float."""
    rank = int(np.ceil((len(scores) + 1) * coverage))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float(np.finfo(np.float64).max)


def metadata_of(problem: Problem, best: dict[str, Any], features: pd.DataFrame) -> dict[str, Any]:
    """Give what the predictor needs beside the model; the conformal quantile follows once the model can be asked."""
    return {
        "kind": problem.task.kind,
        "target": problem.data.target.name,
        "labels": problem.labels,
        "positive": problem.positive,
        "threshold": _threshold(problem.task, problem.labels),
        "coverage": problem.task.coverage,
        "quantile": 0.0,
        "estimator": best["estimator"],
        "settings": best["settings"],
        "features": describe(features),
    }


def main() -> None:
    """Search, fit, export, compare, calibrate, log."""
    data, capstone = contract.load()
    rows, calibration = (table.read(SPLITS / f"{part}.csv", data) for part in ("train", "calibration"))
    labels = _labels(data, capstone.task, rows)
    problem = Problem(data, capstone.task, labels, contract.load_parameters())

    from project import tracking

    client = tracking.connect(capstone.project.slug)
    for run_id in tracking.close_killed_runs(client, capstone.project.slug):
        print(f"train: run {run_id} was left by a killed process and is now marked KILLED")
    with tracking.mlflow.start_run(tags=tracking.origin()) as run:
        started = time.perf_counter()
        trials = search(problem, rows)
        best = trials[0]
        features = problem.features(rows)
        fitted = problem.pipeline(best["estimator"], best["settings"], features).fit(features, problem.target(rows))
        seconds = time.perf_counter() - started
        with stage.replacing(MODEL) as temporary:
            temporary.write_bytes(export(fitted, features))
        metadata = metadata_of(problem, best, features)
        stage.write_json(METADATA, metadata)
        predictor = Predictor(features=data.features)
        compared = parity(fitted, predictor, pd.concat([features, problem.features(calibration)]))
        stage.write_json(METADATA, metadata | {"quantile": calibrate(problem, predictor, calibration)})
        report = {"run_id": run.info.run_id, "training_time_s": round(seconds, 3), "parity": compared, "trials": trials}
        tracking.log_training(problem.parameters, best, report, inputs_of(features.head(5)), predictor)
        stage.write_json(REPORT, report)
    print(
        f"train: {best['estimator']} {best['settings']} is best of {len(trials)} trials "
        f"({problem.task.headline} {abs(best['score']):.3f} in cross-validation), ONNX agrees to "
        f"{compared['largest_difference']:.1e}, run {run.info.run_id}"
    )


def _labels(data: contract.DataContract, task: contract.Task, rows: pd.DataFrame) -> list[str]:
    if task.kind == "regression":
        return []
    present = set(table.labels(rows[data.target.name]))
    labels = [str(value) for value in data.target.enum if str(value) in present] or sorted(present)
    if len(labels) < 2:
        raise stage.ProjectError(f"{SPLITS}: the training rows hold only the class {labels}: there is nothing to learn")
    return labels


def _threshold(task: contract.Task, labels: list[str]) -> float | None:
    return task.costs.threshold if task.costs and task.positive is not None and len(labels) == 2 else None


if __name__ == "__main__":
    stage.run(main)
