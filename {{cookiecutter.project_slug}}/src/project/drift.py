"""Compare live rows with those that the model was judged on: `uv run python -m project.drift [FILE]`.

FILE is the service's prediction log (logs/predictions.jsonl if none is given) or a CSV table with the contract's
features. Writes reports/drift.json. Ends with 0 if nothing moved, with 3 if the alarm rings, with 1 if it cannot look.

Each comparison gives a p-value: Kolmogorov and Smirnov's for numbers, Fisher's exact one for shares. Benjamini and
Hochberg's correction holds the false alarms of all comparisons together at `FALSE_ALARMS`.
"""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from project import contract, stage, table
from project.contract import DataContract
from project.predictor import MISSING_TEXT, Columns, Inputs, Predictor, layout, model_inputs
from project.problem import Problem
from project.serving import models
from project.serving.request import BadRequestError, Rows
from project.split import SPLITS

LOG = Path("logs/predictions.jsonl")
LABELS = Path("logs/labels.csv")  # `capstone label` writes it: what turned out to be true, by the id of the prediction
REPORT = Path("reports/drift.json")
ALARM = 3  # the exit status
FALSE_ALARMS = 0.01  # of the runs in which nothing has moved
FEWEST = 30  # rows of each side from which anything is said
MOST, CELLS = 20_000, 20_000_000  # rows of each side that are compared, or as few as hold so many cells
MATTERS = 0.05  # a smaller distance between two distributions rings no alarm, however sure it is
CATEGORIES = 50  # of a field, the most frequent ones, are told apart; numbers of fewer than
FEW = 20  # values are compared as categories
SEASONAL = ("month", "day of year")  # parts of a date that the live rows of a week cannot cover

Values = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """Rows as the model sees them, and what it says to them; all are aligned by row."""

    features: dict[str, Values]  # numbers with NaN, texts with `MISSING_TEXT`
    answers: dict[str, Values]
    outside: dict[str, Flags]  # by field: where no training row lay

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(next(iter(self.answers.values())))


@dataclass(frozen=True)
class Comparison:
    """One thing that may have moved: the values of a feature, the share that is missing or outside, the answers."""

    of: str  # "values", "missing", "outside", "answers" or "truth"
    name: str
    reference: float | None  # the two shares; None for distributions
    live: float | None
    distance: float  # between the distributions (0 to 1), or of the shares
    p: float  # corrected for the number of comparisons
    moved: bool = False


def batch(predictor: Predictor, inputs: Inputs) -> Batch:
    """Give the model's inputs by name, with its answers."""
    found = predictor.predictions(inputs, predictor.score(inputs))
    answers: dict[str, Values] = {"prediction": found.values}
    if found.probabilities is not None:
        answers = {
            "predicted class": np.asarray(predictor.labels, dtype=object)[found.values],
            "probability of the likeliest class": found.probabilities.max(axis=1),
        }
    outside: dict[str, Flags] = {f.name: found.outside[:, place] for place, f in enumerate(predictor.features)}
    anywhere: Flags = np.asarray(found.outside.any(axis=1))
    return Batch(dict(_compared(predictor, inputs)), answers, outside | {"(any field)": anywhere})


def _compared(predictor: Predictor, inputs: Inputs) -> Iterator[tuple[str, Values]]:
    """Give the inputs that live rows ought to share with the reference: no season, and not the time of the row."""
    kinds = {f.name: f for f in predictor.features}
    for kind, columns in layout(predictor.features).items():
        for place, (field, name) in enumerate(columns):
            seasonal = kinds[field].dated and name.endswith(SEASONAL)
            if not seasonal and kinds[field].role != "time":
                yield name, inputs[kind][:, place]


def compare(reference: Batch, live: Batch, more: Sequence[Comparison] = ()) -> list[Comparison]:
    """Give every comparison, and `more` of them, the surest difference first; those that moved are marked."""
    found = list(more)
    for name, values in reference.features.items():
        found.append(_values("values", name, values, live.features[name]))
        found.append(_share("missing", name, missing(values), missing(live.features[name])))
    found += [_values("answers", name, values, live.answers[name]) for name, values in reference.answers.items()]
    found += [_share("outside", name, flags, live.outside[name]) for name, flags in reference.outside.items()]
    corrected = stats.false_discovery_control([one.p for one in found])
    moved = [
        replace(one, p=float(p), moved=bool(p <= FALSE_ALARMS and (one.live is not None or one.distance >= MATTERS)))
        for one, p in zip(found, corrected, strict=True)
    ]
    return sorted(moved, key=lambda one: (not one.moved, one.p, -one.distance))


