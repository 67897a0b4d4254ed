"""The running service: right answers, a 4xx with a sentence for each bad input, and good health after it."""

import http.client
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from project import contract, predictor, smoke, stage
from project.serving import request

JSON = "application/json"
Answer = tuple[int, dict[str, Any]]


def post(address: str, body: bytes, content_type: str | None = JSON, path: str = "/predict") -> Answer:
    """Post bytes to /predict, or to another path; give status and answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    headers = {} if content_type is None else {"Content-Type": content_type}
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    answer = json.loads(text)
    return response.status, answer if isinstance(answer, dict) else answer[0]


def dumps(value: Any) -> bytes:
    """Give `value` as JSON."""
    return json.dumps(value).encode()


@pytest.mark.usefixtures("inside")
def test_one_row_and_many_get_what_the_predictor_says(
    service: str, row: dict[str, Any], data: contract.DataContract
) -> None:
    """A row alone, or among others, gets the predictor's own answer."""
    model = predictor.Predictor(features=data.features)
    rows = request.Rows(data)
    found = model.predict(rows.columns(rows.decode(dumps(row))))
    for body in (row, [row, row, row]):
        status, answer = post(service, dumps(body))
        assert status == 200
        assert len(answer["predictions"]) == (3 if isinstance(body, list) else 1)
        for prediction in answer["predictions"]:
            if found.probabilities is None:
                low, high = prediction["interval"]  # in 32 bits, one row among three may differ in the last of them
                assert prediction["prediction"] == pytest.approx(float(found.values[0]), abs=1e-5 * (high - low))
            else:
                chances = list(prediction["probabilities"].values())
                assert chances == pytest.approx(found.probabilities[0].tolist(), abs=1e-6)
                assert prediction["prediction"] in prediction["probabilities"]
            assert prediction["in_domain"] is True


def test_answers_say_how_sure_they_are(service: str, row: dict[str, Any]) -> None:
    """Coverage, a set or an interval, the model version and an id of its own come with every answer."""
    _, answer = post(service, dumps([row, row]))
    assert 0.5 < answer["coverage"] < 1
    assert answer["model_version"]
    first, second = answer["predictions"]
    assert first["id"] != second["id"]
    assert first.get("prediction_set") or len(first["interval"]) == 2


def test_an_explanation_adds_up_to_the_prediction(service: str, row: dict[str, Any]) -> None:
    """/explain says what moved the answer that /predict gives; of several rows, or of a broken one, it says nothing."""
    _, answer = post(service, dumps(row))
    status, found = post(service, dumps(row), path="/explain")
    assert status == 200
    predicted = answer["predictions"][0]
    whole = predicted["prediction"] if found["explained"] is None else predicted["probabilities"][found["explained"]]
    terms = [found["base"], *(entry["contribution"] for entry in found["contributions"])]
    assert sum(terms) == pytest.approx(whole, abs=1e-5 + 1e-5 * sum(map(abs, terms)))
    assert {entry["field"] for entry in found["contributions"]} == set(row)
    assert post(service, dumps([row, row]), path="/explain")[0] == 400
    assert post(service, dumps(row | {"no such field": 1}), path="/explain")[1]["field"] == "no such field"


def test_predictions_go_on_while_many_ask_for_explanations(service: str, row: dict[str, Any]) -> None:
    """Explanations are made one at a time, beside the predictions; both are answered."""
    with ThreadPoolExecutor(8) as clients:
        asked = [clients.submit(post, service, dumps(row), JSON, "/explain") for _ in range(40)]
        predicted = [post(service, dumps(row))[0] for _ in range(10)]
        assert {future.result()[0] for future in asked} | set(predicted) == {200}


