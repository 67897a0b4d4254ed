"""The service in trouble: each trouble has a defined answer, and the next request is served."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from conftest import Repository, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tmpfs, signals and /proc are Linux's")

ROW = {
    "product_quality": "L", "air_temperature": 300.1, "process_temperature": 310.2, "rotational_speed": 1512.0,
    "torque": 40.3, "tool_wear": 101.0,
}  # fmt: skip
BODY = json.dumps(ROW).encode()
MANY = json.dumps([ROW] * 10_000).encode()
OVERLOADED = "The service is overloaded: try again"
KEY, OTHER = "the-key-of-the-first-client-4711", "the-key-of-the-other-client-4712"
LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@dataclass
class Answer:
    """What the service said."""

    status: int
    headers: dict[str, str]
    content: Any


def ask(address: str, body: bytes = BODY, key: str = "", path: str = "/predict") -> Answer:
    """Post `body`; without one, get `path`."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    connection.request("POST" if path == "/predict" else "GET", path, body if path == "/predict" else None, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    known = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, known, json.loads(text) if "json" in known.get("content-type", "") else text)


def begun(address: str, length: int = len(BODY), body: bytes = b"", ended: bool = True) -> socket.socket:
    """Open a connection and send the head of a request, or half of it, and some of its body."""
    connection = socket.create_connection((urlsplit(address).hostname or "", urlsplit(address).port or 0), timeout=30)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    connection.sendall(head.encode() + (b"\r\n" + body if ended else b""))
    return connection


