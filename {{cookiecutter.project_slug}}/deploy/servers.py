"""The team's MLflow server without Docker: PostgreSQL, MLflow, and a proxy that asks for a password.

    uv run --with boto3 --with 'psycopg[binary]' python deploy/servers.py FOLDER --members ada,ben

Needs Debian's packages `postgresql` and `caddy`. FOLDER keeps the database, the artifacts, the logs and, readable by
its owner alone, the passwords, which the first start makes. What ends is started again; Ctrl+C or SIGTERM stops all.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

CADDYFILE = Path(__file__).parent / "Caddyfile"
AGAIN = 1.0  # seconds before what has ended is started again
PATIENCE = 60.0  # seconds until PostgreSQL has to answer
ROOT = sys.platform != "win32" and os.geteuid() == 0


@dataclass
class Server:
    """One program that has to run."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    sign: signal.Signals = signal.SIGTERM  # which stops it
    user: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; its output goes to the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=os.environ | self.environment, stdout=log, stderr=log, cwd="/", user=self.user,
                start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        """Ask it to end, wait, and see to it that nothing of it is left."""
        if self.process:
            self.process.send_signal(self.sign)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            self.clear()

    def clear(self) -> None:
        """Kill what is left of its processes: some outlive the one that started them, and keep its port."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def program(name: str, package: str) -> str:
    """Give the path of a program; ends with the package that has it where there is none."""
    places = [os.environ["PATH"], *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    if not (found := shutil.which(name, path=os.pathsep.join(places))):
        sys.exit(f"error: {name} is not installed: Debian's package {package} has it")
    return found


def private(path: Path) -> IO[str]:
    """Open a new file that its owner alone may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")


def credentials(folder: Path, members: list[str]) -> dict[str, str]:
    """Give the passwords by name, "database" among them; make those that are new."""
    path = folder / "credentials.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    wanted = {name: known.get(name) or secrets.token_urlsafe(24) for name in ("database", *members)}
    if wanted != known:
        temporary = path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        with private(temporary) as file:
            json.dump(wanted, file, indent=2)
        temporary.replace(path)
        print(f"servers: {path} holds the password of each member")
    return wanted


def make_database(folder: Path, password: str, user: str | None) -> Path:
    """Give PostgreSQL's folder, made at the first start."""
    data, secret = folder / "postgresql" / "data", folder / "postgresql" / "password"
    if (data / "PG_VERSION").exists():
        return data
    shutil.rmtree(data, ignore_errors=True)  # of a start that was killed
    secret.parent.mkdir(exist_ok=True)
    secret.unlink(missing_ok=True)
    with private(secret) as file:
        file.write(password)
    if user:
        for path in (secret.parent, secret):
            shutil.chown(path, user)
    command = [program("initdb", "postgresql"), "--pgdata", str(data), "--username=mlflow", "--encoding=UTF8"]
    command += ["--locale=C", f"--pwfile={secret}", "--auth=scram-sha-256"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", user=user, check=False)
    secret.unlink()
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        sys.exit(f"error: PostgreSQL could not make its database: {done.stderr.strip()}")
    return data


def await_database(port: int) -> None:
    """Return when PostgreSQL answers."""
    asking = [program("pg_isready", "postgresql"), "--quiet", "--host=127.0.0.1", f"--port={port}"]
    deadline = time.monotonic() + PATIENCE
    while subprocess.run(asking, check=False).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.2)


def write_members(folder: Path, known: dict[str, str]) -> Path:
    """Give the file with the hash of each member's password, as the proxy reads it."""
    path, caddy = folder / "members", program("caddy", "caddy")
    lines = []
    for name, password in known.items():
        hashing = subprocess.run(
            [caddy, "hash-password"], input=f"{password}\n", capture_output=True, text=True, check=True
        )
        lines += [f"{name} {hashing.stdout.strip()}\n"] if name != "database" else []
    path.unlink(missing_ok=True)
    with private(path) as file:
        file.writelines(lines)
    return path


def servers(folder: Path, asked: argparse.Namespace) -> list[Server]:
    """Give the three servers, in the order of their start."""
    known = credentials(folder, asked.members.split(","))
    (folder / "artifacts").mkdir(exist_ok=True)
    user = "postgres" if ROOT else None  # it refuses to run as root
    data = make_database(folder, known["database"], user)
    database, inner = str(asked.port + 1), str(asked.port + 2)
    listening = ["-D", str(data), "-h", "127.0.0.1", "-p", database, "-k", ""]
    uri = f"postgresql+psycopg://mlflow:{known['database']}@127.0.0.1:{database}/postgres"
    tracking = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", inner, "--workers", "2"]
    settings = {
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_ARTIFACTS_DESTINATION": asked.artifacts or str(folder / "artifacts"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    proxy = {
        "ADDRESS": asked.address or f"http://127.0.0.1:{asked.port}",
        "MEMBERS": str(write_members(folder, known)),
        "MLFLOW": f"127.0.0.1:{inner}",
        "XDG_DATA_HOME": str(folder / "caddy"),
    }
    caddy = [program("caddy", "caddy"), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    return [
        Server("postgresql", [program("postgres", "postgresql"), *listening], folder / "postgresql.log", {},
               signal.SIGINT, user),
        Server("mlflow", tracking, folder / "mlflow.log", settings),
        Server("caddy", caddy, folder / "caddy.log", proxy),
    ]  # fmt: skip


def watch(every: list[Server]) -> None:
    """Start again what has ended, until somebody interrupts."""
    while True:
        time.sleep(AGAIN)
        for server in every:
            assert server.process, "it was started before"
            if (status := server.process.poll()) is not None:
                print(f"servers: {server.name} ended with {status} and is started again", flush=True)
                server.clear()
                server.start()


def interrupt(*_: Any) -> None:
    """Take SIGTERM for Ctrl+C."""
    raise KeyboardInterrupt


def main() -> None:
    """Start the servers and watch over them."""
    parser = argparse.ArgumentParser(description="The team's MLflow server, without Docker.")
    parser.add_argument("folder", type=Path, help="where everything is kept; made if it is not there")
    parser.add_argument("--members", required=True, help="names, separated by commas")
    parser.add_argument("--port", type=int, default=5000, help="the proxy's; the next two are taken as well")
    parser.add_argument("--address", help="mlflow.example.edu, for which the proxy then gets a certificate")
    parser.add_argument("--artifacts", help="s3://bucket/path; else they are kept in FOLDER")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, interrupt)
    every = servers(folder, asked)
    try:
        database, *rest = every
        database.start()
        await_database(asked.port + 1)
        for server in rest:
            server.start()
        print(f"servers: started; logs are in {folder}", flush=True)
        watch(every)
    except TimeoutError:
        sys.exit(f"error: PostgreSQL does not answer: see {every[0].log}")
    except KeyboardInterrupt:
        print("servers: stopping")
    finally:
        for server in reversed(every):
            server.stop()


if __name__ == "__main__":
    main()
