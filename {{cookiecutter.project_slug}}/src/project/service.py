"""The prediction service: `uv run bentoml serve`.

`/predict` takes JSON and nothing else, at most `MAX_ROWS` rows in at most `MAX_BYTES` bytes, and answers bad input with
one sentence. `/explain` says of one row what moved its answer. `/` is a form drawn from the data contract. Predictions
are appended to the file that the environment variable PREDICTION_LOG names (logs/predictions.jsonl); `off` keeps none.
`serving/guard.py` says how keys and a rate are set.
"""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # before bentoml is imported: no call home

import bentoml
from _bentoml_sdk import IODescriptor
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from project import contract, explain, stage
from project.predictor import Columns
from project.serving import answer, openapi
from project.serving.guard import Guard, Keys, Pace, refuse, reply
from project.serving.models import Served, Serving
from project.serving.request import BadRequestError, Rows

WEB = StaticFiles(directory=Path(__file__).parent / "web", html=True)

# Tracing only where an exporter is configured: its middleware costs a fifth of the requests.
TRACED = any(name.startswith("OTEL_EXPORTER") for name in os.environ)

try:  # here, so that what is wrong is said in a sentence before a worker starts
    DATA, CAPSTONE = contract.load()
    KEYS = Keys(os.environ.get("PREDICTION_KEYS", ""))
    PACE = Pace(rate) if (rate := os.environ.get("PREDICTION_RATE")) else None
    SERVING = Serving(DATA.features)
except stage.ProjectError as error:
    sys.exit(f"error: {error}")
ROWS, ONE_ROW = Rows(DATA), Rows(DATA, 1)


class Body(IODescriptor):
    """The request's body as the guard read it: the contract's own decoder reads it, so BentoML's are never reached."""

    body: bytes
    content_type: str

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "Body":  # noqa: ARG003
        """Give the body and what it is said to be."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return cls.model_construct(body=request.scope["body"], content_type=kind)


def decoded(body: bytes, content_type: str, rows: Rows) -> Sequence[Any] | Response:
    """Give the rows of a body, or the answer that refuses it."""
    if content_type != "application/json":
        return refuse(415, f"The content type is {content_type or 'missing'!r}: only application/json is accepted")
    try:
        return rows.decode(body)
    except BadRequestError as error:
        return refuse(400, str(error), error.row, error.field)


async def info(_: Request) -> Response:
    """Say which model answers and what it was made from."""
    bento = bentoml.server_context.bento_name, bentoml.server_context.bento_version
    running = ":".join(bento) if all(bento) and bento[1] != "not available" else None
    shadow = {"shadow": SERVING.shadow.version} if SERVING.shadow else {}
    return reply(SERVING.champion.receipt | shadow | {"running_bento": running})


async def form(_: Request) -> Response:
    """Give what the page is drawn from."""
    served = SERVING.champion
    return reply(openapi.form(DATA, CAPSTONE, ROWS, served.predictor.metadata, served.version, bool(KEYS.keys)))


async def document(_: Request) -> Response:
    """Give the OpenAPI document."""
    return reply(openapi.document(CAPSTONE, ROWS, bool(KEYS.keys)))


def envelope(served: Served, columns: Columns, request_id: str) -> bytes:
    """Give the answer of a model to the rows, as JSON."""
    predictions = answer.records(served.predictor.predict(columns), served.predictor, request_id)
    return answer.encode(
        {"model_version": served.version, "coverage": CAPSTONE.task.coverage, "predictions": predictions}
    )


PAGES = Starlette(
    routes=[
        *(Route(path, WEB, methods=["GET"]) for path in ("/", "/style.css", "/page.js")),
        Route("/form.json", form),
        Route("/info", info),
        Route("/docs.json", document),
    ]
)


@bentoml.service(
    name=CAPSTONE.project.slug.lower(),
    http={"host": "127.0.0.1", "port": 3000},  # ty: ignore[invalid-argument-type]  # BentoML takes a string too
    traffic={"timeout": 10},
    tracing={} if TRACED else {"excluded_urls": ".*"},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(PAGES)
class Capstone:
    """Predicts from the exported model."""

    def __init__(self) -> None:
        """Open the log, and hide what was loaded from the garbage collector: its full passes are the tail."""
        threading.Thread(target=SERVING.follow, daemon=True).start()
        lost = bentoml.metrics.Counter("prediction_log_lost_total", "Answers that could not be written to the log")
        self.failed = bentoml.metrics.Counter("shadow_failed_total", "Requests that the shadow could not answer")
        self.explaining = asyncio.Lock()
        self.log = answer.PredictionLog(os.environ.get("PREDICTION_LOG", "logs/predictions.jsonl"), lost.inc)
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)

    # The answers are whole responses: BentoML encodes none, and /docs.json describes them.
    @bentoml.api(route="/predict", input_spec=Body, output_spec=IODescriptor)
    async def predict(self, body: bytes, content_type: str) -> Response:
        """Predict for one row (a JSON object) or many (an array of them)."""
        rows = decoded(body, content_type, ROWS)
        if isinstance(rows, Response):
            return rows
        columns, request_id = ROWS.columns(rows), token_hex(8)
        answered = envelope(SERVING.champion, columns, request_id)
        self.log.append(body, answered, self._shadow(columns, request_id))
        return Response(answered, media_type="application/json")

    @bentoml.api(route="/explain", input_spec=Body, output_spec=IODescriptor)
    async def explain(self, body: bytes, content_type: str) -> Response:
        """Say how much each field of one row moved its answer; predictions do not wait for it, and it is not logged."""
        rows = decoded(body, content_type, ONE_ROW)
        if isinstance(rows, Response):
            return rows
        served = SERVING.champion
        try:
            async with self.explaining:  # one at a time: it takes a thousand rows where a prediction takes one
                found = await asyncio.to_thread(explain.explain, served.predictor, ROWS.columns(rows))
        except stage.ProjectError as error:
            return refuse(409, str(error))
        return reply({"model_version": served.version} | found.record())

    def _shadow(self, columns: Columns, request_id: str) -> bytes | None:
        """Give what the shadow would have answered; its failure is counted and concerns no caller."""
        if SERVING.shadow is None:
            return None
        try:
            return envelope(SERVING.shadow, columns, request_id)
        except Exception:  # whatever a model on trial does
            self.failed.inc()
            return None


Capstone.add_asgi_middleware(Guard, keys=KEYS, pace=PACE)  # ty: ignore[missing-attribute]
