"""The example data: a year of a simulated 2 MW wind turbine, ten minutes of each hour, icing and yaw faults among it.

Power follows P = 1/2 rho A Cp v^3 up to rated power, with the wind speed normalised to the reference air density as
IEC 61400-12-1 does it, v_n = v (rho / 1.225)^(1/3). The air density is that of the ideal gas. Yaw error costs the cube
of its cosine; ice on the blades costs a third to two thirds. Wind speeds are Weibull distributed with a shape of 2 and
persist from hour to hour. No turbine was measured.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm

HOURS = 8_760
ROTOR_AREA = np.pi * 41.0**2  # m², of a rotor of 82 m
CP = 0.43  # below the limit of Betz, 16/27
RATED = 2_000.0  # kW
CUT_IN, CUT_OUT = 3.5, 25.0  # m/s
REFERENCE_DENSITY = 1.225  # kg/m³
GAS_CONSTANT = 287.05  # J/(kg K), of dry air
MEAN_SPEED = 7.5  # m/s
SCALE = MEAN_SPEED / 0.8862  # of a Weibull distribution of shape 2, whose mean is 0.8862 of its scale
NOISE = 0.02  # of the power, from ten minutes to ten minutes


def density(temperature_c: np.ndarray, pressure_hpa: np.ndarray) -> np.ndarray:
    """Give the density of dry air in kg/m³."""
    return pressure_hpa * 100 / (GAS_CONSTANT * (temperature_c + 273.15))


def power(speed: np.ndarray, rho: np.ndarray, yaw_error: np.ndarray) -> np.ndarray:
    """Give the power in kW of a sound turbine: speed in m/s, density in kg/m³, yaw error in degrees."""
    normalised = speed * (rho / REFERENCE_DENSITY) ** (1 / 3)
    available = 0.5 * REFERENCE_DENSITY * ROTOR_AREA * CP * normalised**3 / 1000 * np.cos(np.radians(yaw_error)) ** 3
    return np.where((speed < CUT_IN) | (speed > CUT_OUT), 0.0, np.minimum(available, RATED))


def load(seed: int) -> pd.DataFrame:
    """Give 8,760 hours in their order, the same for the same seed."""
    rng = np.random.default_rng(seed)
    hours = np.arange(HOURS)
    speed = SCALE * np.sqrt(
        -np.log(1 - norm.cdf(_persistent(rng, 0.95)))
    )  # the quantiles of a Weibull distribution of shape 2
    season = np.cos(2 * np.pi * (hours / 24 - 15) / 365)  # from July to July: 1 in July, -1 in January
    temperature = 8 + 9 * season + 3 * np.sin(2 * np.pi * (hours % 24 - 9) / 24) + 2 * _persistent(rng, 0.98)
    pressure = 1005 + 8 * _persistent(rng, 0.99)
    humidity = (78 - 8 * season + 10 * _persistent(rng, 0.97)).clip(25, 100)
    yaw_error = rng.normal(0, 4, HOURS) + np.where(_persistent(rng, 0.999) > 1.5, 14, 0)  # a vane that slipped
    iced = (temperature < 0) & (humidity > 85)
    exact = power(speed, density(temperature, pressure), yaw_error) * np.where(
        iced, rng.uniform(1 / 3, 2 / 3, HOURS), 1
    )
    return pd.DataFrame(
        {
            "measured_at": pd.Timestamp("2024-07-01").to_datetime64() + hours * np.timedelta64(3600, "s"),
            "wind_speed": speed.round(1),
            "turbulence": (0.10 + 0.5 / speed.clip(2) * 0.3 + rng.normal(0, 0.015, HOURS)).clip(0.02).round(3),
            "air_temperature": temperature.round(1),
            "air_pressure": pressure.round(1),
            "humidity": pd.Series(humidity.round(0)).mask(rng.random(HOURS) < 0.03),
            "yaw_error": yaw_error.round(1),
            "power": (exact * rng.normal(1, NOISE, HOURS)).clip(0, RATED * 1.05).round(0),
        }
    ).assign(measured_at=lambda t: t["measured_at"].dt.strftime("%Y-%m-%dT%H:%M:%S"))


def _persistent(rng: np.random.Generator, memory: float) -> np.ndarray:
    """Give a standard normal series of which each hour keeps the share `memory` of the hour before."""
    steps = rng.normal(size=HOURS)
    steps[1:] *= np.sqrt(1 - memory**2)
    for hour in range(1, HOURS):
        steps[hour] += memory * steps[hour - 1]
    return steps
