"""The networks and their loop: directions kept, signals read, killed trainings resumed, every epoch tracked."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from project import contract, model, predictor, stage
from project.predictor import Inputs
from project.problem import Shape
from project.training import export, fitting, tracking

SETTINGS = {"width": 16, "depth": 1, "learning_rate": 0.005}
NETWORK = model.CANDIDATES["network"]
NAMES = [np.array(["L", "M"], dtype=object)]
SHAPES = {
    "directed classes": Shape(2, [1, 0, -1], [None] * 3, NAMES),
    "many classes": Shape(4, [0, 0], [None] * 2, []),
    "directed values": Shape(0, [1, 0], [None] * 2, []),
    "texts alone": Shape(2, [], [], NAMES),
    "signals": Shape(3, [0] * 33, [*(["I", "Q"] * 16), None], []),
}


def made_up(shape: Shape, rows: int = 200) -> tuple[Inputs, np.ndarray[Any, Any]]:
    """Give rows of that shape, some numbers missing, one text unknown, and a target that follows from them."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(rows, max(1, len(shape.directions)))).astype(np.float32)
    score = numbers[:, 0] + 0.1 * random.normal(size=rows)
    numbers[::7, -1] = np.nan
    inputs: Inputs = {"numbers": numbers} if shape.directions else {}
    if shape.categories:
        inputs["texts"] = np.array([["L"], ["M"], ["unknown"]], dtype=object)[random.integers(0, 3, rows)]
    classes = np.digitize(score, np.quantile(score, np.linspace(0, 1, max(2, shape.classes) + 1)[1:-1]))
    return inputs, classes if shape.classes else score


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shape:
    """Give each shape of a table in turn, in a folder that has no checkpoints."""
    monkeypatch.chdir(tmp_path)
    return SHAPES[request.param]


def test_onnx_predicts_what_the_network_predicts(shape: Shape) -> None:
    """For tables, texts and signals, classes and values in a unit of their own."""
    inputs, truth = made_up(shape)
    fitted = fitting.fit(replace(NETWORK, epochs=2), SETTINGS, shape, inputs, truth, seed=1)
    mean, spread = (0.0, 1.0) if shape.classes else (100.0, 5.0)
    session = onnxruntime.InferenceSession(export.to_onnx(fitted, shape, inputs, (mean, spread)))
    found = np.asarray(session.run(None, inputs)[0])
    expected = fitting.answer(fitted, shape, inputs)
    assert np.allclose(found.reshape(expected.shape), expected * spread + mean, atol=1e-5)


@pytest.mark.parametrize("name", ["directed classes", "directed values"])
def test_directions_hold_for_any_weights(name: str) -> None:
    """With weights that no training chose, a rising number never moves the answer against its direction."""
    torch.manual_seed(0)
    shape = SHAPES[name]
    network = NETWORK.make(shape, width=16, depth=2).eval()
    for weights in network.parameters():
        weights.data = torch.randn_like(weights)
    inputs, _ = made_up(shape, rows=2_000)
    before = fitting.answer(network, shape, inputs).reshape(2_000, -1)[:, -1]
    for place, direction in enumerate(shape.directions):
        risen = {kind: values.copy() for kind, values in inputs.items()}
        risen["numbers"][:, place] += 0.3
        after = fitting.answer(network, shape, risen).reshape(2_000, -1)[:, -1]
        assert direction == 0 or ((after - before) * direction >= -1e-6).all()


def test_what_is_beyond_the_training_rows_counts_as_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number without a direction that is larger than any of the training rows is answered as the largest one."""
    monkeypatch.chdir(tmp_path)
    shape = SHAPES["directed values"]
    inputs, truth = made_up(shape)
    fitted = fitting.fit(replace(NETWORK, epochs=2), SETTINGS, shape, inputs, truth, seed=1)
    largest, beyond = (inputs["numbers"].copy() for _ in range(2))
    largest[:, 1] = np.nanmax(largest[:, 1])
    beyond[:, 1] = 1_000 * largest[:, 1]
    at_the_end, after = (fitting.answer(fitted, shape, {"numbers": numbers}) for numbers in (largest, beyond))
    assert np.allclose(after, at_the_end, atol=1e-5)
    assert not np.allclose(after, fitting.answer(fitted, shape, inputs), atol=1e-5)


def test_no_answer_is_beyond_the_values_that_were_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far a directed number rises, the answer stays within those of the training rows."""
    monkeypatch.chdir(tmp_path)
    shape = SHAPES["directed values"]
    inputs, truth = made_up(shape)
    fitted = fitting.fit(replace(NETWORK, epochs=2), SETTINGS, shape, inputs, truth, seed=1)
    risen = {"numbers": inputs["numbers"] + np.array([1_000, 0], dtype=np.float32)}
    assert fitting.answer(fitted, shape, risen) == pytest.approx(truth.max(), abs=1e-5)


