"""Print the notes of a release: what changed, which model and data it holds, and what was measured.

Run after `dvc repro`, in a clone with its tags: `uv run python deploy/notes.py v1.2`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def git(*words: str) -> str:
    """Give what git says, "" where it fails."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: S607
    return done.stdout.strip() if done.returncode == 0 else ""


def changes(tag: str) -> str:
    """Give the subjects of the commits since the tag before."""
    before = git("describe", "--tags", "--abbrev=0", f"{tag}^")
    commits = git("log", "--no-merges", "--format=- %s (%h)", f"{before}..{tag}" if before else tag)
    return f"## Changes since {before or 'the beginning'}\n{commits or '- none'}\n"


def origin(receipt: dict[str, Any]) -> str:
    """Give what the model was made from, as a table."""
    rows = {
        "model": f"{receipt['model_name']} version {receipt['model_version']}",
        "Bento": receipt["bento_tag"],
        "SHA-256 of the model": receipt["model_sha256"],
        "SHA-256 of the data": receipt["data_sha256"],
        "SHA-256 of the contracts": receipt["contract_sha256"],
        "SHA-256 of dvc.lock": receipt["dvc_lock_sha256"],
        "trained at commit": receipt["git_commit"] + (" and uncommitted changes" * (receipt["git_dirty"] == "true")),
        "MLflow run": receipt["mlflow_run_id"],
    }
    table = "".join(f"| {name} | `{value}` |\n" for name, value in rows.items())
    return f"## Model and data\n| | |\n|---|---|\n{table}"


def measured(metrics: dict[str, dict[str, float]]) -> str:
    """Give the metrics on the test rows with their intervals, as a table."""
    table = "## Measured on the test rows\n| metric | value | 95 % interval |\n|---|---|---|\n"
    for name, m in metrics.items():
        interval = f"{m['low']:.4g} to {m['high']:.4g}" if "low" in m else ""  # counts have none
        table += f"| {name} | {m['value']:.4g} | {interval} |\n"
    return table


def main() -> None:
    """Print the notes."""
    if len(sys.argv) != 2:
        sys.exit("usage: notes.py TAG")
    try:
        receipt, metrics = (
            json.loads(Path(name).read_text(encoding="utf-8"))
            for name in ("models/receipt.json", "reports/metrics.json")
        )
    except FileNotFoundError as error:
        sys.exit(f"error: {error.filename} is missing: run `uv run dvc repro`")
    print("\n".join([changes(sys.argv[1]), origin(receipt), measured(metrics)]))


if __name__ == "__main__":
    main()
