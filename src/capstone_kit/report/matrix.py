"""The cohort's page: teams by requirements, what most of them fail, what changed; and the form for what is open."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from capstone_kit import VERSION, webpage
from capstone_kit.examination import KNOWN, Decision
from capstone_kit.result import Outcome, Report, Result

HERE = Path(__file__).parent
PAGE, FORM = "index.html", "manual.html"
KINDS = {
    "pass": "passed",
    "partial": "partly",
    "fail": "failed",
    "scaffold": "template's own",
    "open": "open",
    "none": "not asked or not applicable",
}

Reports = Mapping[str, Report]
Decisions = Mapping[str, Mapping[str, Decision]]


@dataclass(frozen=True)
class Column:
    """A requirement over all teams."""

    id: str
    statement: str
    family: str
    maximum: int
    counts: dict[str, int]  # teams by kind
    unsure: int  # teams of which nothing could be found out

    @property
    def asked(self) -> int:
        """How many teams it is asked of."""
        return sum(count for kind, count in self.counts.items() if kind != "none")

    @property
    def suspicious(self) -> bool:
        """Whether more than half of the teams fail, which is more likely a fault of the grader or of the teaching."""
        return 2 * (self.counts["fail"] + self.unsure) > self.asked > 1

    @property
    def bars(self) -> list[tuple[str, float, float]]:
        """The kinds as parts of a line from 0 to 100: kind, begin, width."""
        found, place = [], 0.0
        for kind in [k for k in KINDS if k != "none" and self.counts[k]]:
            width = 100 * self.counts[kind] / self.asked
            found.append((kind, round(place, 2), round(width, 2)))
            place += width
        return found


@dataclass(frozen=True)
class Cohort:
    """All reports of a run, and those of the run before."""

    reports: Reports
    earlier: Reports
    decisions: Decisions

    @cached_property
    def results(self) -> dict[str, dict[str, Result]]:
        """The results by team and requirement."""
        return {team: {r.id: r for r in report.results} for team, report in self.reports.items()}

    @cached_property
    def columns(self) -> list[Column]:
        """The requirements that are asked of any team, in the catalogue's order."""
        found = {id_: r for results in self.results.values() for id_, r in results.items()}
        order = sorted(found, key=lambda id_: list(KNOWN).index(id_) if id_ in KNOWN else len(KNOWN))
        return [self._column(found[id_]) for id_ in order]

    def _column(self, sample: Result) -> Column:
        kinds = [kind(results.get(sample.id)) for results in self.results.values()]
        unsure = sum(self._unsure(results.get(sample.id)) for results in self.results.values())
        counts = {name: kinds.count(name) for name in KINDS}
        return Column(sample.id, sample.statement, sample.family, sample.maximum, counts, unsure)

    def _unsure(self, result: Result | None) -> bool:
        return bool(result and result.outcome is Outcome.INCONCLUSIVE and result.points is None)

    def cells(self, team: str) -> list[tuple[str, str]]:
        """Give the cells of a team's line: kind and points."""
        results = self.results[team]
        return [(kind(r := results.get(c.id)), told(r)) for c in self.columns]

    def moved(self, team: str) -> int | None:
        """By how many points a team has moved since the run before; None where it was not in it."""
        return self.reports[team].score - self.earlier[team].score if team in self.earlier else None

    @property
    def changed(self) -> list[tuple[str, str, str, str]]:
        """What is judged otherwise than in the run before: team, requirement, then, now."""
        pairs = [(t, {r.id: r for r in self.earlier[t].results}) for t in self.reports if t in self.earlier]
        return [
            (team, c.id, _words(was.get(c.id)), _words(self.results[team].get(c.id)))
            for team, was in pairs
            for c in self.columns
            if _words(was.get(c.id)) != _words(self.results[team].get(c.id))
        ]

    @property
    def open(self) -> list[tuple[Column, list[tuple[str, Result, Decision | None]]]]:
        """What a person has to decide or has decided, by requirement."""
        found = [(c, [e for t, rs in self.results.items() for e in self._open(t, rs.get(c.id))]) for c in self.columns]
        return [(column, entries) for column, entries in found if entries]

    def _open(self, team: str, result: Result | None) -> list[tuple[str, Result, Decision | None]]:
        asked = [result] if result and result.outcome.open else []
        return [(team, r, self.decisions.get(team, {}).get(r.id)) for r in asked]


def kind(result: Result | None) -> str:
    """Give how a result is shown; what a person decided counts by its points."""
    if result is None or result.outcome is Outcome.NOT_APPLICABLE:
        return "none"
    if result.points is None:
        return "open"
    if result.outcome.open:
        return "pass" if result.points == result.maximum else "partial" if result.points else "fail"
    return result.outcome.value


def told(result: Result | None) -> str:
    """Give the text of a cell."""
    if result and result.outcome is Outcome.NOT_APPLICABLE:
        return "\u2013"
    return "" if result is None else "?" if result.points is None else str(result.points)


def _words(result: Result | None) -> str:
    return "not asked" if result is None else f"{result.outcome.value} {told(result)}/{result.maximum}"


def write(folder: Path, reports: Reports, earlier: Reports, decisions: Decisions) -> list[Path]:
    """Write the cohort's page and its form into the folder of results; give both."""
    values = {"cohort": Cohort(reports, earlier, decisions), "kinds": KINDS, "version": VERSION}
    for name, stem in ((PAGE, "matrix"), (FORM, "manual")):
        script = HERE / f"{stem}.js"
        page = webpage.render(HERE / f"{stem}.html.j2", HERE / "matrix.css", values, script)
        (folder / name).write_text(page, encoding="utf-8", newline="\n")
    return [folder / PAGE, folder / FORM]
