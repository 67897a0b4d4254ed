"""The service described from the contracts: its OpenAPI document, and what the page's form is drawn from."""

from typing import Any

from project.contract import Capstone, DataContract
from project.serving.request import Rows

ERROR = {
    "type": "object",
    "required": ["error", "field", "row"],
    "properties": {
        "error": {"type": "string"},
        "field": {"type": "string", "nullable": True},
        "row": {"type": "integer", "nullable": True},
    },
}
REFUSALS = {
    400: "The body breaks the data contract",
    401: "The service asks for a key, and the request brings none that it knows",
    408: "The body comes too slowly",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    429: "The client asks too often: Retry-After says how many seconds to wait",
    503: "The service is overloaded: Retry-After says how many seconds to wait",
}
CONTRIBUTION = {
    "type": "object",
    "required": ["field", "contribution"],
    "properties": {"field": {"type": "string"}, "contribution": {"type": "number"}},
}
EXPLANATION = {
    "type": "object",
    "required": ["model_version", "explained", "base", "prediction", "contributions"],
    "properties": {
        "model_version": {"type": "string"},
        "explained": {"type": "string", "nullable": True},
        "base": {"type": "number"},
        "prediction": {"type": "number"},
        "contributions": {"type": "array", "items": CONTRIBUTION},
    },
}
PLAIN = {"/livez": "The process is alive", "/readyz": "The model is loaded", "/metrics": "Prometheus metrics"}
PAGES = {"/info": "What the model was made from", "/form.json": "What the page is drawn from"}


def document(capstone: Capstone, rows: Rows, keyed: bool) -> dict[str, Any]:
    """Give the OpenAPI 3.0 document of the service; `keyed` is whether it asks for a key."""
    refusals = {str(status): _answer(text, ERROR) for status, text in REFUSALS.items()}
    predict: dict[str, Any] = {
        "operationId": "predict",
        "summary": "Predict for one row or many",
        "requestBody": {"required": True, "content": {"application/json": {"schema": rows.schema()}}},
        "responses": {"200": _answer("One prediction a row, in order", _predictions(capstone)), **refusals},
    }
    explain: dict[str, Any] = {
        "operationId": "explain",
        "summary": "Say how much each field of one row moved its answer",
        "requestBody": {"required": True, "content": {"application/json": {"schema": rows.schema()["oneOf"][0]}}},
        "responses": {
            "200": _answer("Contributions, the largest first", EXPLANATION),
            **refusals,
            "409": _answer("The model was trained without rows to explain against", ERROR),
        },
    }
    paths: dict[str, Any] = {"/predict": {"post": predict}, "/explain": {"post": explain}}
    for path, text in PLAIN.items():
        content = {"text/plain": {"schema": {"type": "string"}}}
        paths[path] = {"get": {"summary": text, "responses": {"200": {"description": text, "content": content}}}}
    for path, text in PAGES.items():
        paths[path] = {"get": {"summary": text, "responses": {"200": _answer(text, {"type": "object"})}}}
    information = {"title": capstone.project.name, "description": capstone.project.description, "version": "1"}
    found: dict[str, Any] = {"openapi": "3.0.3", "info": information, "servers": [{"url": "."}], "paths": paths}
    if keyed:
        for operation in (predict, explain):
            operation["security"] = [{"key": []}]
        found["components"] = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
    return found


def form(
    data: DataContract, capstone: Capstone, rows: Rows, metadata: dict[str, Any], version: str, keyed: bool
) -> dict[str, Any]:
    """Give title, target and fields as the page shows them, and whether it has to ask for a key."""
    target = data.target
    return {
        "title": capstone.project.name,
        "description": capstone.project.description,
        "kind": capstone.task.kind,
        "target": {
            "name": target.name,
            "title": target.title,
            "description": target.description,
            "unit": target.unit,
            "labels": metadata["labels"] or None,
        },
        "coverage": capstone.task.coverage,
        "model_version": version,
        "fields": rows.form(metadata["features"]),
        "keyed": keyed,
    }


def _answer(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _predictions(capstone: Capstone) -> dict[str, Any]:
    texts, numbers = ({"type": "array", "items": {"type": kind}} for kind in ("string", "number"))
    if capstone.task.kind == "classification":
        chances = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}}
        answer = {"prediction": {"type": "string"}, "probabilities": chances, "prediction_set": texts}
    else:
        answer = {"prediction": {"type": "number"}, "interval": numbers}
    answer |= {"id": {"type": "string"}, "in_domain": {"type": "boolean"}, "out_of_domain": texts}
    prediction = {"type": "object", "required": sorted(answer), "properties": answer}
    envelope = {
        "model_version": {"type": "string"},
        "coverage": {"type": "number"},
        "predictions": {"type": "array", "items": prediction},
    }
    return {"type": "object", "required": sorted(envelope), "properties": envelope}
