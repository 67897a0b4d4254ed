"""What the page says of noise, missing sensors, small changes and single answers, as `evaluate` measured them."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from capstone_kit import prose
from capstone_kit.project import Project
from capstone_kit.report.facts import TRUST, content, plain, shown, table, tables, text_of
from capstone_kit.report.history import number

REGISTER = "docs/risk-register.md"
MOVERS = 6  # fields of an explanation
WITHOUT = 3  # sensors, the worst to lose


@dataclass(frozen=True)
class Explained:
    """One answer, and the fields that moved it most."""

    title: str
    base: str
    prediction: str
    moved: list[tuple[str, str, float]]  # field, contribution in words, and how long its bar is: -50 to 50


@dataclass(frozen=True)
class Trust:
    """What was measured about trust; nothing where `evaluate` has not run."""

    project: Project

    @cached_property
    def measured(self) -> dict[str, Any]:
        """reports/trust.json."""
        return table(content(self.project, TRUST))

    @property
    def rows(self) -> str:
        """On how many test rows it was measured."""
        return shown(number(self.measured.get("rows")))

    @property
    def headlines(self) -> list[tuple[str, str]]:
        """The headline metric as it is, with noise, and without the sensors that are the worst to lose."""
        found = [("All sensors as they are", table(self.measured.get("headline")))]
        found += [("Noise on every sensor", table(self.measured.get("noise")))]
        found += [(f"Without {e.get('field')}", e) for e in tables(self.measured.get("missing"))[:WITHOUT]]
        return [(what, shown(value)) for what, e in found if (value := number(e.get("value"))) is not None]

    @property
    def evasion(self) -> dict[str, float]:
        """How many changes of each row were tried, the share of answers they turn and of alarms they silence."""
        found = table(self.measured.get("evasion"))
        return {key: share for key in ("tries", "turned", "silenced") if (share := number(found.get(key))) is not None}

    @property
    def explanations(self) -> list[Explained]:
        """Two answers, each with the fields that moved it most."""
        return [_explained(entry) for entry in tables(self.measured.get("explanations"))[:2]]

    @property
    def register(self) -> list[tuple[str, str, str]]:
        """The risks about which something was measured: id, risk, and the values."""
        rows = [row for row in prose.rows(text_of(self.project, REGISTER)) if len(row) >= 7 and "` = " in row[4]]
        return [(plain(row[0]), plain(row[2]), _values(row[4])) for row in rows]


def _explained(entry: dict[str, Any]) -> Explained:
    contributions = tables(entry.get("contributions"))
    moved = [(str(e.get("field", "")), number(e.get("contribution")) or 0.0) for e in contributions]
    most = max((abs(value) for _, value in moved), default=0.0) or 1.0
    told = [
        (name, f"{value:+.3g}".replace("-", "\u2212"), round(50 * value / most, 1)) for name, value in moved[:MOVERS]
    ]
    base, prediction = (shown(number(entry.get(end))) for end in ("base", "prediction"))
    if entry.get("explained") is None:
        title = "The nearest of the test rows" if entry.get("right") else "The farthest of the test rows"
    else:
        title = f"{'A right' if entry.get('right') else 'A wrong'} answer: the probability of {entry['explained']}"
    return Explained(title, base, prediction, told)


def _values(cell: str) -> str:
    """Give measured values as they are read: without the marks of Markdown, names in words."""
    return re.sub(r"\\([\\|<>&*_`\[\]$])", r"\1", plain(cell)).replace("_", " ")
