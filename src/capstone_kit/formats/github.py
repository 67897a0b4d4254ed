"""GitHub's step summary: Markdown below its limit of a mebibyte, worst first."""

from capstone_kit.formats.escape import code, markdown
from capstone_kit.result import Report, Result

LIMIT = 1_000_000  # bytes


def render(report: Report) -> str:
    """Give the report as Markdown."""
    lines = [f"## {markdown(report.profile_title)}", "", f"**{report.standing}**"]
    if report.preview:
        lines += ["", "A preview: the grade is made by the instructor's own run."]
    unmet = report.unmet
    if unmet:
        lines += ["", "| | points | requirement | observed | remedy |", "| --- | ---: | --- | --- | --- |"]
        lines += [_row(result) for result in unmet]
    for family, results in report.families().items():
        met = sum(not r.missing and r.points is not None for r in results)
        lines += ["", f"<details><summary>{markdown(family)}: {met} of {len(results)} met</summary>", ""]
        lines += ["| | points | requirement | observed | shown by |", "| --- | ---: | --- | --- | --- |"]
        lines += [_whole(result) for result in results]
        lines += ["", "</details>"]
    return _within("\n".join(lines) + "\n")


def _points(result: Result) -> str:
    return f"{'?' if result.points is None else result.points}/{result.maximum}"


def _row(result: Result) -> str:
    cells = (result.statement, result.observed, result.remedy)
    return f"| **{result.id}** | {_points(result)} | {' | '.join(map(markdown, cells))} |"


def _whole(result: Result) -> str:
    told = f"{result.outcome}: {result.observed}"
    cells = (result.id, _points(result), markdown(result.statement), markdown(told), code(result.command))
    return f"| {' | '.join(cells)} |"


def _within(text: str) -> str:
    whole = text.encode()
    if len(whole) <= LIMIT:
        return text
    return whole[: LIMIT - 100].decode("utf-8", "ignore") + "\n\nThe rest was too long for a summary.\n"
