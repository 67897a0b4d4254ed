"""What a student does first, in the generated repository of a domain and framework, from a clean clone.

With CAPSTONE_ALL=1 every pair of them goes through its own CI, the service and the page, and gets its line in docs/.
"""

import json
import re
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import form
import pytest
import yaml
from bake import bake
from conftest import Repository, opened, serving
from pairs import ALL, EVERY, FEW, ONE, PAIRS, keep, known
from playwright.sync_api import Browser

FRAMEWORKS = {"lightgbm", "scikit-learn", "skl2onnx", "torch"}
TRAINING_LIBRARIES = FRAMEWORKS | {"dvc", "matplotlib", "mlflow", "onnx", "pandas", "scipy"}
LIMIT_MIB = 850
LEFT_OPEN = re.compile(r"Not evaluated yet|\{[{%]|\bTODO\b|\bTBD\b|\bFIXME\b|lorem ipsum", re.IGNORECASE)


def workflow_steps(repository: Repository) -> list[str]:
    """Give every `run:` step of the jobs that need no forge, in order, from the generated workflow itself."""
    workflow = yaml.safe_load((repository.path / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    return [step["run"] for job in ("check", "pipeline") for step in workflow["jobs"][job]["steps"] if "run" in step]


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Give the domain and the framework."""
    return request.param


@pytest.fixture(scope="module")
def repository(pair: tuple[str, str], generate: Callable[..., Repository]) -> Repository:
    """Give the pair's generated repository, its pipeline not run."""
    return generate(*pair)


@pytest.fixture(scope="module")
def done_by_ci(
    pair: tuple[str, str],
    repository: Repository,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Repository, str]]:
    """Run the workflow's steps in a clean clone; give the clone and the step summary."""
    folder, failed, seconds = tmp_path_factory.mktemp("ci"), request.session.testsfailed, {}
    clone = repository.clone(folder / "clone")
    summary = folder / "summary.md"
    for step in dict.fromkeys(workflow_steps(repository)):
        started = time.monotonic()
        clone.run("bash", "-eo", "pipefail", "-c", step, GITHUB_STEP_SUMMARY=str(summary))
        seconds[step] = time.monotonic() - started
    yield clone, summary.read_text(encoding="utf-8")
    if ALL and request.session.testsfailed == failed:
        times = (sum(seconds.values()), seconds["uv run dvc repro"])
        keep(pair, *told(clone), *(f"{value:.0f}" for value in times))


def reports(repository: Repository) -> dict[str, float]:
    """Give every value that the pipeline measured, by its name."""
    metrics, constraints = (
        json.loads((repository.path / f"reports/{name}.json").read_text(encoding="utf-8"))
        for name in ("metrics", "constraints")
    )
    return {name: found["value"] for name, found in metrics.items()} | constraints


def told(repository: Repository) -> list[str]:
    """Give the cells of the table: headline metric, lift, how many criteria are met, and how many directions."""
    asked = tomllib.loads((repository.path / "capstone.toml").read_text(encoding="utf-8"))
    metrics = json.loads((repository.path / "reports/metrics.json").read_text(encoding="utf-8"))
    headline = asked["task"]["headline"]
    shown = ["{value:.4g} ({low:.4g} to {high:.4g})".format(**metrics[x]) for x in (headline, "lift_over_baseline")]
    state = (repository.path / "README.md").read_text(encoding="utf-8")
    criteria = len(asked["acceptance"]) + len(asked["constraint"])
    return [
        f"{headline} {shown[0]}",
        shown[1],
        f"{state.count('| yes |')} of {criteria}",
        str(len(directed(repository))),
    ]


def directed(repository: Repository) -> list[str]:
    """Give the names of the fields with a declared direction."""
    contract = yaml.safe_load((repository.path / "data/datapackage.yaml").read_text(encoding="utf-8"))
    return [field["name"] for field in contract["resources"][0]["schema"]["fields"] if field.get("monotone")]


@EVERY
def test_the_first_commit_is_clean_and_locked(repository: Repository) -> None:
    """One commit holds everything, the lock file too, and nothing is left over."""
    assert repository.run("git", "log", "--oneline").stdout.count("\n") == 1
    assert repository.run("git", "status", "--porcelain").stdout == ""
    assert "uv.lock" in repository.run("git", "ls-files").stdout.splitlines()


@EVERY
def test_every_step_of_the_generated_ci_succeeds(done_by_ci: tuple[Repository, str]) -> None:
    """Lint, format, types, tests, hooks, pipeline, smoke test and comparison run in a clean clone."""
    clone, summary = done_by_ci
    assert "lift_over_baseline" in summary
    assert (clone.path / "dvc_plots" / "index.html").exists()


@EVERY
def test_the_pipeline_leaves_a_champion_and_a_receipt(done_by_ci: tuple[Repository, str]) -> None:
    """Every criterion holds; the documents say so; the receipt names the commit."""
    clone, _ = done_by_ci
    receipt = json.loads((clone.path / "models/receipt.json").read_text(encoding="utf-8"))
    assert receipt["git_commit"] == clone.run("git", "rev-parse", "HEAD").stdout.strip()
    readme = (clone.path / "README.md").read_text(encoding="utf-8")
    assert readme.count("| yes |") >= 6
    assert "**no**" not in readme


@EVERY
def test_the_model_keeps_the_physics_of_its_field(done_by_ci: tuple[Repository, str]) -> None:
    """No prediction moves against a declared direction, and none leaves the limits of the target but as agreed."""
    clone, _ = done_by_ci
    measured = reports(clone)
    asked = tomllib.loads((clone.path / "capstone.toml").read_text(encoding="utf-8"))["acceptance"]
    agreed = {criterion["metric"]: criterion["at_most"] for criterion in asked if "at_most" in criterion}
    assert measured["monotone_violations"] == 0
    assert measured["bounded_violations"] <= agreed.get("bounded_violations", 0)
    assert not directed(clone) or "monotone_violations" in agreed


@EVERY
def test_no_document_holds_an_open_placeholder(done_by_ci: tuple[Repository, str]) -> None:
    """Every value that answers or measurements know is filled in; what only people know is asked as a question."""
    clone, _ = done_by_ci
    documents = clone.run("git", "ls-files", "*.md").stdout.splitlines()
    texts = {name: (clone.path / name).read_text(encoding="utf-8") for name in documents}
    left = {name: found[0] for name, text in texts.items() if (found := LEFT_OPEN.search(text))}
    assert left == {}
    measured = [line.split("|")[5] for line in texts["docs/risk-register.md"].splitlines() if line.startswith("| R")]
    assert len(measured) == 17
    for cell in measured:
        assert re.fullmatch(r" (not measurable|`\w+` = [^`]+(; `\w+` = [^`]+)*) ", cell), cell


@pytest.fixture(scope="module")
def served(done_by_ci: tuple[Repository, str]) -> Iterator[str]:
    """Give the address of the champion's service."""
    with serving(done_by_ci[0], "uv", "run", "bentoml", "serve", "--port", "{port}") as address:
        yield address


@EVERY
def test_the_service_predicts_the_typical_row(served: str, done_by_ci: tuple[Repository, str]) -> None:
    """Over HTTP: one of the classes, or a value within its interval; the row is like those of the training."""
    metadata = json.loads((done_by_ci[0].path / "models/model.json").read_text(encoding="utf-8"))
    found = ask(f"{served}/predict", typical(served))["predictions"][0]
    assert found["in_domain"] is True
    if metadata["labels"]:
        assert found["prediction"] in metadata["labels"]
        assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    else:
        assert found["interval"][0] <= found["prediction"] <= found["interval"][1]


@EVERY
def test_the_page_is_filled_in_in_a_browser(served: str, browser: Browser) -> None:
    """Each field that is shown takes another value, and the page shows the answer of /predict to that row."""
    fields = ask(f"{served}/form.json")
    with opened(browser, served) as page:
        row = form.fill_in(page, fields)
        answer = form.shown(page, fields)
    expected = ask(f"{served}/predict", row)["predictions"][0]
    if fields["kind"] == "classification":
        assert answer == expected["prediction"]
    else:
        low, high = expected["interval"]
        assert form.number(answer) == pytest.approx(expected["prediction"], abs=(high - low) / 50)


@EVERY
def test_only_results_change_when_the_pipeline_runs(done_by_ci: tuple[Repository, str]) -> None:
    """After `dvc repro`, git shows results and the documents that hold them, and nothing else."""
    clone, _ = done_by_ci
    changed = {line[3:] for line in clone.run("git", "status", "--porcelain").stdout.splitlines()}
    documents = {"README.md", "docs/model-card.md", "docs/risk-register.md"}
    documents |= {"paper/paper.md"} if (clone.path / "paper").exists() else set()
    assert changed == documents | {"dvc.lock", "models/receipt.json", "reports/"}


@FEW
def test_a_second_run_does_nothing(done_by_ci: tuple[Repository, str]) -> None:
    """With nothing changed, no stage runs."""
    clone, _ = done_by_ci
    assert "Running stage" not in clone.run("uv", "run", "dvc", "repro").stdout


@FEW
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


@FEW
def test_the_lock_digest_in_the_receipt_can_be_recomputed(done_by_ci: tuple[Repository, str]) -> None:
    """The receipt's hash of dvc.lock is that of the file without the stage that wrote the receipt."""
    clone, _ = done_by_ci
    receipt = json.loads((clone.path / "models/receipt.json").read_text(encoding="utf-8"))
    code = "from project import register; print(register.lock_digest())"
    assert clone.run("uv", "run", "python", "-c", code).stdout.strip() == receipt["dvc_lock_sha256"]


@FEW
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
        answer = ask(f"{address}/predict", typical(address))
    assert said["running_bento"] == receipt["bento_tag"]
    metadata = json.loads((clone.path / "models/model.json").read_text(encoding="utf-8"))
    assert answer["predictions"][0]["prediction"] in metadata["labels"]
    assert answer["predictions"][0]["in_domain"] is True


def test_the_environment_is_small(generate: Callable[..., Repository], capsys: pytest.CaptureFixture[str]) -> None:
    """Development tools included, the files of the environment add up to less than 850 MiB, bytecode left out."""
    environment = generate("mechanical").path / ".venv"
    files = (path for path in environment.rglob("*") if path.suffix != ".pyc" and not path.is_symlink())
    size = sum(path.stat().st_size for path in files if path.is_file()) / 2**20
    with capsys.disabled():
        print(f" environment: {size:.0f} MiB of {LIMIT_MIB} ", end="")
    assert size < LIMIT_MIB, f"{size:.0f} MiB"


@FEW
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


@ONE
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


def typical(address: str) -> dict[str, Any]:
    """Give the row that a service's page shows at first."""
    return {field["name"]: field["typical"] for field in ask(f"{address}/form.json")["fields"]}


def test_the_domains_are_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No two domains share more than a few sentences of their charter, or most fields of their contract."""
    charters, fields = {}, {}
    for domain in dict(PAIRS):
        path = bake(tmp_path_factory.mktemp(domain), domain=domain)
        charter = (path / "docs/charter.md").read_text(encoding="utf-8")
        charters[domain] = {s.strip() for s in re.split(r"(?<=\.)\s", charter) if len(s) > 80}
        contract = yaml.safe_load((path / "data/datapackage.yaml").read_text(encoding="utf-8"))
        fields[domain] = {field["name"] for field in contract["resources"][0]["schema"]["fields"]}
    for one, other in combinations(charters, 2):
        assert len(charters[one] & charters[other]) <= 5, (one, other)  # how criteria are signed
        assert len(fields[one] & fields[other]) <= 2, (one, other)


def test_the_table_has_every_domain_with_every_framework() -> None:
    """docs/pairs.md has a line for each pair, in the order of the questions."""
    assert list(known()) == PAIRS
