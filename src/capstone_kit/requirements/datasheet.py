"""The datasheet, compared with the data themselves."""

import hashlib

from capstone_kit import prose
from capstone_kit.evidence import Recomputed
from capstone_kit.project import KitError
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.requirements.documents import grounded, spoken
from capstone_kit.result import Finding, Outcome

SHEET = "docs/datasheet.md"
RAW = "data/raw.csv"
OWN = ("motivation", "collection", "preprocessing", "uses", "distribution")


@requirement(
    "DAT4",
    2,
    "SR",
    "Datasheets for Datasets (Gebru and others, 2021)",
    ("ethics", "limits"),
    scaffold="own",
    family="data",
)
def datasheet(examined: Examined) -> Finding:
    """The datasheet is filled in and its row count, columns and hash equal the real data."""
    remedy = f"answer in {SHEET} what stands behind **To answer**"
    if examined.scaffold.untouched(examined.project, SHEET):
        return Finding(Outcome.SCAFFOLD, f"{SHEET} is as it was generated", "the team's own data", remedy=remedy)
    facts = _composition(examined)
    if facts.outcome is not Outcome.PASS:
        return facts
    lacking = {name: spoken(examined, SHEET, name) for name in OWN}
    open_ = [f"{name}: {reason}" for name, reason in lacking.items() if reason]
    if reason := grounded(examined, examined.project.text(SHEET)):
        return Finding(Outcome.FAIL, reason, "a sheet of this data", remedy=remedy)
    if not open_:
        return Finding(Outcome.PASS, f"sections filled in; {facts.observed}")
    share = 1 - len(open_) / len(OWN)
    outcome = Outcome.PARTIAL if share else Outcome.SCAFFOLD
    return Finding(outcome, "; ".join(open_), "the team's own answers", remedy=remedy, share=share)


def _composition(examined: Examined) -> Finding:
    """Hold the sheet's rows and columns against the contract and the data."""
    text, remedy = examined.project.text(SHEET), "`uv run capstone adopt` writes these facts anew"
    rows = next((row[1] for row in prose.rows(text) if len(row) > 1 and row[0].lower() == "rows"), "")
    told = prose.figures(rows)
    real, where = _real(examined)
    if real not in told:
        return Finding(Outcome.FAIL, f"rows: {rows or 'not stated'}", f"{real:,} rows, as in {where}", remedy=remedy)
    fields = [str(field["name"]) for field in examined.project.fields()]
    plain = text.replace("\\", "")
    unnamed = [name for name in fields[:60] if " ".join(name.split()) not in plain]
    if unnamed:
        return Finding(Outcome.FAIL, f"the sheet does not name {', '.join(unnamed[:5])}", "every column", remedy=remedy)
    return Finding(Outcome.PASS, f"{real:,} rows and {len(fields)} columns, as in {where}")


def _real(examined: Examined) -> tuple[int, str]:
    """Give how many rows there are, and where that was seen; the hash is held against `dvc.lock`."""
    locked = _locked(examined)
    if Recomputed in examined.evidence:
        found = examined.evidence[Recomputed]
        if locked and found.md5 != locked:
            raise KitError(f"dvc.lock says {RAW} has the md5 {locked}, the re-run's has {found.md5}")
        return found.rows, f"the re-run's {RAW}"
    if examined.project.exists(RAW):
        content = examined.project.bytes(RAW)
        if locked and hashlib.md5(content, usedforsecurity=False).hexdigest() != locked:
            raise KitError(f"dvc.lock says {RAW} has the md5 {locked}, the file has another: `uv run dvc repro`")
        return _count(content), RAW
    import json

    return int(json.loads(examined.project.text("reports/validation.json"))["rows"]), "reports/validation.json"


def _count(content: bytes) -> int:
    import csv
    import io

    return sum(1 for _ in csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))) - 1


def _locked(examined: Examined) -> str:
    if not examined.project.exists("dvc.lock"):
        raise KitError("dvc.lock is missing: `uv run dvc repro`, and commit it")
    stages = (examined.project.plain("dvc.lock") or {}).get("stages", {})
    outs = (out for stage in stages.values() for out in stage.get("outs", []))
    return next((str(out.get("md5", "")) for out in outs if out.get("path") == RAW), "")


ALL = (datasheet,)
