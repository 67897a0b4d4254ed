"""GitHub's workflow commands: at most ten, since GitHub shows no more, the worst first."""

from capstone_kit.formats.escape import line
from capstone_kit.result import Outcome, Report

MOST = 10
LEVELS = {Outcome.FAIL: "error", Outcome.PARTIAL: "warning", Outcome.SCAFFOLD: "notice"}


def render(report: Report) -> str:
    """Give the commands, a line each."""
    told = [r for r in report.unmet if r.outcome in LEVELS][:MOST]
    return "".join(
        f"::{LEVELS[r.outcome]} title={_property(f'{r.id} (+{r.missing})')}::{_data(f'{r.observed}. {r.remedy}')}\n"
        for r in told
    )


def _data(text: str) -> str:
    return line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
