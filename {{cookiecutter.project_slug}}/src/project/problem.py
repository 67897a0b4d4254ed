"""What is predicted from what, and how an answer is judged: training and evaluation share it."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from project import stage, table
from project.contract import Column, DataContract, Task, label
from project.evaluation import metrics
from project.evaluation.metrics import Answers, Floats, Metrics
from project.predictor import Columns, Inputs, layout, model_inputs

CATEGORIES = 50  # of a text that get a column of their own, the most frequent ones
CATEGORY_COLUMNS = 2_000  # of all texts together


@dataclass(frozen=True)
class Shape:
    """What an estimator is told of the model's inputs, and of what it has to give."""

    classes: int  # to tell apart; 0 where a number is predicted
    directions: list[int]  # of each number: 1 or -1 where the last class or the value may only rise or fall with it
    signals: list[str | None]  # of each number: the channel of which it is a sample
    categories: list[npt.NDArray[Any]]  # of each text: the values that get a column of their own


@dataclass(frozen=True)
class Problem:
    """The task, its data, and the classes that the training rows hold (none where a number is predicted)."""

    data: DataContract
    task: Task
    labels: list[str]

    @property
    def classify(self) -> bool:
        """Whether classes are predicted, not a number."""
        return self.task.kind == "classification"

    @property
    def positive(self) -> int | None:
        """The index of the positive class, if the task names one."""
        return None if self.task.positive is None else self.labels.index(self.task.positive)

    def columns(self, rows: pd.DataFrame) -> Columns:
        """Give the features of `rows` as arrays."""
        return {f.name: rows[f.name].to_numpy() for f in self.data.features}

    def inputs(self, rows: pd.DataFrame) -> Inputs:
        """Give the model's inputs for `rows`."""
        return model_inputs(self.columns(rows), self.data.features)

    def shape(self, inputs: Inputs) -> Shape:
        """Give what an estimator has to know; of a date no direction is kept."""
        plain = {f.name: f for f in self.data.features if f.numeric}
        numbers = [plain.get(field) for field, _ in layout(self.data.features).get("numbers", [])]
        turned = -1 if self.positive == 0 else 1  # directions speak of the positive class
        return Shape(
            classes=len(self.labels),
            directions=[turned * f.direction if f else 0 for f in numbers],
            signals=[f.signal if f else None for f in numbers],
            categories=frequent(inputs["texts"]) if "texts" in inputs else [],
        )

    def truth(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        """Give the classes of `rows` as indices of `labels`, -1 where they are none of them, or the values."""
        values = rows[self.data.target.name]
        if not self.classify:
            return values.to_numpy(dtype=np.float64)
        return pd.Index(self.labels).get_indexer(pd.Index(table.labels(values)))

    def requests(self, rows: pd.DataFrame) -> list[str]:
        """Give each row as the body of a request."""
        columns = {f.name: [as_json(value, f) for value in rows[f.name]] for f in self.data.features}
        return [json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]

    def sample(self, rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
        """Give at most `count` of the rows, in their order: every class keeps its share, and at least one row."""
        if len(rows) <= count:
            return rows
        shuffled = rows.sample(frac=1, random_state=seed)
        if self.classify:
            target = shuffled[self.data.target.name]
            position = target.groupby(target).cumcount() / target.groupby(target).transform("size")
            shuffled = shuffled.loc[position.sort_values(kind="stable").index]
        return shuffled.head(count).sort_index()

    def measure(
        self,
        truth: npt.NDArray[Any],
        predicted: npt.NDArray[Any],
        probabilities: Floats | None,
        weights: Floats,
        only: str | None = None,
    ) -> Metrics:
        """Give the task's metrics for each row of `weights`, or as few as hold the one called `only`."""
        if probabilities is None:
            return metrics.regression(truth, predicted, weights)
        answers = Answers(truth, probabilities, predicted, self.positive, self.task.precision_floor)
        return metrics.classification(answers, weights, only)

    def headline(
        self, truth: npt.NDArray[Any], predicted: npt.NDArray[Any], probabilities: Floats | None, weights: Floats
    ) -> Floats:
        """Give the headline metric for each row of `weights`, turned so that more is better."""
        name = self.task.headline
        return self.turned(self.measure(truth, predicted, probabilities, weights, only=name)[name])

    def turned(self, headline: Floats) -> Floats:
        """Turn headline metrics so that more is better; twice turned is as before."""
        return -headline if self.task.headline in metrics.LOWER_IS_BETTER else headline


def of_rows(data: DataContract, task: Task, rows: pd.DataFrame) -> Problem:
    """Give the problem that the training rows pose. Raises `ProjectError` where there is nothing to learn."""
    target = rows[data.target.name]
    if target.nunique() < 2:
        raise stage.ProjectError(f"{target.name!r} is {label(target.iloc[0])} in all training rows: nothing to learn")
    if task.kind == "regression":
        return Problem(data, task, [])
    counts = table.labels(target).value_counts()
    order = {str(value): place for place, value in enumerate(data.target.enum)}
    labels = sorted(counts.index, key=lambda name: (order.get(name, len(order)), name))
    if counts.max() < 2:
        raise stage.ProjectError(
            f"each of the {len(rows)} training rows has a class of its own: too few rows to learn from"
        )
    if task.positive is not None and counts.get(task.positive, 0) < 2:
        raise stage.ProjectError(f"fewer than two training rows are {task.positive!r}: too few to learn from")
    return Problem(data, task, labels)


def frequent(texts: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Give for each column of `texts` its most frequent values, in alphabetical order."""
    most = max(2, min(CATEGORIES, CATEGORY_COLUMNS // max(1, texts.shape[1])))
    found = []
    for values in texts.T:
        names, counts = np.unique(values, return_counts=True)
        found.append(np.sort(names[np.argsort(-counts, kind="stable")[:most]]))
    return found


def as_json(value: Any, column: Column) -> Any:
    """Give a value of the typed table as a request carries it; None where it is missing."""
    if value == "" or pd.isna(value):
        return None
    if column.enum:
        return next((allowed for allowed in column.enum if str(allowed) == value), value)
    if column.dated:
        return pd.Timestamp(value).isoformat()[: 10 if column.type == "date" else None]
    kind: Any = {"boolean": bool, "integer": int, "number": float}.get(column.type, str)
    return kind(value)
