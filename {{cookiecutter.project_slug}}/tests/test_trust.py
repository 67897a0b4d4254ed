"""What may go wrong with an answer: explanations add up, groups stand in order, noise and lost sensors are measured."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import write_contract

from project import contract, explain, stage, table
from project.evaluation import behaviour, documents, groups, trust
from project.predictor import Floats, Inputs, Predictor
from project.problem import Problem
from project.serving import request


@dataclass
class Formula:
    """A stand-in for a predictor, whose model is a formula of the numbers."""

    features: tuple[contract.Column, ...]
    metadata: dict[str, Any]
    formula: Callable[[Any], Floats]
    labels: tuple[str, ...] = ()

    def score(self, inputs: Inputs) -> Floats:
        """Give what the formula says."""
        return self.formula(inputs["numbers"].astype(float))


def explained(folder: Path, formula: Callable[[Any], Floats]) -> tuple[explain.Explanation, Any, Any]:
    """Explain a formula of three numbers for one row; give the row and the background too."""
    fields = [{"name": name, "type": "number", "role": "feature"} for name in "abc"]
    data = write_contract(folder, [*fields, {"name": "y", "type": "number", "role": "target"}])
    rng = np.random.default_rng(0)
    background, one = rng.normal(size=(20, 3)).astype(np.float32), np.array([2.0, -1.0, 0.5])
    kept = explain.keep({"numbers": background})
    model: Any = Formula(data.features, {"background": kept}, formula)
    columns = {name: one[place : place + 1] for place, name in enumerate("abc")}
    return explain.explain(model, columns), one, background.astype(float)


def test_contributions_to_a_sum_are_its_terms(tmp_path: Path) -> None:
    """Of a sum each field contributes its own term, less the term's mean over the background; a field unused, 0."""
    found, one, background = explained(tmp_path, lambda x: 3 * x[:, 0] + x[:, 1] ** 2)
    assert found.contributions["a"] == pytest.approx(3 * (one[0] - background[:, 0].mean()))
    assert found.contributions["b"] == pytest.approx(one[1] ** 2 - (background[:, 1] ** 2).mean(), abs=1e-6)
    assert found.contributions["c"] == 0


def test_contributions_add_up_and_a_product_is_shared(tmp_path: Path) -> None:
    """Base and contributions give the answer exactly; two fields that act together share what they do evenly."""
    found, one, background = explained(tmp_path, lambda x: x[:, 0] * x[:, 1])
    assert found.prediction == pytest.approx(one[0] * one[1])
    assert found.base == pytest.approx((background[:, 0] * background[:, 1]).mean(), abs=1e-6)
    assert found.base + sum(found.contributions.values()) == pytest.approx(found.prediction)
    first = (one[0] - background[:, 0]) * (one[1] + background[:, 1]) / 2  # Shapley's value of a product
    assert found.contributions["a"] == pytest.approx(first.mean(), abs=1e-6)


@pytest.mark.usefixtures("inside")
def test_the_model_is_explained_alike_each_time(row: dict[str, Any], data: contract.DataContract) -> None:
    """The contributions to a typical row add up to the model's own answer, and do not change from call to call."""
    model, rows = Predictor(features=data.features), request.Rows(data)
    columns = rows.columns(rows.decode(json.dumps(row).encode()))
    found = explain.explain(model, columns)
    scored = model.predict(columns)
    if scored.probabilities is None:
        answer = scored.values[0]
    else:
        answer = scored.probabilities[0, model.labels.index(found.explained)]
    assert found.prediction == pytest.approx(answer, rel=1e-5)
    assert found.base + sum(found.contributions.values()) == pytest.approx(found.prediction)
    assert explain.explain(model, columns) == found


