"""SARIF 2.1.0: a rule for each requirement, a result for each that is not met."""

import hashlib
import json
import re
from typing import Any

from capstone_kit.formats.escape import line
from capstone_kit.result import Outcome, Report, Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {
    Outcome.FAIL: ("fail", "error"),
    Outcome.PARTIAL: ("fail", "warning"),
    Outcome.SCAFFOLD: ("fail", "note"),
    Outcome.INCONCLUSIVE: ("open", "none"),
    Outcome.MANUAL: ("review", "none"),
    Outcome.NOT_APPLICABLE: ("notApplicable", "none"),
    Outcome.PASS: ("pass", "none"),
}
FILE = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*[\w-]+\.(?:toml|yaml|yml|md|py|json|csv|lock))(?::(\d+))?")


def render(report: Report) -> str:
    """Give the report as SARIF."""
    driver = {
        "name": "capstone",
        "version": report.kit_version,
        "rules": [_rule(result) for result in report.results],
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(place, result) for place, result in enumerate(report.results)],
        "properties": {"score": report.score, "maximum": report.maximum, "open": report.open},
    }
    content = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _rule(result: Result) -> dict[str, Any]:
    return {"id": result.id, "shortDescription": {"text": result.statement}, "properties": {"tags": [result.family]}}


def _result(place: int, result: Result) -> dict[str, Any]:
    kind, level = LEVELS[result.outcome]
    told = f"{line(result.observed)}. Expected: {line(result.expected)}. {line(result.remedy)}".strip()
    named = FILE.search(line(result.observed)) or FILE.search(line(result.remedy))
    found: dict[str, Any] = {
        "ruleId": result.id,
        "ruleIndex": place,
        "kind": kind,
        "level": level,
        "message": {"text": told},
        "partialFingerprints": {"requirement/v1": hashlib.sha256(result.id.encode()).hexdigest()[:32]},
    }
    # code scanning wants a place for each result: the task contract where the finding names no file
    location: dict[str, Any] = {"artifactLocation": {"uri": named[1] if named else "capstone.toml"}}
    if named and named[2]:
        location["region"] = {"startLine": max(1, int(named[2]))}
    found["locations"] = [{"physicalLocation": location}]
    return found
