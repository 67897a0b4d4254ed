"""The sponsor's side: charter, status, rights, who did what, and whether an outsider gets through."""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Any

from capstone_kit import prose
from capstone_kit.project import DATA_CONTRACT, TASK_CONTRACT, KitError, git
from capstone_kit.report import signature
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.requirements.documents import figures_of, grounded, spoken
from capstone_kit.result import Finding, Outcome, all_of

CHARTER = "docs/charter.md"
STATUS = "docs/status"
REPORT = "docs/final-report.md"
HEADINGS = ("summary", "done", "measured", "next", "risks", "decisions")
COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")


@requirement(
    "SPN1",
    2,
    "SH",
    "CMU Machine Learning in Production, milestone 1; sponsors' guides",
    ("constraints", "practice"),
    scaffold="own",
)
def charter(examined: Examined) -> Finding:
    """Charter: every acceptance criterion is bound to a measured value; the sponsor has signed."""
    return all_of([_bound(examined), _charter_written(examined), _signed(examined)])


def _bound(examined: Examined) -> Finding:
    criteria = examined.project.toml(TASK_CONTRACT).get("acceptance", [])
    if not criteria:
        remedy = f"agree with the sponsor on [[acceptance]] tables in {TASK_CONTRACT}"
        return Finding(
            Outcome.FAIL, "no acceptance criterion", "criteria, each with a bound and a reason", remedy=remedy
        )
    proposed = [str(c.get("metric")) for c in criteria if c.get("proposed")]
    if proposed:
        remedy = "agree on each with the sponsor, then take the mark `proposed` off"
        return Finding(Outcome.FAIL, f"still proposed: {', '.join(proposed)}", "agreed criteria", remedy=remedy)
    if examined.scaffold.known and criteria == _shipped(examined).get("acceptance"):
        return Finding(
            Outcome.SCAFFOLD,
            "the criteria are the template's",
            "criteria agreed with the sponsor",
            remedy=f"edit {TASK_CONTRACT}",
        )
    measured = figures_of(examined)
    lost = [str(c.get("metric")) for c in criteria if measured.get(str(c.get("metric"))) is None]
    if lost:
        return Finding(
            Outcome.FAIL,
            f"not measured: {', '.join(lost)}",
            "a measured value for each",
            "uv run dvc metrics show",
            "uv run dvc repro",
        )
    return Finding(Outcome.PASS, f"{len(criteria)} criteria, each measured")


def _shipped(examined: Examined) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(examined.scaffold.text(TASK_CONTRACT))
    except tomllib.TOMLDecodeError:
        return {}


def _charter_written(examined: Examined) -> Finding:
    asked = ("ask", "users", "scope")
    lacking = [f"{name}: {reason}" for name in asked if (reason := spoken(examined, CHARTER, name))]
    if not lacking:
        return Finding(Outcome.PASS, "ask, users and scope are written")
    outcome = Outcome.SCAFFOLD if len(lacking) == len(asked) else Outcome.FAIL
    return Finding(
        outcome,
        "; ".join(lacking),
        "ask, users and scope in the team's words",
        remedy=f"write {CHARTER} with the sponsor",
    )


def _signed(examined: Examined) -> Finding:
    """Find the sponsor's record, or line in the sign-off table, and hold the criteria against those at its commit."""
    remedy = f"`capstone sign-off --as sponsor`, or a line in {CHARTER}, Sign-off, with the commit of {TASK_CONTRACT}"
    records = [found for found in signature.checked(examined.project) if found.record.role == "sponsor"]
    if records:
        return _recorded(records, signature.withdrawn(examined.project))
    table = prose.rows(prose.section(examined.project.text(CHARTER), "sign-off"))
    lines = [
        row for row in table if len(row) >= 4 and "sponsor" in row[1].lower() and "not signed" not in row[0].lower()
    ]
    commits = [found[0] for row in lines if row[0].strip() and (found := COMMIT.search(row[3]))]
    if not commits:
        return Finding(Outcome.FAIL, "the sponsor has not signed", "a line of the sponsor with a commit", remedy=remedy)
    import tomllib

    try:
        then = tomllib.loads(git(examined.project.root, "show", f"{commits[-1]}:{TASK_CONTRACT}"))
    except (KitError, tomllib.TOMLDecodeError):
        return Finding(
            Outcome.FAIL,
            f"signed at {commits[-1]}, which is no commit here with {TASK_CONTRACT}",
            "a commit of this repository",
            remedy=remedy,
        )
    now = examined.project.toml(TASK_CONTRACT)
    changed = [key for key in ("acceptance", "constraint") if then.get(key) != now.get(key)]
    if changed:
        return Finding(
            Outcome.FAIL,
            f"changed after the sponsor signed at {commits[-1]}: {', '.join(changed)}",
            "the criteria that were signed",
            f"git diff {commits[-1]} -- {TASK_CONTRACT}",
            "take the change back, or have it signed anew",
        )
    return Finding(Outcome.PASS, f"signed at {commits[-1]}, unchanged since")


