"""What an examination says: outcome, finding, result, report. Every format is made from the report."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

SCHEMA = "capstone-report/1"
NOT_RUN = "not run"  # observed of a requirement that needs the project to run, where it was not


class Outcome(StrEnum):
    """What was found about one requirement."""

    PASS = "pass"
    PARTIAL = "partial"
    FAIL = "fail"
    SCAFFOLD = "scaffold"  # it works, but only on what the template shipped: worth nothing yet
    INCONCLUSIVE = "inconclusive"  # nothing could be found out; a person decides, and it is never a zero
    NOT_APPLICABLE = "not applicable"
    MANUAL = "manual"  # a person decides; the evidence is prepared

    @property
    def open(self) -> bool:
        """Whether a person still has to decide."""
        return self in (Outcome.INCONCLUSIVE, Outcome.MANUAL)


@dataclass(frozen=True)
class Finding:
    """What one requirement's examination says."""

    outcome: Outcome
    observed: str
    expected: str = ""
    command: str = ""  # shows what was observed
    remedy: str = ""
    share: float = 1.0  # of the points, where the outcome is partial


@dataclass(frozen=True)
class Result:
    """A finding with the requirement it is of, and what it earns."""

    id: str
    family: str
    statement: str
    outcome: Outcome
    points: int | None  # None: not decided yet
    maximum: int
    observed: str
    expected: str
    command: str
    remedy: str

    @property
    def missing(self) -> int:
        """The points that are decided and not earned."""
        return 0 if self.points is None else self.maximum - self.points


def earned(finding: Finding, maximum: int) -> int | None:
    """Give the points of a finding: whole ones, rounded down; None while a person has to decide."""
    if finding.outcome.open:
        return None
    if finding.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
        return maximum
    return int(maximum * finding.share) if finding.outcome is Outcome.PARTIAL else 0


@dataclass(frozen=True)
class Report:
    """All results for one repository at one commit, with what is needed to make them again."""

    repository: str
    commit: str
    profile: str
    profile_title: str
    profile_sha256: str
    kit_version: str
    environment: str  # digest of the installed packages; "" if nothing was installed
    seed: int
    started: str  # ISO 8601, UTC
    ended: str
    preview: bool  # a student's own check; the grade of record is the instructor's
    sandboxed: bool
    results: tuple[Result, ...]
    flags: tuple[str, ...] = ()  # what a person should look at: signs of cheating, changed protected files
    badge: str = ""  # the ML Test Score, beside the grade
    schema: str = field(default=SCHEMA)

    @property
    def score(self) -> int:
        """The points earned so far."""
        return sum(r.points or 0 for r in self.results)

    @property
    def maximum(self) -> int:
        """The points of all requirements asked for."""
        return sum(r.maximum for r in self.results)

    @property
    def open(self) -> int:
        """The points that a person still has to decide."""
        return sum(r.maximum for r in self.results if r.points is None)

    @property
    def unrun(self) -> int:
        """The points that only a run of the project decides, where it was not run."""
        return sum(r.maximum for r in self.results if r.observed == NOT_RUN)

    @property
    def standing(self) -> str:
        """The points in words: earned, open, waiting for a run."""
        told = f"{self.score} of {self.maximum} points"
        if self.open - self.unrun:
            told += f", {self.open - self.unrun} to be decided by a person"
        return told + (f", {self.unrun} need the project to run" if self.unrun else "")

    @property
    def unmet(self) -> tuple[Result, ...]:
        """The results that are decided and earn less than they could, the costliest first."""
        return tuple(sorted((r for r in self.results if r.missing), key=lambda r: (-r.missing, r.id)))

    def families(self) -> dict[str, list[Result]]:
        """Give the results by family, in their order."""
        found: dict[str, list[Result]] = {}
        for result in self.results:
            found.setdefault(result.family, []).append(result)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Give the report as it is written to `capstone-report.json`."""
        totals = {"score": self.score, "maximum": self.maximum, "open": self.open}
        return {"schema": self.schema} | asdict(self) | totals

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Report":
        """Read a report that `as_dict` gave. Raises `ValueError` where it is none."""
        try:
            if content["schema"] != SCHEMA:
                raise ValueError(f"its schema is {content['schema']!r}, not {SCHEMA!r}")
            results = tuple(Result(**r | {"outcome": Outcome(r["outcome"])}) for r in content["results"])
            own = {k: v for k, v in content.items() if k not in ("score", "maximum", "open", "results", "flags")}
            return cls(**own, results=results, flags=tuple(content["flags"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"it is no report: {error}") from None


def now() -> str:
    """Give the time in UTC, to the second; SOURCE_DATE_EPOCH fixes it."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(fixed), UTC) if fixed else datetime.now(UTC)
    return moment.isoformat(timespec="seconds")


def all_of(findings: Iterable[Finding]) -> Finding:
    """Join findings about the parts of one requirement: the share of those that pass; the first that does not tells."""
    parts = list(findings)
    passed = [f for f in parts if f.outcome is Outcome.PASS]
    worst = next((f for f in parts if f.outcome is not Outcome.PASS), None)
    if worst is None:
        return Finding(Outcome.PASS, "; ".join(f.observed for f in parts), command=parts[0].command)
    if worst.outcome.open or not passed:
        return worst
    share = sum(f.share if f.outcome is Outcome.PARTIAL else f.outcome is Outcome.PASS for f in parts) / len(parts)
    return Finding(Outcome.PARTIAL, worst.observed, worst.expected, worst.command, worst.remedy, share)
