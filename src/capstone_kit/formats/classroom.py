"""GitHub Classroom's autograding result, version 3: JSON in base64. Advisory: who edits the workflow can forge it."""

import base64
import json

from capstone_kit.formats.escape import line
from capstone_kit.result import Outcome, Report

STATUS = {Outcome.PASS: "pass", Outcome.NOT_APPLICABLE: "pass"}


def render(report: Report) -> str:
    """Give the report in base64, on one line."""
    tests = [
        {
            "name": f"{r.id} {r.statement}",
            "status": STATUS.get(r.outcome, "fail"),
            "score": r.points or 0,
            "max_score": r.maximum,
            "message": line(r.observed),
            "test_code": line(r.command),
            "filename": "",
            "line_no": 0,
            "execution_time": "0s",
        }
        for r in report.results
    ]
    met = all(r.outcome in STATUS for r in report.results)
    content = {
        "version": 3,
        "status": "pass" if met else "fail",
        "max_score": report.maximum,
        "score": report.score,
        "advisory": True,
        "tests": tests,
    }
    return base64.b64encode(json.dumps(content).encode()).decode() + "\n"