def _recorded(records: list[signature.Checked], withdrawn: list[str]) -> Finding:
    """Give what the last record of `capstone sign-off` is worth, and what was signed otherwise before."""
    found = records[-1]
    about = f"“{found.record.milestone}” signed at {found.record.commit[:10]}"
    command = f"git diff {found.record.commit[:10]} -- {TASK_CONTRACT} {found.file}"
    if not found.trouble:
        others = signature.difference(records[0].record.criteria, found.record.criteria)
        told = f"; first signed with another {', '.join(others)}" if others else ""
        told += f"; taken back or rewritten: {', '.join(withdrawn)}" if withdrawn else ""
        return Finding(Outcome.PASS, f"{about}, unchanged since{told and told + ': ask the sponsor'}", command=command)
    remedy = "take the change back, or have it signed anew"
    return Finding(Outcome.FAIL, f"{about}: {found.trouble}", "the criteria that were signed", command, remedy)


@requirement("SPN2", 1, "S", "Duke AIPI 549; CMU capstone guides", ("practice",), scaffold="own")
def status(examined: Examined) -> Finding:
    """Status reports at the agreed rhythm."""
    folder = examined.project.path(STATUS)
    names = (
        sorted(f"{STATUS}/{p.name}" for p in folder.glob("*.md") if p.name.lower() != "readme.md")
        if folder.is_dir()
        else []
    )
    texts = {name: examined.project.text(name) for name in names if examined.project.exists(name)}
    twice = {text for text, count in Counter(" ".join(prose.words(t)) for t in texts.values()).items() if count > 1}
    shipped = tuple(examined.scaffold.text(name) for name in examined.scaffold.files if name.startswith(STATUS))
    written = [n for n, t in texts.items() if not prose.complaint(t, shipped) and " ".join(prose.words(t)) not in twice]
    complete = [
        n for n in written if sum(any(h.startswith(w) for h in prose.sections(texts[n])) for w in HEADINGS) >= 5
    ]
    weeks = _weeks(examined)
    remedy = f"write the week's report from {STATUS}/week-01.md, and commit it in its week"
    if not complete:
        outcome = Outcome.SCAFFOLD if names else Outcome.FAIL
        return Finding(outcome, f"{len(names)} reports, none of the team's own", f"{weeks} reports", remedy=remedy)
    observed, expected = f"{len(complete)} reports in {weeks} weeks of work", "one a week"
    days = len(
        {git(examined.project.root, "log", "--diff-filter=A", "--format=%cs", "--", n).split("\n")[0] for n in complete}
    )
    if days == 1 and len(complete) > 2:
        return Finding(Outcome.FAIL, f"{observed}, all committed on one day", expected, f"git log -- {STATUS}", remedy)
    if len(complete) >= weeks:
        return Finding(Outcome.PASS, observed, expected)
    return Finding(Outcome.PARTIAL, observed, expected, f"git log -- {STATUS}", remedy, share=len(complete) / weeks)


def _weeks(examined: Examined) -> int:
    """Give the weeks from the first day with a commit to that by which nine in ten of such days lay, at least one.

    Work has ended by then: a correction long after the handover makes no report due, nor does the week that still runs.
    """
    days = sorted({date.fromisoformat(line) for line in git(examined.project.root, "log", "--format=%cs").split()})
    ended = days[int(0.9 * (len(days) - 1))]
    return max(1, round((ended - days[0]) / timedelta(weeks=1)))


LICENSES = {
    "MIT": "MIT License",
    "Apache-2.0": "Apache License",
    "BSD-3-Clause": "BSD 3-Clause",
    "proprietary": "rights reserved",
}


