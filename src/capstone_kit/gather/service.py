"""What a project's prediction service answers, asked from outside the place where it runs."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capstone_kit.evidence import NoEvidenceError
from capstone_kit.gather.client import Client, Reply
from capstone_kit.gather.lab import Lab
from capstone_kit.gather.pipeline import CONTRACTS, Rerun
from capstone_kit.gather.stages import METADATA, MODEL, SPLITS
from capstone_kit.sandbox import Running, free_port, running

PROBES = 60  # valid requests, half of them rows of the test part
TIMED, ROUNDS = 100, 3  # requests whose time is taken, and how often: the quietest round counts, for others' noise
COUNTED = 25  # requests that the counters have to show
FAILED = "Application startup failed"  # in the output of the server, which then goes on without it
PATIENCE = 90  # seconds until the service has to be ready
CLOSE = 2e-3  # between an answer and the expected probability; relative, for a number
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "true"}


@dataclass(frozen=True)
class Built:
    """The Bento of the project."""

    status: int | None
    seconds: float
    said: str


@dataclass(frozen=True)
class Served:
    """What the service did with the examiner's requests."""

    ready_seconds: float
    valid: int
    answered: int  # with 200 and a prediction
    equal: int  # to the model's own predictions
    apart: str  # the first answer that was not
    distinct: int  # different predictions among them
    malformed: int
    refused: int  # with a status from 400 to 499
    named: int  # and the name of the field at fault
    nameable: int  # those that have such a field
    let_through: str  # the first that was not refused
    alive: bool  # it answered the next valid request
    p95_ms: float
    errors: int  # among the timed requests
    memory_mb: float  # of all its processes
    risen: dict[str, float]  # how far the counters of /predict rose after `counted` requests
    counted: int
    info: dict[str, Any]  # of /info
    envelope: dict[str, Any]  # of one answer, without the predictions
    prediction_id: str


def build(lab: Lab, first: Rerun) -> Built:
    """Build the Bento, without a network."""
    lab.say("building the Bento")
    work = lab.copy("bento", first.work)
    done = lab.box.run(work, "bentoml", "build", limits=lab.limits, more=QUIET | {"BENTOML_HOME": "/tmp/bentoml"})
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("Error")), lines[-1] if lines else "nothing")
    return Built(done.status, done.seconds, said)


def serve(lab: Lab, first: Rerun) -> Served:
    """Serve the model of the re-run, and ask. Raises `NoEvidenceError` where it does not become ready."""
    lab.say("asking the service")
    work = lab.copy("service", first.work)
    probes = _probes(lab, first.work)
    port = 3000 if lab.box.sandboxed else free_port()
    command = ("bentoml", "serve", "--host", "127.0.0.1", "--port", str(port))
    more = QUIET | {"BENTOML_HOME": "/tmp/bentoml", "PREDICTION_LOG": "logs/predictions.jsonl"}
    with running(lab.box, work, *command, port=port, more=more) as server:
        client = Client(server.connect)
        return _asked(client, server, probes, _until_ready(client, server))


def _probes(lab: Lab, work: Path) -> dict[str, Any]:
    files = {name: lab.clone / name for name in CONTRACTS} | {name: work / name for name in (MODEL, METADATA)}
    files["rows.csv"] = work / SPLITS / "test.csv"
    missing = [name for name, path in files.items() if path.is_symlink() or not path.is_file()]
    if missing:
        raise NoEvidenceError(f"the run wrote no {missing[0]}", blame=True)
    return lab.judged("probe", files, {"rows": "rows.csv", "count": PROBES, "seed": lab.seed})


def _until_ready(client: Client, server: Running) -> float:
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        if client.ask("/readyz").status == 200:
            return time.monotonic() - begun
        if not server.alive or FAILED in server.output.text:
            break
        time.sleep(0.1)
    failed = not server.alive or FAILED in server.output.text
    lines = [line.strip() for line in server.output.text.splitlines() if line.strip()]
    said = lines[-1] if lines else "it said nothing"
    ended = "does not start" if failed else f"was not ready within {PATIENCE} s"
    raise NoEvidenceError(f"`bentoml serve` {ended}: {said}", blame=failed)


