"""Fit a candidate of `model.py`, and ask it; `export.py` turns what is fitted into ONNX.

A loop of plain PyTorch that stops when rows which it does not learn from get worse, and that goes on where it was if
the process was killed: each epoch depends on the state before it and on nothing else.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from project import stage
from project.evaluation.metrics import Floats
from project.predictor import Inputs
from project.problem import Shape

CHECKPOINTS = Path(".cache/checkpoints")
WEIGHTS = "model.safetensors"
SAVE_EVERY = 2.0  # seconds of training that a kill may cost
THREADS = 1  # of the processor: at these sizes more of them wait for each other, and the sums depend on their number
HELD = 0.1  # of the rows, on which the loop sees when to stop
ASKED = 8_192  # rows at a time
DEVICE = "TRAIN_DEVICE"  # the environment variable: a matter of the machine, not of the experiment


@dataclass(frozen=True)
class Candidate:
    """One kind of network, by the name that params.yaml gives it, and how it learns."""

    make: Callable[..., Any]  # of (shape, **settings); `learning_rate` is the optimizer's
    settings: dict[str, list[Any]]
    epochs: int = 80
    patience: int = 25  # epochs without a better loss on the rows held out
    batch: int = 128
    keeps_directions: bool = True  # whether it can be held to the contract's monotone directions
    most_classes: float = np.inf  # beyond which it takes too long to be searched


@dataclass
class Progress:
    """How far the loop has come."""

    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)  # of each epoch, from 1 on


@dataclass
class Learning:
    """A network on its way, with all that it takes to go on another day."""

    network: Any
    optimizer: torch.optim.Optimizer
    best: dict[str, Tensor]
    path: Path
    progress: Progress = field(default_factory=Progress)
    saved: float = 0.0

    def ended(self, candidate: Candidate) -> bool:
        """Whether no epoch is to follow."""
        waited = self.progress.epoch - self.progress.best_epoch
        return self.progress.epoch >= candidate.epochs or waited >= candidate.patience

    def slow_down(self, epochs: int) -> None:
        """Let the learning rate fall to nothing along a cosine (Loshchilov and Hutter, 2017)."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * (1 + math.cos(math.pi * self.progress.epoch / epochs)) / 2

    def note(self, measured: dict[str, float]) -> None:
        """Take down what an epoch gave, and keep its weights if they are the best so far."""
        self.progress.epoch += 1
        self.progress.history.append(measured)
        if measured["validation_loss"] < self.progress.best:
            self.progress.best, self.progress.best_epoch = measured["validation_loss"], self.progress.epoch
            self.best = _copied(self.network)

    def save(self) -> None:
        """Write the state beside its place, then move it there: a kill leaves the one before."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        with stage.replacing(self.path) as temporary:
            save_file(tensors, temporary, {"progress": json.dumps(asdict(self.progress))})
        self.saved = time.monotonic()

    def resume(self) -> None:
        """Go on from the state that a process before this one left, if there is one."""
        if not self.path.exists():
            return
        with safe_open(self.path, framework="pt") as file:
            self.progress = Progress(**json.loads(file.metadata()["progress"]))
        tensors = load_file(self.path)
        self.network.load_state_dict(_below("network.", tensors))
        self.best = _below("best.", tensors)
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in _below("optimizer.", tensors).items():
            number, _, key = name.partition(".")
            states.setdefault(int(number), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _below(start: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


@dataclass(frozen=True)
class Rows:
    """What the network learns from, on the device."""

    numbers: Tensor | None  # (n, columns)
    codes: Tensor | None  # (n, texts)
    truth: Tensor  # (n,) classes or values

    def part(self, places: Tensor) -> "Rows":
        """Give some of the rows."""
        numbers, codes = (None if t is None else t[places] for t in (self.numbers, self.codes))
        return Rows(numbers, codes, self.truth[places])

    def loss(self, network: Any) -> Tensor:
        """Give the mean loss: cross-entropy, or the squared error."""
        found = network(self.numbers, self.codes)
        if self.truth.is_floating_point():
            return functional.mse_loss(found.float().squeeze(1), self.truth)
        return functional.cross_entropy(found.float(), self.truth)


def untrained(candidate: Candidate, settings: dict[str, Any], shape: Shape, inputs: Inputs) -> Any:
    """Give the network of a candidate before its first epoch."""
    network = candidate.make(shape, **{name: value for name, value in settings.items() if name != "learning_rate"})
    if "numbers" in inputs:
        network.learn_scale(inputs["numbers"])
    return network


def fit(
    candidate: Candidate,
    settings: dict[str, Any],
    shape: Shape,
    inputs: Inputs,
    truth: npt.NDArray[Any],
    seed: int,
    run_id: str | None = None,
) -> nn.Module:
    """Give the fitted network of a candidate; its epochs go to the MLflow run, if one is named."""
    device = chosen_device()
    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)
    network = untrained(candidate, settings, shape, inputs).to(device)
    network.learn_ends(truth)
    parameters = [{"params": network.parameters(), "initial_lr": settings["learning_rate"]}]
    optimizer = torch.optim.AdamW(parameters, fused=True)
    path = CHECKPOINTS / f"{_key(settings, inputs, truth, seed)}.safetensors"
    learning = Learning(network, optimizer, _copied(network), path)
    learning.resume()
    numbers, codes = (None if t is None else t.to(device) for t in tensors(shape, inputs))
    kind = torch.int64 if shape.classes else torch.float32
    rows = Rows(numbers, codes, torch.tensor(truth, dtype=kind, device=device))
    with _logged(learning, run_id) as log:
        _learn(learning, candidate, rows, seed, log)
        network.load_state_dict(learning.best)
    return network.cpu().eval()


def _learn(
    learning: Learning, candidate: Candidate, rows: Rows, seed: int, log: Callable[[dict[str, float], int], None]
) -> None:
    """Run epochs until the loss on the rows held out has stopped falling."""
    ours, held = (rows.part(places) for places in _held_out(rows.truth, seed))
    cuda = rows.truth.device.type == "cuda"
    scaler = torch.amp.GradScaler(enabled=cuda)  # half precision on a GPU; elsewhere it does nothing
    while not learning.ended(candidate):
        torch.manual_seed(1_000 * seed + learning.progress.epoch)
        learning.slow_down(candidate.epochs)
        with torch.autocast(rows.truth.device.type, torch.float16, enabled=cuda):
            learnt = _epoch(learning, ours, candidate.batch, scaler)
            with torch.no_grad():
                learning.network.eval()
                found = float(held.loss(learning.network))
        learning.note({"training_loss": learnt, "validation_loss": found})
        log(learning.progress.history[-1], learning.progress.epoch)
        if time.monotonic() - learning.saved > SAVE_EVERY or learning.ended(candidate):
            learning.save()


def _epoch(learning: Learning, rows: Rows, batch: int, scaler: torch.amp.GradScaler) -> float:
    """Learn once from every row, in an order that the seed decides; give the mean loss."""
    learning.network.train()
    total, order = 0.0, torch.randperm(len(rows.truth)).to(rows.truth.device)
    for places in order.split(batch):
        loss = rows.part(places).loss(learning.network)
        learning.optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(learning.optimizer)
        scaler.update()
        total += float(loss.detach()) * len(places)
    return total / len(order)


@contextmanager
def _logged(learning: Learning, run_id: str | None) -> Generator[Callable[[dict[str, float], int], None]]:
    """Give what an epoch is told to: nothing in the search, else the MLflow run and a progress bar.

    When the fit that counts has ended, its weights go to the run, and the checkpoints go.
    """
    if run_id is None:
        yield lambda measured, epoch: None  # noqa: ARG005
        return
    import mlflow

    if learning.progress.epoch:
        print(f"train: goes on after epoch {learning.progress.epoch}, where a training before this one was stopped")
    with tqdm(desc="train: fit", unit="epoch", disable=None, initial=learning.progress.epoch) as bar:

        def log(measured: dict[str, float], epoch: int) -> None:
            mlflow.log_metrics(measured, step=epoch, run_id=run_id)
            bar.update()
            bar.set_postfix(measured)

        for epoch, measured in enumerate(learning.progress.history, start=1):
            mlflow.log_metrics(measured, step=epoch, run_id=run_id)
        yield log
    weights = learning.path.with_name(WEIGHTS)
    save_file({name: value.cpu().contiguous() for name, value in learning.best.items()}, weights)
    mlflow.log_artifact(str(weights), "weights", run_id=run_id)
    rmtree(CHECKPOINTS)


def _key(settings: dict[str, Any], inputs: Inputs, truth: npt.NDArray[Any], seed: int) -> str:
    """Give a name for a fit that only the same code on the same rows and settings has."""
    total = hashlib.sha256(json.dumps([settings, seed], sort_keys=True).encode())
    for path in (Path(__file__), Path(__file__).parents[1] / "model.py"):
        total.update(path.read_bytes())
    for values in (truth, *inputs.values()):
        total.update("\0".join(values.ravel()).encode() if values.dtype == object else values.tobytes())
    return total.hexdigest()[:16]


def tensors(shape: Shape, inputs: Inputs) -> tuple[Tensor | None, Tensor | None]:
    """Give the model's inputs as a network takes them: numbers and, for texts, the places among their categories."""
    numbers = torch.from_numpy(inputs["numbers"].copy()) if "numbers" in inputs else None
    if "texts" not in inputs:
        return numbers, None
    columns = []
    for values, known in zip(inputs["texts"].T, shape.categories, strict=True):
        places = {value: place for place, value in enumerate(known)}
        columns.append([places.get(value, len(known)) for value in values])
    return numbers, torch.tensor(columns, dtype=torch.int64).T


