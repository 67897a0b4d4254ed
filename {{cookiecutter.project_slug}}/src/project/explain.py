"""What moved a single prediction: Shapley values against rows of the training data, estimated by permutations.

The fields of a background row are replaced by those of the row in question, one after the other, in a drawn order and
then in the reverse of it (antithetic sampling: Mitchell and others, JMLR 23, 2022). A field's contribution is how far
the answer moves at its turn, on average; all of them add up to the distance from the background's mean answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from project import stage
from project.predictor import Columns, Inputs, Predictor, layout, model_inputs

MOST, FEWEST = 64, 8  # training rows that are kept to explain against,
KEPT_CELLS = 16_000  # in between as few as hold so many cells
CELLS = 1_000_000  # of the model's inputs that are scored in one call: predictions get their turn in between

Orders = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Explanation:
    """The contributions to one answer."""

    explained: str | None  # the class whose probability is explained; None: the predicted number
    base: float  # mean answer for the background rows
    prediction: float  # the sum of base and contributions
    contributions: dict[str, float]  # by field, the largest first

    def record(self) -> dict[str, Any]:
        """Give it as JSON carries it."""
        moved = [{"field": name, "contribution": value} for name, value in self.contributions.items()]
        return {**vars(self), "contributions": moved}


def kept_rows(columns: int) -> int:
    """Give how many training rows are kept to explain against, where the model has so many inputs."""
    return max(FEWEST, min(MOST, KEPT_CELLS // columns))


def keep(inputs: Inputs) -> dict[str, list[Any]]:
    """Give the model's inputs of such rows as the metadata holds them."""
    rows = {kind: values.tolist() for kind, values in inputs.items()}
    return {kind: [[None if v != v else v for v in row] for row in values] for kind, values in rows.items()}


def explain(predictor: Predictor, columns: Columns, seed: int = 0) -> Explanation:
    """Explain the answer for the first row of `columns`. Raises `ProjectError` for a model without background rows."""
    kept = predictor.metadata.get("background")
    if kept is None:
        raise stage.ProjectError("This model was trained without background rows: run `uv run dvc repro`")
    types: Any = {"numbers": np.float32, "texts": object}
    background = {kind: np.array(rows, dtype=types[kind]) for kind, rows in kept.items()}
    one = model_inputs({name: values[:1] for name, values in columns.items()}, predictor.features)
    place = _explained(predictor, one)
    orders = _orders(_rows(background), len(predictor.features), seed)
    mixtures = _mixtures(predictor, one, background, orders)
    answers = np.concatenate([predictor.score(mixed).reshape(_rows(mixed), -1)[:, place or 0] for mixed in mixtures])
    answers = answers.reshape(len(orders), -1)  # of each order: at its start, and after each turn
    moved = np.take_along_axis(np.diff(answers, axis=1), orders.argsort(axis=1), axis=1).mean(axis=0)
    named = {feature.name: float(value) for feature, value in zip(predictor.features, moved, strict=True)}
    return Explanation(
        explained=None if place is None else str(predictor.labels[place]),
        base=float(answers[:, 0].mean()),
        prediction=float(answers[:, -1].mean()),
        contributions=dict(sorted(named.items(), key=lambda item: -abs(item[1]))),
    )


def _rows(inputs: Inputs) -> int:
    return len(next(iter(inputs.values())))


def _explained(predictor: Predictor, one: Inputs) -> int | None:
    """Give the class whose probability is explained: the positive one, else the likeliest; None for a number."""
    if not predictor.labels:
        return None
    positive: int | None = predictor.metadata["positive"]
    return int(predictor.score(one)[0].argmax()) if positive is None else positive


def _orders(rows: int, fields: int, seed: int) -> Orders:
    """Give an order of the fields for each background row, and below them the reverse of each."""
    drawn = np.random.default_rng(seed).permuted(np.tile(np.arange(fields), (rows, 1)), axis=1)
    return np.concatenate([drawn, drawn[:, ::-1]])


def _mixtures(predictor: Predictor, one: Inputs, background: Inputs, orders: Orders) -> Iterator[Inputs]:
    """Give the rows on the way from background rows to the one in question, as many at a time as `CELLS` allows."""
    places = {feature.name: place for place, feature in enumerate(predictor.features)}
    owners = {kind: [places[field] for field, _ in named] for kind, named in layout(predictor.features).items()}
    steps = np.arange(len(places) + 1)
    size = max(1, CELLS // (len(steps) * sum(map(len, owners.values()))))
    for first in range(0, len(orders), size):
        some = np.arange(first, min(first + size, len(orders)))
        replaced = orders[some].argsort(axis=1)[:, None, :] < steps[:, None]  # (orders, steps, fields)
        mixed = {}
        for kind, columns in owners.items():
            start = background[kind][some % _rows(background)][:, None, :]
            mixed[kind] = np.where(replaced[:, :, columns], one[kind], start).reshape(-1, len(columns))
        yield mixed