def missing(values: Values) -> Flags:
    """Give where a model's input is missing."""
    return values == MISSING_TEXT if values.dtype == object else np.isnan(values)


def _values(of: str, name: str, reference: Values, live: Values) -> Comparison:
    """Compare two distributions; of what is missing the shares are compared."""
    before, now = (values[~missing(values)] for values in (reference, live))
    names = before.dtype == object and 2 * len(set(before)) > len(before)  # which hardly recur: nothing to compare
    if min(len(before), len(now)) < FEWEST or names:
        return Comparison(of, name, None, None, 0.0, 1.0)
    if before.dtype == object or len(np.unique(before)) <= FEW:
        return Comparison(of, name, None, None, *categories(before, now))
    found = stats.ks_2samp(before, now, method="asymp")
    return Comparison(of, name, None, None, round(float(found.statistic), 4), float(found.pvalue))


def categories(before: Values, now: Values) -> tuple[float, float]:
    """Give the total variation between two samples of categories, and the p-value of the one that moved most."""
    counts = pd.DataFrame({"before": pd.Series(before).value_counts(), "now": pd.Series(now).value_counts()}).fillna(0)
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    told, others = counts.loc[order[:CATEGORIES]], counts.loc[order[CATEGORIES:]].sum()
    first, second = (np.append(told[side], others[side]).astype(int) for side in ("before", "now"))
    sides = [exact(second, first), exact(first, second)]
    distance = np.abs(first / len(before) - second / len(now)).sum() / 2
    return round(float(distance), 4), min(1.0, 2 * len(told) * float(np.min(sides)))


def exact(more: Values, fewer: Values) -> Values:
    """Give Fisher's p-value for each category: how likely so many of them are `more` if both sides are alike."""
    drawn, total, both = more.sum(), more.sum() + fewer.sum(), more + fewer
    return stats.hypergeom.sf(more - 1, total, both, drawn)


def _share(of: str, name: str, reference: Flags, live: Flags) -> Comparison:
    """Compare how often something is so; only a rise counts."""
    before, now = (np.array([flags.sum(), (~flags).sum()]) for flags in (reference, live))
    p = 1.0 if before[0] * len(live) >= now[0] * len(reference) else float(exact(now, before)[0])
    shares = round(float(reference.mean()), 4), round(float(live.mean()), 4)
    return Comparison(of, name, *shares, round(abs(shares[1] - shares[0]), 4), p)


@dataclass(frozen=True)
class Live:
    """The latest rows, as the model's inputs."""

    inputs: Inputs
    ids: list[str]  # of the predictions; none of a table
    unread: int  # lines of the log that hold no rows of the present contract


def read_live(path: Path, data: DataContract, most: int) -> Live:
    """Give the latest rows of a prediction log or a table. Raises `ProjectError` where there are none."""
    if not path.is_file():
        raise stage.ProjectError(f"{path} is missing: the service writes it (`uv run bentoml serve`)")
    if path.suffix == ".jsonl":
        columns, ids, unread = _logged(path, Rows(data), most)
    else:
        rows = table.read(path, data, [f.name for f in data.features]).tail(most)
        columns, ids, unread = ({name: rows[name].to_numpy() for name in rows} if len(rows) else {}), [], 0
    if not columns:
        raise stage.ProjectError(f"{path} holds no row of the present data contract ({unread} lines of another one)")
    return Live(model_inputs(columns, data.features), ids, unread)


class Identified(msgspec.Struct):
    """A prediction of the log, as far as it is needed here."""

    id: str


class Answered(msgspec.Struct):
    """An answer of the log."""

    predictions: list[Identified]


class Line(msgspec.Struct):
    """A line of the prediction log."""

    inputs: msgspec.Raw
    answer: Answered


def _logged(path: Path, reader: Rows, most: int) -> tuple[Columns, list[str], int]:
    """Give the latest rows by column, the ids of their predictions, and how many lines could not be read."""
    rows, ids, unread = [], [], 0
    decode = msgspec.json.Decoder(Line).decode
    with path.open("rb") as file:
        lines = deque(file, maxlen=most)
    while lines and len(rows) < most:
        try:
            line = decode(lines.pop())
            rows += reader.decode(bytes(line.inputs))
            ids += [one.id for one in line.answer.predictions]
        except (BadRequestError, msgspec.DecodeError):  # of an older contract, or cut off
            unread += 1
    return reader.columns(rows[:most]) if rows else {}, ids[:most], unread