def bad_rows(data: contract.DataContract, row: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """Give rows that break the contract, each with the field at fault."""
    first = data.features[0].name
    cases: dict[str, tuple[Any, str]] = {
        "list for a value": (row | {first: [1]}, first),
        "unknown field": (row | {"no such field": 1}, "no such field"),
    }
    if number := next((f for f in data.features if f.numeric), None):
        cases["text for a number"] = (row | {number.name: "many"}, number.name)
        if number.minimum is not None:
            cases["below the minimum"] = (row | {number.name: number.minimum - abs(number.minimum) - 1}, number.name)
        if number.maximum is not None:
            cases["above the maximum"] = (row | {number.name: number.maximum + abs(number.maximum) + 1}, number.name)
    if moment := next((f for f in data.features if f.dated), None):
        cases["no such day"] = (row | {moment.name: "2020-02-30"}, moment.name)
    if needed := next((f.name for f in data.features if f.required), None):
        cases["null"] = (row | {needed: None}, needed)
        cases["missing"] = ({name: value for name, value in row.items() if name != needed}, needed)
    if category := next((f for f in data.features if f.enum), None):
        cases["no such category"] = (row | {category.name: "no such"}, category.name)
    if text := next((f for f in data.features if f.type == "string"), None):
        cases["number for a text"] = (row | {text.name: 7}, text.name)
    return cases


def test_a_broken_row_is_refused_by_field_and_row(
    service: str, row: dict[str, Any], data: contract.DataContract
) -> None:
    """The answer is 400 with the field's name, and the row's number where there are many."""
    for case, (broken, field) in bad_rows(data, row).items():
        status, answer = post(service, dumps(broken))
        assert (status, answer["field"]) == (400, field), case
        assert field in answer["error"], case
        status, answer = post(service, dumps([row, broken]))
        assert (status, answer["field"], answer["row"]) == (400, field, 1), case
        assert post(service, dumps(row))[0] == 200, case


BODIES = {
    "NaN": (b'{"%f": NaN}', JSON, 400),
    "Infinity": (b'{"%f": Infinity}', JSON, 400),
    "beyond a double": (b'{"%f": 1e400}', JSON, 400),
    "malformed": (b'{"a": ', JSON, 400),
    "empty": (b"", JSON, 400),
    "no rows": (b"[]", JSON, 400),
    "a number": (b"5", JSON, 400),
    "null": (b"null", JSON, 400),
    "deep nesting": (b"[" * 100_000, JSON, 400),
    "invalid UTF-8": (b'{"\xff\xfe": 1}', JSON, 400),
    "plain text": (b"{}", "text/plain", 415),
    "XML": (b"<a/>", "application/xml", 415),
    "no content type": (b"{}", None, 415),
    "form": (b"a=1", "application/x-www-form-urlencoded", 415),
    "malformed multipart": (b"--x\r\nnonsense", "multipart/form-data; boundary=x", 415),
    "multipart without boundary": (b"nonsense", "multipart/form-data", 415),
    "pickle": (b"\x80\x04N.", "application/vnd.bentoml+pickle", 415),
}


@pytest.mark.parametrize(("body", "content_type", "status"), BODIES.values(), ids=BODIES.keys())
def test_a_broken_body_is_refused_and_the_next_request_served(
    service: str, row: dict[str, Any], data: contract.DataContract, body: bytes, content_type: str | None, status: int
) -> None:
    """Whatever the bytes, the answer is 4xx with a sentence, and the service goes on."""
    found, answer = post(service, body.replace(b'"%f"', dumps(data.features[0].name)), content_type)
    assert found == status
    assert answer["error"]
    assert post(service, dumps(row))[0] == 200


def test_too_many_rows_are_refused(service: str, row: dict[str, Any]) -> None:
    """One row more than the limit is 400 with the limit."""
    status, answer = post(service, b"[" + b",".join([b"{}"] * 10_001) + b"]")
    assert status == 400
    assert answer["error"]
    assert post(service, dumps(row))[0] == 200


def test_an_oversized_body_is_refused(service: str, row: dict[str, Any]) -> None:
    """More than 16 MiB is 413, whether or not it would have been valid."""
    status, _ = post(service, b" " * (16 * 1024 * 1024 + 1))
    assert status == 413
    assert post(service, dumps(row))[0] == 200


def test_the_counter_rises_by_the_number_of_requests(service: str, row: dict[str, Any]) -> None:
    """Prometheus counts every answer of /predict."""

    def count() -> float:
        text = get(service, "/metrics")
        found = re.findall(r'request_total\{[^}]*endpoint="/predict"[^}]*"200"[^}]*\} ([\d.]+)', text)
        return sum(map(float, found))

    before = count()
    for _ in range(5):
        post(service, dumps(row))
    assert count() == before + 5


def test_each_prediction_is_logged_with_inputs_and_answer(service: str, row: dict[str, Any], pipeline: Path) -> None:
    """The log's last line holds the time, the rows as they came, and the answer with its ids and version."""
    _, answer = post(service, json.dumps([row], indent=2).encode())
    last = json.loads((pipeline / "logs/predictions.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert last["inputs"] == [row]
    assert last["answer"] == answer
    assert last["time"].startswith("20")


def test_info_is_the_receipt(service: str, pipeline: Path) -> None:
    """/info says which commit, data, run and version answer."""
    receipt = stage.read_json(pipeline / "models/receipt.json")
    assert smoke.ask(f"{service}/info") == receipt | {"running_bento": None}


def test_the_description_has_every_field_with_its_limits(service: str, data: contract.DataContract) -> None:
    """The OpenAPI document's request has the contract's types, ranges, categories and units."""
    document = smoke.ask(f"{service}/docs.json")
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert list(content) == [JSON]
    properties = content[JSON]["schema"]["oneOf"][0]["properties"]
    assert list(properties) == [f.name for f in data.features]
    for field in data.features:
        assert properties[field.name].get("maximum") == field.maximum
        assert properties[field.name].get("enum") == (list(field.enum) or None)
        assert not field.unit or f"[{field.unit}]" in properties[field.name]["description"]


@pytest.mark.parametrize("path", ["/", "/style.css", "/page.js", "/livez", "/readyz"])
def test_pages_and_health_answer(service: str, path: str) -> None:
    """The page and the health checks are there."""
    assert get(service, path) is not None


def test_the_page_needs_nothing_from_elsewhere(service: str) -> None:
    """No address of another host is in the page, its style or its script."""
    for path in ("/", "/style.css", "/page.js"):
        assert not re.search(r"""(src|href|url|import|fetch)\W{1,3}https?://""", get(service, path))


def get(address: str, path: str) -> str:
    """Give the text of a page; fails unless the status is 200."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200, path
    return response.read().decode()
