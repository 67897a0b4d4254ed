"""The canonical report: everything that was found, as JSON. `report.schema.json` describes it."""

import json

from capstone_kit.result import Report


def render(report: Report) -> str:
    """Give the report as JSON."""
    return json.dumps(report.as_dict(), indent=2, ensure_ascii=True) + "\n"
