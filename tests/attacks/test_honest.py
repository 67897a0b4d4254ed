"""The reference project, graded wholly from the command line: what honest work earns."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
SLOW = "the machine may be slow"  # said of a time that another program may have taken


def test_honest_work_earns_more_than_ninety(honest: Path, graders_cache: Path, tmp_path: Path) -> None:
    """Of 100 points at most nine are left to a person, and every other one is earned, by one `capstone grade`."""
    command = [sys.executable, "-m", "capstone_kit", "grade", str(honest), "--out", str(tmp_path), "--seed", "11"]
    subprocess.run(command, check=True, env=dict(os.environ) | {"CAPSTONE_CACHE": str(graders_cache)})
    report = json.loads((tmp_path / honest.name / "capstone-report.json").read_text(encoding="utf-8"))
    unearned = [r for r in report["results"] if r["points"] != r["maximum"]]
    slow = sum(r["maximum"] for r in unearned if r["outcome"] == "inconclusive" and SLOW in r["observed"])
    assert {r["outcome"] for r in unearned} <= {"manual", "inconclusive"}, unearned
    assert report["maximum"] == 100
    assert report["score"] + slow > 90, unearned
