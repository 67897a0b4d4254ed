"""Trains on one table after another within one process of a generated repository, so that imports are paid once.

Each line of standard input is a JSON object with `source`, `target` and `wishes`; each line of the answer says under
`end` how it ended: `refused` (by adoption), `stopped` (a stage ended in a sentence), `unmet` (the model is registered,
but does not keep a proposed criterion), `trained`, or `bug`; and under `said` the sentence or the traceback.
"""

import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

STAGES = ("ingest", "validate", "split", "train", "evaluate", "register")
QUICK = {"trials": 1, "folds": 2, "bootstrap": 100}


def adopted(source: str, target: str, wishes: list[str]) -> str:
    """Adopt the table; give what the command said if it ended in a refusal."""
    words = ["capstone", "adopt", source, f"--target={target}", *wishes, "--yes"]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8")
    return done.stderr if done.returncode else ""


def searches_less(path: Path) -> None:
    """Shorten the search and the resampling."""
    text = path.read_text(encoding="utf-8")
    for name, number in QUICK.items():
        text = re.sub(rf"(?m)^(\s+{name}:) \d+", rf"\1 {number}", text)
    path.write_text(text, encoding="utf-8", newline="\n")


def trained(source: str, target: str, wishes: list[str]) -> dict[str, Any]:
    """Adopt and run the stages; say how it ended."""
    for command in (["git", "reset", "--quiet", "--hard"], ["git", "clean", "-fdq"]):
        subprocess.run(command, check=True)
    if said := adopted(source, target, wishes):
        return {"end": "refused" if said.startswith("error: ") else "bug", "said": said}
    searches_less(Path("params.yaml"))
    stage = importlib.import_module("project.stage")
    for name in STAGES:
        try:
            importlib.import_module(f"project.{name}").main()
        except stage.ProjectError as error:
            unmet = name == "register" and "does not become champion" in str(error)
            return {"end": "unmet" if unmet else "stopped", "said": f"{name}: {error}"}
        except Exception:
            return {"end": "bug", "said": f"{name}: {traceback.format_exc()}"}
    return {"end": "trained", "said": ""}


def main() -> None:
    """Answer line by line; what the stages print goes to standard error."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for line in sys.stdin:
        asked = json.loads(line)
        with contextlib.redirect_stdout(sys.stderr):
            answer = trained(asked["source"], asked["target"], asked["wishes"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
