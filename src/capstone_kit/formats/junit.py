"""JUnit XML as Jenkins, GitLab and GitHub read it: a suite for each family, a case for each requirement."""

import xml.etree.ElementTree as ET

from capstone_kit.formats.escape import xml
from capstone_kit.result import Outcome, Report, Result

FAILED = (Outcome.FAIL, Outcome.PARTIAL, Outcome.SCAFFOLD)
SKIPPED = (Outcome.INCONCLUSIVE, Outcome.MANUAL, Outcome.NOT_APPLICABLE)


def render(report: Report) -> str:
    """Give the report as XML; what is not decided is skipped, with the reason."""
    root = ET.Element("testsuites", name=xml(report.repository))
    for family, results in report.families().items():
        counts = {
            "tests": len(results),
            "failures": sum(r.outcome in FAILED for r in results),
            "errors": 0,
            "skipped": sum(r.outcome in SKIPPED for r in results),
        }
        suite = ET.SubElement(root, "testsuite", {"name": xml(family)} | {k: str(v) for k, v in counts.items()})
        suite.set("timestamp", xml(report.started).replace("+00:00", ""))
        suite.set("time", "0")
        for result in results:
            _case(suite, result)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(suite, "testcase", classname=xml(result.family), name=xml(result.id), time="0")
    if result.outcome in FAILED:
        failure = ET.SubElement(case, "failure", type=result.outcome.value, message=xml(result.observed))
        failure.text = xml(f"expected: {result.expected}; shown by: {result.command}; remedy: {result.remedy}")
    elif result.outcome in SKIPPED:
        ET.SubElement(case, "skipped", message=xml(f"{result.outcome}: {result.observed}"))
    points = "open" if result.points is None else result.points
    ET.SubElement(case, "system-out").text = xml(f"{points} of {result.maximum} points: {result.statement}")
