"""What was found out by running a project: items by their type, each made once or missing for a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")


class NoEvidenceError(Exception):
    """An item is missing; the text is the reason. `blame` tells the project's own failure from the examiner's."""

    def __init__(self, reason: str, blame: bool = False) -> None:
        """Keep the reason, and whether the project itself is the cause."""
        super().__init__(reason)
        self.blame = blame


class NotRunError(NoEvidenceError):
    """Nothing was run at all: the quick examination."""


@dataclass(frozen=True)
class Recomputed:
    """What the examiner's own run of the pipeline measured."""

    metrics: dict[str, float | None]  # by name, the engineering constraints among them
    rows: int  # of the table that the first stage wrote
    md5: str  # of that table


class Evidence:
    """Items by type. `evidence[Rerun]` gives the item or raises `NoEvidenceError` with the reason why there is none."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._items: dict[type, Any] = {}
        self._missing: dict[type, NoEvidenceError] = {}

    def add(self, item: object) -> None:
        """Keep an item."""
        self._items[type(item)] = item

    def lacks(self, kind: type, reason: NoEvidenceError) -> None:
        """Keep why there is no item of a kind."""
        self._missing[kind] = reason

    def __getitem__(self, kind: type[Item]) -> Item:
        """Give the item of that kind. Raises `NoEvidenceError` where there is none."""
        if kind in self._items:
            return self._items[kind]
        raise self._missing.get(kind, NotRunError("the project was not run"))

    def __contains__(self, kind: type) -> bool:
        """Whether there is an item of that kind."""
        return kind in self._items

    def __iter__(self) -> Iterator[Any]:
        """Give all items."""
        return iter(self._items.values())
