"""Measure the template against baselines in the same run, and write the table to docs/benchmarks.md.

Needs git, uv, wrk and caches that an earlier run has filled. Figures are ratios because machines differ: a row holds if
its ratio keeps the bound, and the command ends with status 1 if a row does not.
"""

import http.client
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).parent
TEMPLATE = BENCH.parent
TABLE = TEMPLATE / "docs" / "benchmarks.md"
ENV = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")} | {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PREDICTION_LOG": "off",
}
ROW = {
    "product_quality": "L", "air_temperature": 300.1, "process_temperature": 310.2, "rotational_speed": 1512.0,
    "torque": 40.3, "tool_wear": 101.0,
}  # fmt: skip
MANY = 10_000


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, against what, and the bound of their ratio."""

    what: str
    ours: str
    baseline: str
    ratio: float
    bound: str

    @property
    def holds(self) -> bool:
        """Whether the ratio keeps the bound ("at most 2" or "at least 0.8"); a bound of "" is for information."""
        if not self.bound:
            return True
        limit = float(self.bound.split()[-1])
        return self.ratio <= limit if self.bound.startswith("at most") else self.ratio >= limit


def run(*command: str | Path, cwd: Path, env: dict[str, str] = ENV) -> float:
    """Run a command that has to succeed; give its seconds."""
    started = time.perf_counter()
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - started


def median(measure: Callable[[], float], repeats: int = 5) -> float:
    """Give the median of several measurements."""
    return statistics.median(measure() for _ in range(repeats))


def program(name: str) -> str:
    """Give the path of a program that has to be there."""
    found = shutil.which(name)
    if not found:
        sys.exit(f"{name} is missing")
    return found


def free_port() -> int:
    """Give a loopback port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def server(command: list[str], path: str, cwd: Path) -> Generator[int]:
    """Start a server (`{port}` stands for its port), wait until `path` answers 200, give the port, stop it."""
    port = free_port()
    words = [word.format(port=port) for word in command]
    process = subprocess.Popen(words, cwd=cwd, env=ENV, stdout=-3, stderr=-3, start_new_session=True)
    try:
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    break
            except OSError:
                pass
            time.sleep(0.1)
        else:
            sys.exit(f"{' '.join(words)} did not start")
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def load(port: int, path: str, body: str, connections: int, seconds: int = 4) -> tuple[float, float]:
    """Give requests/s and the 99th percentile in ms of posts to `path`, by wrk from one thread."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
        script.write(f'wrk.method="POST"\nwrk.headers["Content-Type"]="application/json"\nwrk.body=[==[{body}]==]\n')
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", script.name]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    Path(script.name).unlink()
    if "Non-2xx" in said:
        sys.exit(f"port {port}{path} answered with errors:\n{said}")
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert tail and rate, said
    return float(rate[1]), float(tail[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[tail[2]]


def posts(port: int, path: str, body: bytes, repeats: int = 1) -> float:
    """Give the seconds of a post: the median of several over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post() -> float:
        started = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            sys.exit(f"port {port}{path} answered {response.status}")
        return time.perf_counter() - started

    return median(post, repeats)


def generate(folder: Path, *, lock: bool) -> float:
    """Generate a repository with default answers into `folder`; without the lock file uv is hidden from the hook."""
    env = dict(ENV)
    if not lock:
        tools = folder / "tools"
        tools.mkdir()
        (tools / "git").symlink_to(program("git"))
        env["PATH"] = str(tools)
    return run(program("cookiecutter"), TEMPLATE, "--no-input", "-o", folder, cwd=folder, env=env)


def generation() -> list[Row]:
    """Generate, git included, against starting cookiecutter plus `git init` and a commit of the same files."""

    def ours() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return generate(Path(folder), lock=False)

    def baseline() -> float:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "README.md").write_text("# An empty project\n")
            seconds = run("cookiecutter", "--version", cwd=root) + run("git", "init", "-q", cwd=root)
            return seconds + run("git", "add", "-A", cwd=root) + run("git", "commit", "-qm", "first", cwd=root)

    a, b = median(ours), median(baseline)
    return [Row("generate a repository, git included", f"{a:.2f} s", f"{b:.2f} s", a / b, "at most 2")]