def status(connection: socket.socket) -> int:
    """Give the status of the answer, 0 where the other side hung up."""
    found = re.match(rb"HTTP/1.1 (\d+)", connection.recv(4096))
    return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def alone(mechanical: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give a copy of the trained repository whose files a test may destroy, with the same environment."""
    clone = mechanical.clone(tmp_path_factory.mktemp("resilience") / "repository")
    versions = shutil.ignore_patterns("serving.json", "versions")  # so that the files of the work tree are served
    shutil.copytree(mechanical.path / "models", clone.path / "models", ignore=versions, dirs_exist_ok=True)
    clone.path.joinpath(".venv").symlink_to(mechanical.path / ".venv")
    return clone


def command(repository: Repository) -> list[str]:
    """Give the command of the service, which imports the repository's own modules."""
    return [str(repository.path / ".venv/bin/bentoml"), "serve", "project.service:Capstone", "--port", "{port}"]


def source(repository: Repository) -> dict[str, str]:
    """Give the environment in which the repository's own modules are imported."""
    return {"PYTHONPATH": str(repository.path / "src")}


def worker(address: str) -> psutil.Process:
    """Give the process that answers at `address`: the youngest of our children that hold its socket."""
    port, found = urlsplit(address).port, []
    for child in psutil.Process().children(recursive=True):
        if any(c.status == "LISTEN" and c.laddr.port == port for c in child.net_connections("tcp")):
            found.append(child)
    return max(found, key=psutil.Process.create_time)


def test_slow_clients_do_not_stop_others(service: str) -> None:
    """With 200 half heads and 20 half bodies open, others are served at once; the half bodies get 408."""
    heads = [begun(service, ended=False) for _ in range(200)]
    bodies = [begun(service, body=BODY[:20]) for _ in range(20)]
    started = time.monotonic()
    assert [ask(service).status for _ in range(20)] == [200] * 20
    assert time.monotonic() - started < 2
    assert {status(connection) for connection in bodies} == {408}
    assert time.monotonic() - started < 12
    for connection in heads + bodies:
        connection.close()


def test_an_overload_is_answered_503_within_bounded_memory(service: str) -> None:
    """Of 80 requests of 10,000 rows at once, those beyond a second's work get 503; afterwards all is as before."""
    process = worker(service)
    ask(service, MANY)
    before = process.memory_info().rss
    connections = [begun(service, len(MANY), MANY[:-1]) for _ in range(80)]
    with ThreadPoolExecutor(80) as pool:
        for connection in connections:
            connection.sendall(MANY[-1:])
        slowed(process)
        answers = list(pool.map(whole, connections))
    grown = (process.memory_info().rss - before) / 2**20
    found = Counter(answer[9:12] for answer in answers)
    assert set(found) == {b"200", b"503"}, found
    refused = next(answer for answer in answers if answer[9:12] == b"503")
    assert b"\r\nretry-after: 1\r\n" in refused
    assert json.loads(refused.partition(b"\r\n\r\n")[2]) == {"error": OVERLOADED, "field": None, "row": None}
    assert grown < 400, f"{grown:.0f} MiB"
    time.sleep(1)
    assert ask(service).status == 200


def slowed(process: psutil.Process) -> None:
    """Hold a process up in the middle of its work: a quick machine has done most of it within a second."""
    time.sleep(0.1)
    process.suspend()
    time.sleep(1.5)
    process.resume()


def whole(connection: socket.socket) -> bytes:
    """Give all that the other side sends, until it has been quiet for a second."""
    received = connection.recv(65536)
    connection.settimeout(1)
    with suppress(TimeoutError):
        while more := connection.recv(1 << 20):
            received += more
    connection.close()
    return received


def test_unfinished_large_bodies_are_held_up_to_a_limit(service: str) -> None:
    """Of 16 bodies of 15 MiB that never end, half find room and get 408, half get 503; a small one is served."""
    process = worker(service)
    before = process.memory_info().rss
    large = b" " * (15 * 2**20)
    with ThreadPoolExecutor(16) as pool:
        connections = list(pool.map(lambda _: begun(service, len(large) + 1, large), range(16)))
    assert ask(service).status == 200
    grown = (process.memory_info().rss - before) / 2**20
    found = Counter(status(connection) for connection in connections)
    assert found == {408: 8, 503: 8}
    assert grown < 300, f"{grown:.0f} MiB"
    for connection in connections:
        connection.close()
    assert ask(service).status == 200


def test_a_vanished_model_store_does_not_stop_the_service(alone: Repository) -> None:
    """The model's files go while it serves: predictions, form and receipt stay. A new start says what is missing."""
    models = alone.path / "models"
    with serving(alone, *command(alone), **source(alone)) as address:
        models.rename(alone.path / "gone")
        assert ask(address).status == 200
        assert ask(address, path="/info").content["model_version"] == "1"
        assert ask(address, path="/form.json").status == 200
    assert refusal(alone) == "error: models/model.json is missing: run `uv run dvc repro`"
    (alone.path / "gone").rename(models)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("model.onnx", b"", r"models/model.onnx cannot be loaded: .*"),
        ("model.onnx", b"\x08\x0a\x12", r"models/model.onnx cannot be loaded: .*"),
        ("model.json", b'{"labels": [', r"models/model.json is damaged: run `uv run dvc checkout --force`"),
        ("receipt.json", b"\xff\xfe", r"models/receipt.json is damaged: run `uv run dvc checkout --force`"),
    ],
)
def test_a_corrupt_model_is_refused_at_the_start(alone: Repository, file: str, content: bytes, sentence: str) -> None:
    """One sentence and status 1: no traceback, and no supervisor that waits for a worker that never comes."""
    path = alone.path / "models" / file
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        assert re.fullmatch(f"error: {sentence}", refusal(alone))
    finally:
        path.write_bytes(whole)


def refusal(repository: Repository, **more: str) -> str:
    """Give the one line with which the service refuses to start."""
    words = [word.format(port=0) for word in command(repository)]
    done = repository.run(*words, check=False, **source(repository), **more)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.strip()


def test_settings_that_make_no_sense_are_refused_at_the_start(alone: Repository) -> None:
    """A key that can be guessed and a rate that is no number: one sentence, without the key."""
    said = refusal(alone, PREDICTION_KEYS=f"{KEY},sesame")
    assert said.startswith("error: PREDICTION_KEYS: a key of 6 characters can be guessed")
    assert KEY not in said and "sesame" not in said
    assert refusal(alone, PREDICTION_RATE="fast").startswith("error: PREDICTION_RATE: found 'fast'")


def test_sigterm_lets_a_begun_request_end(alone: Repository) -> None:
    """A request whose body is half there when SIGTERM comes is answered, and the service ends with status 0."""
    words = [word.format(port=free) for free in [unused()] for word in command(alone)]
    environment = alone.environment | source(alone)
    with subprocess.Popen(words, cwd=alone.path, env=environment, stdout=-3, stderr=-3) as server:
        address = f"http://127.0.0.1:{words[-1]}"
        await_ready(address, server)
        connection = begun(address, body=BODY[:40])
        time.sleep(0.2)
        server.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(BODY[40:])
        assert status(connection) == 200
        assert server.wait(20) == 0


