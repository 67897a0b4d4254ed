"""From what the columns hold to what they are: type, limits, role and reason, and the task that the target poses."""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import pandas as pd

from capstone_kit.adopt.description import Field, Inference, Wishes
from capstone_kit.adopt.profile import EXACT, LARGEST, Column, Profile, bare, numbers
from capstone_kit.adopt.remarks import remarks
from capstone_kit.adopt.suspect import against_target, personal
from capstone_kit.adopt.units import parted
from capstone_kit.project import KitError

KINDS = ("classification", "regression")
ENGINES = ("local", "dask")  # on which training can search
CLASSES = 10  # so many different whole numbers are still taken for classes
PARTS = 3  # training, calibration and test
FEW = 20  # different values of a text that are listed as the only ones allowed
OFTEN = 5  # times that each of them has to occur on average
CROWDED = 0.3  # of the rows with one and the same value of a numeric target: its median says little
REFEREED = 60_000  # cells of the sample that frictionless reads
REFUSED = 0.05  # of them at most may be rejected; else the type was mistaken
BOOLEANS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"))
POSITIVE = {"1", "true", "yes", "y", "t", "positive", "pos"}
POSITIVE |= {"malignant", "failure", "fail", "failed", "fault", "default", "churn"}
WITHOUT_FLOOR = ("°C", "°F")  # the units in which a value below 0 is no error, though none was seen
BOTH_WAYS = "holds dates with the day first and others with the month first: nobody can tell which 03/04/2024 is"
ROW_NAMES = r"(^|[_\s.])([psucg]?id|ids|idx|index|nr|no|key|serial|uuid|guid|rownames?|row)$"
ROW_NAMES += r"|(code|num|number)$|^unnamed: \d+$"


def infer(found: Profile, wishes: Wishes) -> Inference:
    """Give types, roles and task. Raises `KitError` where there is too little to learn from or a name is unknown."""
    if not found.rows:
        raise KitError("the table has a header and no rows")
    _check_names(found, wishes)
    strange = tuple(sorted({token for c in found.columns for token in c.nothing}))
    missing = ("", *sorted({t for c in found.columns for t in c.tokens} - {""}))
    by_name = {c.name: c for c in found.columns}
    if wishes.group and by_name[wishes.group].distinct < PARTS:
        groups = by_name[wishes.group].distinct
        raise KitError(f"--group: {wishes.group!r} has {groups} groups; training, calibration and test need {PARTS}")
    sample = found.sample.mask(found.sample.isin(missing))
    sample = sample.mask(pd.DataFrame({c.name: sample[c.name].isin(c.nothing) for c in found.columns}))
    target = by_name[wishes.target]
    kind = _kind(target, wishes)
    labelled = sample[sample[target.name].notna()].reset_index(drop=True)
    fields = tuple(_field(c, labelled[c.name], wishes, kind, missing) for c in found.columns)
    labels, shares = _classes(target, kind)
    fields = _held(_roles(fields, by_name, labelled, wishes, kind), labelled, missing)
    result = Inference(
        rows=found.rows,
        fields=fields,
        kind=kind,
        labels=labels,
        positive=_positive(labels, wishes),
        shares=shares,
        **_constants(labelled[target.name], kind, shares),
        missing=missing,
        unlabelled=target.missing + sum((target.strange or {}).get(t, 0) for t in strange if kind == "regression"),
        remarks=tuple(remarks(found, wishes, fields, strange)),
    )
    if not result.features:
        reasons = "; ".join(f"{f.name} {f.reason}" for f in fields if f.reason) or "the target is the only column"
        raise KitError(f"no column is left to predict {target.name!r} from: {reasons}")
    return result


def _check_names(found: Profile, wishes: Wishes) -> None:
    """Raise `KitError` where what was named is not there, or is the target."""
    for option, word, allowed in (("--kind", wishes.kind, KINDS), ("--engine", wishes.engine, ENGINES)):
        if word not in (None, *allowed):
            raise KitError(f"{option} is {word!r}; allowed are {' and '.join(allowed)}")
    names = [c.name for c in found.columns]

    def known(name: str, option: str) -> str:
        if name in names:
            return name
        near = get_close_matches(name, names, 1, 0.6) or [n for n in names if n.strip().lower() == name.strip().lower()]
        listed = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
        hint = f"did you mean {near[0]!r}?" if near else f"the columns are {listed}"
        raise KitError(f"{option}: there is no column {name!r}; {hint}")

    asked = {known(wishes.target, "--target"): "--target"}
    named = {"--time": (wishes.time,), "--group": (wishes.group,), "--id": wishes.identifiers, "--drop": wishes.dropped}
    for option, name in ((option, name) for option, names in named.items() for name in names if name is not None):
        if asked.setdefault(known(name, option), option) == "--target":
            raise KitError(f"{option}: {name!r} is the target")
        if asked[name] != option:
            raise KitError(f"{name!r} is named by {asked[name]} and by {option}: a column plays one role")


