"""A generated repository in whose environment one process trains on table after table."""

import json
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import Repository

WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Trainer:
    """The running process."""

    process: subprocess.Popen[str]

    def ends(self, source: Path, target: str, wishes: Sequence[str]) -> tuple[str, str]:
        """Adopt and train; give how it ended and what was said."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"source": str(source), "target": target, "wishes": list(wishes)}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the worker has ended"
        found = json.loads(answer)
        return found["end"], found["said"]


@contextmanager
def training(repository: Repository, folder: Path) -> Generator[Trainer]:
    """Clone `repository` into `folder`, install it, and give the process that trains there."""
    clone = repository.clone(folder)
    clone.run("uv", "sync", "--quiet")
    with (repository.home / "worker.log").open("w") as log:
        process = subprocess.Popen(
            ["uv", "run", "python", str(WORKER)],
            cwd=clone.path,
            env=clone.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
        )
        try:
            yield Trainer(process)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(60)
