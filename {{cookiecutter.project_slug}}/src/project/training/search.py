"""The search: every candidate's settings scored by cross-validation, here or on a Dask cluster."""

import operator
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import KFold, StratifiedKFold
from tqdm import tqdm

from project import contract, model, stage
from project.evaluation.metrics import Floats
from project.predictor import Inputs
from project.problem import Problem, Shape
from project.training import fitting

Trial = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Search:
    """All that a trial needs; it travels to the workers of a cluster."""

    problem: Problem
    inputs: Inputs
    truth: npt.NDArray[Any]
    folds: int
    seed: int

    @cached_property
    def shape(self) -> Shape:
        """What an estimator is told of all rows, those that a fold holds out too."""
        return self.problem.shape(self.inputs)

    @cached_property
    def unit(self) -> tuple[float, float]:
        """Mean and spread of a number, in which the estimator works: 32 bits hold seven digits. Of classes 0 and 1."""
        return (0.0, 1.0) if self.problem.classify else (float(self.truth.mean()), float(self.truth.std()))

    def fit(self, trial: Trial, rows: Any = slice(None), run_id: str | None = None) -> Any:
        """Give the fitted estimator of a trial; what learns in epochs logs them to the MLflow run."""
        name, settings = trial
        mean, spread = self.unit
        truth = self.truth[rows] if self.problem.classify else (self.truth[rows] - mean) / spread
        return fitting.fit(model.CANDIDATES[name], settings, self.shape, self._chosen(rows), truth, self.seed, run_id)

    def answer(self, fitted: Any, inputs: Inputs) -> Floats:
        """Give what the exported model has to give: probabilities (n, classes) or values (n,)."""
        mean, spread = self.unit
        return fitting.answer(fitted, self.shape, inputs) * spread + mean

    def _chosen(self, rows: Any) -> Inputs:
        return {kind: values[rows] for kind, values in self.inputs.items()}

    def score(self, trial: Trial) -> dict[str, Any]:
        """Give a trial's entry in the report: its mean headline metric over the folds, more is better."""
        scores = [self._score_fold(trial, fit, held) for fit, held in self.splits()]
        defined = [score for score in scores if not np.isnan(score)]
        if not defined:
            few = len(self.truth)
            raise stage.ProjectError(f"{few} training rows are too few to measure {self.problem.task.headline}")
        return {"estimator": trial[0], "settings": trial[1], "score": round(float(np.mean(defined)), 6)}

    def _score_fold(self, trial: Trial, fit: Any, held: Any) -> float:
        found = self.answer(self.fit(trial, fit), self._chosen(held))
        predicted, p = (found.argmax(axis=1), found) if self.problem.classify else (found, None)
        return float(self.problem.headline(self.truth[held], predicted, p, np.ones((1, len(held))))[0])

    def splits(self) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """Give the rows to fit and to hold out of each fold; a class with fewer rows than folds is never held out."""
        every = np.arange(len(self.truth))
        if not self.problem.classify:
            return list(KFold(min(self.folds, len(every)), shuffle=True, random_state=self.seed).split(every))
        sizes = np.bincount(self.truth)
        positive = self.problem.positive
        count = min(self.folds, int(sizes.max() if positive is None else sizes[positive]))
        common = np.flatnonzero(sizes[self.truth] >= count)
        folds = StratifiedKFold(count, shuffle=True, random_state=self.seed).split(common, self.truth[common])
        return [(np.setdiff1d(every, common[held]), common[held]) for _, held in folds]


def trials(problem: Problem, choice: contract.TrainParameters, seed: int) -> list[Trial]:
    """Give the settings to try of each candidate, drawn at random without repetition."""
    names = tuple(model.CANDIDATES) if choice.candidates == "all" else choice.candidates
    unknown = [name for name in names if name not in model.CANDIDATES]
    if unknown:
        allowed = ", ".join(model.CANDIDATES)
        raise stage.ProjectError(
            f"params.yaml: train.candidates: found {unknown[0]!r}, src/project/model.py has {allowed}"
        )
    settings = {key for name in names for key in model.CANDIDATES[name].settings}
    if strange := sorted(set(choice.only) - settings):
        allowed = ", ".join(sorted(settings))
        raise stage.ProjectError(f"params.yaml: train.only: found {strange[0]!r}, {', '.join(names)} have {allowed}")
    directed = any(f.direction for f in problem.data.features)
    able = [name for name in names if model.CANDIDATES[name].keeps_directions or not directed]
    if not able:
        others = ", ".join(name for name, found in model.CANDIDATES.items() if found.keeps_directions)
        raise stage.ProjectError(
            f"params.yaml: train.candidates: {', '.join(names)} cannot keep the directions of the data contract: "
            f"add one of {others}"
        )
    quick = [name for name in able if len(problem.labels) <= model.CANDIDATES[name].most_classes]
    return [(name, settings) for name in quick or able for settings in _settings(name, choice, seed)]


def _settings(name: str, choice: contract.TrainParameters, seed: int) -> list[dict[str, Any]]:
    listed = model.CANDIDATES[name].settings
    values = listed | {key: [value] for key, value in choice.only.items() if key in listed}
    every = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    return random.Random(seed).sample(every, min(choice.trials, len(every)))  # noqa: S311


def best_first(search: Search, tried: list[Trial], engine: str) -> list[dict[str, Any]]:
    """Score all trials; give one entry each, the best first."""
    if engine == "dask":
        scored = on_dask(search.score, tried)
    else:
        scored = map(search.score, tqdm(tried, desc="train: search", unit="trial", disable=None))
    return sorted(scored, key=lambda entry: -entry["score"])


def on_dask(score: Callable[[Trial], Any], tried: list[Trial]) -> Iterable[Any]:
    """Score the trials on the cluster at DASK_SCHEDULER_ADDRESS, or on one of this machine's processes."""
    try:
        dask, distributed = import_module("dask"), import_module("dask.distributed")
    except ImportError:
        raise stage.ProjectError("params.yaml: train.engine is dask: run `uv sync --group cluster` first") from None
    # Dask reads the address from the environment itself; no daemons, for an estimator may start processes of its own.
    with dask.config.set({"distributed.worker.daemon": False}), distributed.Client() as client:
        shared = client.scatter(score, broadcast=True)
        return client.gather(client.map(operator.call, [shared] * len(tried), tried, pure=False))