def _type(column: Column) -> tuple[str, dict[str, Any]]:
    """Give the Table Schema type of a column, and its format or its texts for true and false."""
    if not column.filled:
        return "string", {}
    if column.numbers and (not column.strange or column.nothing) and column.strange is not None:
        if column.leading_zero or (column.whole and max(abs(column.low), abs(column.high)) > EXACT):
            return "string", {}
        if column.sign or len(column.signs) > 1:
            return ("number", {"bareNumber": False}) if column.sign else ("string", {})
        if column.stamps:
            return ("date" if column.stamps[0] == "%Y%m%d" else "datetime"), {"format": column.stamps[0]}
        return ("integer" if column.whole else "number"), {}
    if column.values is not None and (pair := _boolean(list(column.values))):
        return "boolean", {"trueValues": pair[0], "falseValues": pair[1]}
    dates = column.writing
    if dates is None or dates.both_ways:
        return "string", {}
    return ("datetime" if dates.timed else "date"), {} if dates.plain or dates.several else {"format": dates.formats[0]}


def _boolean(values: list[str]) -> tuple[list[str], list[str]] | None:
    for yes, no in BOOLEANS:
        if {v.lower() for v in values} == {yes, no}:
            return sorted(v for v in values if v.lower() == yes), sorted(v for v in values if v.lower() == no)
    return None


def _field(column: Column, sample: pd.Series, wishes: Wishes, kind: str, missing: tuple[str, ...]) -> Field:
    """Give a column's type and limits; its role follows."""
    type_, more = _type(column)
    unit = (parted(column.name)[1] or column.sign or None) if type_ in ("integer", "number") else None
    target = column.name == wishes.target
    constraints: dict[str, Any] = {}
    complete = column.missing == 0 and not column.nothing
    if target or (complete and column.filled):
        constraints["required"] = True
    if target and kind == "classification":
        constraints["enum"] = _in_order(_labels(column))
        type_, more = "string", {}  # a class is a name, even if it is written as a number
    elif type_ in ("integer", "number") and max(abs(column.low), abs(column.high)) <= LARGEST:
        constraints |= _range(column, sample, type_, unit)
    elif type_ == "string" and 2 <= column.distinct <= FEW and column.filled >= OFTEN * column.distinct:
        constraints["enum"] = sorted(column.values or ())
    if column.nothing and (target or type_ != "string"):
        more = more | {"missingValues": [*missing, *column.nothing]}
    dates = column.writing if type_ in ("date", "datetime") else None
    return Field(
        column.name,
        type_,
        "feature",
        "",
        unit,
        constraints,
        more,
        dates.formats if dates and dates.several else (),
        dates is not None and dates.guessed,
    )


def _labels(column: Column) -> list[str]:
    """Give the classes as they are written, the commonest first."""
    strange = column.nothing
    return [text for text, _ in (column.values or Counter()).most_common() if text not in strange]


def _in_order(labels: list[str]) -> list[str]:
    """Give numbers by size, other texts by the alphabet."""
    try:
        return sorted(labels, key=float)
    except ValueError:
        return sorted(labels)


def _range(column: Column, sample: pd.Series, type_: str, unit: str | None) -> dict[str, Any]:
    """Give limits that leave room beyond what was seen: a tenth of the spread of the middle 98 in 100 rows."""
    values = numbers(sample).dropna()
    low, high = values.quantile([0.01, 0.99]) if len(values) else (column.low, column.high)
    room = 0.1 * ((high - low) or (column.high - column.low) or abs(column.low) or 1.0)
    ends = [column.low - room, column.high + room]
    if column.low >= 0 and unit not in WITHOUT_FLOOR:
        ends[0] = max(0.0, ends[0])
    whole = 100.0 if unit == "%" else 1.0
    if column.low >= 0 and column.high <= whole:
        ends[1] = whole
    if type_ == "integer":
        return {"minimum": math.floor(ends[0]), "maximum": math.ceil(ends[1])}
    return {"minimum": _outward(ends[0], room, math.floor), "maximum": _outward(ends[1], room, math.ceil)}


