"""The stages from end to end: reproducible, tracked, gated, and traceable."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import copy_inputs, loosen, run_stages

from project import contract, predictor, register, stage, table
from project.serving import models
from project.training import tracking

PARTS = ("train", "calibration")
RESULTS = ("models/model.onnx", "models/model.json", "reports/metrics.json", "reports/figures/importance.svg")


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give another folder in which every stage up to the evaluation has run on the same inputs."""
    folder = copy_inputs(tmp_path_factory.mktemp("again"))
    run_stages(folder, "ingest", "validate", "split", "train", "evaluate")
    return folder


def test_the_same_inputs_give_the_same_bytes(pipeline: Path, again: Path) -> None:
    """A second run elsewhere gives the same model, metadata, metrics and figures."""
    for name in RESULTS:
        assert (again / name).read_bytes() == (pipeline / name).read_bytes(), name


def test_the_exported_model_agrees_with_the_pipeline(inside: Path) -> None:
    """Training records how far ONNX and scikit-learn differ, and it is next to nothing."""
    parity = stage.read_json(inside / "reports/training.json")["parity"]
    rows = [table.read(inside / f"data/splits/{part}.csv", contract.load_data_contract()) for part in PARTS]
    assert parity["rows"] == sum(map(len, rows))
    assert parity["share_beyond_tolerance"] <= 0.001


@pytest.mark.usefixtures("inside")
def test_declared_directions_hold() -> None:
    """No prediction moves against a direction that the contract declares."""
    assert stage.read_json(Path("reports/metrics.json"))["monotone_violations"]["value"] == 0


@pytest.mark.usefixtures("inside")
def test_a_row_with_missing_values_is_predicted(data: contract.DataContract) -> None:
    """Missing numbers, dates and texts give a prediction, not an error or NaN."""
    model = predictor.Predictor(features=data.features)
    missing = {f.name: np.nan if f.numeric else np.datetime64("NaT") if f.dated else "" for f in data.features}
    row = {name: np.array([value], dtype=object if value == "" else None) for name, value in missing.items()}
    found = model.score(predictor.model_inputs(row, data.features))
    assert np.isfinite(found).all()


@pytest.mark.usefixtures("inside")
def test_prediction_sets_are_never_empty(data: contract.DataContract) -> None:
    """Each test row gets at least one class, or an interval that holds its own prediction."""
    rows = table.read(Path("data/splits/test.csv"), data)
    found = predictor.Predictor(features=data.features).predict({name: rows[name].to_numpy() for name in rows})
    if found.sets is not None:
        assert found.sets.any(axis=1).all()
    else:
        assert found.intervals is not None
        assert (found.intervals[:, 0] <= found.values).all()


@pytest.mark.usefixtures("inside")
def test_a_value_beyond_the_training_rows_is_out_of_domain(data: contract.DataContract) -> None:
    """The domain check names the field that lies where no training row lay, and only that."""
    model = predictor.Predictor(features=data.features)
    rows = table.read(Path("data/splits/train.csv"), data)
    seen = model.metadata["features"]
    assert not model.predict({name: rows[name].to_numpy() for name in rows}).outside.any()
    unlike = {
        f.name: "no such category" for f in data.features if "seen" in seen[f.name] and "open" not in seen[f.name]
    }
    unlike |= {f.name: abs(seen[f.name]["high"]) * 2 + 1 for f in data.features if f.numeric and seen[f.name]["high"]}
    if not unlike:
        pytest.skip("no field has a range or a list of categories")
    for name, value in unlike.items():
        columns = {field: rows[field].to_numpy()[:1] for field in rows} | {name: np.array([value])}
        outside = model.predict(columns).outside[0]
        assert [f.name for f, flag in zip(data.features, outside, strict=True) if flag] == [name]


def test_mlflow_holds_what_the_reports_hold(inside: Path) -> None:
    """Metrics in the run equal reports/metrics.json, and the run says where it came from."""
    run = client(inside).get_run(stage.read_json(Path("reports/training.json"))["run_id"])
    for name, found in stage.read_json(Path("reports/metrics.json")).items():
        if found["value"] is not None:
            assert run.data.metrics[name] == pytest.approx(found["value"])
    assert {"git_commit", "git_dirty", "data_sha256", "contract_sha256"} <= set(run.data.tags)
    assert run.info.status == "FINISHED"


