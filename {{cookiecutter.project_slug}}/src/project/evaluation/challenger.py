"""The challenger against the champion, on the same test rows: how much better is it, and is that beyond doubt."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pandas.util import hash_pandas_object

from project import contract, table
from project.evaluation import metrics
from project.evaluation.behaviour import Test
from project.predictor import Predictor
from project.problem import Problem
from project.split import SPLITS

SEEN = Path("models/seen.npy")  # below a version's folder: the fingerprints of the rows that it learnt from
FEWEST = 30  # test rows that the champion has not seen, from which on it is compared

Fingerprints = npt.NDArray[np.uint64]
_hash: Any = hash_pandas_object


@dataclass(frozen=True)
class Duel:
    """How much better the challenger is, in the headline metric, turned so that more is better."""

    rows: int  # on which both were measured
    known: int  # test rows that the champion has learnt from, which are left out
    difference: dict[str, float | None]  # with its 95 % bootstrap interval

    @property
    def better(self) -> bool:
        """Whether the challenger is better beyond doubt."""
        return (self.difference["low"] or 0.0) > 0

    @property
    def worse(self) -> bool:
        """Whether it is worse beyond doubt."""
        return (self.difference["high"] or 0.0) < 0

    def __str__(self) -> str:
        """Give the duel in words."""
        left_out = f" ({self.known:,} more are left out: the champion has learnt from them)" if self.known else ""
        if self.difference["value"] is None:
            return f"the {self.rows:,} test rows that the champion has not seen are too few to compare{left_out}"
        value, low, high = (self.difference[key] for key in ("value", "low", "high"))
        return f"{value:+.4g} ({low:+.4g} to {high:+.4g}) against the champion on {self.rows:,} test rows{left_out}"


def fingerprints(*parts: str) -> Fingerprints:
    """Give a number for each row of these parts of the split, the same for the same row."""
    pieces = (piece for part in parts for piece in table.pieces(SPLITS / f"{part}.csv"))
    return np.concatenate([_hash(piece, index=False).to_numpy() for piece in pieces])


def duel(
    data: contract.DataContract,
    capstone: contract.Capstone,
    parameters: contract.Parameters,
    champion: Predictor,
    seen: Fingerprints,
) -> Duel:
    """Compare the model of the work tree with the champion: of the same classes, learnt from the rows in `seen`."""
    fresh = ~np.isin(fingerprints("test"), seen)
    challenger = Predictor(features=data.features)
    problem = Problem(data, capstone.task, challenger.labels)
    rows = problem.sample(table.read(SPLITS / "test.csv", data)[fresh], parameters.evaluate.max_rows, parameters.seed)
    known = int((~fresh).sum())
    if len(rows) < FEWEST:
        return Duel(len(rows), known, {"value": None, "low": None, "high": None})
    weights = metrics.resamples(len(rows), parameters.evaluate.bootstrap, parameters.seed)
    tests = [Test(problem, predictor, rows) for predictor in (challenger, champion)]
    ours, theirs = (test.headline(test.found, weights) for test in tests)
    return Duel(len(rows), known, metrics.interval(ours - theirs))