def errors(predictor: Predictor, problem: Problem, inputs: Inputs, truth: pd.Series) -> dict[str, Flags]:
    """Give which predictions were wrong, and which sets or intervals did not hold the truth."""
    found = predictor.predictions(inputs, predictor.score(inputs))
    target = problem.truth(pd.DataFrame({problem.data.target.name: truth}))
    if found.intervals is not None:
        return {"not covered": (target < found.intervals[:, 0]) | (target > found.intervals[:, 1])}
    assert found.sets is not None
    covered = found.sets[np.arange(len(target)), target] & (target >= 0)
    return {"wrong class": found.values != target, "not covered": ~covered}


def labelled(predictor: Predictor, problem: Problem, live: Live) -> list[Comparison]:
    """Compare errors and coverage on the live rows whose truth is known with those on the test rows."""
    if not LABELS.is_file():
        return []
    target = problem.data.target
    known = pd.read_csv(LABELS, dtype=str, na_filter=False).set_index("id")[target.name]
    places = np.flatnonzero(pd.Index(live.ids).isin(known.index))
    if len(places) < FEWEST:
        return []
    truth = table.typed(known.loc[[live.ids[place] for place in places]], target, problem.data)
    now = errors(predictor, problem, {name: values[places] for name, values in live.inputs.items()}, truth)
    test = table.read(SPLITS / "test.csv", problem.data)
    before = errors(predictor, problem, problem.inputs(test), test[target.name])
    return [_share("truth", name, before[name], flags) for name, flags in now.items()]


def read_reference(problem: Problem, parameters: contract.Parameters, most: int) -> Inputs:
    """Give the rows that the model was judged on, with those that calibrated it: it learnt from neither.

    Where groups or times divide the rows the parts differ by design, and the test rows alone are the reference.
    """
    parts = ("test",) if parameters.split.method in ("group", "time") else ("calibration", "test")
    rows = pd.concat([table.read(SPLITS / f"{part}.csv", problem.data) for part in parts], ignore_index=True)
    return problem.inputs(problem.sample(rows, most, parameters.seed))


def report(found: list[Comparison], reference: Batch, live: Batch, unread: int) -> dict[str, Any]:
    """Give what is written: whether the alarm rings, and every comparison; none where too few rows were judged."""
    return {
        "alarm": any(one.moved for one in found),
        "judged": bool(found),
        "rows": {"live": len(live), "reference": len(reference), "unread": unread},
        "false_alarms": FALSE_ALARMS,
        "comparisons": [asdict(one) for one in found],
    }


def sentence(found: list[Comparison], rows: dict[str, int]) -> str:
    """Give what came out in a line."""
    against = f"{rows['live']:,} live rows against {rows['reference']:,}"
    if not found:
        return f"{against} are too few to judge: {FEWEST} of each are needed"
    if moved := [one for one in found if one.moved]:
        named = "; ".join(described(one) for one in moved[:3]) + ("; …" if len(moved) > 3 else "")
        return f"ALARM: {len(moved)} of {len(found)} comparisons moved on {against}: {named}"
    return f"no alarm: none of {len(found)} comparisons moved on {against}"


def described(one: Comparison) -> str:
    """Give a comparison in words."""
    if one.live is None:
        return f"{one.of} of {one.name!r} by {one.distance:.2f}"
    return f"{one.of} {one.name!r} from {one.reference:.1%} to {one.live:.1%}"


def main() -> None:
    """Compare, write, say; leave with `ALARM` if something moved."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else LOG
    data, capstone = contract.load()
    predictor = models.Serving(data.features).champion.predictor
    most = min(MOST, CELLS // len(data.features))
    rows = read_live(path, data, most)
    problem = Problem(data, capstone.task, predictor.labels)
    reference = batch(predictor, read_reference(problem, contract.load_parameters(), most))
    live = batch(predictor, rows.inputs)
    enough = min(len(reference), len(live)) >= FEWEST
    found = compare(reference, live, labelled(predictor, problem, rows)) if enough else []
    written = report(found, reference, live, rows.unread)
    stage.write_json(REPORT, written)
    print(f"drift: {sentence(found, written['rows'])} -> {REPORT}")
    if written["alarm"]:
        sys.exit(ALARM)


if __name__ == "__main__":
    stage.run(main)