def unused() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def await_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return when the service answers."""
    for _ in range(300):
        try:
            if ask(address, path="/readyz").status == 200:
                return
        except OSError:
            assert server.poll() is None
        time.sleep(0.1)
    pytest.fail("not ready within half a minute")


def test_a_jump_of_the_clock_is_survived(alone: Repository, tmp_path: Path) -> None:
    """The wall clock jumps a year ahead and back, with a pace set: no request is lost, and the log has the time."""
    if not LIBFAKETIME:
        pytest.skip("libfaketime is not installed: Debian's package faketime has it")
    clock, log = tmp_path / "clock", tmp_path / "log.jsonl"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PREDICTION_LOG": str(log),
        "PREDICTION_RATE": "1000",
    }
    with serving(alone, *command(alone), **source(alone), **faked) as address:
        for jump in ("+0", "+1y", "-1y", "+0"):
            clock.write_text(f"{jump}\n")
            assert [ask(address).status for _ in range(5)] == [200] * 5
    years = [int(json.loads(line)["time"][:4]) for line in log.read_text(encoding="utf-8").splitlines()]
    now = time.localtime().tm_year
    assert years == [now] * 5 + [now + 1] * 5 + [now - 1] * 5 + [now] * 5


def test_keys_and_pace_are_held_and_never_written_down(alone: Repository, tmp_path: Path) -> None:
    """Only a known key predicts, each at its pace; the page and the health checks need none; no key is logged."""
    log = tmp_path / "log.jsonl"
    settings = {"PREDICTION_KEYS": f"{KEY},{OTHER}", "PREDICTION_RATE": "5", "PREDICTION_LOG": str(log)}
    with serving(alone, *command(alone), **source(alone), **settings) as address:
        assert ask(address).status == 401
        assert ask(address, key=KEY[:-1]).headers["www-authenticate"] == "Bearer"
        found = Counter(ask(address, key=KEY).status for _ in range(20))
        assert found[200] >= 5 and found[429] >= 5, found
        assert ask(address, key=OTHER).status == 200
        time.sleep(1)
        assert ask(address, key=KEY).status == 200
        paths = ("/", "/readyz", "/metrics", "/info", "/docs.json", "/form.json", "/nothing")
        answers = {path: ask(address, path=path) for path in paths}
    assert [answer.status for answer in answers.values()] == [200] * 6 + [404]
    assert {answer.headers["x-content-type-options"] for answer in answers.values()} == {"nosniff"}
    assert answers["/form.json"].content["keyed"] is True
    written = [*alone.home.glob("server-*.log"), log]
    said = "".join(path.read_text(encoding="utf-8") for path in written) + str(answers)
    assert '"inputs"' in said
    assert KEY not in said and OTHER not in said


def test_a_full_disk_stops_no_prediction(alone: Repository, tmp_path: Path) -> None:
    """On a log of 64 kB all are answered; lost lines are counted; once there is room, whole lines follow."""
    folder, started = tmp_path / "small", tmp_path / "pid"
    folder.mkdir()
    mount = (
        f"echo $$ > {started}; mount -t tmpfs -o size=64k none {folder} && head -c 40000 /dev/zero > {folder}/filler"
    )
    try:
        subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", mount], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no tmpfs can be mounted in a namespace of its own here")
    words = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", *command(alone)]
    settings = {"PREDICTION_LOG": str(folder / "log.jsonl")}
    with serving(alone, *words, **source(alone), **settings) as address:
        inside = Path(f"/proc/{started.read_text().strip()}/root{folder}")
        answers = [ask(address) for _ in range(150)]
        found = re.findall(rb"\nprediction_log_lost_total\S* ([\d.]+)", ask(address, path="/metrics").content)
        lost = sum(map(float, found))
        (inside / "filler").unlink()
        answers += [ask(address) for _ in range(10)]
        lines = (inside / "log.jsonl").read_bytes().splitlines()
    assert {answer.status for answer in answers} == {200}
    whole = [line for line in lines if line.endswith(b"}")]
    assert len(whole) == 160 - lost > 20
    assert len(lines) - len(whole) <= 1
    known = {json.loads(line)["answer"]["predictions"][0]["id"] for line in whole}
    assert {answer.content["predictions"][0]["id"] for answer in answers[-10:]} <= known
