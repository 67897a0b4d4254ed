"""The example data: simulated bursts of a digital radio, 32 symbols each, and which modulation they carry.

Symbols of unit mean power (J. G. Proakis, Digital Communications) pass a channel with white Gaussian noise, a gain that
the receiver has not fully taken out and a small phase error. The signal-to-noise ratio is that of a symbol, Es/N0. No
radio was recorded.
"""

import numpy as np
import pandas as pd

BURSTS = 6_000
SYMBOLS = 32
SNR_DB = (4.0, 20.0)  # uniform between
PHASE_ERROR = 4.0  # degrees, standard deviation from burst to burst
GAIN_ERROR = 0.05
MISSING_ESTIMATES = 0.05  # of the bursts: the receiver gave no estimate of the ratio
LEVELS = np.array([-3, -1, 1, 3]) / np.sqrt(10)
CONSTELLATIONS = {
    "BPSK": np.array([1, -1], dtype=complex),
    "QPSK": np.exp(1j * np.pi * (2 * np.arange(4) + 1) / 4),
    "8PSK": np.exp(1j * np.pi * np.arange(8) / 4),
    "16QAM": (LEVELS[:, None] + 1j * LEVELS[None, :]).ravel(),
}


def channel(symbols: np.ndarray, snr_db: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give `symbols` (bursts, symbols) with noise of the stated ratio for each burst, half of it in I and in Q."""
    deviation = np.sqrt(10 ** (-snr_db / 10) / 2)[:, None]
    return symbols + deviation * (rng.normal(size=symbols.shape) + 1j * rng.normal(size=symbols.shape))


def load(seed: int) -> pd.DataFrame:
    """Give 6,000 bursts, the same for the same seed."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(list(CONSTELLATIONS), size=BURSTS)
    snr_db = rng.uniform(*SNR_DB, BURSTS)
    sent = np.array([rng.choice(CONSTELLATIONS[k], size=SYMBOLS) for k in kind])
    turned = np.exp(1j * np.radians(rng.normal(0, PHASE_ERROR, BURSTS))) * rng.normal(1, GAIN_ERROR, BURSTS)
    received = channel(sent * turned[:, None], snr_db, rng)
    estimate = pd.Series((snr_db + rng.normal(0, 0.7, BURSTS)).round(1))
    samples = {
        f"{part}{n:02d}": values[:, n].round(3)
        for part, values in (("i", received.real), ("q", received.imag))
        for n in range(SYMBOLS)
    }
    spread = {"amplitude_spread": np.abs(received).std(axis=1).round(4), "fourth_power": _fourth_power(received)}
    head = {
        "burst": np.arange(1, BURSTS + 1),
        "band": rng.choice(["VHF", "UHF"], size=BURSTS),
        "snr_estimate": estimate.mask(rng.random(BURSTS) < MISSING_ESTIMATES),
    }
    return pd.DataFrame(head | spread | samples | {"modulation": kind})


def _fourth_power(received: np.ndarray) -> np.ndarray:
    """Give the mean fourth power's size over the squared mean power: BPSK and QPSK 1, 16QAM 0.68, 8PSK 0."""
    power = (np.abs(received) ** 2).mean(axis=1)
    return (np.abs((received**4).mean(axis=1)) / power**2).round(4)
