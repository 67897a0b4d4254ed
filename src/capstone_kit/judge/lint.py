"""Lint, formatting and types under the examiner's configuration: the `pyproject.toml` beside this request.

Request: `python`, the environment whose packages the types come from. Answer: a list for `lint`, `format` and `types`,
each finding with `file`, `line` and `text`. No code of the project is run.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

TYPES = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):\d+: error(?P<text>.*)$", re.MULTILINE)
FOLDERS = [name for name in ("src", "tests") if Path(name).is_dir()]


def run(*words: str) -> str:
    """Run a tool of the examiner's environment; give what it printed."""
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # else ty reads the template's
    command = [sys.executable, "-P", "-m", *words]
    done = subprocess.run(command, env=alone, capture_output=True, text=True, encoding="utf-8")
    if done.returncode not in (0, 1):
        sys.exit(done.stderr[-500:] or done.stdout[-500:])
    return done.stdout


def lint() -> list[dict[str, Any]]:
    """Give what ruff finds."""
    found = json.loads(run("ruff", "check", "--no-cache", "--output-format", "json", *FOLDERS) or "[]")
    here = Path.cwd()
    return [
        {
            "file": Path(f["filename"]).relative_to(here).as_posix(),
            "line": f["location"]["row"],
            "text": f"{f['code']} {f['message']}",
        }
        for f in found
    ]


def formatted() -> list[dict[str, Any]]:
    """Give the files that the formatter would change."""
    lines = run("ruff", "format", "--no-cache", "--check", *FOLDERS).splitlines()
    names = [line.removeprefix("Would reformat: ") for line in lines if line.startswith("Would reformat: ")]
    return [{"file": name, "line": 1, "text": "not as the formatter writes it"} for name in names]


def types(python: str) -> list[dict[str, Any]]:
    """Give what the type checker finds in `src`."""
    told = run("ty", "check", "--output-format", "concise", "--python", python, "src")
    return [{"file": m["file"], "line": int(m["line"]), "text": m["text"].strip()} for m in TYPES.finditer(told)]


def main() -> None:
    """Run all three."""
    request = json.loads(Path("request.json").read_text(encoding="utf-8"))
    answer = {"lint": lint(), "format": formatted(), "types": types(request["python"])}
    Path("answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
