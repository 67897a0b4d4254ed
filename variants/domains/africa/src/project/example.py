"""The example data: simulated off-grid solar systems of 20 sites near the equator, and whether the lights go out.

Each evening an operator knows the charge of the battery, tomorrow's forecast of sun and the site's usual load. The day
is an energy balance in kWh by the hour: what the panels give, E = area x irradiation x efficiency with the loss of
crystalline silicon by heat (IEC 61215 cells, -0.4 % for each K beyond 25 °C), less what is drawn, through a battery
with losses either way. An outage is an hour in which less is left than the reserve. No site was measured.
"""

import numpy as np
import pandas as pd

SITES = 20
DAYS = 365
EFFICIENCY = 0.18  # of the panels at 25 °C
HEAT_LOSS = 0.004  # of the power for each K of cell temperature beyond 25 °C
SYSTEM = 0.85  # of the panels' energy reaches the battery: wiring, dust, inverter
BATTERY = 0.92  # of the energy, each way
RESERVE = 0.20  # of the capacity: below it the controller switches the loads off
SUN = np.clip(np.sin(np.pi * (np.arange(24) - 6) / 12), 0, None)
SUN /= SUN.sum()  # share of a day's sun in each hour; from 6 to 18 hours at the equator
EVENING = np.array([2, 2, 2, 2, 2, 3, 4, 4, 3, 3, 3, 3, 4, 4, 3, 3, 4, 6, 10, 12, 11, 8, 5, 3], dtype=float)
EVENING /= EVENING.sum()  # share of a day's load in each hour


def harvest(irradiation: np.ndarray, area: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    """Give the day's energy in kWh: irradiation in kWh/m², area in m², air in °C (cells by day are 25 K warmer)."""
    return irradiation * area * EFFICIENCY * SYSTEM * (1 - HEAT_LOSS * temperature)


def lowest_charge(charge: np.ndarray, capacity: np.ndarray, sun: np.ndarray, load: np.ndarray) -> tuple:
    """Give the lowest and the last charge of a day in kWh, from its first, by the hour; all in kWh."""
    level, lowest = charge.copy(), charge.copy()
    for share_of_sun, share_of_load in zip(SUN, EVENING, strict=True):
        net = share_of_sun * sun - share_of_load * load
        level = (level + np.where(net > 0, net * BATTERY, net / BATTERY)).clip(0, capacity)
        lowest = np.minimum(lowest, level)
    return lowest, level


def load(seed: int) -> pd.DataFrame:
    """Give 7,300 days of 20 sites in the order of the days, the same for the same seed."""
    rng = np.random.default_rng(seed)
    usual = rng.uniform(4, 14, SITES).round(1)
    area = (usual * rng.uniform(1.7, 2.6, SITES)).round(1)  # sized for the usual load under a usual sun
    capacity = (usual * rng.uniform(1.0, 1.8, SITES)).round(1)
    charge, days = capacity * 0.8, []
    for day in range(DAYS):
        rainy = 0.5 - 0.5 * np.cos(4 * np.pi * (day - 20) / 365)  # two rainy seasons a year
        clouds = rng.beta(1.5 + 2 * rainy, 4 - 2 * rainy)  # one weather for the region
        sun = (6.8 * (1 - 0.75 * clouds) * rng.normal(1, 0.06, SITES)).clip(0.5)
        forecast = (sun * rng.normal(1, 0.15, SITES)).clip(0.3)
        temperature = 31 - 6 * clouds + rng.normal(0, 1, SITES)
        drawn = usual * rng.lognormal(0, 0.2, SITES)
        lowest, last = lowest_charge(charge, capacity, harvest(sun, area, temperature), drawn)
        columns = (forecast.round(2), temperature.round(1), (100 * charge / capacity).round(0), capacity, area, usual)
        days.append((np.full(SITES, day), np.arange(1, SITES + 1), *columns, lowest < RESERVE * capacity))
        charge = last
    names = ("day", "site", "sun_forecast", "air_temperature", "charge", "capacity", "panel_area", "usual_load", "out")
    table = pd.DataFrame(
        {name: np.concatenate(parts) for name, parts in zip(names, zip(*days, strict=True), strict=True)}
    )
    dates = (pd.Timestamp("2025-01-01") + pd.to_timedelta(table["day"], unit="D")).dt.strftime("%Y-%m-%d")
    table = table.assign(day=dates, site=table["site"].map("S{:02d}".format))
    table["air_temperature"] = table["air_temperature"].mask(rng.random(len(table)) < 0.04)
    return table.assign(tomorrow=np.where(table.pop("out"), "outage", "supplied"))
