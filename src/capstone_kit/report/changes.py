"""What has changed since the last tag or review."""

import re
from dataclasses import dataclass

from capstone_kit.project import Project, git
from capstone_kit.report import history
from capstone_kit.report.facts import DECISIONS, Facts, shown
from capstone_kit.report.history import State, number
from capstone_kit.report.signature import binding, difference


@dataclass(frozen=True)
class Moved:
    """A measured value that is another than it was."""

    title: str
    before: str
    after: str
    better: bool | None  # None where no criterion says which way is better


@dataclass(frozen=True)
class Changes:
    """What differs from a named state of the project."""

    since: str
    commit: str
    date: str
    metrics: tuple[Moved, ...]
    rows: tuple[int | None, int | None]
    criteria: tuple[str, ...]
    decisions: tuple[str, ...]  # titles of new records

    @property
    def nothing(self) -> bool:
        """Whether all is as it was."""
        same = self.rows[0] == self.rows[1]
        return same and not (self.metrics or self.criteria or self.decisions)


def changes(facts: Facts) -> Changes | None:
    """Give what changed since the last tag or sign-off, else since the first measured commit; None without any."""
    mark = _mark(facts)
    if not mark or not facts.states:
        return None
    then, now = history.at(facts.project, mark.commit), facts.states[-1]
    return Changes(
        since=mark.name,
        commit=mark.commit,
        date=mark.date,
        metrics=tuple(_moved(facts, then, now)),
        rows=(then.rows, now.rows),
        criteria=tuple(difference(binding(then.contract), binding(facts.contract))),
        decisions=tuple(_new(facts, mark.commit)),
    )


def _mark(facts: Facts) -> history.Mark | None:
    signed = [c.record for c in facts.signatures if not c.trouble]
    marks = [history.Mark(f"the sign-off of “{r.milestone}”", r.commit, r.signed[:10]) for r in signed[-1:]]
    tag = history.last_tag(facts.project)
    marks += [history.Mark(f"the tag {tag.name}", tag.commit, tag.date)] if tag else []
    first = [history.Mark("the first measured commit", s.commit, s.date) for s in facts.states[:1] if s.commit]
    return max(marks, key=lambda mark: mark.date) if marks else next(iter(first), None)


def _moved(facts: Facts, then: State, now: State) -> list[Moved]:
    upper = {c.metric: c.upper for c in facts.all}
    found = []
    for name in [*upper, *(n for n in now.measured if n not in upper)]:
        old, new = (number(state.measured.get(name, {}).get("value")) for state in (then, now))
        if old != new and shown(old) != shown(new):
            known = name in upper and old is not None and new is not None
            better = (new < old) is upper[name] if known and old is not None and new is not None else None
            found.append(Moved(name.replace("_", " "), shown(old), shown(new), better))
    return found


def _new(facts: Facts, commit: str) -> list[str]:
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return []
    then = set(_files(facts.project, commit))
    return [entry.title for entry in facts.decisions if entry.file not in then]


def _files(project: Project, commit: str) -> list[str]:
    return git(project.root, "ls-tree", "--name-only", commit, "--", f"{DECISIONS}/").splitlines()
