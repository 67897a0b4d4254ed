"""How a table will be described: what the student asked for, its fields, and the task that its target poses."""

from dataclasses import dataclass, field
from typing import Any

from capstone_kit.project import KitError


@dataclass(frozen=True)
class Wishes:
    """What the student said on the command line."""

    target: str
    kind: str | None = None
    positive: str | None = None
    time: str | None = None
    group: str | None = None
    identifiers: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    confidential: bool = False
    engine: str | None = None  # on which training searches


def one(option: str, names: list[str] | None) -> str | None:
    """Give the one name that an option was given. Raises `KitError` where there are several."""
    if names and len(names) > 1:
        raise KitError(f"{option} was given {len(names)} times: {', '.join(map(repr, names))}; it names one column")
    return names[0] if names else None


@dataclass(frozen=True)
class Field:
    """A column as the data contract will describe it."""

    name: str
    type: str
    role: str = "feature"
    reason: str = ""  # why it is excluded
    unit: str | None = None
    constraints: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  # format, trueValues, falseValues, bareNumber, missingValues
    formats: tuple[str, ...] = ()  # of dates that the source writes in several ways: `ingest` brings them to one
    guessed: bool = False  # whether nothing told the days of these dates from the months
    personal: str = ""  # what personal data it seems to hold
    leakage: str = ""  # why it seems to give the answer away


@dataclass(frozen=True)
class Inference:
    """The table as the contracts will describe it."""

    rows: int
    fields: tuple[Field, ...]
    kind: str
    labels: tuple[Any, ...]  # the classes, the commonest first; none for a regression
    positive: Any
    shares: tuple[float, ...]  # of the classes among the rows
    baseline: float  # mean absolute error of the median, or the share of the commonest class
    deviation: float  # of a numeric target from its mean; 0 for classes
    crowded: bool  # whether many rows of a numeric target share one value, as where most counts are 0
    missing: tuple[str, ...]  # the signs that stand for a missing value in every field
    unlabelled: int  # rows without a target
    remarks: tuple[str, ...]

    @property
    def target(self) -> Field:
        """The field to be predicted."""
        return next(f for f in self.fields if f.role == "target")

    @property
    def features(self) -> tuple[Field, ...]:
        """The fields that the model is given."""
        return tuple(
            f for f in self.fields if f.role == "feature" or (f.role == "time" and f.type in ("date", "datetime"))
        )