def pipeline(repository: Path, seconds: dict[str, float]) -> list[Row]:
    """Run the pipeline against the plain script, the no-op against `dvc status`, and all three promises together."""
    uv = ("uv", "run", "--no-sync")
    once = seconds["repro"]
    again = [run(*uv, "dvc", "repro", "--force", cwd=repository) for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        script = (*uv, "--project", repository, "python", BENCH / "plain_script.py", repository)
        plain = median(lambda: run(*script, cwd=Path(folder)), 3)
        searching = median(lambda: run(*script, "--search", cwd=Path(folder)), 3)
    repro = statistics.median([once, *again])
    noop = median(lambda: run(*uv, "dvc", "repro", cwd=repository), 3)
    status = median(lambda: run(*uv, "dvc", "status", cwd=repository), 3)
    total = sum(seconds.values())
    parts = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    limit = "at most 1"
    return [
        Row(f"generated to tested, tracked, served ({parts})", f"{total:.0f} s", "60 s", total / 60, limit),
        Row(
            "`dvc repro`, plain script, same search",
            f"{repro:.1f} s",
            f"{searching:.1f} s",
            repro / searching,
            "at most 2.5",
        ),
        Row("`dvc repro`, plain script without a search", f"{repro:.1f} s", f"{plain:.1f} s", repro / plain, ""),
        Row(
            "`dvc repro` with nothing to do, `dvc status`",
            f"{noop:.2f} s",
            f"{status:.2f} s",
            noop / status,
            "at most 1.5",
        ),
    ]


def one_row(repository: Path) -> list[Row]:
    """Predict one row in process."""
    command = ["uv", "run", "--no-sync", "python", str(BENCH / "one_row.py")]
    said = subprocess.run(command, cwd=repository, env=ENV, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said)
    ours, theirs = found["ours"], found["sklearn"]
    what = "one row in process, JSON to JSON; scikit-learn's `predict`"
    return [Row(what, f"{ours * 1e6:.0f} µs", f"{theirs * 1e6:.0f} µs", theirs / ours, "at least 20")]


def serving(repository: Path) -> list[Row]:
    """Serve one row and many, each in turn against bare FastAPI and `mlflow models serve`."""
    uv = ["uv", "run", "--no-sync"]
    fastapi = [*uv, "uvicorn", "--app-dir", str(BENCH), "bare_fastapi:app", "--port", "{port}", "--no-access-log"]
    bare = [*fastapi, "--http", "h11", "--loop", "asyncio"]
    bento = [*uv, "bentoml", "serve", "--port", "{port}"]
    model = json.loads((repository / "models/receipt.json").read_text(encoding="utf-8"))
    uri = f"models:/{model['model_name']}@champion"
    mlflow = [*uv, "mlflow", "models", "serve", "-m", uri, "--env-manager", "local", "--port", "{port}"]
    body = json.dumps(ROW)
    numbers = [value for value in ROW.values() if isinstance(value, float)]
    tensors = json.dumps({"inputs": {"numbers": [numbers], "texts": [[ROW["product_quality"]]]}})
    rows: list[Row] = []
    with (
        server(bento, "/readyz", repository) as ours,
        server(bare, "/docs", repository) as plain,
        server(fastapi, "/docs", repository) as tuned,
        server(mlflow, "/ping", repository) as scoring,
    ):
        for count in (1, 8, 32):
            mine = [load(ours, "/predict", body, count) for _ in range(2)]
            others = {
                "bare FastAPI, `def`": [load(plain, "/predict", body, count) for _ in range(2)],
                "bare FastAPI, `async def`": [load(plain, "/predict_async", body, count)],
                "FastAPI with httptools, `def`": [load(tuned, "/predict", body, count)],
                "`mlflow models serve`": [load(scoring, "/invocations", tensors, count)],
            }
            mine.append(load(ours, "/predict", body, count))
            a, a99 = (statistics.median(values) for values in zip(*mine, strict=True))
            for name, found in others.items():
                b, b99 = (statistics.median(values) for values in zip(*found, strict=True))
                bound = {"bare FastAPI, `def`": "at least 0.8", "`mlflow models serve`": "at least 1"}.get(name, "")
                rows.append(Row(f"requests/s, {count} connections; {name}", f"{a:.0f}", f"{b:.0f}", a / b, bound))
                if bound == "at least 0.8":
                    rows.append(
                        Row(
                            f"p99, {count} connections; {name}",
                            f"{a99:.1f} ms",
                            f"{b99:.1f} ms",
                            a99 / b99,
                            "at most 2",
                        )
                    )
        many = json.dumps([ROW | {"torque": 20 + i / 250, "tool_wear": i % 200} for i in range(MANY)]).encode()
        both = ((ours, "/predict"), (plain, "/predict_many"))
        turns = [[posts(port, path, many, 9) for port, path in both] for _ in range(5)]
        a, b = (statistics.median(turn) for turn in zip(*turns, strict=True))
        what = f"{MANY:,} rows in one request; FastAPI, one pydantic object a row"
        rows.append(Row(what, f"{MANY / a:,.0f} rows/s", f"{MANY / b:,.0f} rows/s", b / a, "at least 10"))
    return rows


def environment(repository: Path) -> list[Row]:
    """Give the size of the environment, compiled bytecode left out, as `du` counts it and as the sum of file sizes."""
    files = [f for f in (repository / ".venv").rglob("*") if f.is_file() and not f.is_symlink() and f.suffix != ".pyc"]
    blocks = sum(f.stat().st_blocks * 512 for f in files) / 2**20
    size = sum(f.stat().st_size for f in files) / 2**20
    what = f"environment, development tools included ({blocks:.0f} MiB in disk blocks)"
    return [Row(what, f"{size:.0f} MiB", "850 MiB", size / 850, "at most 1")]


def first_steps(repository: Path) -> dict[str, float]:
    """Take a generated repository to green tests, a tracked model and a served prediction; give the seconds of each."""
    seconds = {
        "sync": run("uv", "sync", "--quiet", cwd=repository),
        "test": run("uv", "run", "pytest", "-q", cwd=repository),
        "repro": run("uv", "run", "dvc", "repro", cwd=repository),
    }
    started = time.perf_counter()
    with server(["uv", "run", "bentoml", "serve", "--port", "{port}"], "/readyz", repository) as port:
        posts(port, "/predict", json.dumps(ROW).encode())
        seconds["serve"] = time.perf_counter() - started
    return seconds


def line(row: Row) -> str:
    """Give a row of the table."""
    verdict = ("yes" if row.holds else "**no**") if row.bound else ""
    return f"| {row.what} | {row.ours} | {row.baseline} | {row.ratio:.2f} | {row.bound} | {verdict} |"


def write(rows: list[Row]) -> None:
    """Write the table to the documentation."""
    head = [
        "| measured; against | template | baseline | ratio | bound | holds |",
        "| --- | ---: | ---: | ---: | --- | --- |",
    ]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, CPython {platform.python_version()}"
    text = f"# Benchmarks\n\nWritten by `make bench`. Machine: {machine}. Baselines ran in the same run.\n\n"
    notes = (TEMPLATE / "docs" / "benchmarks-notes.md").read_text(encoding="utf-8")
    lines = [*head, *map(line, rows), "", notes]
    TABLE.write_text(text + "\n".join(lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Measure everything in a temporary folder; print each row as soon as it is known."""
    from grading import grading

    for tool in ("git", "uv", "wrk", "cookiecutter"):
        program(tool)
    rows: list[Row] = []

    def add(measured: Iterable[Row]) -> None:
        for row in measured:
            rows.append(row)
            print(line(row), flush=True)

    add(generation())
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), lock=True)
        repository = Path(folder) / "capstone-project"
        run("uv", "sync", "--quiet", cwd=repository)  # fills uv's cache where it is cold
        shutil.rmtree(repository / ".venv")
        add(pipeline(repository, first_steps(repository)))
        for part in (one_row, serving, environment):
            add(part(repository))
    add(grading())
    write(rows)
    sys.exit(0 if all(row.holds for row in rows) else 1)


if __name__ == "__main__":
    main()
