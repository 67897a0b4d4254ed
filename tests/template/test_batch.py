"""Batch scoring killed in the middle, and of more rows than memory holds."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Repository

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SIGKILL, and limits of memory that hold")

ALL = bool(os.environ.get("CAPSTONE_ALL"))
LIMIT = 700 * 2**20


def write(path: Path, rows: int, group: int) -> int:
    """Write rows of the mechanical contract; give the bytes that they take in memory."""
    rng, size, file = np.random.default_rng(rows), 0, None
    for first in range(0, rows, group):
        n = min(group, rows - first)
        table = pa.table(
            {
                "product_quality": rng.choice(["L", "M", "H"], n),
                "air_temperature": rng.uniform(295, 304, n).round(1),
                "process_temperature": rng.uniform(305, 314, n).round(1),
                "rotational_speed": rng.integers(1_200, 2_800, n).astype(float),
                "torque": np.where(rng.random(n) < 0.01, 500.0, rng.uniform(4, 76, n).round(1)),  # beyond the contract
                "tool_wear": rng.integers(0, 250, n).astype(float),
            }
        )
        file = file or pq.ParquetWriter(path, table.schema)
        file.write_table(table)
        size += table.nbytes
    assert file
    file.close()
    return size


def start(
    repository: Repository, source: Path, folder: Path, preexec_fn: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [str(repository.path / ".venv/bin/python"), "-m", "project.batch", str(source), str(folder)],
        cwd=repository.path,
        env=repository.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=preexec_fn,
    )


def digests(folder: Path) -> dict[str, str]:
    """Give the hashes of the predictions."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.parquet"))}


def finish(process: subprocess.Popen[str]) -> str:
    """Give what a process that succeeds says."""
    said, errors = process.communicate(timeout=1_200)
    assert process.returncode == 0, errors
    return said


def test_scoring_killed_in_the_middle_ends_with_the_same_bytes(mechanical: Repository, tmp_path: Path) -> None:
    """SIGKILL twice, then the same command: each row once, and every byte as if nothing had happened."""
    rows, group = 200_000, 10_000
    source, peace, killed = tmp_path / "rows.parquet", tmp_path / "peace", tmp_path / "killed"
    write(source, rows, group)
    finish(start(mechanical, source, peace))
    for enough in (3, 9):
        process = start(mechanical, source, killed)
        while len(digests(killed)) < enough:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(digests(killed)) < rows // group
    said = finish(start(mechanical, source, killed))
    assert "of them by an earlier run" in said
    assert digests(killed) == digests(peace)
    assert json.loads((killed / "_job.json").read_text(encoding="utf-8"))["rows"] == rows
    found = pq.read_table(killed)
    assert found["row"].to_pylist() == list(range(rows))
    refused = found.filter(found["error"].is_valid())
    assert 0 < refused.num_rows < rows / 50
    assert refused["prediction"].null_count == refused.num_rows
    assert set(refused["error"].to_pylist()) == {'torque: found \'500\', constraint "maximum" is "120"'}


def test_two_at_once_do_not_write_to_one_folder(mechanical: Repository, tmp_path: Path) -> None:
    """The second says who is there, and the first finishes."""
    source, folder = tmp_path / "rows.parquet", tmp_path / "out"
    write(source, 600_000, 10_000)  # some seconds: the second has to start within them
    first = start(mechanical, source, folder)
    while not digests(folder):
        time.sleep(0.01)
    _, errors = (second := start(mechanical, source, folder)).communicate()
    assert (second.returncode, errors) == (1, f"error: another process is writing to {folder}\n")
    finish(first)


@pytest.mark.skipif(not ALL, reason="takes minutes: CAPSTONE_ALL=1 runs it")
def test_more_rows_than_memory_holds(mechanical: Repository, tmp_path: Path) -> None:
    """A process that may have 700 MB scores 20,000,000 rows in row groups of 4,000,000, which take more than that."""
    source, folder, rows = tmp_path / "rows.parquet", tmp_path / "out", 20_000_000
    assert write(source, rows, 4_000_000) > LIMIT

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))

    finish(start(mechanical, source, folder, preexec_fn=limit))
    assert pq.read_table(folder, columns=["row"]).num_rows == rows
