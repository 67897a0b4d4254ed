"""One row in process: the template's decode, validate, predict and answer, against scikit-learn's `predict`."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from project import contract, table
from project.predictor import Predictor
from project.problem import Problem
from project.serving import answer, request
from project.training.fitting import as_table
from project.training.search import Search


def median(call: object, repeats: int) -> float:
    """Give the median seconds of `call` over `repeats` calls, after ten that warm up."""
    seconds = []
    for _ in range(repeats + 10):
        started = time.perf_counter()
        call()  # ty: ignore[not-callable]
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[10:]))


data, capstone = contract.load()
metadata = json.loads(Path("models/model.json").read_text(encoding="utf-8"))
rows = table.read(Path("data/splits/train.csv"), data)
problem = Problem(data, capstone.task, metadata["labels"])
search = Search(problem, problem.inputs(rows), problem.truth(rows), folds=2, seed=0)
features = as_table(search.inputs)
pipeline = search.fit((metadata["estimator"], metadata["settings"]))
one = features.head(1)
predictor, decoder = Predictor(features=data.features), request.Rows(data)
body = problem.requests(rows.head(1))[0].encode()


def ours() -> bytes:
    """Take bytes to bytes."""
    return answer.encode(answer.records(predictor.predict(decoder.columns(decoder.decode(body))), predictor, "id"))


json.dump({"sklearn": median(lambda: pipeline.predict(one), 200), "ours": median(ours, 2000)}, sys.stdout)
