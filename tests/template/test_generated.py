"""What a student does first, in the generated repository of each domain, from a clean clone."""

import json
import re
import sys
import tomllib
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Repository, serving

TRAINING_LIBRARIES = {"dvc", "matplotlib", "mlflow", "onnx", "pandas", "scikit-learn", "scipy", "skl2onnx"}
LIMIT_MIB = 850


def workflow_steps(repository: Repository) -> list[str]:
    """Give every `run:` step of the jobs that need no forge, in order, from the generated workflow itself."""
    workflow = yaml.safe_load((repository.path / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    return [step["run"] for job in ("check", "pipeline") for step in workflow["jobs"][job]["steps"] if "run" in step]


@pytest.fixture(scope="module")
def done_by_ci(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, str]:
    """Run the workflow's steps in a clean clone; give the clone and the step summary."""
    folder = tmp_path_factory.mktemp("ci")
    clone = repository.clone(folder / "clone")
    summary = folder / "summary.md"
    for step in dict.fromkeys(workflow_steps(repository)):
        clone.run("bash", "-eo", "pipefail", "-c", step, GITHUB_STEP_SUMMARY=str(summary))
    return clone, summary.read_text(encoding="utf-8")


def test_the_first_commit_is_clean_and_locked(repository: Repository) -> None:
    """One commit holds everything, the lock file too, and nothing is left over."""
    assert repository.run("git", "log", "--oneline").stdout.count("\n") == 1
    assert repository.run("git", "status", "--porcelain").stdout == ""
    assert "uv.lock" in repository.run("git", "ls-files").stdout.splitlines()


def test_every_step_of_the_generated_ci_succeeds(done_by_ci: tuple[Repository, str]) -> None:
    """Lint, format, types, tests, hooks, pipeline, smoke test and comparison run in a clean clone."""
    clone, summary = done_by_ci
    assert "average_precision" in summary or "roc_auc" in summary
    assert (clone.path / "dvc_plots" / "index.html").exists()


def test_the_pipeline_leaves_a_champion_and_a_receipt(done_by_ci: tuple[Repository, str]) -> None:
    """Every criterion holds; the documents say so; the receipt names the commit."""
    clone, _ = done_by_ci
    receipt = json.loads((clone.path / "models/receipt.json").read_text(encoding="utf-8"))
    assert receipt["git_commit"] == clone.run("git", "rev-parse", "HEAD").stdout.strip()
    readme = (clone.path / "README.md").read_text(encoding="utf-8")
    assert "**no**" not in readme
    assert "Not evaluated yet" not in readme


def test_only_results_change_when_the_pipeline_runs(done_by_ci: tuple[Repository, str]) -> None:
    """After `dvc repro`, git shows results and the documents that hold them, and nothing else."""
    clone, _ = done_by_ci
    changed = {line[3:] for line in clone.run("git", "status", "--porcelain").stdout.splitlines()}
    documents = {"README.md", "docs/model-card.md", "docs/risk-register.md"}
    documents |= {"paper/paper.md"} if (clone.path / "paper").exists() else set()
    assert changed == documents | {"dvc.lock", "models/receipt.json", "reports/"}


def test_a_second_run_does_nothing(done_by_ci: tuple[Repository, str]) -> None:
    """With nothing changed, no stage runs."""
    clone, _ = done_by_ci
    assert "Running stage" not in clone.run("uv", "run", "dvc", "repro").stdout


@pytest.mark.parametrize(
    ("file", "before", "after", "stages"),
    [
        ("params.yaml", "bootstrap: 1000", "bootstrap: 999", ["evaluate"]),
        ("params.yaml", "trials: 4", "trials: 3", ["train"]),
        ("src/project/split.py", '"""', '"""\n# changed\n', ["split"]),
    ],
)
def test_a_change_runs_what_reads_it(
    done_by_ci: tuple[Repository, str], file: str, before: str, after: str, stages: list[str]
) -> None:
    """A parameter or a module that changed is what DVC names as the reason to run, and no stage before it."""
    clone, _ = done_by_ci
    path = clone.path / file
    whole = path.read_text(encoding="utf-8")
    assert before in whole
    path.write_text(whole.replace(before, after), encoding="utf-8", newline="\n")
    try:
        changed = json.loads(clone.run("uv", "run", "dvc", "status", "--json").stdout)
    finally:
        path.write_text(whole, encoding="utf-8", newline="\n")
    assert list(changed) == stages


def test_the_lock_digest_in_the_receipt_can_be_recomputed(done_by_ci: tuple[Repository, str]) -> None:
    """The receipt's hash of dvc.lock is that of the file without the stage that wrote the receipt."""
    clone, _ = done_by_ci
    receipt = json.loads((clone.path / "models/receipt.json").read_text(encoding="utf-8"))
    code = "from project import register; print(register.lock_digest())"
    assert clone.run("uv", "run", "python", "-c", code).stdout.strip() == receipt["dvc_lock_sha256"]


def test_the_bento_serves_without_a_training_library(done_by_ci: tuple[Repository, str], tmp_path: Path) -> None:
    """The Bento builds under the receipt's tag, installs into an environment of its own, and predicts from there."""
    clone, _ = done_by_ci
    receipt = json.loads((clone.path / "models/receipt.json").read_text(encoding="utf-8"))
    name, _, version = receipt["bento_tag"].partition(":")
    clone.run("uv", "run", "bentoml", "build", "--version", version)
    bento = clone.home / "bentoml" / "bentos" / name / version
    requirements = (bento / "env/python/requirements.txt").read_text(encoding="utf-8")
    assert not TRAINING_LIBRARIES & set(re.findall(r"^[\w-]+", requirements, re.MULTILINE))
    environment = tmp_path / "environment"
    clone.run("uv", "venv", "--quiet", str(environment))
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    clone.run(
        "uv", "pip", "install", "--quiet", "--python", str(python), "-r", str(bento / "env/python/requirements.txt")
    )
    elsewhere = Repository(tmp_path, clone.home)
    tag = receipt["bento_tag"]
    with serving(
        elsewhere, str(python), "-m", "bentoml", "serve", tag, "--host", "127.0.0.1", "--port", "{port}"
    ) as address:
        said = ask(f"{address}/info")
        row = {field["name"]: field["typical"] for field in ask(f"{address}/form.json")["fields"]}
        answer = ask(f"{address}/predict", row)
    assert said["running_bento"] == receipt["bento_tag"]
    metadata = json.loads((clone.path / "models/model.json").read_text(encoding="utf-8"))
    assert answer["predictions"][0]["prediction"] in metadata["labels"]
    assert answer["predictions"][0]["in_domain"] is True


def test_the_environment_is_small(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Development tools included, the files of the environment add up to less than 850 MiB, bytecode left out."""
    files = (path for path in (repository.path / ".venv").rglob("*") if path.suffix != ".pyc" and not path.is_symlink())
    size = sum(path.stat().st_size for path in files if path.is_file()) / 2**20
    with capsys.disabled():
        print(f" environment: {size:.0f} MiB of {LIMIT_MIB} ", end="")
    assert size < LIMIT_MIB, f"{size:.0f} MiB"


def test_serving_dependencies_are_those_of_the_bento(repository: Repository) -> None:
    """No training library is a dependency of the project itself."""
    project = tomllib.loads((repository.path / "pyproject.toml").read_text(encoding="utf-8"))
    assert not TRAINING_LIBRARIES & {re.split(r"[<>=;]", name)[0] for name in project["project"]["dependencies"]}


def ask(address: str, body: Any = None) -> Any:
    """Give the JSON at an address; a `body` is posted as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def test_mlflow_shows_the_run(done_by_ci: tuple[Repository, str]) -> None:
    """`mlflow ui`, told nothing but the port, serves the run that the pipeline made, with the metrics of the report."""
    clone, _ = done_by_ci
    run_id = json.loads((clone.path / "reports/training.json").read_text(encoding="utf-8"))["run_id"]
    with serving(clone, "uv", "run", "mlflow", "ui", "--port", "{port}", ready="/health") as address:
        run = ask(f"{address}/api/2.0/mlflow/runs/get?run_id={run_id}")["run"]
    shown = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    metrics = json.loads((clone.path / "reports/metrics.json").read_text(encoding="utf-8"))
    assert run["info"]["status"] == "FINISHED"
    for name, measured in metrics.items():
        assert shown[name] == pytest.approx(measured["value"]), name


def test_both_domains_are_their_own(generate: Callable[[str], Repository]) -> None:
    """The domains share no sentence of their charter, and no field of their contract."""
    charters, fields = [], []
    for domain in ("mechanical", "biomedical"):
        path = generate(domain).path
        charter = (path / "docs/charter.md").read_text(encoding="utf-8")
        charters.append({s.strip() for s in re.split(r"(?<=\.)\s", charter) if len(s) > 80})
        contract = yaml.safe_load((path / "data/datapackage.yaml").read_text(encoding="utf-8"))
        fields.append({field["name"] for field in contract["resources"][0]["schema"]["fields"]})
    assert len(charters[0] & charters[1]) <= 3
    assert not fields[0] & fields[1]
