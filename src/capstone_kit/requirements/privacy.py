"""Personal data where none should be: in what is committed, and in what the system writes."""

import re
from collections.abc import Iterator
from pathlib import Path

from capstone_kit.gather.pipeline import Rerun
from capstone_kit.project import DATA_CONTRACT, KitError, Project
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome

PLACES = ("data/sample.csv", "reports", "logs", "notebooks", "models")
LARGEST = 5_000_000  # bytes of a file that is looked into
FEW = 2  # hits of a kind that may be chance
KINDS = {
    "e-mail addresses": re.compile(r"\b[\w.+-]{2,}@[\w-]{2,}\.[a-z]{2,}\b"),
    "telephone numbers": re.compile(r"(?<![\w.,-])\+\d{1,3}[ -]\(?\d{2,4}\)?[ -]\d{3,4}[ -]?\d{2,4}(?![\w.])"),
    "US social security numbers": re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"),
    "IBANs": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b"),
}
HARMLESS = re.compile(r"@(?:example|localhost|users\.noreply)|\.example\b|example\.(?:com|org|edu)")


@requirement("GOV5", 1, "R", "GDPR, article 5; NIST AI RMF, Measure 2.10", ("ethics",), family="governance")
def no_personal_data(examined: Examined) -> Finding:
    """No personal data in samples, logs or artifacts."""
    work = Project(examined.evidence[Rerun].work)
    names = {str(f["name"]) for f in examined.project.fields() if f.get("personal") and f.get("role") == "feature"}
    if names:
        observed = f"the model is given what the contract calls personal: {', '.join(sorted(names)[:3])}"
        return Finding(Outcome.FAIL, observed, "none among the features", f"cat {DATA_CONTRACT}", "exclude the columns")
    hits = [hit for project in (examined.project, work) for hit in found(project)]
    if hits:
        return Finding(Outcome.FAIL, "; ".join(hits[:3]), "none", "", "leave them out, or replace them by a number")
    return Finding(Outcome.PASS, f"nothing in {', '.join(PLACES)} looks like a person's")


def found(project: Project) -> Iterator[str]:
    """Name the files in which several values look like a person's."""
    for name in _files(project):
        try:
            text = project.text(name)
        except KitError:
            continue
        for kind, pattern in KINDS.items():
            values = {hit[0] for hit in pattern.finditer(text) if not HARMLESS.search(hit[0])}
            if len(values) > FEW:
                yield f"{name} holds {len(values)} {kind}"


def _files(project: Project) -> Iterator[str]:
    for place in PLACES:
        path = project.path(place)
        every = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in every:
            if file.suffix.lower() in (".csv", ".json", ".jsonl", ".md", ".txt", ".log", ".svg", ".ipynb", ".html"):
                name = file.relative_to(project.root).as_posix()
                if project.exists(name) and Path(file).stat().st_size <= LARGEST:
                    yield name


ALL = (no_personal_data,)
