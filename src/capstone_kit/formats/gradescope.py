"""Gradescope's `results.json`: a test for each requirement; what is not decided yet counts nothing and says so."""

import json
from typing import Any

from capstone_kit.formats.escape import line
from capstone_kit.result import Outcome, Report, Result


def render(report: Report) -> str:
    """Give the report as Gradescope reads it."""
    content = {
        "score": report.score,
        "output": report.standing + ("; a preview" if report.preview else ""),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(number, result) for number, result in enumerate(report.results, 1)],
        "extra_data": {"commit": report.commit, "profile": report.profile, "profile_sha256": report.profile_sha256},
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _test(number: int, result: Result) -> dict[str, Any]:
    told = [f"observed: {line(result.observed)}", f"expected: {line(result.expected)}"]
    told += [f"shown by: {line(result.command)}"] if result.command else []
    told += [f"remedy: {line(result.remedy)}"] if result.remedy else []
    test: dict[str, Any] = {
        "name": f"{result.id} {result.statement}",
        "number": str(number),
        "output": "\n".join([str(result.outcome), *told]),
        "output_format": "text",
        "tags": [result.family, result.outcome.value],
        "visibility": "visible",
    }
    if result.points is not None:
        test |= {"score": result.points, "max_score": result.maximum}
        test["status"] = "passed" if result.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) else "failed"
    return test