def _outward(value: float, room: float, towards: Callable[[float], int]) -> float:
    """Round to the decimal place of `room`, away from the values."""
    step = 10.0 ** math.floor(math.log10(room)) if 0 < room < math.inf else 1.0
    rounded = towards(value / step) * step if abs(value / step) < EXACT else value
    return float(f"{rounded:.12g}")


def _kind(target: Column, wishes: Wishes) -> str:
    """Give classification or regression. Raises `KitError` where the target teaches nothing."""
    if not target.filled:
        raise KitError(f"the target {target.name!r} holds no value in any row")
    if target.distinct == 1:
        only = next(iter(target.values or ()))
        raise KitError(f"the target {target.name!r} is {only!r} in every row: there is nothing to learn")
    type_, _ = _type(target)
    kind = wishes.kind or _likely_kind(target, type_)
    if kind == "regression" and type_ not in ("integer", "number"):
        raise KitError(
            f"--kind regression needs numbers, and {target.name!r} holds texts such as {_an_example(target)!r}"
        )
    if kind == "regression" and max(abs(target.low), abs(target.high)) > LARGEST:
        raise KitError(f"the target {target.name!r} holds numbers beyond {LARGEST:.1e}, single precision's largest")
    if kind == "regression" and target.low == target.high:
        raise KitError(f"the target {target.name!r} is {target.low:g} in every row: there is nothing to learn")
    if kind == "classification":
        _check_classes(target, type_)
    return kind


def _likely_kind(target: Column, type_: str) -> str:
    if type_ not in ("integer", "number"):
        return "classification"
    if target.values is None or target.distinct > CLASSES:
        return "regression"
    known = numbers(bare(pd.Series(list(target.values), dtype=str))).dropna()
    return "classification" if (known % 1 == 0).all() else "regression"


def _check_classes(target: Column, type_: str) -> None:
    classes = target.distinct
    many = f"more than {classes - 1:,}" if target.values is None else f"{classes:,}"
    if target.values is None or (classes > 2 and classes * 2 > target.filled):
        what = "days" if type_ in ("date", "datetime") else "values"
        such = f", such as {_an_example(target)!r}," if target.values is not None or target.strange else ""
        raise KitError(
            f"the target {target.name!r} has {many} different {what}{such} in {target.filled:,} rows: "
            "too few rows for each to be learnt as a class"
        )
    if max((target.values or Counter()).values(), default=PARTS) < PARTS:
        raise KitError(f"no class of {target.name!r} has {PARTS} rows: too few to train, calibrate and test")
    if target.filled < 10:
        raise KitError(f"{target.filled} rows have a target: at least 10 are needed to train, calibrate and test")


def _an_example(column: Column) -> str:
    """Give what makes it no number, if a few cells do."""
    texts = column.strange or column.values or {"": 0}
    return next(iter(texts))


def _classes(target: Column, kind: str) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    if kind == "regression":
        return (), ()
    labels = _labels(target)
    counts = [(target.values or {})[label] for label in labels]
    return tuple(labels), tuple(count / sum(counts) for count in counts)


def _positive(labels: tuple[Any, ...], wishes: Wishes) -> Any:
    if not labels:
        if wishes.positive is not None:
            raise KitError("--positive names a class, and the task is a regression")
        return None
    if wishes.positive is not None:
        chosen = next((label for label in labels if str(label).lower() == wishes.positive.lower()), None)
        if chosen is None:
            raise KitError(
                f"--positive: {wishes.positive!r} is no class; the classes are {', '.join(map(str, labels[:12]))}"
            )
        return chosen
    if len(labels) > 2:
        return None
    return next((label for label in labels if str(label).lower() in POSITIVE), labels[-1])


def _constants(target: pd.Series, kind: str, shares: tuple[float, ...]) -> dict[str, Any]:
    """Give what the best constant prediction reaches, and whether many rows share one value."""
    if kind == "classification":
        return {"baseline": max(shares), "deviation": 0.0, "crowded": False}
    values = numbers(target).dropna()
    return {
        "baseline": float((values - values.median()).abs().mean()),
        "deviation": float(values.std(ddof=0)),
        "crowded": bool(values.value_counts(normalize=True).max() > CROWDED),
    }


