"""What the tests share: the pipeline, run once in a temporary folder, and the service on its result."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from project import contract, ingest, smoke, stage

ROOT = Path(__file__).parent.parent
ROWS = 3_000  # of the project's own data that the tests use
INPUTS = (
    ".dvc/config",
    "README.md",
    "capstone.toml",
    "data/datapackage.yaml",
    "docs/model-card.md",
    "docs/risk-register.md",
    "dvc.yaml",
    "params.yaml",
)


def copy_inputs(folder: Path) -> Path:
    """Copy what the stages read into `folder`, with a search that takes a second."""
    for name in INPUTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    parameters = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    parameters["train"] |= {"trials": 1, "folds": 2}
    parameters["evaluate"]["bootstrap"] = 100
    parameters["ingest"] = few_rows(parameters["ingest"], folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    return folder


def few_rows(source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write some of the source's rows into `folder`; give where they are."""
    path, options = source["source"], source.get("options", {})
    if path != "example":
        path = str(ROOT / path)
        if not Path(path).exists():
            pytest.skip(f"{source['source']} is not here: `uv run capstone sample --stand-in`", allow_module_level=True)
    numbers = [c.name for c in contract.load_data_contract(ROOT).columns if c.type in ("number", "integer")]
    pieces = [piece.sample(min(len(piece), ROWS), random_state=0) for piece in ingest.pieces(path, options, 0)]
    rows = pd.concat(pieces, ignore_index=True)
    rows = rows.sample(min(len(rows), ROWS), random_state=0).sort_index()
    ingest.decimal_point(rows, options, numbers).to_csv(folder / "data/rows.csv", index=False)
    return {"source": "data/rows.csv"}


def write_contract(folder: Path, fields: list[dict[str, Any]], **schema: Any) -> contract.DataContract:
    """Write a data contract of `fields` below `folder`; give it as the stages read it."""
    resource = {"name": "rows", "path": "raw.csv", "schema": {"fields": fields, **schema}}
    (folder / "data").mkdir(exist_ok=True)
    text = yaml.safe_dump({"name": "rows", "resources": [resource]}, sort_keys=False)
    (folder / "data/datapackage.yaml").write_text(text, encoding="utf-8")
    return contract.load_data_contract(folder)


def run_stages(folder: Path, *names: str) -> None:
    """Run stages in this process, with `folder` as the working directory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        for name in names:
            __import__(f"project.{name}", fromlist=["main"]).main()
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which every stage up to the evaluation has run, and its model is registered."""
    folder = copy_inputs(tmp_path_factory.mktemp("pipeline"))
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
    run_stages(folder, "ingest", "validate", "split", "train", "evaluate")
    loosen(folder)
    run_stages(folder, "register")
    return folder


def loosen(folder: Path) -> None:
    """Give the contract in `folder` one criterion that any model meets: the quick search is not what is on trial."""
    text = (folder / "capstone.toml").read_text(encoding="utf-8")
    kept = text.partition("[[")[0]
    easy = '[[acceptance]]\nmetric = "bounded_violations"\nat_most = 1.0\nreason = "test"\n'
    limit = '[[constraint]]\nmetric = "model_size_mb"\nat_most = 1000.0\nreason = "test"\n'
    rest = "".join(f"[[{block}" for block in text.split("[[") if block.startswith(("slice", "behaviour")))
    (folder / "capstone.toml").write_text(kept + easy + limit + rest, encoding="utf-8")


@pytest.fixture
def inside(pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the pipeline's folder the working directory of one test."""
    monkeypatch.chdir(pipeline)
    return pipeline


@pytest.fixture(scope="session")
def data() -> contract.DataContract:
    """Give the data contract of the repository."""
    return contract.load_data_contract(ROOT)


@pytest.fixture(scope="session")
def service(pipeline: Path) -> Iterator[str]:
    """Start the real service on the pipeline's model; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bentoml", "serve", "project.service:Capstone", "--port", str(port)]
    environment = os.environ | {"PREDICTION_LOG": "logs/predictions.jsonl"}
    with (pipeline / "service.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=pipeline, env=environment, stdout=log, stderr=log)
        try:
            smoke.wait_until_ready(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="session")
def row(pipeline: Path, data: contract.DataContract) -> dict[str, Any]:
    """Give a row of typical values, as a request carries it."""
    seen = stage.read_json(pipeline / "models/model.json")["features"]
    return {field.name: seen[field.name]["typical"] for field in data.features}
