"""What each column of a table holds, found in one pass over pieces of it: the table may be larger than memory."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pandas.util import hash_array

from capstone_kit.adopt.dates import UNREAD, Dates, Writing

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>", "?")  # stand for nothing in any column
PERHAPS_MISSING = (  # where the others are numbers or dates, in capitals or not
    *("-", "--", "---", ".", "..", "*", "none", "nil", "na", "n.a.", "missing", "unknown", "not available"),
    *("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"),
)
LIMIT = 2_000  # different values that are counted; beyond, only that they are many
MAY_BE_STRANGE = 0.05  # of a column of numbers or dates: taken for signs of a missing value
STRANGE = 20  # different texts among numbers that are remembered
CELLS = 4_000_000  # of the sample
EXACT = 2.0**53  # larger integers are codes: a float cannot hold them
LARGEST = float(np.finfo(np.float32).max)  # the model calculates in single precision

BEFORE, AFTER = r"(?:[€$£¥]\s*)?", r"(?:\s*(?:[%€$£¥]|EUR|USD|GBP|CHF))?"  # a number: signs of its unit
STAMPS = {  # moments written as one whole number
    "%Y%m%d": r"(19|20)\d{6}",
    "%Y%m%d%H%M": r"(19|20)\d{10}",
    "%Y%m%d%H%M%S": r"(19|20)\d{12}",
}


@dataclass
class Column:
    """What is known of one column; it grows piece by piece."""

    name: str
    rows: int = 0
    missing: int = 0
    tokens: Counter[str] = field(default_factory=Counter)  # which of the signs for nothing occur
    values: Counter[str] | None = field(default_factory=Counter)  # None: more than LIMIT
    numbers: int = 0
    strange: Counter[str] | None = field(default_factory=Counter)  # what is no number; None: too many different ones
    whole: bool = True
    signs: Counter[str] = field(default_factory=Counter)  # of units, which stand at its numbers; "" for none
    leading_zero: bool = False
    low: float = np.inf
    high: float = -np.inf
    stamps: tuple[str, ...] = tuple(STAMPS)  # that all numbers keep
    dates: Dates = field(default_factory=Dates)
    words: int = 0
    hashes: list[np.ndarray] | None = field(default_factory=list)  # of all values, while none occurred twice

    @property
    def filled(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def unique(self) -> bool:
        """Whether no value occurs twice."""
        if self.hashes is None or not self.filled:
            return False
        return len(np.unique(np.concatenate(self.hashes))) == self.filled

    @property
    def sign(self) -> str:
        """The sign that stands at every number, if there is one."""
        return next(iter(self.signs)) if len(self.signs) == 1 else ""

    @property
    def distinct(self) -> int:
        """How many different values there are, or one more than are counted."""
        return LIMIT + 1 if self.values is None else len(self.values)

    @property
    def nothing(self) -> list[str]:
        """The few texts among numbers or dates that must stand for a missing value."""
        odd, datelike = self.strange or Counter(), not self.numbers and self.dates.cells.total()
        if datelike:  # of which 0000-00-00 is one
            odd = Counter({t: n for t, n in (self.dates.other or {}).items() if not re.search("[1-9]", t)})
        if not (self.numbers or datelike) or not odd:
            return []
        few = len(odd) <= 3 and (datelike or not any(re.search(r"\d", text) for text in odd))
        share = odd.total() / self.filled
        surely = all(perhaps_missing(text) for text in odd) and share < 0.9
        return list(odd) if surely or (few and share <= MAY_BE_STRANGE) else []

    @property
    def writing(self) -> Writing | None:
        """How it writes dates; None where it holds other things, or too many that cannot be read."""
        if self.numbers or self.dates.other is None or not self.dates.cells.total():
            return None
        return self.dates.writing if self.unread.total() <= UNREAD * self.filled else None

    @property
    def unread(self) -> Counter[str]:
        """What stands among the dates and is neither one nor a sign of a missing value."""
        nothing = self.nothing
        return Counter({text: count for text, count in (self.dates.other or {}).items() if text not in nothing})

    def add(self, cells: pd.Series) -> None:
        """Take in the next piece."""
        self.rows += len(cells)
        blank = cells.isin(MISSING)
        if blank.any():
            self.missing += int(blank.sum())
            self.tokens.update(cells[blank].value_counts().to_dict())
            cells = cells[~blank]
        if cells.empty:
            return
        self._count(cells)
        if self.strange is not None:
            self._as_numbers(cells)
        if self.strange is None or self.numbers == 0:
            self.dates.add(cells)
            self.words += int(cells.str.count(" ").sum()) + len(cells)

    def _count(self, cells: pd.Series) -> None:
        if self.values is not None:
            self.values.update(cells.value_counts().to_dict())
            if len(self.values) > LIMIT:
                self.values = None
        if self.hashes is not None:
            found = hash_array(cells.to_numpy(dtype=object), categorize=False)  # ty: ignore[not-callable]
            self.hashes = None if len(np.unique(found)) < len(found) else [*self.hashes, found]

    def _as_numbers(self, cells: pd.Series) -> None:
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
        finite = np.isfinite(numbers)
        self.signs += Counter({"": int(finite.sum())})
        if not finite.all():
            cells = self._without_signs(cells, ~finite)
            numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
            finite = np.isfinite(numbers)
        self.numbers += int(finite.sum())
        if not finite.all():
            assert self.strange is not None
            self.strange.update(cells[~finite].value_counts().to_dict())
            if len(self.strange) > STRANGE:
                self.strange = None
                return
        if finite.any():
            texts, numbers = cells[finite], numbers[finite]
            self.whole = self.whole and bool(texts.str.fullmatch(r"[-+]?\d+").all())
            self.leading_zero = self.leading_zero or bool(texts.str.match(r"-?0\d").any() and self.whole)
            self.stamps = tuple(f for f in self.stamps if texts.str.fullmatch(STAMPS[f]).all() and _parses(texts, f))
            self.low, self.high = min(self.low, numbers.min()), max(self.high, numbers.max())

    def _without_signs(self, cells: pd.Series, odd: np.ndarray) -> pd.Series:
        """Take the signs of a unit off those odd cells that are numbers then, and count them."""
        signed = odd & cells.str.fullmatch(rf"{BEFORE}-?\d+(?:\.\d+)?{AFTER}").to_numpy(dtype=bool)
        if signed.any():
            self.signs.update(cells[signed].str.replace(r"[-\d.\s]", "", regex=True).value_counts().to_dict())
            cells = cells.mask(signed, bare(cells))
        return cells


def _parses(cells: pd.Series, form: str) -> bool:
    return bool(pd.to_datetime(cells, format=form, errors="coerce").notna().all())


@dataclass(frozen=True)
class Profile:
    """All columns of a table, and a sample of its rows."""

    rows: int
    columns: tuple[Column, ...]
    sample: pd.DataFrame  # texts as found, at most CELLS of them, drawn evenly


def profile(pieces: Iterable[pd.DataFrame], seed: int = 0) -> Profile:
    """Read a table piece by piece."""
    rng = np.random.default_rng(seed)
    columns: list[Column] = []
    kept: list[pd.DataFrame] = []
    keys: list[np.ndarray] = []
    rows = 0
    for piece in pieces:
        columns = columns or [Column(str(name)) for name in piece]
        for column, name in zip(columns, piece, strict=True):
            column.add(piece[name])
        rows += len(piece)
        kept, keys = _draw([*kept, piece], [*keys, rng.random(len(piece))], CELLS // max(1, len(columns)))
    sample = pd.concat(kept).reset_index(drop=True) if kept else pd.DataFrame()
    for column in columns:
        if column.sign:
            sample[column.name] = bare(sample[column.name])
    return Profile(rows, tuple(columns), sample)


def _draw(pieces: list[pd.DataFrame], keys: list[np.ndarray], size: int) -> tuple[list[pd.DataFrame], list[np.ndarray]]:
    """Keep the `size` rows with the smallest random keys: an even sample of all rows so far, in their order."""
    key = np.concatenate(keys)
    if len(key) <= size:
        return pieces, keys
    kept = np.sort(np.argpartition(key, size)[:size])
    return [pd.concat(pieces).iloc[kept]], [key[kept]]


def bare(cells: pd.Series) -> pd.Series:
    """Give texts without the signs of a unit at their ends."""
    return cells.str.replace(rf"^{BEFORE}(?=-?\d)|(?<=\d){AFTER}$", "", regex=True)


def perhaps_missing(text: str) -> bool:
    """Whether a text stands for nothing where the others are numbers or dates."""
    return text.strip().lower() in PERHAPS_MISSING


def numbers(cells: pd.Series) -> pd.Series:
    """Give texts as numbers, NaN where they are none."""
    found = pd.to_numeric(cells, errors="coerce").astype("float64")
    return found.where(np.isfinite(found))
