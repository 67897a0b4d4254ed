"""The example data: simulated hours of an exothermic stirred-tank reactor, and whether it runs away.

A first-order reaction A -> B in a cooled tank (C. van Heerden, 1953; the constants are those of the reactor that
Seborg, Edgar, Mellichamp and Doyle use in Process Dynamics and Control):

    dc/dt = q/V (c_feed - c) - k c
    dT/dt = q/V (T_feed - T) + heat/(rho cp) k c - UA/(V rho cp) (T - T_coolant)
    k = k0 exp(-E/(R T))

Both are stepped for an hour from where the reactor stands. A runaway is a temperature above 400 K. No plant was
measured.
"""

import numpy as np
import pandas as pd

ROWS = 5_000
VOLUME = 100.0  # L
RATE = 7.2e10  # 1/min, k0
ACTIVATION = 8_750.0  # K, E/R
HEAT = 5.0e4  # J/mol, set free
RHO_CP = 1_000.0 * 0.239  # J/(L K)
LIMIT = 400.0  # K
STEP = 0.005  # min
MINUTES = 60.0
MEASURED = {
    "feed_temperature": 1,
    "coolant_temperature": 1,
    "feed_concentration": 3,
    "feed_rate": 1,
    "heat_transfer": -2,
}


def simulate(plant: pd.DataFrame, minutes: float = MINUTES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the highest temperature in K within the time, and the last temperature and concentration (mol/L)."""
    feed, coolant, c_feed, q, ua = (plant[name].to_numpy(dtype=float) for name in MEASURED)
    t, c = plant["temperature"].to_numpy(dtype=float), plant["concentration"].to_numpy(dtype=float)
    highest, dilution, cooling = t.copy(), q / VOLUME, ua / (VOLUME * RHO_CP)
    for _ in range(round(minutes / STEP)):
        k = RATE * np.exp(-ACTIVATION / t)
        c = (c + STEP * dilution * c_feed) / (1 + STEP * (dilution + k))  # implicit: stable where the rate is high
        t = t + STEP * (dilution * (feed - t) + HEAT / RHO_CP * k * c - cooling * (t - coolant))
        highest = np.maximum(highest, t)
    return highest, t, c


def load(seed: int) -> pd.DataFrame:
    """Give 5,000 hours, each with a reactor of its own setting, the same for the same seed."""
    rng = np.random.default_rng(seed)
    plant = pd.DataFrame(
        {
            "feed_temperature": rng.normal(348, 5, ROWS).round(1),
            "coolant_temperature": rng.normal(297, 5, ROWS).round(1),
            "feed_concentration": rng.normal(0.95, 0.08, ROWS).clip(0.6, 1.3).round(3),
            "feed_rate": rng.normal(100, 8, ROWS).clip(70, 130).round(0),
            "heat_transfer": rng.normal(53_000, 5_000, ROWS).clip(30_000, 75_000).round(-2),
            "temperature": rng.normal(340, 8, ROWS).clip(310, 365).round(1),
            "concentration": rng.uniform(0.4, 0.95, ROWS).round(3),
        }
    )
    highest, _, _ = simulate(plant)
    table = plant.assign(outcome=np.where(highest > LIMIT, "runaway", "stable"))
    for name, digits in MEASURED.items():  # instruments: about a tenth of what the setting varies by
        table[name] = (table[name] + rng.normal(0, 0.1 * plant[name].std(), ROWS)).round(digits)
    table["concentration"] = table["concentration"].mask(rng.random(ROWS) < 0.06)
    table.insert(0, "batch", np.arange(1, ROWS + 1))
    return table
