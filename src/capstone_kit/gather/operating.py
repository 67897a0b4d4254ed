"""What the team's instructions and monitors do when the examiner follows them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from capstone_kit.evidence import NoEvidenceError
from capstone_kit.gather.lab import Lab
from capstone_kit.gather.pipeline import Rerun
from capstone_kit.gather.stages import SPLITS
from capstone_kit.project import Project
from capstone_kit.sandbox import Limits

if TYPE_CHECKING:  # a quick `capstone check` loads neither
    import pandas as pd

RUNBOOK = "docs/runbook.md"
BLOCK = re.compile(r"^```console run\n(.*?)^```", re.MULTILINE | re.DOTALL)
RESAMPLES, SHIFTS = 4, 2
DRIFT = ("python", "-m", "project.drift")


@dataclass(frozen=True)
class Followed:
    """The commands of the runbook that are marked to be run."""

    commands: int
    failed: tuple[str, ...]  # with the last line that each printed


@dataclass(frozen=True)
class Drift:
    """What the drift monitor said."""

    resamples: int
    false_alarms: int
    shifts: int
    alarms: int


def follow(lab: Lab, first: Rerun) -> Followed:
    """Run the marked blocks of the runbook, one command after the other, in a copy of the re-run."""
    lab.say("following the runbook")
    blocks = BLOCK.findall(lab.project.text(RUNBOOK))
    commands = [line.strip() for block in blocks for line in block.splitlines() if line.strip() and line[0] != "#"]
    work = lab.copy("runbook", first.work)
    failed = []
    for command in commands:
        words = command.removeprefix("uv run ")
        done = lab.box.run(work, "sh", "-c", words, limits=Limits(seconds=300))
        if done.status != 0:
            lines = [line.strip() for line in done.output.splitlines() if line.strip()]
            failed.append(f"{command}: {lines[-1] if lines else done.stopped or done.status}")
    return Followed(len(commands), tuple(failed))


def watch(lab: Lab, first: Rerun) -> Drift:
    """Give the monitor resamples of the test rows, and batches whose numbers are shifted."""
    import numpy as np
    import pandas as pd

    lab.say("shifting rows under the drift monitor")
    work = lab.copy("drift", first.work)
    path = work / SPLITS / "test.csv"
    if not path.is_file():
        raise NoEvidenceError(f"the run wrote no {SPLITS}/test.csv", blame=True)
    rows = pd.read_csv(path, dtype=str, na_filter=False, lineterminator="\n")
    rng, features = np.random.default_rng(lab.seed), [f for f in lab.project.fields() if f.get("role") == "feature"]
    batches = [rows.sample(len(rows), replace=True, random_state=int(rng.integers(2**31))) for _ in range(RESAMPLES)]
    alarms = [_alarm(lab, work, batch) for batch in batches]
    shifted = [_alarm(lab, work, _shifted(rows, features)) for _ in range(SHIFTS)]
    return Drift(RESAMPLES, sum(alarms), SHIFTS, sum(shifted))


def _shifted(rows: pd.DataFrame, features: list[dict]) -> pd.DataFrame:
    """Move each number by two standard deviations, and leave each category to its rarest value."""
    import pandas as pd

    moved = rows.copy()
    for field in features:
        name = str(field["name"])
        if name not in rows:
            continue
        numbers = pd.to_numeric(rows[name], errors="coerce")
        if numbers.notna().mean() > 0.5 and field.get("type") in ("number", "integer"):
            changed = numbers + 2 * numbers.std()
            moved[name] = (changed.round() if field["type"] == "integer" else changed).map(
                lambda value: "" if pd.isna(value) else f"{value:g}"
            )
        else:
            moved[name] = rows[name].value_counts().index[-1]
    return moved


def _alarm(lab: Lab, work: Path, batch: pd.DataFrame) -> bool:
    batch.to_csv(work / "batch.csv", index=False, lineterminator="\n")
    report = work / "reports" / "drift.json"
    report.unlink(missing_ok=True)
    done = lab.box.run(work, *DRIFT, "batch.csv", limits=Limits(seconds=300))
    if not report.is_file():
        lines = [line.strip() for line in done.output.splitlines() if line.strip()]
        raise NoEvidenceError(f"`{' '.join(DRIFT)} batch.csv`: {lines[-1] if lines else 'no report'}", blame=True)
    try:
        return bool(json.loads(Project(work).text("reports/drift.json"))["alarm"])
    except (ValueError, KeyError, TypeError):
        raise NoEvidenceError("reports/drift.json holds no `alarm`", blame=True) from None