@pytest.mark.parametrize(
    ("signals", "directions", "sentence"),
    [
        (["I", "I", "Q"], [0, 0, 0], "signals of different lengths: I has 2, Q has 1 samples"),
        (["I", "I"], [0, 1], "a sample of a signal cannot have a monotone direction"),
    ],
)
def test_signals_that_are_none_are_refused(signals: list[str | None], directions: list[int], sentence: str) -> None:
    """Channels have the same length, and their samples no direction."""
    with pytest.raises(stage.ProjectError, match=sentence):
        model.channels(Shape(2, directions, signals, []))


def test_a_fit_that_goes_on_ends_as_one_that_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after three epochs of six and begun again, it gives the same weights, bit for bit."""
    shape = SHAPES["directed classes"]
    inputs, truth = made_up(shape)
    monkeypatch.setattr(fitting, "SAVE_EVERY", 0.0)
    whole, stopped = (tmp_path / name for name in ("whole", "stopped"))
    for folder in (whole, stopped):
        folder.mkdir()
    six = replace(NETWORK, epochs=6)
    monkeypatch.chdir(whole)
    expected = fitting.fit(six, SETTINGS, shape, inputs, truth, seed=1).state_dict()
    monkeypatch.chdir(stopped)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fitting, "_epoch", stops_after(3))
        fitting.fit(six, SETTINGS, shape, inputs, truth, seed=1)
    found = fitting.fit(six, SETTINGS, shape, inputs, truth, seed=1).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


def stops_after(epochs: int) -> Callable[..., float]:
    """Give an epoch that is interrupted once so many are done."""
    epoch = fitting._epoch

    def stopping(learning: fitting.Learning, *rest: Any) -> float:
        if learning.progress.epoch == epochs:
            raise KeyboardInterrupt
        return epoch(learning, *rest)

    return stopping


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint that a killed process left is whole, and the next fit begins with its epoch."""
    monkeypatch.chdir(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_fitting import *; fitting.SAVE_EVERY = 0; shape = SHAPES['many classes']\n"
        "endless = replace(NETWORK, epochs=10**6, patience=10**6)\n"
        "fitting.fit(endless, SETTINGS, shape, *made_up(shape), seed=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        for _ in range(600):
            time.sleep(0.1)
            if list(tmp_path.glob(f"{fitting.CHECKPOINTS}/*.safetensors")):
                break
    finally:
        process.kill()
        process.wait(10)
    shape, begun = SHAPES["many classes"], []
    monkeypatch.setattr(fitting, "_learn", lambda learning, *_: begun.append(learning.progress))
    fitting.fit(NETWORK, SETTINGS, shape, *made_up(shape), seed=1)
    assert begun[0].epoch == len(begun[0].history) >= 1


@pytest.mark.usefixtures("inside")
def test_mlflow_holds_every_epoch_and_the_weights(tmp_path: Path) -> None:
    """The losses of the final fit are in the run, epoch by epoch, beside its weights; no checkpoint is left."""
    run_id = stage.read_json(Path("reports/training.json"))["run_id"]
    client = tracking.MlflowClient()
    for name in ("training_loss", "validation_loss"):
        history = client.get_metric_history(run_id, name)
        assert [metric.step for metric in history] == list(range(1, len(history) + 1))
        assert len(history) > 1
    weights = load_file(client.download_artifacts(run_id, f"weights/{fitting.WEIGHTS}", str(tmp_path)))
    columns = predictor.layout(contract.load_data_contract().features).get("numbers", [])
    assert weights["mean"].shape == (len(columns),)
    assert not fitting.CHECKPOINTS.exists()


def test_a_device_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names what there is."""
    monkeypatch.setenv(fitting.DEVICE, "abacus")
    with pytest.raises(stage.ProjectError, match=r"TRAIN_DEVICE is 'abacus', here are .*cpu"):
        fitting.chosen_device()
