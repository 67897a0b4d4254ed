"""The simulated radio against the constellations of the textbooks, the stated noise, and what an engineer knows."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def samples(table: pd.DataFrame) -> np.ndarray:
    """Give the complex samples, (bursts, symbols)."""
    parts = [table[[f"{part}{n:02d}" for n in range(example.SYMBOLS)]].to_numpy() for part in ("i", "q")]
    return parts[0] + 1j * parts[1]


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """6,000 rows with every field of the contract, in its order."""
    assert len(table) == 6_000
    assert list(table) == [column.name for column in data.columns]


@pytest.mark.parametrize("name", example.CONSTELLATIONS)
def test_a_constellation_has_unit_power_and_no_mean(name: str) -> None:
    """And as many points as its name says."""
    points = example.CONSTELLATIONS[name]
    assert len(set(points.round(9))) == {"BPSK": 2, "QPSK": 4, "8PSK": 8, "16QAM": 16}[name]
    assert (np.abs(points) ** 2).mean() == pytest.approx(1)
    assert abs(points.mean()) < 1e-12


@pytest.mark.parametrize(("name", "published"), [("BPSK", 1.0), ("QPSK", 1.0), ("8PSK", 0.0), ("16QAM", 0.68)])
def test_the_mean_fourth_power_is_the_published_one(name: str, published: float) -> None:
    """Swami and Sadler (2000): 1 for BPSK and QPSK, 0.68 for 16QAM, 0 for 8PSK."""
    points = example.CONSTELLATIONS[name]
    assert example._fourth_power(points[None, :])[0] == pytest.approx(published, abs=1e-3)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_the_noise_has_the_stated_power(snr_db: float) -> None:
    """Es/N0 in decibels, half of it in each quadrature, within 3 %."""
    sent = np.ones((200, 500), dtype=complex)
    noise = example.channel(sent, np.full(200, snr_db), np.random.default_rng(1)) - sent
    assert (np.abs(noise) ** 2).mean() == pytest.approx(10 ** (-snr_db / 10), rel=0.03)
    assert noise.real.var() == pytest.approx(noise.imag.var(), rel=0.05)


def test_bit_errors_of_bpsk_are_those_of_theory() -> None:
    """At 6.79 dB one bit in a thousand is wrong: Q(sqrt(2 Eb/N0))."""
    sent = np.ones((1_000, 500), dtype=complex)
    found = example.channel(sent, np.full(1_000, 6.79), np.random.default_rng(1))
    assert (found.real < 0).mean() == pytest.approx(1e-3, rel=0.15)


def test_modulations_are_as_frequent_as_each_other(table: pd.DataFrame) -> None:
    """A quarter each, within two points."""
    assert table["modulation"].value_counts(normalize=True).tolist() == pytest.approx([0.25] * 4, abs=0.02)


def test_power_is_one_and_what_the_noise_adds(table: pd.DataFrame) -> None:
    """The mean power of a burst is 1 + N0/Es on average."""
    known = table.dropna()
    power = (np.abs(samples(known)) ** 2).mean(axis=1)
    assert power.mean() == pytest.approx((1 + 10 ** (-known["snr_estimate"] / 10)).mean(), rel=0.03)


def test_bpsk_lies_on_the_real_axis(table: pd.DataFrame) -> None:
    """Where noise is low its quadrature holds little power, that of the others half of it."""
    clear = table[table["snr_estimate"] > 16]
    share = (samples(clear).imag ** 2).mean(axis=1) / (np.abs(samples(clear)) ** 2).mean(axis=1)
    means = pd.Series(share).groupby(clear["modulation"].to_numpy()).mean()
    assert means["BPSK"] < 0.05
    assert means[["QPSK", "8PSK", "16QAM"]].tolist() == pytest.approx([0.5] * 3, abs=0.03)
