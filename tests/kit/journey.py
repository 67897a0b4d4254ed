"""What a student does with a table of their own in a generated repository, from the command line."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from conftest import Repository

ALL = bool(os.environ.get("CAPSTONE_ALL"))
LEFT_OUT = "CAPSTONE_ALL=1 (make test-all) runs it"
QUICK = {"trials": 1, "folds": 2, "bootstrap": 100}
TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Student:
    """A clone of a generated repository, in which commands are run."""

    repository: Repository

    def adopts(self, source: Path, target: str, *wishes: str) -> subprocess.CompletedProcess[str]:
        """Run `capstone adopt` as it stands in the documentation; whatever the outcome, no traceback is shown."""
        words = ["uv", "run", "capstone", "adopt", str(source), "--target", target, *wishes, "--yes"]
        done = self.repository.run(*words, check=False)
        assert TRACEBACK not in done.stdout + done.stderr, done.stderr
        return done

    def searches_less(self) -> None:
        """Shorten the search and the resampling in params.yaml, as a person does who tries things out."""
        path = self.repository.path / "params.yaml"
        text = path.read_text(encoding="utf-8")
        for name, number in QUICK.items():
            text, found = re.subn(rf"(?m)^(\s+{name}:) \d+", rf"\1 {number}", text)
            assert found == 1, name
        path.write_text(text, encoding="utf-8", newline="\n")

    def trains(self) -> None:
        """Run the pipeline, then the service, and ask it for a prediction."""
        self.repository.run("uv", "run", "dvc", "repro")
        shown = self.repository.run("uv", "run", "python", "-m", "project.smoke").stdout
        assert "predicts" in shown, shown

    @property
    def status(self) -> str:
        """Give what git sees, file by file, with the content of what is tracked."""
        shown = self.repository.run("git", "status", "--porcelain", "--untracked-files=all").stdout
        return shown + self.repository.run("git", "diff").stdout


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one sentence with which adoption ended with exit status 1; fails if it ended otherwise."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1, f"exit status {done.returncode}: {done.stderr[-2000:]}"
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: "), done.stderr
    return lines[0].removeprefix("error: ")
