"""Requests for a project's service, with what has to be answered, by the template's own predictor.

Request: `rows` (CSV with the contract's columns), `count`, `seed`. Answer: `valid`, each a `body` with the expected
`value`, `probabilities` by label and `interval`; half of them are rows of the table, half mix its columns anew.
`malformed`, each a `body` that breaks the contract, the `field` that a refusal has to name (null if none), and `what`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from project import contract, table
from project.contract import Column, DataContract
from project.predictor import Predictor
from project.problem import Problem
from project.serving.request import BadRequestError, Rows


def mixed(rows: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Give rows whose values come from different rows each, so that none of them was seen."""
    return pd.DataFrame({name: rows[name].to_numpy()[rng.integers(len(rows), size=count)] for name in rows.columns})


def expected(found: Any, labels: list[Any], bodies: list[str]) -> list[dict[str, Any]]:
    """Give each body with what has to be answered."""
    answers = []
    for place, body in enumerate(bodies):
        value = found.values[place]
        answer: dict[str, Any] = {"body": body, "value": labels[value] if labels else float(value)}
        if found.probabilities is not None:
            answer["probabilities"] = dict(zip(map(str, labels), map(float, found.probabilities[place]), strict=True))
        if found.intervals is not None:
            answer["interval"] = [float(end) for end in found.intervals[place]]
        answers.append(answer)
    return answers


def malformed(good: dict[str, Any], data: DataContract, rows: Rows) -> list[dict[str, Any]]:
    """Give bodies that the template's own decoder refuses."""
    tried = [("no JSON", "{", None), ("a list of nothing", "[]", None), ("a bare number", "7", None)]
    tried.append(("an unknown field", json.dumps(good | {"no such field": 1}), None))
    tried.append(("a number that JSON does not know", json.dumps(good)[:-1] + ', "x": NaN}', None))
    for feature in data.features[:12]:
        tried += [(what, json.dumps(body), feature.name) for what, body in broken(good, feature)]
    return [{"what": what, "body": body, "field": field} for what, body, field in tried if refused(rows, body)]


def broken(good: dict[str, Any], feature: Column) -> list[tuple[str, dict[str, Any]]]:
    """Give a good row with one field broken in each way that the contract forbids."""
    name = feature.name
    found = [("a value of another type", good | {name: {"a": 1}})]
    if feature.required:
        found.append(("a missing field", {key: value for key, value in good.items() if key != name}))
    if feature.maximum is not None and feature.numeric:
        found.append(
            ("a value above the maximum", good | {name: int(feature.maximum + 10 * abs(feature.maximum) + 10)})
        )
    if feature.enum:
        found.append(("an unknown category", good | {name: "no such category"}))
    return found


def refused(rows: Rows, body: str) -> bool:
    """Whether the template's own decoder refuses a body."""
    try:
        rows.decode(body.encode())
    except BadRequestError:
        return True
    return False


def main() -> None:
    """Make the requests."""
    request = json.loads(Path("request.json").read_text(encoding="utf-8"))
    data, capstone = contract.load_data_contract(), contract.load_capstone()
    predictor = Predictor(features=data.features)
    problem, rng = Problem(data, capstone.task, predictor.labels), np.random.default_rng(request["seed"])
    known = table.read(Path(request["rows"]), data, [f.name for f in data.features]).reset_index(drop=True)
    half = request["count"] // 2
    real = known.sample(min(half, len(known)), random_state=request["seed"])
    rows = pd.concat([real, mixed(known, request["count"] - len(real), rng)], ignore_index=True)
    reader, bodies = Rows(data), problem.requests(rows)
    decoded = [reader.decode(body.encode())[0] for body in bodies]
    answers = expected(predictor.predict(reader.columns(decoded)), predictor.labels, bodies)
    answer = {"valid": answers, "malformed": malformed(json.loads(bodies[0]), data, reader)}
    Path("answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
