"""The example data: simulated tensile tests of carbon-manganese steels, by the equation of Pickering and Gladman.

Yield strength in MPa = 15.4 (3.5 + 2.1 Mn + 5.4 Si + 23 sqrt(N) + 1.13 / sqrt(d)), with manganese, silicon and free
nitrogen in percent of mass and the ferrite grain diameter d in mm: solid-solution terms and the Hall-Petch term
(E. O. Hall, 1951; N. J. Petch, 1953) in one. F. B. Pickering, T. Gladman, in: Metallurgical Developments in Carbon
Steels, Iron and Steel Institute Special Report 81, 1963. No specimen was tested.
"""

import numpy as np
import pandas as pd

HEATS = 500
SPECIMENS = 6  # of each heat
UNIT = 15.4  # MPa in a long ton per square inch, the unit of the source
ROUTES = {"hot rolled": 22.0, "normalised": 12.0, "controlled rolled": 6.0}  # typical grain diameter in µm
ROUTE_SHARES = (0.4, 0.35, 0.25)
SCATTER_OF_HEATS = 6.0  # MPa: what a heat has in common beyond its analysis
SCATTER_OF_TESTS = 7.0  # MPa: about the repeatability of a tensile test
NOT_ANALYSED = 0.08  # of the heats: nobody measured free nitrogen


def strength(manganese: np.ndarray, silicon: np.ndarray, nitrogen: np.ndarray, grain_um: np.ndarray) -> np.ndarray:
    """Give the yield strength in MPa; contents in percent of mass, the grain diameter in µm."""
    solution = 3.5 + 2.1 * manganese + 5.4 * silicon + 23 * np.sqrt(nitrogen)
    return UNIT * (solution + 1.13 / np.sqrt(grain_um / 1000))


def load(seed: int) -> pd.DataFrame:
    """Give 3,000 specimens from 500 heats, the same for the same seed."""
    rng = np.random.default_rng(seed)
    heats = pd.DataFrame(
        {
            "heat": [f"H{number:04d}" for number in range(1, HEATS + 1)],
            "route": rng.choice(list(ROUTES), size=HEATS, p=ROUTE_SHARES),
            "carbon": rng.uniform(0.05, 0.22, HEATS).round(3),
            "manganese": rng.uniform(0.4, 1.6, HEATS).round(2),
            "silicon": rng.uniform(0.05, 0.5, HEATS).round(2),
            "free_nitrogen": rng.uniform(0.001, 0.012, HEATS).round(4),
            "of_heat": rng.normal(0, SCATTER_OF_HEATS, HEATS),
        }
    )
    table = heats.loc[heats.index.repeat(SPECIMENS)].reset_index(drop=True)
    rows = len(table)
    table["grain_diameter"] = (table["route"].map(ROUTES) * rng.lognormal(0, 0.25, rows)).round(1)
    table["thickness"] = rng.choice([6.0, 10.0, 16.0, 25.0, 40.0], size=rows)
    parts = (table[name].to_numpy() for name in ("manganese", "silicon", "free_nitrogen", "grain_diameter"))
    exact = strength(*parts) + table["of_heat"] + rng.normal(0, SCATTER_OF_TESTS, rows)
    table["free_nitrogen"] = table["free_nitrogen"].mask(table["heat"].isin(_not_analysed(rng, heats["heat"])))
    table["yield_strength"] = exact.round(0).astype(int)
    table.insert(0, "specimen", np.arange(1, rows + 1))
    return table.drop(columns="of_heat")


def _not_analysed(rng: np.random.Generator, heats: pd.Series) -> pd.Series:
    return heats[rng.random(len(heats)) < NOT_ANALYSED]
