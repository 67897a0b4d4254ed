"""Soak the service of a trained repository: `python bench/soak.py REPOSITORY [MINUTES]` writes docs/soak.md.

Measures the capacity with wrk, then asks half of it for ten minutes, with the prediction log on, as it is for users.
Ends with status 1 if a request failed or memory grew.
"""

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from run import ENV, ROW, TEMPLATE, program, server

PAGE = TEMPLATE / "docs" / "soak.md"
CONNECTIONS = 16
MOST_GROWTH = 0.02  # of the memory, between the second and the last fifth
RATE = r"Requests/sec:\s+([\d.]+)"
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[%s]==]
%s
"""


def wrk(port: int, seconds: int, pause_ms: float) -> subprocess.Popen[str]:
    """Start wrk; each connection pauses so long between two requests, at random between nothing and twice that."""
    body = "{" + ", ".join(f'"{name}": {value!r}'.replace("'", '"') for name, value in ROW.items()) + "}"
    delay = f"function delay() return math.random(0, {2 * pause_ms:.0f}) end" if pause_ms else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
        script.write(LUA % (body, delay))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", "-s", script.name]
    return subprocess.Popen([*command, f"http://127.0.0.1:{port}/predict"], stdout=subprocess.PIPE, text=True)


def found(said: str, pattern: str) -> str:
    """Give what wrk said of one thing, "0" where it says nothing."""
    match = re.search(pattern, said)
    return match[1] if match else "0"


def worker(port: int) -> psutil.Process:
    """Give the process that answers: the youngest that holds the listening socket."""
    holders = [
        child
        for child in psutil.Process().children(recursive=True)
        if any(c.status == "LISTEN" and c.laddr.port == port for c in child.net_connections("tcp"))
    ]
    return max(holders, key=psutil.Process.create_time)


def soak(port: int, seconds: int, pause_ms: float) -> tuple[str, list[float], list[int]]:
    """Ask for so long; give what wrk said, and memory in MiB and open files every second."""
    process, memory, files = worker(port), [], []
    asking = wrk(port, seconds, pause_ms)
    while asking.poll() is None:
        memory.append(process.memory_info().rss / 2**20)
        files.append(process.num_fds())
        time.sleep(1)
    return asking.communicate()[0], memory, files


def failures(said: str) -> int:
    """Give how many requests were refused or broken off."""
    broken = re.findall(r"(?:connect|read|write|timeout) (\d+)", found(said, r"Socket errors: (.*)"))
    return sum(map(int, [found(said, r"Non-2xx or 3xx responses: (\d+)"), *broken]))


def growth(memory: list[float]) -> tuple[float, float]:
    """Give the medians of the second fifth and of the last."""
    fifth = len(memory) // 5
    return statistics.median(memory[fifth : 2 * fifth]), statistics.median(memory[-fifth:])


def write(rows: dict[str, str]) -> None:
    """Write the page, and print it."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, CPython {platform.python_version()}"
    head = f"# Ten minutes at half the capacity\n\nWritten by `bench/soak.py`. Machine: {machine}.\n\n"
    table = "| measured | |\n| --- | ---: |\n" + "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    PAGE.write_text(head + table, encoding="utf-8", newline="\n")
    print(table)


def main() -> None:
    """Measure, write the page, and judge."""
    program("wrk")
    repository, minutes = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 10
    log = Path(tempfile.mkdtemp()) / "predictions.jsonl"
    ENV["PREDICTION_LOG"] = str(log)
    with server(["uv", "run", "--no-sync", "bentoml", "serve", "--port", "{port}"], "/readyz", repository) as port:
        full, *_ = soak(port, 15, 0)
        capacity, busy = float(found(full, RATE)), os.getloadavg()[0]
        said, memory, files = soak(port, int(60 * minutes), 2_000 * CONNECTIONS / capacity - 1)
    (early, late), rate, failed = growth(memory), float(found(said, RATE)), failures(said)
    with log.open("rb") as lines:
        logged = sum(1 for _ in lines)
    answered = int(found(said, r"(\d+) requests in"))
    percentiles = [found(said, rf"{share}%\s+(\S+)") for share in (50, 99)]
    write(
        {
            f"capacity, {CONNECTIONS} connections": f"{capacity:,.0f} requests/s",
            "asked for": f"{minutes:g} min at {rate:,.0f} requests/s, {rate / capacity:.0%} of it",
            "answered; failed or broken off": f"{answered:,}; {failed}",
            "lines in the prediction log, those of the capacity included": f"{logged:,}",
            "50th and 99th percentile": " and ".join(percentiles),
            "memory, median of the second fifth": f"{early:.1f} MiB",
            "memory, median of the last fifth": f"{late:.1f} MiB ({late / early - 1:+.1%})",
            "open files, second and last but one second": f"{files[1]}, {files[-2]}",
            "load of the machine when it began": f"{busy:.1f}",
        }
    )
    sys.exit(failed > 0 or late / early - 1 > MOST_GROWTH)


if __name__ == "__main__":
    main()
