"""The fitted network as an ONNX model."""

import contextlib
import io
import logging
import warnings
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from project import stage
from project.predictor import Inputs
from project.problem import Shape
from project.training.fitting import Candidate, tensors, untrained

OPSETS = {"": 18, "ai.onnx.ml": 3}


class Answer(nn.Module):
    """The network, and what turns its output into an answer: probabilities, or values in their own unit and 64 bits."""

    def __init__(self, network: nn.Module, classes: int, mean: float, spread: float) -> None:
        """Take the fitted network, and the unit in which it was fitted."""
        super().__init__()
        self.network, self.classes, self.mean, self.spread = network, classes, mean, spread

    def forward(self, numbers: Tensor | None, codes: Tensor | None) -> Tensor:
        """Give probabilities (n, classes) or values (n, 1)."""
        found = self.network(numbers, codes)
        return found.softmax(dim=1) if self.classes else found.double() * self.spread + self.mean


def check(candidate: Candidate, settings: dict[str, Any], shape: Shape, inputs: Inputs) -> None:
    """Raise `ProjectError`, before anything is fitted, where a network does not convert."""
    to_onnx(untrained(candidate, settings, shape, inputs), shape, inputs, (0.0, 1.0))


def to_onnx(fitted: nn.Module, shape: Shape, inputs: Inputs, unit: tuple[float, float]) -> bytes:
    """Give `fitted` as an ONNX model; raises `ProjectError` where it does not convert."""
    few = {kind: values[:3] for kind, values in inputs.items()}
    given = tensors(shape, few)
    names = [name for name, tensor in zip(("numbers", "codes"), given, strict=True) if tensor is not None]
    rows = {0: torch.export.Dim("rows")}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):  # it says each step
            program = torch.onnx.export(
                Answer(fitted, shape.classes, *unit).eval(),
                given,
                input_names=names,
                output_names=["answer"],
                dynamic_shapes=tuple(None if tensor is None else rows for tensor in given),
                opset_version=OPSETS[""],
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many unrelated types
        reason = str(error).strip().partition("\n")[0]
        name = type(fitted).__name__
        raise stage.ProjectError(f"src/project/model.py: {name} does not convert to ONNX ({reason})") from error
    assert program is not None
    model = program.model_proto
    if "texts" in inputs:
        _encode(model.graph, shape)
    _forget_origin(model)
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in OPSETS.items())
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _encode(graph: Any, shape: Shape) -> None:
    """Let the graph take texts, and find the codes of their categories itself."""
    texts = helper.make_tensor_value_info("texts", TensorProto.STRING, [None, len(shape.categories)])
    graph.input[-1].CopyFrom(texts)
    nodes, codes = [], []
    for place, known in enumerate(shape.categories):
        graph.initializer.append(helper.make_tensor(f"place_{place}", TensorProto.INT64, [1], [place]))
        nodes.append(helper.make_node("Gather", ["texts", f"place_{place}"], [f"text_{place}"], axis=1))
        count = len(known)
        values: dict[str, Any] = {"keys_strings": list(known), "values_int64s": [*range(count)], "default_int64": count}
        codes.append(f"code_{place}")
        domain = "ai.onnx.ml"
        nodes.append(helper.make_node("LabelEncoder", [f"text_{place}"], [codes[-1]], domain=domain, **values))
    nodes.append(helper.make_node("Concat", codes, ["codes"], axis=1))
    before = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(before)


def _forget_origin(model: Any) -> None:
    """Drop the lines of code and paths that the exporter notes: the same network gives the same bytes everywhere."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
