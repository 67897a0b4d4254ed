"""One row in process: the template's decode, validate, predict and answer, against scikit-learn's `predict`."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from project import answer, contract, model, request, train
from project.predictor import Predictor


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
rows = pd.read_csv("data/splits/train.csv", dtype={c.name: str for c in data.features if not c.numeric})
problem = train.Problem(data, capstone.task, metadata["labels"], contract.load_parameters())
features = problem.features(rows)
target = problem.target(rows)
pipeline = model.pipeline(metadata["estimator"], "classification", data, features, 0, metadata["settings"])
pipeline.fit(features, target)
one = features.head(1)
predictor, decoder = Predictor(features=data.features), request.Rows(data)
body = json.dumps({c.name: rows[c.name].tolist()[0] for c in data.features}).encode()


def ours() -> bytes:
    """Take bytes to bytes."""
    return answer.encode(answer.records(predictor.predict(decoder.columns(decoder.decode(body))), predictor, "id"))


json.dump({"sklearn": median(lambda: pipeline.predict(one), 200), "ours": median(ours, 2000)}, sys.stdout)
