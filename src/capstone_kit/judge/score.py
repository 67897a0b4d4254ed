"""A project's model measured on rows that it has never seen, by the template's own metrics.

Request: `rows` (CSV with labels), `training` (CSV; the rows that the baseline may know), `seed`, `bootstrap`. Answer:
`rows` that keep the contract, every metric and `lift_over_baseline` with interval and `spread` (the bootstrap's
standard error), `slices`, the shares of violations, and the name of the `headline` with whether lower is better.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from project import contract, evaluate, table, validate
from project.evaluation import behaviour, metrics
from project.evaluation.behaviour import Test
from project.predictor import Predictor
from project.problem import Problem

MOST = 20_000  # rows that are measured


def kept(path: Path, data: contract.DataContract) -> Any:
    """Give the rows of a table that keep the contract and have a target."""
    broken = {row - validate.HEADER - 1 for row in validate.find_errors(data, path)["row"]}
    rows = table.read(path, data)
    return rows[~rows.index.isin(broken)]


def told(values: Any) -> dict[str, Any]:
    """Give value, interval and standard error of a metric's resamples."""
    found = metrics.interval(values)
    return found | {"spread": None if found["value"] is None else float(np.nanstd(values[1:]))}


def main() -> None:
    """Measure."""
    request = json.loads(Path("request.json").read_text(encoding="utf-8"))
    data, capstone = contract.load_data_contract(), contract.load_capstone()
    predictor = Predictor(features=data.features)
    problem = Problem(data, capstone.task, predictor.labels)
    rows = problem.sample(kept(Path(request["rows"]), data), MOST, request["seed"])
    training = kept(Path(request["training"]), data)
    test = Test(problem, predictor, rows)
    weights = metrics.resamples(len(rows), request["bootstrap"], request["seed"])
    measured = test.measure(weights) | evaluate.uncertainty(test, weights)
    lift = test.headline(test.found, weights) - test.headline(evaluate.baseline(test, training), weights)
    answer = {
        "rows": len(rows),
        "headline": capstone.task.headline,
        "lower_is_better": capstone.task.headline in metrics.LOWER_IS_BETTER,
        "metrics": {name: told(values) for name, values in (measured | {"lift_over_baseline": lift}).items()},
        "slices": evaluate.slices(test, weights, capstone.slice),
        "violations": {
            "monotone_violations": behaviour.monotone_violations(test),
            "bounded_violations": behaviour.bounded_violations(test),
            "invariant_violations": behaviour.invariant_violations(test, capstone.behaviour),
        },
        "distinct": len(np.unique(test.found.values if test.found.probabilities is None else test.found.probabilities)),
    }
    Path("answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