@pytest.mark.usefixtures("inside")
def test_the_registered_model_predicts_what_the_file_predicts(data: contract.DataContract) -> None:
    """The champion, loaded from the registry, gives the same numbers as models/model.onnx."""
    name = contract.load_capstone().project.slug
    loaded = tracking.mlflow.pyfunc.load_model(f"models:/{name}@{register.ALIAS}")
    rows = table.read(Path("data/splits/test.csv"), data).head(5)
    inputs = predictor.model_inputs({n: rows[n].to_numpy() for n in rows}, data.features)
    ours = predictor.Predictor(features=data.features).score(inputs)
    theirs = loaded.predict(inputs)
    values = list(theirs.values())[-1] if isinstance(theirs, dict) else theirs
    assert np.allclose(np.asarray(values, dtype=float).reshape(ours.shape), ours, atol=1e-6)


def test_the_receipt_leads_back(inside: Path) -> None:
    """The receipt's hashes are those of the files, and its run and version are in MLflow."""
    receipt = stage.read_json(register.RECEIPT)
    assert receipt["model_sha256"] == models.digest(predictor.MODEL, predictor.METADATA)
    assert receipt["data_sha256"] == models.digest(*sorted(Path("data/splits").glob("*.csv")))
    version = client(inside).get_model_version(receipt["model_name"], receipt["model_version"])
    assert version.run_id == receipt["mlflow_run_id"]


def test_the_gate_refuses_and_says_by_how_much(pipeline: Path) -> None:
    """A criterion that does not hold keeps the alias where it is; the error names it, asked, measured and short."""
    capstone = contract.load_capstone(pipeline)
    strict = contract.Criterion(metric="accuracy", at_least=0.9, reason="test")
    sentences = register.failures(capstone.model_copy(update={"acceptance": (strict,)}), {"accuracy": 0.75})
    assert sentences[0] == "accuracy is 0.75, asked is at least 0.9: short by 0.15"


def test_a_criterion_that_was_not_measured_is_refused(pipeline: Path) -> None:
    """A misspelt metric is a failed criterion, not a passed one."""
    capstone = contract.load_capstone(pipeline)
    misspelt = contract.Criterion(metric="acuracy", at_least=0.0, reason="test")
    sentences = register.failures(capstone.model_copy(update={"acceptance": (misspelt,)}), {})
    assert sentences[0].startswith("acuracy was not measured")


def test_a_refused_model_leaves_the_champion_where_it_was(pipeline: Path, again: Path) -> None:
    """`register` ends with an error, and the alias still points at the version before."""
    before = client(pipeline).get_model_version_by_alias(contract.load_capstone(pipeline).project.slug, register.ALIAS)
    loosen(again)
    text = (again / "capstone.toml").read_text(encoding="utf-8")
    (again / "capstone.toml").write_text(text.replace("at_most = 1000.0", "at_most = 0.0"), encoding="utf-8")
    with pytest.raises(stage.ProjectError, match=r"model_size_mb is .*, asked is at most 0"):
        run_stages(again, "register")
    after = client(pipeline).get_model_version_by_alias(before.name, register.ALIAS)
    assert after.version == before.version
    assert not (again / register.RECEIPT).exists()


def test_a_killed_run_does_not_stay_running(inside: Path) -> None:
    """A run is marked KILLED by the next training once its process is gone, and not before."""
    store, name = client(inside), contract.load_capstone().project.slug
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    tags = {tracking.PROCESS_TAG: tracking.identity(psutil.Process(process.pid))}
    experiment = store.get_experiment_by_name(name)
    assert experiment
    run_id = store.create_run(experiment.experiment_id, tags=tags).info.run_id
    assert run_id not in tracking.close_killed_runs(store, name)
    process.kill()
    process.wait(10)
    assert run_id in tracking.close_killed_runs(store, name)
    assert store.get_run(run_id).info.status == "KILLED"


def client(folder: Path) -> tracking.MlflowClient:
    """Open the pipeline's store."""
    return tracking.MlflowClient(tracking_uri=f"sqlite:///{(folder / 'mlflow.db').as_posix()}")