def _roles(
    fields: tuple[Field, ...], columns: dict[str, Column], sample: pd.DataFrame, wishes: Wishes, kind: str
) -> tuple[Field, ...]:
    """Give every field its role, and the reason where it is not a feature."""
    asked = {wishes.target: "target", wishes.time: "time", wishes.group: "group"} | dict.fromkeys(
        wishes.identifiers, "identifier"
    )
    decided = []
    for one in fields:
        column, values = columns[one.name], sample[one.name]
        held = personal(one, values)
        if one.name in wishes.dropped:
            one = replace(one, role="excluded", reason="was dropped on the command line")
        elif role := asked.get(one.name):
            one = replace(
                one, role=role, reason="names the row, as said on the command line" if role == "identifier" else ""
            )
        elif reason := _useless(one, column):
            one = replace(one, role="excluded", reason=reason)
        elif reason := _names_the_row(one, column):
            one = replace(one, role="identifier", reason=reason)
        elif wishes.group and _names_group(values, sample[wishes.group]):
            one = replace(one, role="excluded", reason=f"names {wishes.group!r}: rows of a new one would be unlike all")
        elif held:
            one = replace(one, role="excluded", reason=f"seems to hold {held}, from which a model must not learn")
        else:
            one = against_target(one, values, sample[wishes.target], kind)
        if one.role in ("excluded", "identifier"):  # anything may stand there: nobody depends on it
            one = replace(one, type="string", constraints={}, more={}, formats=())
        decided.append(replace(one, personal=held))
    if wishes.time:
        _check_time(next(f for f in decided if f.name == wishes.time), columns[wishes.time])
    return tuple(decided)


def _check_time(one: Field, column: Column) -> None:
    """Raise `KitError` where a column tells no earlier rows from later ones."""
    if one.type not in ("date", "datetime", "integer", "number"):
        texts = f"holds neither dates nor numbers, but texts such as {_an_example(column)!r}"
        raise KitError(f"--time: {one.name!r} {BOTH_WAYS if column.writing and column.writing.both_ways else texts}")
    if column.distinct < PARTS:
        raise KitError(
            f"--time: {one.name!r} has {column.distinct} different times; training, calibration and test need {PARTS}"
        )


def _names_group(values: pd.Series, group: pd.Series) -> bool:
    """Give whether each group has a value of its own, which a model could learn by heart."""
    pairs = pd.DataFrame({"value": values, "group": group}).dropna().drop_duplicates()
    return len(pairs) > 2 and pairs["value"].is_unique and pairs["group"].is_unique


def _held(fields: tuple[Field, ...], sample: pd.DataFrame, missing: tuple[str, ...]) -> tuple[Field, ...]:
    """Let frictionless, which will hold every row against the contract, hold a sample: what it cannot read is text."""
    from frictionless import Field as Described

    rows = sample.head(max(20, REFEREED // max(1, len(fields))))
    held = []
    for one in fields:
        described = Described.from_descriptor(
            {"name": "column", "type": one.type, "missingValues": list(missing), **one.more}
        )
        read = described.create_cell_reader() if one.type != "string" and not one.formats else None
        wrong = sum(bool(read(text)[1]) for text in rows[one.name].dropna()) if read else 0
        held.append(replace(one, type="string", constraints={}, more={}) if wrong > REFUSED * len(rows) else one)
    return tuple(held)


def _useless(one: Field, column: Column) -> str:
    if not column.filled:
        return "holds no value"
    if column.writing and column.writing.both_ways:
        return BOTH_WAYS
    if column.distinct == 1 and not column.missing:
        return f"is {next(iter(column.values or ()))!r} in every row"
    if one.type in ("integer", "number") and max(abs(column.low), abs(column.high)) > LARGEST:
        return f"holds numbers beyond {LARGEST:.1e}, the largest of single precision, in which the model calculates"
    many = column.distinct > 0.5 * column.filled or column.values is None
    if one.type == "string" and many and column.words / column.filled >= 4:
        return "is free text, which the model does not read"
    return ""


def _names_the_row(one: Field, column: Column) -> str:
    if column.filled < 10 or not column.unique:
        return ""
    if one.type == "string":
        return "has a value of its own in every row" if column.missing == 0 or column.filled > 0.5 * column.rows else ""
    if one.type != "integer" or column.missing:
        return ""
    counted = column.low in (0, 1) and column.high - column.low == column.filled - 1
    if counted or re.search(ROW_NAMES, one.name.lower()) or re.search(r"[a-z](Id|ID|No|Nr)$", one.name):
        return "counts or names the rows"
    return ""