@requirement("SPN3", 1, "SH", "sponsors' guides on intellectual property", ("ethics",), scaffold="own")
def rights(examined: Examined) -> Finding:
    """Licence, intellectual property, confidentiality and visibility agree with each other."""
    project = examined.project
    contract = project.plain(DATA_CONTRACT)
    named = str(project.toml(TASK_CONTRACT).get("project", {}).get("license", ""))
    declared = str(project.toml("pyproject.toml").get("project", {}).get("license", named))
    sign = next((text for start, text in LICENSES.items() if named.lower().startswith(start.lower())), "")
    problems = []
    if sign and sign.lower() not in project.text("LICENSE").lower():
        problems.append(f"{TASK_CONTRACT} says {named}, LICENSE is another")
    if declared != named and not declared.startswith("LicenseRef"):
        problems.append(f"{TASK_CONTRACT} says {named}, pyproject.toml says {declared}")
    secret = contract.get("confidentiality") == "confidential"
    stated = [licence for licence in contract.get("licenses") or [] if licence.get("name") != "unknown"]
    held = [
        n
        for n in git(project.root, "ls-files", "data/source").split("\n")
        if n and not n.endswith((".dvc", ".gitignore"))
    ]
    if secret and held:
        problems.append(f"the data are {contract['confidentiality']}, and git holds {held[0]}")
    if not stated and not secret:
        problems.append(f"{DATA_CONTRACT} names no licence of the data")
    if reason := spoken(examined, CHARTER, "intellectual property"):
        problems.append(f"{CHARTER}, Intellectual property: {reason}")
    if not problems:
        return Finding(
            Outcome.PASS, f"licence {named}, data {contract.get('confidentiality', 'public')}, as the charter says"
        )
    outcome = Outcome.SCAFFOLD if len(problems) == 1 and "own" in problems[0] else Outcome.FAIL
    return Finding(
        outcome,
        "; ".join(problems),
        "licence, contract and charter agree",
        remedy=f"settle it with the sponsor in {CHARTER}",
    )


@requirement("SPN4", 1, "SH", "CMU and Duke team contracts", ("practice",), scaffold="own")
def contributions(examined: Examined) -> Finding:
    """Evidence of each member's contribution: a flag, never a verdict."""
    authors = Counter(git(examined.project.root, "log", "--no-merges", "--format=%aN").splitlines())
    shipped = git(examined.project.root, "rev-list", "--count", "HEAD").strip() == "1"
    if shipped and examined.scaffold.known:
        return Finding(
            Outcome.SCAFFOLD,
            "the only commit is the template's",
            "commits of each member",
            remedy="commit your own work",
        )
    shares = ", ".join(f"{name} {count}" for name, count in authors.most_common(12))
    quiet = [name for name, count in authors.items() if count < 0.1 * authors.total()]
    flag = f"; few of {', '.join(quiet)}: ask, commits are not the work" if quiet else ""
    return Finding(
        Outcome.MANUAL, f"commits: {shares}{flag}", "each member has contributed", "git shortlog -sn --no-merges"
    )


@requirement("SPN5", 2, "H", "sponsors' guides on handover", ("scale", "production"), scaffold="own")
def outsider(examined: Examined) -> Finding:
    """An outsider reaches a prediction from the README alone."""
    text = examined.project.text("README.md")
    wanted = ("uv sync", "dvc repro", "bentoml serve")
    lacking = [command for command in wanted if command not in text]
    if lacking:
        return Finding(
            Outcome.FAIL,
            f"the README does not say {', '.join(lacking)}",
            "the way to a prediction",
            remedy="write it into README.md",
        )
    own = prose.own(prose.MARKED.sub("", text), (examined.scaffold.text("README.md"),))
    if len(own) < prose.LEAST or grounded(examined, text, 1):
        return Finding(
            Outcome.SCAFFOLD,
            f"{len(own)} words of the team's own",
            "a README of this project",
            remedy="say in README.md what is predicted, from what, for whom",
        )
    return Finding(
        Outcome.MANUAL,
        f"{len(own)} own words, the commands are there",
        "somebody who does not know it gets a prediction",
        "follow README.md",
    )


@requirement(
    "SPN6", 1, "H", "CMU capstone and Duke AIPI 549 final presentation", ("tradeoffs", "advise"), scaffold="own"
)
def final(examined: Examined) -> Finding:
    """Final presentation and reflection grounded in the measured results."""
    asked = ("problem", "results", "reflection")
    lacking = [f"{name}: {reason}" for name in asked if (reason := spoken(examined, REPORT, name))]
    if lacking:
        outcome = Outcome.SCAFFOLD if len(lacking) == len(asked) else Outcome.FAIL
        return Finding(outcome, "; ".join(lacking), "a report in the team's words", remedy=f"write {REPORT}")
    text = examined.project.text(REPORT)
    told = prose.figures(text)
    values = [v for v in figures_of(examined).values() if v]
    held = [v for v in values if any(abs(v - t) <= 0.005 * max(abs(v), 1e-3) or abs(100 * v - t) <= 0.5 for t in told)]
    if len(held) < 2:
        return Finding(
            Outcome.FAIL,
            f"{len(held)} measured figures in the report",
            "the measured results",
            remedy=f"name the figures of reports/ in {REPORT}",
        )
    return Finding(
        Outcome.MANUAL,
        f"{len(held)} measured figures in the report",
        "presentation and reflection follow from them",
        f"read {REPORT}",
    )


ALL = (charter, status, rights, contributions, outsider, final)