def test_slices_stand_in_the_order_of_their_numbers() -> None:
    """Ranges by their lower end, numbers by their size whatever their text, words by the alphabet, the missing last."""
    numbers = pd.Series([12.0, 8.0, np.nan, 2.0])
    ranges = [name for name, _ in groups.divide(numbers, contract.Slice(field="x", edges=(7.0, 10.0)))]
    assert ranges == ["[-inf, 7.0)", "[7.0, 10.0)", "[10.0, inf)", "(missing)"]
    texts = pd.Series(["10", "9", "b", "", "a"])
    divided = dict(groups.divide(texts, contract.Slice(field="x")))
    assert list(divided) == ["9", "10", "a", "b", "(missing)"]
    assert divided["10"].tolist() == [True, False, False, False, False]


def test_noise_and_missing_sensors_are_measured(pipeline: Path, data: contract.DataContract) -> None:
    """Each sensor has a size of noise; without it the headline is measured; shares are shares; two are explained."""
    measured = stage.read_json(pipeline / "reports/trust.json")
    numeric = {f.name for f in data.features if f.numeric and f.type != "boolean"}
    assert {sensor["field"] for sensor in measured["noise"]["sensors"]} <= numeric
    assert all(sensor["size"] > 0 for sensor in measured["noise"]["sensors"])
    assert {entry["field"] for entry in measured["missing"]} <= numeric
    assert all(0 <= share <= 1 for share in (measured["evasion"]["turned"], measured["evasion"]["silenced"]) if share)
    for found in measured["explanations"]:
        total = found["base"] + sum(entry["contribution"] for entry in found["contributions"])
        assert total == pytest.approx(found["prediction"])


def test_sensors_as_exact_as_stated_change_nothing(inside: Path, data: contract.DataContract) -> None:
    """The accuracy that the contract states is the size of the noise; next to none turns no answer."""
    exact = tuple(replace(c, accuracy=1e-60) if c.numeric and c.type != "boolean" else c for c in data.columns)
    stated, task = replace(data, columns=exact), contract.load_capstone(inside).task
    model = Predictor(features=stated.features)
    rows = table.read(inside / "data/splits/test.csv", stated)
    measured = trust.measure(behaviour.Test(Problem(stated, task, model.labels), model, rows), (), [], seed=0)
    sensors = measured["noise"]["sensors"]
    assert all(sensor["size"] == 1e-60 and sensor["stated"] for sensor in sensors)
    expected = pytest.approx(measured["headline"]["value"], rel=1e-3) if sensors else None
    assert measured["noise"]["value"] == expected
    assert (measured["evasion"]["turned"] or 0) < 0.01


def test_a_stated_accuracy_has_to_be_a_size(tmp_path: Path) -> None:
    """An accuracy of nothing or less is refused by name."""
    field = {"name": "x", "type": "number", "role": "feature", "accuracy": 0}
    with pytest.raises(contract.ContractError, match=r"fields\.x\.accuracy: found 0, expected a number above 0"):
        write_contract(tmp_path, [field, {"name": "y", "type": "number", "role": "target"}])


def test_the_risk_register_holds_the_measured_values(pipeline: Path) -> None:
    """Behind the names that stand in its column of measurements; filled again, nothing changes but the values."""
    text = (pipeline / "docs/risk-register.md").read_text(encoding="utf-8")
    headline = contract.load_capstone(pipeline).task.headline
    value = stage.read_json(pipeline / "reports/metrics.json")[headline]["value"]
    assert re.search(rf"`headline` = {headline} {value:.4g}\b", text)
    assert not re.search(r"`(headline_noisy|headline_missing|answers_turned|group_gaps)` [|;]", text)


def test_only_the_column_of_measurements_is_filled() -> None:
    """A value takes the place of the one before it; names elsewhere and unknown ones are left alone."""
    line = "| R | Measure | `mae` | x | `mae` = 9; `mine` = 1 | 3 | we ask for `mae` below 2 |\n"
    filled = "| R | Measure | `mae` | x | `mae` = 7 (6 to 8); `mine` = 1 | 3 | we ask for `mae` below 2 |\n"
    assert documents._filled(line, {"mae": "7 (6 to 8)"}) == filled
    assert documents._filled(filled, {"mae": "7 (6 to 8)"}) == filled
