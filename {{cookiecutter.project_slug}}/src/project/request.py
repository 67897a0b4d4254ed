"""The request that the data contract describes: decoded and checked in one pass, with the same rules for many rows.

`Rows` reads JSON into typed rows (msgspec checks type, range, category, presence and unknown fields while it parses)
and gives the JSON Schema and the form that say the same.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from project.contract import Column, DataContract
from project.stage import ProjectError

TYPES = {"number": float, "integer": int, "boolean": bool, "date": date, "datetime": datetime}
_LITERAL: Any = Literal  # made at run time, from the contract
_ANNOTATED: Any = Annotated


class BadRequestError(ProjectError):
    """The body breaks the contract; `row` and `field` say where, if that is known."""

    def __init__(self, text: str, row: int | None = None, field: str | None = None) -> None:
        """Keep the sentence and the place."""
        super().__init__(text)
        self.row, self.field = row, field


class Rows:
    """Rows of the contract's features, as a request carries them."""

    def __init__(self, data: DataContract, max_rows: int = 10_000) -> None:
        """Build the row type from the contract's features."""
        self.features = data.features
        self.max_rows = max_rows
        self._attributes = [f"f{i}" for i in range(len(self.features))]
        fields = [(a, *_annotation(f)) for a, f in zip(self._attributes, self.features, strict=True)]
        self.type = msgspec.defstruct(
            "Row",
            fields,
            rename={a: f.name for a, f in zip(self._attributes, self.features, strict=True)},
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )
        self._one, self._many = msgspec.json.Decoder(self.type), msgspec.json.Decoder(GenericAlias(list, (self.type,)))

    def decode(self, body: bytes) -> Sequence[Any]:
        """Give the rows in `body`, a JSON object or an array of them. Raises `BadRequestError`."""
        try:
            if body.lstrip()[:1] != b"[":
                return [self._one.decode(body)]
            rows = self._many.decode(body)
        except msgspec.ValidationError as error:
            raise self._located(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequestError(f"The body is not valid JSON: {error}") from None
        if not 1 <= len(rows) <= self.max_rows:
            raise BadRequestError(f"The body holds {len(rows)} rows: between 1 and {self.max_rows} are allowed")
        return rows

    def columns(self, rows: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Give decoded rows as arrays by field name: float64 with NaN, datetime64 (UTC) with NaT, others as objects."""
        columns = {}
        for attribute, feature in zip(self._attributes, self.features, strict=True):
            values = [getattr(row, attribute) for row in rows]
            if feature.dated:
                columns[feature.name] = np.array([_moment(value) for value in values], dtype="datetime64[s]")
            else:
                columns[feature.name] = np.array(values, dtype=np.float64 if feature.numeric else object)
        return columns

    def schema(self) -> dict[str, Any]:
        """Give the JSON Schema of the body."""
        properties = {f.name: _property(f) for f in self.features}
        required = [f.name for f in self.features if f.required]
        row = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return {"oneOf": [row, {"type": "array", "items": row, "minItems": 1, "maxItems": self.max_rows}]}

    def form(self, seen: dict[str, Any]) -> list[dict[str, Any]]:
        """Give what the page needs to draw each field; `seen` says where the training rows lay."""
        unknown = {"low": None, "high": None}  # where categories lie
        return [asdict(f) | {"enum": f.enum or None} | unknown | seen[f.name] for f in self.features]

    def _located(self, text: str) -> BadRequestError:
        """Turn msgspec's "... - at `$[3].torque`" into a sentence with row and field."""
        reason, _, path = text.partition(" - at `$")
        path = path.rstrip("`")
        row = int(path[1 : path.index("]")]) if path.startswith("[") and path[1:2].isdigit() else None
        field = path.partition(".")[2] or None
        if reason.startswith("Object "):  # a missing or an unknown field is named in the reason itself
            field = reason.partition("`")[2].rpartition("`")[0]
        where = f"{field}: " if field else ""
        return BadRequestError(f"{where}{reason}" + (f" (row {row})" if row is not None else ""), row, field)


def _moment(value: date | datetime | None) -> date | datetime | None:
    """Give a time in UTC and without a zone, as NumPy has them."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _annotation(field: Column) -> tuple[Any, ...]:
    """Give the msgspec type of a field and, where it may be missing, its default."""
    if field.enum:
        kind: Any = _LITERAL[field.enum]
    elif field.type in ("number", "integer"):
        kind = _ANNOTATED[TYPES[field.type], msgspec.Meta(ge=field.minimum, le=field.maximum)]
    else:
        kind = TYPES.get(field.type, str)
    return (kind,) if field.required else (kind | None, None)


def _property(field: Column) -> dict[str, Any]:
    unit = f" [{field.unit}]" if field.unit else ""
    kind = field.type if field.type in TYPES and not field.dated else "string"
    found: dict[str, Any] = {"type": kind, "title": field.title, "description": f"{field.description}{unit}"}
    if field.dated:
        found["format"] = {"date": "date", "datetime": "date-time"}[field.type]
    limits = {"minimum": field.minimum, "maximum": field.maximum, "enum": list(field.enum) or None}
    found |= {name: limit for name, limit in limits.items() if limit is not None}
    return found if field.required else found | {"nullable": True}
