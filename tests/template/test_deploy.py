"""What lies in deploy/: the manifests, and the team's servers without Docker, run for real.

Killed, the servers lose nothing, and a backup brings all back.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from conftest import ROOT, Repository, serving
from servers import free_port, program, s3

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the servers are Debian's packages")

DEPLOY = ROOT / "{{cookiecutter.project_slug}}/deploy"
MEMBERS = ("ada", "ben", "cyd", "dee")
ALL = bool(os.environ.get("CAPSTONE_ALL"))
RUNS, KILLED = (3, {"mlflow": 3, "postgres": 7}) if ALL else (1, {"mlflow": 1})  # killed once so many runs have begun
WITH = ("uv", "run", "--no-sync", "--with", "boto3", "--with", "psycopg[binary]", "python")
STORE = {"AWS_ACCESS_KEY_ID": "mlflow", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
LOGGING = """
import os, sys, time
import mlflow
mlflow.set_experiment("team")
for number in range(int(sys.argv[2])):
    with mlflow.start_run(tags={"member": sys.argv[1]}):
        for step in range(8):
            mlflow.log_metric("score", step, step=step)
            time.sleep(0.25)
        mlflow.log_text(f"{sys.argv[1]} {number}", "note.txt")
"""


def manifests() -> dict[str, Any]:
    """Give the Kubernetes manifests by kind."""
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_the_manifests_are_what_kubernetes_knows(version: str) -> None:
    """Its own schemas, as kubernetes-validate carries them, find no unknown or missing key."""
    program = Path(sys.executable).parent / "kubernetes-validate"
    command = [program, "--strict", "--kubernetes-version", version, DEPLOY / "kubernetes.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("passed") == len(manifests()) == 5


def test_the_manifests_hold_together() -> None:
    """All select the same pods by the same port; the pods are nobody's root and can write to volumes alone."""
    found = manifests()
    spec = found["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    container = spec["template"]["spec"]["containers"][0]
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    (port,) = container["ports"]
    used = [found["Service"]["spec"]["ports"][0]["targetPort"], container["readinessProbe"]["httpGet"]["port"]]
    assert {*used, found["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"]} == {port["name"]}
    assert spec["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}


def test_the_service_needs_no_more_than_the_manifest_gives(mechanical: Repository) -> None:
    """As another user, on a read-only root, with the manifest's volumes and environment: ready, and it predicts."""
    program("bwrap", package="bubblewrap")
    container = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    volumes = [word for mount in container["volumeMounts"] for word in ("--tmpfs", f"/{mount['mountPath'][1:]}")]
    environment = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    places = [word for path in (mechanical.path, *pythons(mechanical)) for word in ("--ro-bind", str(path), str(path))]
    system = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--symlink", "usr/lib", "/lib"]
    system += ["--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev"]
    box = ["bwrap", "--unshare-user", "--uid", "1034", "--gid", "1034", "--unshare-pid", "--die-with-parent", *system]
    box += [*volumes, *places, "--remount-ro", "/", "--chdir", str(mechanical.path)]
    words = [*box, str(mechanical.path / ".venv/bin/bentoml"), "serve", "--port", "{port}"]
    with serving(mechanical, *words, **environment, PREDICTION_KEYS="a-key-of-the-manifest-4711") as address:
        assert urllib.request.urlopen(f"{address}/readyz").status == 200
        row = json.loads(urllib.request.urlopen(f"{address}/form.json").read())["fields"]
        body = json.dumps({field["name"]: field["typical"] for field in row}).encode()
        headers = {"Authorization": "Bearer a-key-of-the-manifest-4711", "Content-Type": "application/json"}
        answer = json.loads(urllib.request.urlopen(urllib.request.Request(f"{address}/predict", body, headers)).read())
    assert len(answer["predictions"]) == 1


def pythons(repository: Repository) -> set[Path]:
    """Give the folders of the interpreter that the environment links to, and of its own packages."""
    python = (repository.path / ".venv/bin/python").resolve()
    return {python.parents[1]}


def test_the_compose_file_is_what_compose_knows() -> None:
    """Its own schema finds nothing; the database and the store are reached from inside alone."""
    checker = Path(sys.executable).parent / "check-jsonschema"
    command = [checker, "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]


def test_no_file_of_the_deployment_holds_a_credential(mechanical: Repository) -> None:
    """The hook finds none in what is committed, and git ignores where they belong."""
    hook = ["uv", "run", "--no-sync", "detect-secrets-hook", "--no-verify", "--disable-plugin", "HexHighEntropyString"]
    mechanical.run(*hook, *sorted(path.relative_to(DEPLOY.parent).as_posix() for path in DEPLOY.glob("*.*")))
    ignored = ["deploy/members", "deploy/.env", "deploy/backups/x"]
    assert mechanical.run("git", "check-ignore", *ignored).stdout.split() == ignored


def test_a_search_on_worker_processes_finds_the_same(mechanical: Repository) -> None:
    """Every score of two workers' trials is that of one process, to the last digit."""
    command = ["uv", "run", "--no-sync", "--with", "distributed", "python", str(ROOT / "bench/search.py"), "2"]
    said = mechanical.run(*command, "--trials", "4", OMP_NUM_THREADS="1").stdout
    assert json.loads(said.splitlines()[-1])["same"] is True


def test_the_search_goes_to_slurm_as_jobs_of_the_asked_size(mechanical: Repository) -> None:
    """The job script asks Slurm for what was asked for, and starts a worker process for each core."""
    group = ["uv", "run", "--no-sync", "--with", "dask-jobqueue", "--with", "distributed", "python", "deploy/slurm.py"]
    said = mechanical.run(*group, "--print", "--cores", "4", "--memory", "8GB", "--queue", "cpu").stdout
    for line in ("#SBATCH -p cpu", "#SBATCH --cpus-per-task=4", "#SBATCH --mem=8G"):
        assert line in said
    assert "--nthreads 1" in said and "--nworkers 4" in said
    assert "export DASK_DISTRIBUTED__WORKER__DAEMON=False" in said


@dataclass
class Team:
    """Running servers: where, what they keep, and the process that watches over them."""

    address: str
    folder: Path
    watcher: subprocess.Popen[bytes]

    @property
    def passwords(self) -> dict[str, str]:
        """Give the passwords by name."""
        return json.loads((self.folder / "credentials.json").read_text(encoding="utf-8"))

    def member(self, name: str) -> dict[str, str]:
        """Give the environment in which a member works."""
        login = {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": self.passwords[name]}
        return {"MLFLOW_TRACKING_URI": self.address, "MLFLOW_DISABLE_TELEMETRY": "true"} | login

    def ask(self, path: str, body: Any = None, name: str = "ada", password: str | None = None) -> Any:
        """Give the JSON answer of the server to a member."""
        login = b64encode(f"{name}:{password or self.passwords[name]}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"null") if path.startswith("/api") else response.read()

    def runs(self) -> list[dict[str, Any]]:
        """Give every run of the team."""
        experiment = self.ask("/api/2.0/mlflow/experiments/get-by-name?experiment_name=team")["experiment"]
        asked = {"experiment_ids": [experiment["experiment_id"]], "max_results": 1000}
        return self.ask("/api/2.0/mlflow/runs/search", asked).get("runs", [])

    def kill(self, name: str) -> None:
        """Kill all processes of a server, as a crash of its container would."""
        for child in psutil.Process(self.watcher.pid).children(recursive=True):
            if name in " ".join(child.cmdline()[:4]) and child.parent().cmdline()[1:2] == ["deploy/servers.py"]:
                os.killpg(child.pid, signal.SIGKILL)
                return
        pytest.fail(f"{name} does not run")


@contextmanager
def started(repository: Repository, folder: Path, port: int, *words: str, **more: str) -> Generator[Team]:
    """Start the servers, wait until a member is let in, and stop them."""
    command = [*WITH, "deploy/servers.py", str(folder), "--members", ",".join(MEMBERS), "--port", str(port), *words]
    log = (folder / "watcher.log").open("ab")
    watcher = subprocess.Popen(command, cwd=repository.path, env=repository.environment | more, stdout=log, stderr=log)
    team = Team(f"http://127.0.0.1:{port}", folder, watcher)
    try:
        for _ in range(1_500):
            try:
                assert team.ask("/health") == b"OK"
                break
            except OSError:
                assert watcher.poll() is None, (folder / "watcher.log").read_text()
                time.sleep(0.2)
        else:
            pytest.fail("the servers did not start")
        yield team
    finally:
        every = psutil.Process(watcher.pid).children(recursive=True)
        watcher.terminate()
        assert watcher.wait(60) == 0
        assert psutil.wait_procs(every, timeout=10)[1] == []


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Give a folder that PostgreSQL's own user can reach, which pytest's are not."""
    for name, package in (("initdb", "postgresql"), ("caddy", "caddy")):
        program(name, *map(str, Path("/usr/lib/postgresql").glob("*/bin")), package=package)
    made = Path(tempfile.mkdtemp())
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def test_four_members_lose_nothing_when_the_servers_are_killed(
    mechanical: Repository, folder: Path, tmp_path: Path
) -> None:
    """MLflow (and PostgreSQL) is killed while four log; all runs are whole, artifacts in S3 too, and in a backup."""
    port = free_port()
    with s3(tmp_path) as store:
        settings = STORE | {"MLFLOW_S3_ENDPOINT_URL": store}
        urllib.request.urlopen(urllib.request.Request(f"{store}/mlflow", method="PUT")).close()
        with started(mechanical, folder, port, "--artifacts", "s3://mlflow", **settings) as team:
            strangers_are_kept_out(team)
            logging = [log_runs(mechanical, team, name) for name in MEMBERS]
            for name, begun in KILLED.items():
                await_runs(team, begun)
                team.kill(name)
            for process in logging:
                said, _ = process.communicate(timeout=300)
                assert process.returncode == 0, said[-3000:]
            before = whole_runs(team)
            said = (folder / "watcher.log").read_text(encoding="utf-8")
            assert said.count("ended with -9 and is started again") == len(KILLED)
            assert not any(password in said for password in team.passwords.values())
        with started(mechanical, folder, port, "--artifacts", "s3://mlflow", **settings) as team:
            assert whole_runs(team) == before
            backup_brings_all_back(mechanical, team, port, before, tmp_path)


def strangers_are_kept_out(team: Team) -> None:
    """No password, or a wrong one: 401; the inner ports listen on loopback alone; files are their owner's."""
    for name, password in (("ada", "wrong"), ("eve", "x"), ("database", team.passwords["database"])):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            team.ask("/health", name=name, password=password)
    for name in ("credentials.json", "members"):
        assert (team.folder / name).stat().st_mode & 0o077 == 0
    assert not any(password in (team.folder / "members").read_text() for password in team.passwords.values())
    for child in psutil.Process(team.watcher.pid).children(recursive=True):
        assert not any(password in " ".join(child.cmdline()) for password in team.passwords.values())


def log_runs(repository: Repository, team: Team, name: str) -> subprocess.Popen[str]:
    """Start a member who logs runs."""
    command = [str(repository.path / ".venv/bin/python"), "-c", LOGGING, name, str(RUNS)]
    environment = repository.environment | team.member(name)
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def await_runs(team: Team, count: int) -> None:
    """Return when so many runs have begun."""
    for _ in range(600):
        try:
            if len(team.runs()) >= count:
                return
        except urllib.error.HTTPError:
            pass  # the experiment is not there yet
        time.sleep(0.2)
    pytest.fail(f"{count} runs did not begin")


def whole_runs(team: Team) -> dict[str, str]:
    """Give the members of the runs by id; fails unless all are there, with every step and their artifact."""
    found = {run["info"]["run_id"]: run for run in team.runs()}
    members = {key: {t["key"]: t["value"] for t in run["data"]["tags"]}["member"] for key, run in found.items()}
    assert sorted(members.values()) == sorted(RUNS * MEMBERS)
    assert {run["info"]["status"] for run in found.values()} == {"FINISHED"}
    for key, member in members.items():
        steps = team.ask(f"/api/2.0/mlflow/metrics/get-history?run_id={key}&metric_key=score")["metrics"]
        assert {step.get("step", 0) for step in steps} == set(range(8))
        assert team.ask(f"/get-artifact?path=note.txt&run_uuid={key}").decode().startswith(member)
    return members


def backup_brings_all_back(
    repository: Repository, team: Team, port: int, before: dict[str, str], tmp_path: Path
) -> None:
    """Saved, then every run deleted, then restored: they are there again."""
    uri = f"postgresql://mlflow:{team.passwords['database']}@127.0.0.1:{port + 1}/postgres"
    places = os.pathsep.join([*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ["PATH"]])
    artifacts, backups = tmp_path / "artifacts", tmp_path / "backups"
    artifacts.mkdir()
    (artifacts / "model").write_text("weights")

    def backup(*words: str | Path, check: bool = True) -> str:
        command = [sys.executable, "deploy/backup.py", *map(str, words)]
        done = repository.run(*command, check=check, DATABASE_URL=uri, PATH=places)
        return done.stdout + done.stderr

    backup("save", artifacts, backups)
    (saved,) = backups.glob("*Z")
    for key in before:
        team.ask("/api/2.0/mlflow/runs/delete", {"run_id": key})
    shutil.rmtree(artifacts)
    assert team.runs() == []
    assert "is no backup" in backup("restore", artifacts, backups, check=False)
    backup("restore", artifacts, saved)
    assert whole_runs(team) == before
    assert (artifacts / "model").read_text() == "weights"
