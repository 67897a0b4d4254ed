"""The requirement catalogue and the profiles for people: a table in the terminal, a page of the documentation."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from rich.console import Console
from rich.table import Table

from capstone_kit import profiles
from capstone_kit.requirements import ALL
from capstone_kit.requirements.base import HOW, OUTCOMES


def table(profile: str | None) -> str:
    """Give what is asked, by family, with points: those of a profile, or the catalogue's."""
    chosen = profiles.load(profile, [r.id for r in ALL]) if profile else None
    points = chosen.points if chosen else {r.id: r.points for r in ALL}
    shown = Table(box=None, pad_edge=False)
    for name, justify in (("id", "left"), ("points", "right"), ("how", "left"), ("requirement", "left")):
        shown.add_column(name, justify=justify, overflow="fold")
    for requirement in ALL:
        if requirement.id in points:
            words = (requirement.id, str(points[requirement.id]), requirement.how, requirement.statement)
            shown.add_row(*words)
    console = Console(highlight=False, soft_wrap=False)
    with console.capture() as captured:
        console.print(shown)
        console.print("how: " + ", ".join(f"{letter} {words}" for letter, words in HOW.items()))
        for milestone in chosen.milestone if chosen else ():
            console.print(f"week {milestone.week}: {milestone.id} ({milestone.title})")
    return captured.get().rstrip("\n")


def markdown() -> str:
    """Give the reference page `docs/requirements.md`."""
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=False, trim_blocks=True, lstrip_blocks=True
    ).get_template("catalogue.md.j2")
    every = [profiles.load(name, [r.id for r in ALL]) for name in profiles.names()]
    families = {family: [r for r in ALL if r.family == family] for family in dict.fromkeys(r.family for r in ALL)}
    return page.render(families=families, requirements=ALL, how=HOW, outcomes=OUTCOMES, profiles=every)
