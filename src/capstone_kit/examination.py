"""A repository held against a profile: every requirement examined, one report."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from capstone_kit import VERSION
from capstone_kit.profiles import Profile
from capstone_kit.project import KitError
from capstone_kit.requirements import ALL
from capstone_kit.requirements.base import Examined, Requirement
from capstone_kit.result import NOT_RUN, Finding, Outcome, Report, Result, earned, now

KNOWN = {r.id: r for r in ALL}


@dataclass(frozen=True)
class About:
    """What a report says about itself."""

    repository: str
    commit: str
    preview: bool
    sandboxed: bool = False
    environment: str = ""
    seed: int = 0
    started: str = field(default_factory=now)


@dataclass(frozen=True)
class Decision:
    """What a person decided about a requirement."""

    points: int
    note: str = ""


def chosen(profile: Profile, only: Collection[str] = (), milestone: str | None = None) -> list[Requirement]:
    """Give the requirements to be examined, in the catalogue's order. Raises `KitError` for one that is not asked."""
    for wanted in only:
        if wanted not in profile.points:
            there = ", ".join(profile.points)
            raise KitError(f"profile {profile.name} does not ask for {wanted!r}; it asks for {there}")
    among = set(only) or set(profile.until(milestone) if milestone else profile.points)
    return [requirement for requirement in ALL if requirement.id in among and requirement.id in profile.points]


def examine(
    examined: Examined,
    profile: Profile,
    requirements: Collection[Requirement],
    about: About,
    flags: tuple[str, ...] = (),
    decisions: dict[str, Decision] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Give the report of all `requirements`; what a person decided stands in the place of what is open."""
    results = []
    for requirement in requirements:
        say(requirement.id)
        decision = (decisions or {}).get(requirement.id)
        results.append(_result(requirement, requirement.examine(examined), profile.points[requirement.id], decision))
    return Report(
        repository=about.repository,
        commit=about.commit,
        profile=profile.name,
        profile_title=profile.title,
        profile_sha256=profile.sha256,
        kit_version=VERSION,
        environment=about.environment,
        seed=about.seed,
        started=about.started,
        ended=now(),
        preview=about.preview,
        sandboxed=about.sandboxed,
        results=tuple(results),
        flags=flags,
        badge=ml_test_score(results),
    )


def _result(requirement: Requirement, finding: Finding, maximum: int, decision: Decision | None) -> Result:
    result = Result(
        id=requirement.id,
        family=requirement.family,
        statement=requirement.statement,
        outcome=finding.outcome,
        points=earned(finding, maximum),
        maximum=maximum,
        observed=finding.observed,
        expected=finding.expected or requirement.statement,
        command=finding.command,
        remedy=finding.remedy,
    )
    return decided(result, decision)


DECIDED = "; a person decided: "


def decided(result: Result, decision: Decision | None) -> Result:
    """Give a result with what a person decided in the place of what is open, and of what was decided before."""
    if not result.outcome.open:
        return result
    observed = result.observed.rpartition(DECIDED)[0] or result.observed
    if decision is None:
        return replace(result, points=None, observed=observed)
    points = min(decision.points, result.maximum)
    note = f" ({decision.note})" if decision.note else ""
    return replace(result, points=points, observed=f"{observed}{DECIDED}{points} of {result.maximum}{note}")


# The sections of Google's ML Test Score (Breck and others, 2017), of which the lowest counts.
SECTIONS = {
    "data": ("DAT1", "DAT2", "DAT3", "DAT4", "GOV5"),
    "model": ("MOD1", "MOD2", "MOD3", "MOD4", "MOD5", "GOV2"),
    "infrastructure": ("REP1", "REP2", "REP3", "QA1", "SRV1", "SRV6", "TRK3"),
    "monitoring": ("OPS1", "OPS2", "SRV5", "TRK4", "REP4"),
}


def ml_test_score(results: Collection[Result]) -> str:
    """Give the badge: the lowest of the sections' shares of passed requirements, and which section that is."""
    if any(r.observed == NOT_RUN for r in results):
        return ""
    passed = {r.id: r.outcome is Outcome.PASS for r in results}
    shares = {
        name: sum(passed[i] for i in ids if i in passed) / asked
        for name, ids in SECTIONS.items()
        if (asked := sum(i in passed for i in ids))
    }
    if len(shares) < len(SECTIONS):
        return ""
    name = min(shares, key=lambda section: shares[section])
    return f"ML Test Score: {shares[name]:.0%} ({name})"
