"""The baseline of the service: bare FastAPI around the same ONNX session, one pydantic object a row."""

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
    """The same answer as the template's, without its domain check and prediction set."""

    id: str
    prediction: str
    probabilities: dict[str, float]


app = FastAPI()
options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession("models/model.onnx", options)


def answer(rows: list[Row]) -> list[Prediction]:
    """Give one prediction for each row."""
    inputs = {name: np.array([[getattr(row, name)] for row in rows], dtype=np.float32) for name in NUMBERS}
    inputs["product_quality"] = np.array([[row.product_quality] for row in rows], dtype=object)
    (probabilities,) = session.run(["probabilities"], inputs)
    return [
        Prediction(
            id=uuid4().hex,
            prediction=LABELS[int(failure >= 0.2)],
            probabilities={"running": float(running), "failure": float(failure)},
        )
        for running, failure in probabilities
    ]


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
