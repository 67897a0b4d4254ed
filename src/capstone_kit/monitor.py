"""The project's drift monitor, run, and its report shown: as a page for people, as metrics for Prometheus."""

import base64
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from capstone_kit.project import KitError, Project, safe

REPORT = "reports/drift.json"
PAGE, METRICS = "reports/drift.html", "reports/drift.prom"
RUNS = (0, 3)  # nothing moved, the alarm rings
MOST = 100  # comparisons that the page shows, and that become metrics: those that moved most
FORMATS = Path(__file__).parent / "formats"


def run(project: Project, file: str | None) -> int:
    """Compare, write page and metrics, and give the monitor's exit status. Raises `KitError` where it cannot look."""
    words = [sys.executable, "-m", "project.drift", *([file] if file else [])]
    done = subprocess.run(words, cwd=project.root, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode not in RUNS:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it gave no reason"]
        raise KitError(f"the drift monitor ended with {done.returncode}: {lines[-1].removeprefix('error: ')}")
    print(safe(done.stdout.strip()))
    try:
        report = json.loads(project.text(REPORT))
        project.path(PAGE).write_text(page(report), encoding="utf-8")
        project.path(METRICS).write_text(metrics(report, time.time()), encoding="utf-8", newline="\n")
    except (ValueError, KeyError, TypeError) as error:
        raise KitError(f"{REPORT} is not what the template's monitor writes: {error}") from None
    print(f"shown: {PAGE} for people, {METRICS} for Prometheus")
    return done.returncode


def page(report: dict[str, Any]) -> str:
    """Give the report as one page that works from disk: no script, nothing from elsewhere."""
    environment = Environment(loader=FileSystemLoader(FORMATS), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    style = (FORMATS / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    shown = report["comparisons"][:MOST]
    return environment.get_template("drift.html.j2").render(
        report=report,
        shown=shown,
        moved=sum(one["moved"] for one in report["comparisons"]),
        style=style,
        digest=digest,
    )


def metrics(report: dict[str, Any], now: float) -> str:
    """Give the report in Prometheus' text format, for the textfile collector of the node exporter."""
    samples = {
        ("capstone_drift_alarm", "Whether the drift alarm rings"): [("", int(report["alarm"]))],
        ("capstone_drift_checked_timestamp_seconds", "When live rows were last compared"): [("", round(now))],
        ("capstone_drift_rows", "Rows that were compared"): [
            (f'{{side="{side}"}}', report["rows"][side]) for side in ("live", "reference")
        ],
        ("capstone_drift_comparisons_moved", "Comparisons that moved"): [
            ("", sum(one["moved"] for one in report["comparisons"]))
        ],
        ("capstone_drift_distance", "Distance of live rows from the reference, 0 to 1"): [
            (f'{{of="{_value(one["of"])}",name="{_value(one["name"])}",moved="{int(one["moved"])}"}}', one["distance"])
            for one in report["comparisons"][:MOST]
        ],
    }
    lines = []
    for (name, help_), found in samples.items():
        lines += [f"# HELP {name} {help_}", f"# TYPE {name} gauge"]
        lines += [f"{name}{labels} {value}" for labels, value in found]
    return "\n".join(lines) + "\n"


def _value(text: str) -> str:
    """Give the value of a label, escaped as the text format asks."""
    return safe(text).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
