"""Dashboard, alert rules and the drift page: checked by Prometheus' own tool, against what is really there."""

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
import yaml
from bake import bake
from conftest import Repository
from playwright.sync_api import sync_playwright

from capstone_kit import monitor

NAME = re.compile(r"\b(?:up|(?:bentoml|capstone|prediction|shadow)_\w+)\b(?!=)")
REPORT = {
    "alarm": True,
    "judged": True,
    "rows": {"live": 1000, "reference": 4000, "unread": 2},
    "false_alarms": 0.01,
    "comparisons": [
        {"of": "values", "name": '<b>"torque"\\\n</b>', "reference": None, "live": None, "distance": 0.31, "p": 1e-30,
         "moved": True},
        {"of": "missing", "name": "speed", "reference": 0.0, "live": 0.1, "distance": 0.1, "p": 1e-5, "moved": True},
        {"of": "answers", "name": "prediction", "reference": None, "live": None, "distance": 0.01, "p": 0.9,
         "moved": False},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder with the rules and the dashboard of a generated repository."""
    return bake(tmp_path_factory.mktemp("monitoring")) / "monitoring"


@pytest.fixture(scope="module")
def promtool() -> str:
    """Give Prometheus' tool; it comes with Debian's package `prometheus`."""
    if not (found := shutil.which("promtool")):
        pytest.skip("promtool is not installed (Debian: prometheus): rules and metrics were not checked")
    return found


def expressions(files: Path) -> list[str]:
    """Give every expression of the dashboard and of the alerts."""
    panels = json.loads((files / "grafana.json").read_text(encoding="utf-8"))["panels"]
    groups = yaml.safe_load((files / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    return found + [rule["expr"] for group in groups for rule in group["rules"]]


def test_prometheus_reads_configuration_and_rules(files: Path, promtool: str) -> None:
    """The files are valid, and each alert rings when it should and not before."""
    for words in (("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")):
        done = subprocess.run([promtool, *words], cwd=files, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_test(files: Path) -> None:
    """No rule is there that the unit tests do not name, and the runbook is where each leads."""
    groups = yaml.safe_load((files / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    tests = yaml.safe_load((files / "alerts.test.yml").read_text(encoding="utf-8"))["tests"]
    assert {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]} == alerts
    runbook = (files.parent / "docs/runbook.md").read_text(encoding="utf-8")
    assert [alert for alert in alerts if f"`{alert}`" not in runbook] == []


def test_the_dashboards_expressions_are_promql(files: Path, promtool: str, tmp_path: Path) -> None:
    """Prometheus parses each, as a rule."""
    rules = [{"record": f"panel:{place}", "expr": expr} for place, expr in enumerate(expressions(files))]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_is_one_that_is_written(files: Path, service: str, mechanical: Repository) -> None:
    """What dashboard and alerts speak of, the running service or the monitor tells."""
    row = json.load(urllib.request.urlopen(f"{service}/form.json"))["fields"]
    body = json.dumps({field["name"]: field["typical"] for field in row}).encode()
    request = urllib.request.Request(f"{service}/predict", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    told = urllib.request.urlopen(f"{service}/metrics").read().decode()
    assert re.search(r'bentoml_service_request_total\{[^}]*endpoint="/predict"[^}]*http_response_code="200"', told)
    mechanical.run("uv", "run", "capstone", "monitor", "data/splits/test.csv")
    told += (mechanical.path / monitor.METRICS).read_text(encoding="utf-8")
    for name in {name for expr in expressions(files) for name in NAME.findall(expr)} - {"up"}:
        assert re.search(rf"^{name}\b", told, re.MULTILINE), name


def test_the_monitors_metrics_are_prometheus_text(promtool: str) -> None:
    """Names with quotes, backslashes and line ends are escaped, and the tool has nothing against any line."""
    text = monitor.metrics(REPORT, 1_800_000_000)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert r'name="<b>\"torque\"\\\n</b>"' in text
    assert "capstone_drift_alarm 1" in text


@pytest.mark.parametrize("width", [375, 1440])
def test_the_page_fits_and_escapes(chromium: str, tmp_path: Path, width: int) -> None:
    """No name is taken for markup, nothing is wider than the window, and the style is applied under its policy."""
    path = tmp_path / "drift.html"
    path.write_text(monitor.page(REPORT), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(path.as_uri())
        assert page.locator("h1").inner_text() == "Alarm"
        assert page.locator("article.fail").count() == 2
        assert "<b>" in page.locator("article").first.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.querySelector('article')).display") == "grid"
        browser.close()
