"""The instructor's roster, and gradebooks for the learning management systems."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from capstone_kit.formats import feedback
from capstone_kit.formats.escape import cell, line
from capstone_kit.project import KitError
from capstone_kit.result import Report

NEEDED = ("team", "repository")
KNOWN = (*NEEDED, "commit", "student_id", "student_name", "email")
TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Member:
    """A student, as the learning management system knows them."""

    id: str
    name: str
    email: str


@dataclass(frozen=True)
class Team:
    """A team with its repository."""

    name: str
    repository: str
    commit: str | None
    members: tuple[Member, ...]


def roster(path: Path) -> list[Team]:
    """Read a roster: a line for each member (or one for the team), columns `KNOWN`.

    Raises `KitError` that names line and column.
    """
    rows = _table(path)
    missing = [name for name in NEEDED if name not in (rows[0] if rows else {})]
    if not rows or missing:
        raise KitError(
            f"{path.name}: columns {', '.join(missing or NEEDED)} are missing; there may be {', '.join(KNOWN)}"
        )
    teams: dict[str, Team] = {}
    for number, row in enumerate(rows, 2):
        name, repository = row["team"].strip(), row["repository"].strip()
        if not TEAM.fullmatch(name):
            raise KitError(
                f"{path.name}: line {number}, team: {name!r} is no name of a folder (letters, digits, . _ -)"
            )
        if not repository:
            raise KitError(f"{path.name}: line {number}, repository: nothing stands there")
        member = Member(*(row.get(key, "").strip() for key in ("student_id", "student_name", "email")))
        before = teams.get(name)
        if before and before.repository != repository:
            raise KitError(f"{path.name}: line {number}, repository: {name} had {before.repository} before")
        members = (*(before.members if before else ()), *((member,) if any((member.id, member.email)) else ()))
        teams[name] = Team(name, repository, row.get("commit", "").strip() or None, members)
    return list(teams.values())


def _table(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise KitError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KitError(f"{path} is not UTF-8: save it again as CSV in UTF-8") from None
    return [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(io.StringIO(text, newline=""))]


def _written(header: list[str], rows: Iterable[Iterable[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def _told(report: Report) -> str:
    """Give the feedback for a cell: the points that are open first, then what is not met."""
    open_ = f"{report.open} points are still open. " if report.open else ""
    unmet = "; ".join(f"{r.id} -{r.missing}: {line(r.observed)}" for r in report.unmet[:12])
    return cell(f"{report.score} of {report.maximum} points. {open_}{unmet}")[:4000]


def cohort(reports: Mapping[str, Report]) -> str:
    """Give teams by requirements: the points, empty while they are open."""
    ids = list(dict.fromkeys(r.id for report in reports.values() for r in report.results))
    rows = []
    for team, report in reports.items():
        points = {r.id: r.points for r in report.results}
        rows.append([cell(team), report.score, report.open, report.commit[:12], *(points.get(i) for i in ids)])
    return _written(["team", "points", "open", "commit", *ids], [["" if v is None else v for v in row] for row in rows])


def moodle(teams: Iterable[Team], reports: Mapping[str, Report]) -> str:
    """Give Moodle's import: grade and feedback together, since feedback alone erases grades."""
    rows = [
        [cell(m.id), cell(m.email), reports[t.name].score, _told(reports[t.name])]
        for t in teams
        for m in t.members
        if t.name in reports
    ]
    return _written(["Identifier", "Email address", "Grade", "Feedback comments"], rows)


def brightspace(teams: Iterable[Team], reports: Mapping[str, Report], item: str = "Capstone") -> str:
    """Give Brightspace's import, each line ended by the sign that it asks for."""
    rows = [[f"#{cell(m.id)}", reports[t.name].score, "#"] for t in teams for m in t.members if t.name in reports]
    return _written(["OrgDefinedId", f"{item} Points Grade", "End-of-Line Indicator"], rows)


def canvas(exported: Path, item: str, teams: Iterable[Team], reports: Mapping[str, Report]) -> str:
    """Fill in a gradebook that Canvas exported: an unknown column would make a new assignment.

    `item` is the beginning of the assignment's column. Raises `KitError` where there is none such, or several.
    """
    try:
        rows = list(csv.reader(io.StringIO(exported.read_text(encoding="utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{exported}: {error}") from None
    header = rows[0] if rows else []
    columns = [place for place, name in enumerate(header) if name == item or name.startswith(f"{item} (")]
    if len(columns) != 1 or "SIS Login ID" not in header:
        raise KitError(
            f"{exported.name}: {len(columns)} columns begin with {item!r}; there are {', '.join(header[4:][:8])}"
        )
    keys = [header.index(name) for name in ("SIS Login ID", "SIS User ID", "ID") if name in header]
    scores = {m_id: reports[t.name].score for t in teams if t.name in reports for m in t.members for m_id in _ids(m)}
    for row in rows[1:]:
        found = next((scores[row[k]] for k in keys if k < len(row) and row[k] in scores), None)
        if found is not None:
            row[columns[0]] = str(found)
    return _written(header, rows[1:])


def _ids(member: Member) -> set[str]:
    return {text for text in (member.id, member.email, member.email.partition("@")[0]) if text}


def write(folder: Path, teams: list[Team], reports: Mapping[str, Report]) -> list[Path]:
    """Write the cohort's table and, where the roster names members, the gradebooks; give the files."""
    texts = {"cohort.csv": cohort(reports)}
    if any(team.members for team in teams):
        texts |= {"moodle.csv": moodle(teams, reports), "brightspace.csv": brightspace(teams, reports)}
    texts |= {f"{team}/feedback.md": feedback.render(report) for team, report in reports.items()}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in texts if "/" not in name]
