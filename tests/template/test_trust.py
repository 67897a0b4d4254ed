"""Group metrics of a generated repository, held against fairlearn; the noise by which its robustness is measured."""

import json
import re

import pandas as pd
import pytest
import yaml
from bake import ROOT
from conftest import Repository
from fairlearn import metrics as fairlearn


@pytest.fixture(scope="module")
def rows(mechanical: Repository) -> pd.DataFrame:
    """Give the test rows of the pipeline with what was true, what was said, and the groups of each."""
    said = pd.read_csv(mechanical.path / "reports/plots/outcomes.csv")
    rows = pd.read_csv(mechanical.path / "data/splits/test.csv")
    assert list(said["actual"]) == list(rows["machine_state"])
    wear = pd.cut(rows["tool_wear"], [float("-inf"), 100, 200, float("inf")], right=False).astype(str)
    alarms = {name: (said[name] == "failure").astype(int) for name in ("actual", "predicted")}
    return pd.DataFrame({**alarms, "product_quality": rows["product_quality"], "tool_wear": wear})


@pytest.mark.parametrize("field", ["product_quality", "tool_wear"])
def test_rates_and_differences_are_those_of_fairlearn(mechanical: Repository, rows: pd.DataFrame, field: str) -> None:
    """Selection, true and false positive rate of each group, demographic parity and equalized odds between them."""
    trust = json.loads((mechanical.path / "reports/trust.json").read_text(encoding="utf-8"))
    (found,) = (part for part in trust["groups"] if part["field"] == field)
    arguments = {"y_true": rows["actual"], "y_pred": rows["predicted"], "sensitive_features": rows[field]}
    names = ("selection_rate", "true_positive_rate", "false_positive_rate")
    frame = fairlearn.MetricFrame(metrics={name: getattr(fairlearn, name) for name in names}, **arguments).by_group
    ours = pd.DataFrame(found["groups"]).set_index("group").loc[frame.index, list(names)]
    assert ours.to_numpy() == pytest.approx(frame.to_numpy(), abs=1e-6)
    for name in ("demographic_parity_difference", "equalized_odds_difference"):
        assert found["differences"][name] == pytest.approx(getattr(fairlearn, name)(**arguments), abs=1e-6)


@pytest.mark.parametrize("domain", ["africa", "chemical", "civil", "electrical", "energy", "materials", "mechanical"])
def test_an_instrument_states_its_accuracy_and_why(domain: str) -> None:
    """A reason stands beside each, and an error is a tenth of the field's range at most."""
    text = (ROOT / f"variants/domains/{domain}/data/datapackage.yaml").read_text(encoding="utf-8")
    fields = [f for f in yaml.safe_load(text)["resources"][0]["schema"]["fields"] if "accuracy" in f]
    assert fields
    assert len(re.findall(r"^ +accuracy: [\d.]+ # \S+ .+$", text, re.MULTILINE)) == len(fields)
    for field in fields:
        limits = field["constraints"]
        assert 0 < field["accuracy"] <= (limits["maximum"] - limits["minimum"]) / 10, field["name"]
        assert field["role"] == "feature", field["name"]
        assert field["unit"], field["name"]


def test_noise_is_measured_with_the_stated_accuracy(mechanical: Repository) -> None:
    """Every sensor of the machine has one, and the report says that it was stated."""
    trust = json.loads((mechanical.path / "reports/trust.json").read_text(encoding="utf-8"))
    sizes = {sensor["field"]: sensor["size"] for sensor in trust["noise"]["sensors"] if sensor["stated"]}
    assert len(sizes) == len(trust["noise"]["sensors"]) == 5
    assert sizes["torque"] == 0.3
