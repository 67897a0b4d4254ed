"""Trees of LightGBM as ONNX: a number on a threshold takes the branch that it took in the library."""

import numpy as np
import onnxruntime
import pytest

from project import model
from project.problem import Shape
from project.training import export, fitting

SHAPE = Shape(0, [0], [None], [])
SETTINGS = {"learning_rate": 0.1, "n_estimators": 5, "num_leaves": 2}


@pytest.mark.parametrize("name", model.CANDIDATES)
def test_a_number_on_a_threshold_takes_the_same_branch(name: str) -> None:
    """Between 0.90 and 0.92 lies a threshold just below the 0.91 of 32 bits, which the training rows do not hold."""
    numbers = np.repeat(np.array([0.90, 0.92], dtype=np.float32), 100)[:, None]
    candidate = model.CANDIDATES[name]
    export.check(candidate, SETTINGS, SHAPE, {"numbers": numbers})
    fitted = fitting.fit(candidate, SETTINGS, SHAPE, {"numbers": numbers}, numbers[:, 0] > 0.91, seed=1)
    asked = {"numbers": np.array([[0.90], [0.91], [0.92], [np.nan]], dtype=np.float32)}
    session = onnxruntime.InferenceSession(export.to_onnx(fitted, SHAPE, asked, (0.0, 1.0)))
    expected = fitting.answer(fitted, SHAPE, asked)
    assert expected[0] != expected[2]
    assert np.asarray(session.run(None, asked)[0]).ravel() == pytest.approx(expected, abs=1e-6)


def test_rounding_down_never_rounds_up() -> None:
    """The largest number of 32 bits that is not above the value, at the ends of what 32 bits hold too."""
    values = np.array([0.9099999964237214, 0.5, -0.1, 0.0, 1e308, -1e308])
    found = export.rounded_down(values)
    assert found.dtype == np.float32
    assert (found <= values).all()
    with np.errstate(over="ignore"):
        above = np.nextafter(found, np.float32(np.inf))
    assert (above > values).all()
