"""Feedback for a team, as a Markdown file: what was found, how to see it, how to mend it."""

from capstone_kit.formats.escape import code, markdown
from capstone_kit.result import Outcome, Report

MET = (Outcome.PASS, Outcome.NOT_APPLICABLE)


def render(report: Report) -> str:
    """Give the feedback."""
    lines = [f"# {markdown(report.repository)}: {report.score} of {report.maximum} points", ""]
    lines.append(f"{markdown(report.profile_title)}, commit {code(report.commit[:12])}.")
    if report.open:
        lines.append(f"{report.standing}.")
    if report.badge:
        lines.append(f"{markdown(report.badge)}.")
    for result in sorted(report.results, key=lambda r: (-r.missing, r.outcome in MET)):
        if result.outcome in MET:
            continue
        points = f"{'?' if result.points is None else result.points} of {result.maximum}"
        lines += ["", f"## {result.id}: {points}", "", f"{markdown(result.statement)}", ""]
        lines.append(f"- {result.outcome}: {markdown(result.observed)}")
        lines += [f"- expected: {markdown(result.expected)}"] if result.expected != result.statement else []
        lines += [f"- see it: {code(result.command)}"] if result.command else []
        lines += [f"- mend it: {markdown(result.remedy)}"] if result.remedy else []
    met = [r for r in report.results if r.outcome in MET]
    if met:
        lines += ["", "## Met", "", *(f"- {r.id} ({r.maximum}): {markdown(r.observed)}" for r in met)]
    return "\n".join(lines) + "\n"
