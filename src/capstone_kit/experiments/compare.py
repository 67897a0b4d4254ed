"""What the runs say: means over seeds with intervals, and differences from the reference, paired by seed.

Runs of one seed share data, split and resampling, so conditions are compared within seeds. The test asks how often
signs of the differences drawn at random give a mean as far from zero (Fisher's randomization test, exact up to 13
seeds); Holm's correction holds for all comparisons together. No distribution is assumed but one symmetric about zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from capstone_kit.sweep import library

LEVEL = 0.05  # of all comparisons together
RESAMPLES = 10_000  # signs drawn; where there are fewer possible, each is tried once


@dataclass(frozen=True)
class Mean:
    """A mean over n seeds with its 95 % interval (Student's t); without one where n is 1."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Row:
    """One condition: its mean, and its difference from the reference; None for the reference itself."""

    condition: str
    mean: Mean | None  # None where no run ended
    difference: Mean | None = None
    p: float | None = None
    p_holm: float | None = None

    @property
    def significant(self) -> bool:
        """Whether the difference is beyond chance, all comparisons taken together."""
        return self.p_holm is not None and self.p_holm < LEVEL


def mean(values: Sequence[float]) -> Mean:
    """Give the mean of one value or more with its interval over seeds."""
    n, middle = len(values), float(np.mean(values))
    if n < 2:
        return Mean(middle, None, None, n)
    half = float(library("scipy.stats").t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Mean(middle, middle - half, middle + half, n)


def paired_p(differences: Sequence[float]) -> float:
    """Give the two-sided p-value of paired differences."""
    if not np.any(differences):
        return 1.0
    test = library("scipy.stats").permutation_test
    found = test((np.asarray(differences),), np.mean, permutation_type="samples", n_resamples=RESAMPLES, rng=0)
    return float(found.pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Give p-values corrected for their number, step down (Holm, 1979)."""
    order = np.argsort(ps, kind="stable")
    scaled = np.asarray(ps)[order] * np.arange(len(ps), 0, -1)
    corrected = np.empty(len(ps))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(p) for p in corrected]


def rows(conditions: Sequence[str], found: dict[tuple[str, int], float]) -> list[Row]:
    """Give a row for each condition from the headline metric by condition and seed; the first is the reference."""
    by = {name: {seed: value for (of, seed), value in found.items() if of == name} for name in conditions}
    reference = by[conditions[0]]
    table = []
    for name in conditions:
        average = mean(list(by[name].values())) if by[name] else None
        shared = [by[name][seed] - reference[seed] for seed in by[name] if seed in reference]
        if name == conditions[0] or len(shared) < 2:
            table.append(Row(name, average))
        else:
            table.append(Row(name, average, mean(shared), paired_p(shared)))
    corrected = iter(holm([row.p for row in table if row.p is not None]))
    return [row if row.p is None else replace(row, p_holm=next(corrected)) for row in table]


def reachable(seeds: int, comparisons: int) -> float:
    """Give the smallest corrected p-value that so many seeds and comparisons can give."""
    return min(1.0, comparisons * 2 / min(2**seeds, RESAMPLES + 1))
