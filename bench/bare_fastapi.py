"""The baseline of the service: bare FastAPI around the same ONNX session, one pydantic object a row."""

import json
from pathlib import Path
from typing import Annotated, Literal
from uuid import uuid4

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

LABELS = ["running", "failure"]
NUMBERS = ["air_temperature", "process_temperature", "rotational_speed", "torque", "tool_wear"]


class Row(BaseModel):
    """The fields of the mechanical domain's contract, with its limits."""

    model_config = ConfigDict(extra="forbid")
    product_quality: Literal["L", "M", "H"]
    air_temperature: Annotated[float, Field(ge=280, le=320)]
    process_temperature: Annotated[float, Field(ge=285, le=335)]
    rotational_speed: Annotated[float, Field(ge=500, le=4000)]
    torque: Annotated[float, Field(ge=0, le=120)]
    tool_wear: Annotated[float, Field(ge=0, le=300)]


class Prediction(BaseModel):
    """The answer for one row, with the same content as the template's."""

    id: str
    prediction: str
    probabilities: dict[str, float]
    prediction_set: list[str]
    in_domain: bool
    out_of_domain: list[str]


app = FastAPI()
session = ort.InferenceSession("models/model.onnx")
metadata = json.loads(Path("models/model.json").read_text(encoding="utf-8"))
ranges = {name: (metadata["features"][name]["low"], metadata["features"][name]["high"]) for name in NUMBERS}


def answer(rows: list[Row]) -> list[Prediction]:
    """Give one prediction for each row."""
    numbers = np.array([[getattr(row, name) for name in NUMBERS] for row in rows], dtype=np.float32)
    texts = np.array([[row.product_quality] for row in rows], dtype=object)
    (probabilities,) = session.run(["probabilities"], {"numbers": numbers, "texts": texts})
    return [predict_row(row, chances) for row, chances in zip(rows, probabilities.tolist(), strict=True)]


def predict_row(row: Row, chances: list[float]) -> Prediction:
    """Give the answer for one row from its probabilities."""
    outside = [name for name, (low, high) in ranges.items() if not low <= getattr(row, name) <= high]
    likeliest = max(chances)
    quantiles = zip(LABELS, chances, metadata["quantile"], strict=True)
    return Prediction(
        id=uuid4().hex,
        prediction=LABELS[int(chances[1] >= metadata["threshold"])],
        probabilities=dict(zip(LABELS, chances, strict=True)),
        prediction_set=[label for label, p, limit in quantiles if 1 - p <= limit or p == likeliest],
        in_domain=not outside,
        out_of_domain=outside,
    )


@app.post("/predict")
def predict(row: Row) -> Prediction:
    """Predict for one row, in a thread."""
    return answer([row])[0]


@app.post("/predict_async")
async def predict_async(row: Row) -> Prediction:
    """Predict for one row, in the event loop."""
    return answer([row])[0]


@app.post("/predict_many")
def predict_many(rows: list[Row]) -> list[Prediction]:
    """Predict for many rows."""
    return answer(rows)
