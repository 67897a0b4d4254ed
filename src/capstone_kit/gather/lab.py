"""Where evidence is made: a clean clone, a place to run its code, a seed, and the examiner's own code beside it."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capstone_kit.evidence import NoEvidenceError
from capstone_kit.project import Project
from capstone_kit.sandbox import Box, Done, Limits
from capstone_kit.scaffold import Scaffold

NO_CARD = re.compile(
    r"no NVIDIA driver|not compiled with CUDA|no (CUDA|HIP) GPUs|no CUDA-capable device|CUDA driver version|MPS backend"
)
JUDGE = Path(__file__).parents[1] / "judge"


@dataclass(frozen=True)
class Lab:
    """What the makers of evidence are given. Nothing in `clone` is ever changed: they work in copies."""

    clone: Path  # a clean clone at the commit under examination
    scratch: Path  # an empty folder for copies
    box: Box  # runs the project's code
    judge: Box  # runs the examiner's own code, with the examiner's packages; sees the project's files as data only
    pristine: Path  # `src` of a freshly rendered template, from which the judge imports `project`
    seed: int
    scaffold: Scaffold  # what the template alone would have made
    tools: Path  # a folder with the coverage measurement, for the project's processes
    limits: Limits = field(default_factory=Limits)
    left_out: tuple[str, ...] = ()  # packages of the lock file that could not be installed
    withheld: Path | None = None  # rows that the team has never seen: CSV with the contract's columns
    say: Callable[[str], None] = field(default=lambda _: None)  # progress, one line at a time

    @property
    def project(self) -> Project:
        """The clone, to be read."""
        return Project(self.clone)

    def copy(self, name: str, source: Path | None = None) -> Path:
        """Give a new working copy of the clone (or of `source`), in a folder of its own."""
        work = self.scratch / name / "project"
        shutil.copytree(source or self.clone, work, symlinks=True)
        return work

    def judged(self, script: str, files: Mapping[str, Path], request: Mapping[str, Any]) -> Any:
        """Run one of the examiner's scripts (a module in `capstone_kit/judge`) in a new folder and give its answer.

        The folder holds copies of `files` by their names below it. The script imports `project` from the pristine
        template, never a module of the team's, and may therefore be given labels. Raises `NoEvidenceError`.
        """
        work = Path(tempfile.mkdtemp(prefix=f"judge-{script}-", dir=self.scratch))
        for name, source in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, work / name, follow_symlinks=False)
        (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
        code = self.judge.inside(JUDGE / f"{script}.py")
        done = self.judge.run(
            work, "python", "-P", code, limits=self.limits, more={"PYTHONPATH": self.judge.inside(self.pristine)}
        )
        must(done, f"the examiner's {script}", blame=False)
        return read_json(Project(work), "answer.json")


def must(done: Done, what: str, blame: bool = True) -> Done:
    """Give `done` if it ended well. Raises `NoEvidenceError` that says how it did not."""
    if done.stopped:
        raise NoEvidenceError(f"{what} was stopped: it used too much {done.stopped}", blame=False)
    if done.status != 0:
        lines = [line.strip() for line in done.output.splitlines() if line.strip()]
        raise NoEvidenceError(f"{what} ended with {done.status}: {lines[-1] if lines else 'no output'}", blame)
    return done


def refuse_what_is_lacking(lab: Lab, done: Done, what: str) -> None:
    """Raise `NoEvidenceError`, and blame nobody, where a command failed for what the examiner's machine lacks."""
    if done.status == 0:
        return
    if said := next((line.strip() for line in done.output.splitlines() if NO_CARD.search(line)), ""):
        raise NoEvidenceError(f"{what} asks for an accelerator that this machine does not have: {said}")
    if lab.left_out and "ModuleNotFoundError" in done.output:
        raise NoEvidenceError(
            f"{what} asks for packages that are not on the examiner's index: {', '.join(lab.left_out)}"
        )


def read_json(project: Project, name: str) -> Any:
    """Read a JSON file that the project's code wrote. Raises `NoEvidenceError` where there is none that can be read."""
    try:
        return json.loads(project.text(name))
    except ValueError as error:
        raise NoEvidenceError(f"{name} is no JSON: {error}", blame=True) from None
