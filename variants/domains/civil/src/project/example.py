"""The example data: simulated compression tests of concrete, by Abrams' law, ageing and maturity.

Abrams (1918): the strength at 28 days is A / B^x, x being the ratio of water to cement by volume; here with his
B = 7, and A raised to what today's cements reach. Ageing: t / (a + b t) of the strength at 28 days, with the a and b of
ACI 209R-92 for moist-cured concrete. Temperature: the equivalent age at 20 °C after Nurse and Saul, as ASTM C1074 gives
it, with the datum at -10 °C. Air: five percent of the strength for each percent of entrained air. No cylinder was
tested.
"""

import numpy as np
import pandas as pd

ROWS = 4_000
A = 155.0  # MPa; Abrams found 96.5 MPa (14,000 psi) for the cements of 1918
B = 7.0
BULK = 1.5  # kg of loose cement in a litre, by which Abrams' ratio was measured
AGEING = {"type I": (4.0, 0.85), "type III": (2.3, 0.92)}  # ACI 209R-92, moist cured: a in days, b
DATUM = -10.0  # °C, below which nothing hardens
LOSS_BY_AIR = 0.05  # of the strength for each percent of air beyond the 2 % that are entrapped
ENTRAPPED = 2.0  # %
SCATTER = 0.06  # coefficient of variation of good site control (ACI 214R)
AGES = (1, 3, 7, 14, 28, 56, 90)  # days at which cylinders are tested


def strength(
    water: np.ndarray, cement: np.ndarray, kind: np.ndarray, air: np.ndarray, temperature: np.ndarray, age: np.ndarray
) -> np.ndarray:
    """Give the strength in MPa: contents in kg/m³, air in %, curing temperature in °C, age in days."""
    at_28_days = A / B ** (BULK * water / cement)
    equivalent = age * (temperature - DATUM) / (20 - DATUM)
    a, b = (np.array([AGEING[k][part] for k in kind]) for part in (0, 1))
    return at_28_days * equivalent / (a + b * equivalent) * (1 - LOSS_BY_AIR * (air - ENTRAPPED))


def load(seed: int) -> pd.DataFrame:
    """Give 4,000 cylinders in the order in which they were cast over two years, the same for the same seed."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(0, 730, ROWS))
    cast = pd.Timestamp("2023-01-01") + pd.Series(pd.to_timedelta(days, unit="D"))
    season = -np.cos(2 * np.pi * days / 365)  # -1 in January, 1 in July
    table = pd.DataFrame(
        {
            "cylinder": np.arange(1, ROWS + 1),
            "cast_on": cast.dt.strftime("%Y-%m-%d"),
            "cement_type": rng.choice(list(AGEING), size=ROWS, p=[0.75, 0.25]),
            "cement": rng.uniform(250, 480, ROWS).round(0),
            "water": rng.uniform(140, 220, ROWS).round(0),
            "air": rng.uniform(ENTRAPPED, 7, ROWS).round(1),
            "curing_temperature": (14 + 8 * season + rng.normal(0, 3, ROWS)).clip(2, 35).round(1),
            "age": rng.choice(AGES, size=ROWS),
        }
    )
    exact = strength(*(table[name].to_numpy() for name in ("water", "cement", "cement_type", "air")),
                     table["curing_temperature"].to_numpy(), table["age"].to_numpy())  # fmt: skip
    table["slump"] = (0.9 * table["water"] - 90 + rng.normal(0, 15, ROWS)).clip(0, 200).round(0)
    table["slump"] = table["slump"].mask(rng.random(ROWS) < 0.05)
    table["compressive_strength"] = (exact * rng.normal(1, SCATTER, ROWS)).round(1)
    return table