def _asked(client: Client, server: Running, probes: dict[str, Any], ready: float) -> Served:
    valid = [(p, client.ask("/predict", p["body"].encode())) for p in probes["valid"]]
    told = [_prediction(reply) for _, reply in valid]
    differences = [_difference(p, found) for (p, _), found in zip(valid, told, strict=True)]
    broken = [(p, client.ask("/predict", p["body"].encode())) for p in probes["malformed"]]
    refused = [(p, reply) for p, reply in broken if 400 <= reply.status < 500]
    bodies = [p["body"].encode() for p in probes["valid"]]
    alive = client.ask("/predict", bodies[0]).status == 200
    before = client.counted("/predict")
    for number in range(COUNTED):
        client.ask("/predict", bodies[number % len(bodies)])
    after = client.counted("/predict")
    rounds = [[client.ask("/predict", bodies[n % len(bodies)]) for n in range(TIMED)] for _ in range(ROUNDS)]
    info, last = client.ask("/info").json, client.ask("/predict", bodies[0]).json
    envelope = {k: v for k, v in last.items() if k != "predictions"} if isinstance(last, dict) else {}
    return Served(
        ready_seconds=ready,
        valid=len(valid),
        answered=sum(found is not None for found in told),
        equal=sum(not difference for difference in differences),
        apart=next((difference for difference in differences if difference), ""),
        distinct=len({repr(found.get("probabilities", found.get("prediction"))) for found in told if found}),
        malformed=len(broken),
        refused=len(refused),
        named=sum(p["field"] is not None and p["field"] in _text(reply) for p, reply in refused),
        nameable=sum(p["field"] is not None for p, _ in broken),
        let_through=next((f"{p['what']}: {r.status}" for p, r in broken if not 400 <= r.status < 500), ""),
        alive=alive,
        p95_ms=1000 * min(sorted(reply.seconds for reply in timed)[int(0.95 * TIMED)] for timed in rounds),
        errors=sum(reply.status != 200 for timed in rounds for reply in timed),
        memory_mb=server.watch.peak / 1024**2,
        risen={name: value - before.get(name, 0.0) for name, value in after.items()},
        counted=COUNTED,
        info=info if isinstance(info, dict) else {},
        envelope=envelope,
        prediction_id=str((_prediction_of(last) or {}).get("id", "")),
    )


def _text(reply: Reply) -> str:
    """Give the texts of a refusal: JSON escapes resolved."""
    found = reply.json
    return " ".join(map(str, found.values())) if isinstance(found, dict) else reply.body.decode("utf-8", "replace")


def _prediction(reply: Reply) -> dict[str, Any] | None:
    return _prediction_of(reply.json) if reply.status == 200 else None


def _prediction_of(answer: Any) -> dict[str, Any] | None:
    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    first = predictions[0] if isinstance(predictions, list) and predictions else None
    return first if isinstance(first, dict) and "prediction" in first else None


def _difference(probe: dict[str, Any], found: dict[str, Any] | None) -> str:
    """Give how an answer differs from the model's own prediction, "" if it does not."""
    if found is None:
        return f"no prediction for {probe['body'][:80]}"
    chances, said = probe.get("probabilities"), found.get("probabilities")
    if chances is not None:
        if not isinstance(said, dict) or {str(k) for k in said} != set(chances):
            return f"probabilities of {sorted(map(str, said or []))[:3]} for {probe['body'][:80]}"
        for label, chance in chances.items():
            if not _near(said[label], chance, CLOSE):
                return f"{label}: answered {said[label]}, the model says {chance:.4g}, for {probe['body'][:80]}"
        return ""
    if not _near(found["prediction"], probe["value"], CLOSE * max(1.0, abs(probe["value"]))):
        return (
            f"answered {str(found['prediction'])[:20]}, the model says {probe['value']:.4g}, for {probe['body'][:80]}"
        )
    return ""


def _near(said: Any, value: float, most: float) -> bool:
    number = isinstance(said, (int, float)) and not isinstance(said, bool) and math.isfinite(said)
    return number and abs(said - value) <= most
