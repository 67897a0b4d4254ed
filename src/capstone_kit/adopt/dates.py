"""How a column writes dates: found kind by kind, as `2024-03-01` and `1 Mar 2024` may stand in one column."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import pandas as pd

ISO = "ISO8601"  # to the second, with a zone or without, as pandas calls it
DAY = "%Y-%m-%d"
MIDNIGHT = [f"{DAY} 00:00:00", f"{DAY}T00:00:00"]  # in which workbooks give their days
DAYS = (
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%m-%d-%Y", "%d-%m-%Y"),
    *("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%m-%d-%y", "%d-%m-%y"),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%b %d %Y"),
)
TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%Y %b", "%Y %B")
FORMATS = (
    *(DAY, "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S UTC", *DAYS, *MONTHS),
    *(f"{day} {time}" for time in TIMES for day in (DAY, *DAYS)),
)
PADDED = r"\d{4}-\d\d-\d\d"
WHOLE = rf"{PADDED}[T ]00:00:00"
STRICT = rf"{PADDED}[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"  # what needs no format
LOOSE = rf"{PADDED}[T ]\d\d:\d\d(:\d\d(\.\d+)?)? ?(Z|[+-]\d\d(:?\d\d)?)"
MOST = 20  # different texts that are no dates, beyond which the column holds none
UNREAD = 0.05  # of the dates at most may be in no way that is read; else the column holds none
FIRST = {"%d": "day", "%m": "month", "%b": "month", "%B": "month"}  # what comes first in a date


def shapes(texts: pd.Series) -> pd.Series:
    """Give each text with its letters as `a`, its years of four digits as `Y` and its other numbers as `0`."""
    found = texts
    for pattern, sign in ((r"[^\W\d_]+", "a"), (r"(?<!\d)\d{4}(?!\d)", "Y"), (r"\d+", "0")):
        found = found.str.replace(pattern, sign, regex=True)
    return found


def kinds(texts: pd.Series) -> pd.Series:
    """Give the kind of each text: one of ISO 8601, or its shape."""
    found, rest = pd.Series("", index=texts.index), texts
    for name, pattern in ((MIDNIGHT[0], WHOLE), (ISO, STRICT), (DAY, PADDED), ("loose", LOOSE)):
        fits = rest.str.fullmatch(pattern)
        found[rest.index[fits]], rest = name, rest[~fits]
    found[rest.index] = shapes(rest)
    return found


def _by_kind() -> dict[str, list[str]]:
    """Give the formats that a text of each kind may have."""
    found: dict[str, list[str]] = {ISO: [ISO], "loose": [ISO], MIDNIGHT[0]: MIDNIGHT, DAY: [DAY]}
    texts = pd.Series([datetime(2024, 12, 31, 23, 59, 58).strftime(form) for form in FORMATS])
    for form, shape in zip(FORMATS, shapes(texts), strict=True):
        found.setdefault(shape, []).append(form)
    return found


KINDS = _by_kind()


@dataclass(frozen=True)
class Writing:
    """How the dates of a column are written."""

    formats: tuple[str, ...]  # the first that reads a text counts
    plain: bool  # whether all are days, or all are moments, by ISO 8601, so that no format has to be named
    guessed: bool  # whether nothing in the column tells the day from the month
    turned: int  # cells with day and month the other way round than most of their kind
    both_ways: bool  # whether these are too many, so that nobody can tell which of `03/04/2024` is which

    @property
    def several(self) -> bool:
        """Whether no one format of the data contract reads them all."""
        return not self.plain and (len(self.formats) > 1 or self.formats == (ISO,))

    @property
    def timed(self) -> bool:
        """Whether some have a time of day."""
        return any(form == ISO or "%M" in form for form in self.formats)


@dataclass
class Dates:
    """What a column holds of dates; it grows piece by piece."""

    read: dict[str, Counter[str]] = field(default_factory=dict)  # by kind: the cells that each format reads
    cells: Counter[str] = field(default_factory=Counter)  # by kind: those that any format reads
    other: Counter[str] | None = field(default_factory=Counter)  # what none reads; None: too many different ones

    def add(self, cells: pd.Series) -> None:
        """Take in the next piece."""
        if self.other is None:
            return
        counts = cells.value_counts()
        for kind, part in counts.groupby(kinds(counts.index.to_series()).to_numpy()):
            self._count(str(kind), part)
        if len(self.other) > MOST:
            self.other = None

    def _count(self, kind: str, counts: pd.Series) -> None:
        assert self.other is not None
        texts, known = counts.index.to_series(), pd.Series(False, index=counts.index)
        for form in KINDS.get(kind, ()):
            fits = pd.to_datetime(texts, format=form, errors="coerce", utc=True).notna()
            self.read.setdefault(kind, Counter())[form] += int(counts[fits].sum())
            known |= fits
        self.cells[kind] += int(counts[known].sum())
        self.other.update(counts[~known].to_dict())

    @cached_property
    def writing(self) -> Writing:
        """How they are written, once all pieces are in."""
        seen = {kind: self._fitting(kind) for kind in KINDS if self.cells[kind]}
        if ISO in seen:  # which reads midnights too
            seen.pop(MIDNIGHT[0], None)
        certain = {FIRST.get(forms[0][:2]) for forms in seen.values() if len(_orders(forms)) == 1} - {None}
        first = next(iter(certain)) if len(certain) == 1 else None
        formats = [form for kind, forms in seen.items() for form in self._needed(kind, _of_order(forms, first))]
        turned = sum(self.cells[k] - max(self.read[k].values()) for k in seen if len(_orders(KINDS[k])) > 1)
        return Writing(
            formats=tuple(dict.fromkeys(formats)),
            plain=set(seen) in ({DAY}, {ISO}),
            guessed=first is None and any(len(_orders(forms)) > 1 for forms in seen.values()),
            turned=turned,
            both_ways=turned > UNREAD * self.cells.total(),
        )

    def _fitting(self, kind: str) -> list[str]:
        """Give the formats of a kind that read its dates: where days and months could change places, most of them."""
        read = self.read[kind]
        most = max(read.values()) if len(_orders(KINDS[kind])) > 1 else 1
        return [form for form in KINDS[kind] if read[form] >= most]

    def _needed(self, kind: str, formats: list[str]) -> list[str]:
        """Give one of the formats if it reads all dates of its kind, else all of them."""
        return next(([form] for form in formats if self.read[kind][form] == self.cells[kind]), formats)


def _orders(formats: list[str]) -> set[str | None]:
    """Give what comes first in dates of these formats."""
    return {FIRST.get(form[:2]) for form in formats}


def _of_order(formats: list[str], first: str | None) -> list[str]:
    """Give the formats in which `first` comes first; where it is in doubt, those of the first format's order."""
    orders = _orders(formats)
    wanted = first if first in orders else FIRST.get(formats[0][:2])
    return [form for form in formats if FIRST.get(form[:2]) == wanted]