def _held_out(truth: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Give the rows to learn from and those that say when to stop, a share of each class; of few rows both are all."""
    groups = torch.zeros_like(truth, dtype=torch.int64) if truth.is_floating_point() else truth
    shuffled = torch.randperm(len(truth), generator=torch.Generator().manual_seed(seed)).to(truth.device)
    held = torch.cat([(of := shuffled[groups[shuffled] == group])[: int(HELD * len(of))] for group in groups.unique()])
    every = torch.arange(len(truth), device=truth.device)
    return (every[~torch.isin(every, held)], held) if len(held) else (every, every)


@torch.no_grad()
def answer(fitted: nn.Module, shape: Shape, inputs: Inputs) -> Floats:
    """Give probabilities (n, classes), or values (n,) in the unit that was fitted."""
    found = []
    for start in range(0, len(next(iter(inputs.values()))), ASKED):
        some = fitted(*tensors(shape, {kind: values[start : start + ASKED] for kind, values in inputs.items()}))
        found.append((some.softmax(dim=1) if shape.classes else some.squeeze(1)).double().numpy())
    return np.concatenate(found)


def chosen_device() -> torch.device:
    """Give the device that `TRAIN_DEVICE` names, else the fastest here. Raises `ProjectError` if it is not here."""
    here = [name for name, there in (("cuda", torch.cuda), ("mps", torch.backends.mps)) if there.is_available()]
    here.append("cpu")
    wanted = os.environ.get(DEVICE, here[0])
    if wanted not in here:
        raise stage.ProjectError(f"{DEVICE} is {wanted!r}, here are {', '.join(here)}")
    return torch.device(wanted)
