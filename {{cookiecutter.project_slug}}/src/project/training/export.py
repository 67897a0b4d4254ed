"""The fitted pipeline as an ONNX model."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from skl2onnx._supported_operators import sklearn_operator_name_map
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline

from project import stage
from project.evaluation.metrics import Floats
from project.predictor import Inputs
from project.problem import Shape
from project.training.fitting import Candidate

OPSETS: dict[str, int] = {"": 18, "ai.onnx.ml": 3}
CONVERTERS = {
    "lightgbm": ("lightgbm.operator_converters.LightGbm", "convert_lightgbm"),
    "xgboost": ("xgboost.operator_converters.XGBoost", "convert_xgboost"),
}


def check(candidate: Candidate, settings: dict[str, Any], shape: Shape, inputs: Inputs) -> None:  # noqa: ARG001
    """Raise `ProjectError`, before anything is fitted, where an estimator or a part of it is of a kind unknown here."""
    estimator = candidate.make(shape.classes > 0, None, 0, **settings)
    for part in (estimator, *estimator.get_params().values()):
        if isinstance(part, BaseEstimator):
            _register(part)
            if type(part) not in sklearn_operator_name_map and not hasattr(part, "onnx_converter"):
                raise _refusal(part)


def _refusal(estimator: BaseEstimator, reason: str = "") -> stage.ProjectError:
    alike = ClassifierMixin if isinstance(estimator, ClassifierMixin) else RegressorMixin
    asked = "predict_proba" if alike is ClassifierMixin else "predict"
    able = {one.__name__ for one in sklearn_operator_name_map if issubclass(one, alike) and hasattr(one, asked)}
    return stage.ProjectError(
        f"src/project/model.py: {type(estimator).__name__} does not convert to ONNX{reason}; these do: "
        f"{', '.join(sorted(able))}, and those of LightGBM and XGBoost"
    )


def to_onnx(fitted: Pipeline, shape: Shape, inputs: Inputs, unit: tuple[float, float]) -> bytes:
    """Give `fitted` as an ONNX model; raises `ProjectError` where it does not convert."""
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds: dict[str, Any] = {"numbers": FloatTensorType, "texts": StringTensorType}
    types = [(name, kinds[name]([None, values.shape[1]])) for name, values in inputs.items()]
    options = {id(fitted): {"zipmap": False}} if shape.classes else None
    try:
        converted = skl2onnx.to_onnx(fitted, initial_types=types, options=options, target_opset=OPSETS)
    except Exception as error:  # skl2onnx raises many unrelated types
        reason = str(error).strip().partition("\n")[0]
        raise _refusal(fitted[-1], f" ({reason})") from error
    if options is None:
        _in_unit(converted, *unit)
    converted.opset_import.sort(key=lambda opset: opset.domain)  # else in the order of a set, which varies
    return converted.SerializeToString(deterministic=True)


def _in_unit(converted: Any, mean: float, spread: float) -> None:
    """Let a regression model give the target in its own unit, in 64 bits."""
    from onnx import TensorProto, helper

    graph, last = converted.graph, converted.graph.output[-1]
    factors = {"spread": spread, "mean": mean}
    graph.initializer.extend(helper.make_tensor(name, TensorProto.DOUBLE, [1], [v]) for name, v in factors.items())
    graph.node.extend(
        [
            helper.make_node("Cast", [last.name], ["wide"], to=TensorProto.DOUBLE),
            helper.make_node("Mul", ["wide", "spread"], ["spread_out"]),
            helper.make_node("Add", ["spread_out", "mean"], ["value"]),
        ]
    )
    last.CopyFrom(helper.make_tensor_value_info("value", TensorProto.DOUBLE, [None, 1]))


def _register(estimator: Any) -> None:
    """Teach skl2onnx the estimators of LightGBM and XGBoost, where one of them is the model."""
    kind = type(estimator)
    library = kind.__module__.partition(".")[0]
    if library not in CONVERTERS:
        return
    module, function = CONVERTERS[library]
    try:
        convert = getattr(import_module(f"onnxmltools.convert.{module}"), function)
    except ImportError:
        raise stage.ProjectError(
            f"{kind.__name__} needs onnxmltools to convert: run `uv sync --group boosting`"
        ) from None
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator as shapes

    classify = hasattr(estimator, "predict_proba")
    shape = (
        shapes.calculate_linear_classifier_output_shapes
        if classify
        else shapes.calculate_linear_regressor_output_shapes
    )
    options = {"zipmap": [True, False, "columns"], "nocl": [True, False]} if classify else {}
    convert = _rounding_down(convert) if library == "lightgbm" else convert
    update_registered_converter(kind, f"{library}{kind.__name__}", shape, convert, options=options)


def _rounding_down(convert: Callable[..., None]) -> Callable[..., None]:
    """Let a converter round the thresholds of trees down to 32 bits, as skl2onnx does it with scikit-learn's.

    LightGBM compares in 64 bits. Rounded up, a threshold would let the next number pass, which was beyond it.
    """

    def rounding(scope: Any, operator: Any, container: Any) -> None:
        add_node = container.add_node

        def add_rounded(*words: Any, **attributes: Any) -> None:
            if "nodes_values" in attributes:
                attributes["nodes_values"] = rounded_down(np.array(attributes["nodes_values"])).tolist()
            add_node(*words, **attributes)

        container.add_node = add_rounded
        convert(scope, operator, container)
        container.add_node = add_node

    return rounding


def rounded_down(values: Floats) -> npt.NDArray[np.float32]:
    """Give for each value the largest number of 32 bits that is not above it."""
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)
