"""The report for a terminal: families, what is not met yet, and the three most valuable next steps."""

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from capstone_kit.formats.escape import line
from capstone_kit.result import NOT_RUN, Outcome, Report, Result

SIGNS = {
    Outcome.PASS: ("✓", "green"),
    Outcome.PARTIAL: ("◐", "yellow"),
    Outcome.FAIL: ("✗", "red"),
    Outcome.SCAFFOLD: ("▫", "yellow"),
    Outcome.INCONCLUSIVE: ("?", "blue"),
    Outcome.NOT_APPLICABLE: ("-", "dim"),
    Outcome.MANUAL: ("?", "blue"),
}
NEXT = 3


def render(report: Report) -> str:
    """Give the report as text, in colour where it is printed to a terminal that shows it."""
    stream = io.StringIO()
    told = Console()
    console = Console(
        file=stream,
        force_terminal=told.is_terminal,
        width=min(told.width, 110),
        color_system=_colours(told),
        highlight=False,
    )
    for family, results in report.families().items():
        shown = [r for r in results if r.observed != NOT_RUN]
        if shown:
            console.print(Text(f"\n{line(family).capitalize()}", style="bold"))
            console.print(_table(shown))
    _next_steps(console, report)
    _score(console, report)
    return stream.getvalue().lstrip("\n")


def _colours(told: Console):
    return "standard" if told.is_terminal and not told.no_color else None


def _table(results: list[Result]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, width in (("sign", 1), ("id", 4), ("points", 5)):
        table.add_column(name, width=width, no_wrap=True)
    table.add_column("text", overflow="fold")
    for result in results:
        sign, style = SIGNS[result.outcome]
        told = Text(result.statement)
        if result.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            told.append(f"\n{result.outcome}: {line(result.observed)}", style="dim")
        points = f"{'?' if result.points is None else result.points}/{result.maximum}"
        table.add_row(Text(sign, style=style), result.id, points, told)
    return table


def _next_steps(console: Console, report: Report) -> None:
    steps = [r for r in report.unmet if r.observed != NOT_RUN][:NEXT]
    if steps:
        console.print(Text("\nNext", style="bold"))
    for number, result in enumerate(steps, 1):
        what = line(result.remedy) or line(result.expected)
        told = Text(f"{number}. {result.id} (+{result.missing}): {what}")
        if result.command:
            told.append(f"\n   see it: {line(result.command)}", style="dim")
        console.print(told)


def _score(console: Console, report: Report) -> None:
    run = ": capstone check --run" if report.unrun else ""
    console.print(Text(f"\n{report.standing}{run}", style="bold"))
    if report.preview:
        console.print(Text("A preview, by your own files: the grade is made by the instructor's run.", style="dim"))
    if report.badge:
        console.print(line(report.badge))
    for flag in report.flags:
        console.print(Text(f"look at: {line(flag)}", style="yellow"))
