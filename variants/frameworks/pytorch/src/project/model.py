"""The networks: the file to edit first.

`CANDIDATES` holds what params.yaml can name: how to make a network, and the settings among which training searches.
Any `torch.nn.Module` with the same `forward` may stand here, if it converts to ONNX and predicts the same there:
training stops if it does not.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from project import stage
from project.problem import Shape
from project.training.fitting import Candidate

FAR = 10.0  # spreads from the mean, beyond which directed numbers and signals are all the same to the network
MARGIN = 0.01  # of slope that a directed number keeps at least, so that rounding does not turn it around
SHORTEST = 8  # samples of a signal that are not halved any more


class Residual(nn.Module):
    """A block of a residual network (He et al., 2016): what goes in, plus what two layers make of it."""

    def __init__(self, width: int) -> None:
        """Make the layers for rows of `width` numbers."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(2 * width, width)
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Give rows of the same width."""
        return rows + self.layers(rows)


class Signals(nn.Module):
    """Convolutions along time: signals (n, channels, samples) to features (n, 2 * width)."""

    def __init__(self, channels: int, samples: int, width: int) -> None:
        """Make as many convolutions as halve the samples down to a few."""
        super().__init__()
        halvings = max(0, int(np.log2(samples / SHORTEST)))
        self.stem = nn.Conv1d(channels, width, kernel_size=7, padding=3)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in range(halvings + 1))
        self.layers = nn.ModuleList(nn.Conv1d(width, width, kernel_size=5, padding=2) for _ in range(halvings + 1))

    def forward(self, signals: Tensor) -> Tensor:
        """Give the mean and the maximum over time of what the last convolution found."""
        found = self.stem(signals)
        for place, (norm, layer) in enumerate(zip(self.norms, self.layers, strict=True)):
            found = found + layer(functional.relu(norm(found)))
            if place + 1 < len(self.layers):
                found = functional.max_pool1d(found, 2)
        return torch.cat([found.mean(dim=2), found.amax(dim=2)], dim=1)


class Monotone(nn.Module):
    """A number that rises with some inputs and falls with others, whatever the weights (Kitouni et al., 2023).

    The layers change by at most as much as any directed input does, because their weights are divided by their norm;
    the inputs are added to that with their sign, so that each slope has the declared one. What else is known of a row
    comes in as context, and shifts the layers freely.
    """

    signs: Tensor

    def __init__(self, signs: list[int], context: int, width: int) -> None:
        """Make the layers for inputs with these `signs` and a `context` of so many numbers."""
        super().__init__()
        self.register_buffer("signs", torch.tensor(signs, dtype=torch.float32))
        self.steepness = nn.Parameter(torch.zeros(len(signs)))
        self.given = nn.Linear(context, width, bias=False)
        self.first, self.second = nn.Linear(len(signs), width), nn.Linear(width, width)
        self.third, self.last = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, directed: Tensor, context: Tensor) -> Tensor:
        """Give one number a row, (n, 1)."""
        rising = directed * self.signs * self.steepness.exp()
        largest = self.first.weight.abs().amax(dim=1, keepdim=True)
        found = functional.linear(rising, self.first.weight / largest.clamp(min=1), self.first.bias)
        found = found + self.given(context)
        for layer in (self.second, self.third, self.last):
            halves = found.chunk(2, dim=1)  # sorting pairs bends without changing a distance (Anil et al., 2019)
            found = torch.cat([torch.maximum(*halves), torch.minimum(*halves)], dim=1)
            total = layer.weight.abs().sum(dim=1, keepdim=True)
            found = functional.linear(found, layer.weight / total.clamp(min=1), layer.bias)
        return found + (1 + MARGIN) * rising.sum(dim=1, keepdim=True)


class Network(nn.Module):
    """A residual network for tables; signals come in through convolutions, directed numbers through `Monotone`.

    Takes numbers (n, columns), NaN where missing, and the codes of texts (n, texts), of which the last is of values
    that training has not seen. Gives logits (n, classes), or values (n, 1). A number without a direction that lies
    beyond all that training saw counts as the nearest one that it saw, as it does to trees: days to come are such.
    Nor is an answer beyond all values that training saw: no strength is below zero.
    """

    mean: Tensor
    spread: Tensor
    low: Tensor
    high: Tensor
    ends: Tensor

    def __init__(self, shape: Shape, width: int, depth: int) -> None:
        """Make the layers for rows of this shape."""
        super().__init__()
        places = range(len(shape.signals))
        self.classes = shape.classes
        self.channels = channels(shape)
        self.directed = [i for i in places if shape.directions[i]]
        self.plain = [i for i in places if shape.signals[i] is None]
        self.free = [i for i in self.plain if not shape.directions[i]]
        self.register_buffer("mean", torch.zeros(len(places)))
        self.register_buffer("spread", torch.ones(len(places)))
        self.register_buffer("low", torch.full([len(places)], -FAR))
        self.register_buffer("high", torch.full([len(places)], FAR))
        self.register_buffer("ends", torch.tensor([-torch.inf, torch.inf]))
        sizes = [len(values) for values in shape.categories]
        self.embeddings = nn.ModuleList(
            nn.Embedding(size + 1, min(16, size // 2 + 1), padding_idx=size) for size in sizes
        )
        known = len(self.free) + len(self.plain) + sum(min(16, size // 2 + 1) for size in sizes)
        if self.channels:
            self.signals = Signals(len(self.channels), len(self.channels[0]), width)
            known += 2 * width
        self.stem = nn.Linear(known, width)
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.head = nn.Linear(width, shape.classes or 1)
        if self.directed:
            self.monotone = Monotone([shape.directions[i] for i in self.directed], width, width)

    def learn_scale(self, numbers: npt.NDArray[np.float32]) -> None:
        """Keep mean, spread and ends of each number; the samples of a channel share mean and spread."""
        wide = numbers.astype(np.float64)
        for places in [*self.channels, *([place] for place in self.plain)]:
            known = wide[:, places][~np.isnan(wide[:, places])]
            if len(known):
                self.mean[places] = float(known.mean())
                self.spread[places] = float(known.std()) or 1.0
        for place in self.free:
            known = (numbers[:, place] - self.mean[place].item()) / self.spread[place].item()
            if not np.isnan(known).all():
                self.low[place], self.high[place] = float(np.nanmin(known)), float(np.nanmax(known))

    def learn_ends(self, values: npt.NDArray[Any]) -> None:
        """Keep the least and the largest of the values to be learnt; classes have none."""
        if not self.classes:
            self.ends[0], self.ends[1] = float(values.min()), float(values.max())

    def forward(self, numbers: Tensor | None, codes: Tensor | None) -> Tensor:
        """Give what each row is worth: see the class."""
        known, directed = [], None
        if numbers is not None:
            missing = torch.isnan(numbers)
            scaled = ((numbers - self.mean) / self.spread).clamp(self.low, self.high)
            scaled = torch.where(missing, torch.zeros_like(scaled), scaled)
            known += [scaled[:, self.free], missing[:, self.plain].to(scaled.dtype)]
            if self.channels:
                known.append(self.signals(torch.stack([scaled[:, places] for places in self.channels], dim=1)))
            directed = scaled[:, self.directed]
        if codes is not None:
            known += [embed(codes[:, place]) for place, embed in enumerate(self.embeddings)]
        context = self.blocks(self.stem(torch.cat(known, dim=1)))
        found = self.head(functional.relu(context))
        risen = self.monotone(directed, context) if self.directed else 0.0
        if self.classes:
            return torch.cat([found[:, :1], found[:, 1:] + risen], dim=1)
        return found + risen if self.training else (found + risen).clamp(*self.ends)


def channels(shape: Shape) -> list[list[int]]:
    """Give for each channel of the signals the places of its samples. Raises `ProjectError` where that cannot be."""
    names = [name for name in dict.fromkeys(shape.signals) if name is not None]
    found = [[i for i, channel in enumerate(shape.signals) if channel == name] for name in names]
    if len({len(places) for places in found}) > 1:
        counts = ", ".join(f"{name} has {len(places)}" for name, places in zip(names, found, strict=True))
        raise stage.ProjectError(f"data/datapackage.yaml: signals of different lengths: {counts} samples")
    if any(shape.directions[i] for places in found for i in places):
        raise stage.ProjectError("data/datapackage.yaml: a sample of a signal cannot have a monotone direction")
    return found


CANDIDATES = {
    "network": Candidate(Network, {"width": [32, 64], "depth": [1, 2], "learning_rate": [0.01, 0.02]}),
}
