"""The service described from the contracts: its OpenAPI document, and what the page's form is drawn from."""

from typing import Any

from project.contract import Capstone, DataContract
from project.serving.request import Rows

REFUSALS = {
    400: "The body breaks the data contract",
    401: "The service asks for a key, and the request brings none that it knows",
    408: "The body comes too slowly",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    429: "The client asks too often: Retry-After says how many seconds to wait",
    503: "The service is overloaded: Retry-After says how many seconds to wait",
}
PLAIN = {"/livez": "The process is alive", "/readyz": "The model is loaded", "/metrics": "Prometheus metrics"}
PAGES = {"/info": "What the model was made from", "/form.json": "What the page is drawn from"}
TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def document(capstone: Capstone, rows: Rows, keyed: bool) -> dict[str, Any]:
    """Give the OpenAPI 3.0 document of the service; `keyed` is whether it asks for a key."""
    error = _object(error=TEXT, field=TEXT | {"nullable": True}, row={"type": "integer", "nullable": True})
    refusals = {str(status): _answer(text, error) for status, text in REFUSALS.items()}
    some = rows.schema()
    predict: dict[str, Any] = {
        "operationId": "predict",
        "summary": "Predict for one row or many",
        "requestBody": {"required": True, "content": _json(some)},
        "responses": {"200": _answer("One prediction a row, in order", _predictions(capstone)), **refusals},
    }
    explain: dict[str, Any] = {
        "operationId": "explain",
        "summary": "Say how much each field of one row moved its answer",
        "requestBody": {"required": True, "content": _json(some["oneOf"][0])},
        "responses": {
            "200": _answer("Contributions, the largest first", _explanation()),
            **refusals,
            "409": _answer("The model was trained without rows to explain against", error),
        },
    }
    paths: dict[str, Any] = {"/predict": {"post": predict}, "/explain": {"post": explain}}
    for path, text in PLAIN.items():
        answer = {"description": text, "content": {"text/plain": {"schema": TEXT}}}
        paths[path] = {"get": {"summary": text, "responses": {"200": answer}}}
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


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answer(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": _json(schema)}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": sorted(properties), "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _predictions(capstone: Capstone) -> dict[str, Any]:
    if capstone.task.kind == "classification":
        chances = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}}
        answer = {"prediction": TEXT, "probabilities": chances, "prediction_set": _list(TEXT)}
    else:
        answer = {"prediction": NUMBER, "interval": _list(NUMBER)}
    prediction = _object(**answer, id=TEXT, in_domain={"type": "boolean"}, out_of_domain=_list(TEXT))
    return _object(model_version=TEXT, coverage=NUMBER, predictions=_list(prediction))


def _explanation() -> dict[str, Any]:
    contributions = _list(_object(field=TEXT, contribution=NUMBER))
    explained = TEXT | {"nullable": True}
    return _object(model_version=TEXT, explained=explained, base=NUMBER, prediction=NUMBER, contributions=contributions)
