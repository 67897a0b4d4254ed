"""The example data: a simulated milling machine, by the published rules of the AI4I 2020 data set.

S. Matzka, "Explainable Artificial Intelligence for Predictive Maintenance Applications", Third International
Conference on Artificial Intelligence for Industries (AI4I), 2020, pp. 69-74. No machine was measured.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

ROWS = 10_000
GRADES = ("L", "M", "H")
GRADE_SHARES = (0.5, 0.3, 0.2)
WEAR_PER_PART = {"L": 2.0, "M": 3.0, "H": 5.0}  # min
STRAIN_LIMIT = {"L": 11_000.0, "M": 12_000.0, "H": 13_000.0}  # min N m
NOMINAL_POWER = 2_860.0  # W
SPEED_AT_MEDIAN = 1_503.0  # rpm, the published median, at the median torque
SPEED_EXPONENT = 0.38
SPEED_NOISE = 60.0  # rpm
RANDOM_FAILURE = 0.001

Floats = npt.NDArray[np.float64]


def load(seed: int) -> pd.DataFrame:
    """Give 10,000 parts in the order in which they were cut, the same for the same seed."""
    rng = np.random.default_rng(seed)
    grade = rng.choice(GRADES, size=ROWS, p=GRADE_SHARES)
    air = 300 + _random_walk(rng, deviation=2.0)
    process = air + 10 + _random_walk(rng, deviation=1.0)
    torque = rng.normal(40, 10, ROWS).clip(3.8, 76.6)
    # The source derives the speed from a power of 2,860 W with normal noise but prints no formula: this power of
    # power over torque reproduces the published quartiles, deviation and correlation.
    scale = SPEED_AT_MEDIAN / (NOMINAL_POWER / 40) ** SPEED_EXPONENT
    speed = scale * (NOMINAL_POWER / torque) ** SPEED_EXPONENT + rng.normal(0, SPEED_NOISE, ROWS)
    wear, worn_out = _tool_wear(rng, grade)
    power = torque * speed * 2 * np.pi / 60
    strain_limit = np.vectorize(STRAIN_LIMIT.get)(grade)
    modes = {
        "random": rng.random(ROWS) < RANDOM_FAILURE,
        "overstrain": wear * torque > strain_limit,
        "power": (power < 3_500) | (power > 9_000),
        "heat dissipation": (process - air < 8.6) & (speed < 1_380),
        "tool wear": worn_out,
    }
    mode = np.full(ROWS, "none", dtype=object)
    for name, acted in modes.items():
        mode[acted] = name
    return pd.DataFrame(
        {
            "part": np.arange(1, ROWS + 1),
            "product_quality": grade,
            "air_temperature": air.round(1),
            "process_temperature": process.round(1),
            "rotational_speed": speed.round(0).astype(int),
            "torque": torque.round(1),
            "tool_wear": wear.round(0).astype(int),
            "failure_mode": mode,
            "machine_state": np.where(mode == "none", "running", "failure"),
        }
    )


def _random_walk(rng: np.random.Generator, deviation: float) -> Floats:
    """Give a random walk, normalised to mean 0 and the given standard deviation in K."""
    walk = rng.normal(size=ROWS).cumsum()
    return (walk - walk.mean()) / walk.std() * deviation


def _tool_wear(rng: np.random.Generator, grade: npt.NDArray[np.str_]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Give the minutes each tool has cut, and where one broke: at 200-240 min it is replaced (6 in 10) or breaks."""
    wear, broke = np.zeros(ROWS), np.zeros(ROWS, dtype=bool)
    minutes, life = 0.0, rng.uniform(200, 240)
    for row in range(ROWS):
        wear[row] = minutes
        minutes += WEAR_PER_PART[grade[row]]
        if wear[row] >= life:
            broke[row] = rng.random() < 0.4
            minutes, life = 0.0, rng.uniform(200, 240)
    return wear, broke
