"""The request that the data contract describes: decoded and checked in one pass, with the same rules for many rows.

`Rows` reads JSON into typed rows (msgspec checks type, range, category, presence and unknown fields while it parses)
and gives the JSON Schema and the form that say the same.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from struct import pack
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import astuple

from project.contract import Column, DataContract, label
from project.stage import ProjectError

TYPES = {"number": float, "integer": int, "boolean": bool, "date": date, "datetime": datetime}
FORMATS = {"date": "date", "datetime": "date-time"}
MAX_ROWS = 10_000  # of one request
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

    def __init__(self, data: DataContract, max_rows: int = MAX_ROWS) -> None:
        """Build the row type from the contract's features."""
        self.features = data.features
        self.max_rows = max_rows
        self._kinds = {f.name: _kind(f) for f in self.features}
        self._attributes = {f.name: f"f{i}" for i, f in enumerate(self.features)}
        # msgspec finds no field whose name JSON has to escape: of such contracts the rows are renamed before
        self._escaped = any(_must_be_escaped(f.name) for f in self.features)
        names = {attribute: name for name, attribute in self._attributes.items()}
        fields: list[Any] = [
            (self._attributes[f.name], self._kinds[f.name], *(() if f.required else (None,))) for f in self.features
        ]
        self.type: Any = msgspec.defstruct(
            "Row", fields, rename=None if self._escaped else names, forbid_unknown_fields=True, kw_only=True, gc=False
        )
        self._list: Any = GenericAlias(list, (self.type,))
        self._one = msgspec.json.Decoder(self.type, dec_hook=_listed)
        self._many = msgspec.json.Decoder(self._list, dec_hook=_listed)

    def decode(self, body: bytes) -> Sequence[Any]:
        """Give the rows in `body`, a JSON object or an array of them. Raises `BadRequestError`."""
        try:
            rows = self._decode(body)
        except msgspec.ValidationError:
            raise self._refusal(body) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequestError(f"The body is not valid JSON: {error}") from None
        if not 1 <= len(rows) <= self.max_rows:
            raise BadRequestError(
                f"The body holds {len(rows)} rows: at least 1 and at most {self.max_rows} are allowed"
            )
        return rows

    def _decode(self, body: bytes) -> Sequence[Any]:
        if self._escaped:
            return msgspec.convert(list(map(self._renamed, _listing(body))), self._list, dec_hook=_listed)
        return self._many.decode(body) if body.lstrip()[:1] == b"[" else [self._one.decode(body)]

    def _renamed(self, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        return {self._attributes.get(name, f"unknown {name}"): value for name, value in row.items()}

    def _refusal(self, body: bytes) -> BadRequestError:
        """Give the first field that breaks the contract, with its row where there are many."""
        try:
            rows = _listing(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return BadRequestError(f"The body is not valid JSON: {error}")
        many = body.lstrip()[:1] == b"["
        for number, row in enumerate(rows):
            if problem := self._problem(row):
                field, reason = problem
                sentence = reason if field is None else f"{field}: {reason}"
                place = number if many else None
                return BadRequestError(sentence + (f" (row {place})" if many else ""), place, field)
        return BadRequestError("The body breaks the data contract")

    def _problem(self, row: Any) -> tuple[str | None, str] | None:
        if not isinstance(row, dict):
            return None, "Expected an object with a value for each field"
        if unknown := next((name for name in row if name not in self._kinds), None):
            return unknown, "The data contract has no such field"
        for feature in self.features:
            if feature.name not in row and feature.required:
                return feature.name, "A value is required"
            try:
                msgspec.convert(row.get(feature.name), self._kinds[feature.name], dec_hook=_listed)
            except msgspec.ValidationError as error:
                if feature.name in row:
                    return feature.name, str(error)
        return None

    def columns(self, rows: Sequence[Any]) -> dict[str, npt.NDArray[Any]]:
        """Give one or more decoded rows as arrays: float64 with NaN, datetime64 (UTC) with NaT, others as objects."""
        columns = {}
        for feature, values in zip(self.features, zip(*map(astuple, rows), strict=True), strict=True):
            if feature.dated:
                columns[feature.name] = np.array(list(map(_moment, values)), dtype="datetime64[s]")
            elif feature.numeric and feature.required:  # twice as fast as NumPy takes a tuple
                columns[feature.name] = np.frombuffer(pack(f"{len(rows)}d", *values))
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


class Listed(str):
    """The name of a listed number; subclassed for each field, as msgspec takes lists of whole numbers alone."""

    __slots__ = ()

    values: tuple[Any, ...] = ()


def _listed(kind: Any, value: Any) -> Any:
    """Give the name of a number of the request, if it is listed."""
    if isinstance(value, bool) or value not in kind.values:
        raise ValueError(f"Invalid enum value {value!r}")
    return kind(label(value))


def _kind(field: Column) -> Any:
    """Give the msgspec type of a field."""
    if field.enum:
        number = field.type == "number"
        kind: Any = type("Listed", (Listed,), {"values": field.enum}) if number else _LITERAL[field.enum]
    elif field.type in ("number", "integer"):
        kind = _ANNOTATED[TYPES[field.type], msgspec.Meta(ge=field.minimum, le=field.maximum)]
    else:
        kind = TYPES.get(field.type, str)
    return kind if field.required else kind | None


def _must_be_escaped(name: str) -> bool:
    return any(character in '"\\' or character < " " for character in name)


def _listing(body: bytes) -> list[Any]:
    """Give the rows of a body as JSON holds them."""
    rows = msgspec.json.decode(body)
    return rows if isinstance(rows, list) else [rows]


def _moment(value: date | datetime | None) -> np.datetime64 | date | None:
    """Give a time in UTC and without a zone, as NumPy has them."""
    if isinstance(value, datetime) and (offset := value.utcoffset()):
        return np.datetime64(value.replace(tzinfo=None), "s") - np.timedelta64(int(offset.total_seconds()), "s")
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _property(field: Column) -> dict[str, Any]:
    unit = f" [{field.unit}]" if field.unit else ""
    kind = field.type if field.type in ("number", "integer", "boolean") else "string"
    found: dict[str, Any] = {"type": kind, "title": field.title, "description": f"{field.description}{unit}"}
    form = FORMATS.get(field.type) if field.dated else None
    limits = {"format": form, "minimum": field.minimum, "maximum": field.maximum, "enum": list(field.enum) or None}
    found |= {name: limit for name, limit in limits.items() if limit is not None}
    return found if field.required else found | {"nullable": True}
