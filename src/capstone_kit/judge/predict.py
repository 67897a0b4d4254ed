"""Predictions of a project's ONNX model, made by the template's own predictor.

Request: `rows`, a CSV file with the contract's columns. Answer: `labels` (empty for a number) and for each row its
`values` (the class's index or the number), `probabilities`, `sets`, `intervals` and whether it is `outside`.
"""

import json
from pathlib import Path

from project import contract, table
from project.predictor import Predictor


def main() -> None:
    """Predict for the rows of the request."""
    request = json.loads(Path("request.json").read_text(encoding="utf-8"))
    data = contract.load_data_contract()
    rows = table.read(Path(request["rows"]), data, [f.name for f in data.features])
    predictor = Predictor(features=data.features)
    found = predictor.predict({f.name: rows[f.name].to_numpy() for f in data.features})
    given = {
        "values": found.values,
        "probabilities": found.probabilities,
        "sets": found.sets,
        "intervals": found.intervals,
        "outside": found.outside.any(axis=1),
    }
    answer = {name: None if values is None else values.tolist() for name, values in given.items()}
    Path("answer.json").write_text(json.dumps({"labels": predictor.labels} | answer), encoding="utf-8")


if __name__ == "__main__":
    main()
