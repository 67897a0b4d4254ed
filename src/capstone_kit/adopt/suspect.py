"""What speaks against giving a column to a model: it tells the target, holds personal data, or stands for nothing."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from capstone_kit.adopt.description import Field
from capstone_kit.adopt.profile import Column, numbers

SUSPICIOUS = 0.98  # of the target that a single feature explains


def against_target(one: Field, values: pd.Series, target: pd.Series, kind: str) -> Field:
    """Exclude a copy of the target; remark on a field that all but gives it away."""
    pair = pd.DataFrame({"x": values, "y": target}).dropna(ignore_index=True)
    if len(pair) < 10 or one.type in ("date", "datetime"):
        return one
    if _copies(pair, one, kind):
        return replace(one, role="excluded", reason="is the target in other words")
    share = explained(pair, one.type in ("integer", "number"), kind)
    if share >= SUSPICIOUS:
        return replace(
            one, leakage=f"alone explains {share:.1%} of the target: is it known before the prediction is asked for?"
        )
    return one


def _copies(pair: pd.DataFrame, one: Field, kind: str) -> bool:
    if pair["x"].equals(pair["y"]):
        return True
    if kind == "classification":
        classes = pair["y"].nunique()
        return bool(
            pair["x"].nunique() == classes == len(pair.drop_duplicates()) and len(pair) >= 5 * classes and classes > 1
        )
    if one.type not in ("integer", "number"):
        return False
    x, y = numbers(pair["x"]), numbers(pair["y"])
    return bool(x.std() > 0 and y.std() > 0 and abs(x.corr(y)) > 1 - 1e-9)


def explained(pair: pd.DataFrame, numeric: bool, kind: str) -> float:
    """Give the share of the target that one feature explains in rows it was not learnt from, 0 to 1.

    The feature is cut into bins of equal size (or its own values); each bin of the even rows predicts the odd rows by
    its commonest class or its mean. The share is that of the errors of the best constant which disappear.
    """
    x, y = pair["x"], pair["y"]
    if numeric:
        x = pd.qcut(
            numbers(x).rank(method="average"), min(100, max(2, len(pair) // 20)), labels=False, duplicates="drop"
        )
    learn, held = pair.index % 2 == 0, pair.index % 2 == 1
    if kind == "regression":
        values = numbers(y)
        guess = x[held].map(values[learn].groupby(x[learn]).mean()).fillna(values[learn].mean())
        errors, trivial = ((values[held] - guess) ** 2).sum(), ((values[held] - values[learn].mean()) ** 2).sum()
        if numeric:  # where it only rises or falls, ranks say it without the coarseness of bins
            ranks = numbers(pair["x"]).rank().corr(values.rank()) ** 2
            errors = min(errors, (1 - ranks) * trivial) if np.isfinite(ranks) else errors
    else:
        common = y[learn].mode().iloc[0]
        table = y[learn].groupby(x[learn]).agg(lambda part: part.mode().iloc[0])
        guess = x[held].map(table).fillna(common)
        errors, trivial = (y[held] != guess).sum(), (y[held] != common).sum()
    return max(0.0, 1 - float(errors) / float(trivial)) if trivial else 0.0


def sums_up(fields: tuple[Field, ...], sample: pd.DataFrame) -> bool:
    """Give whether a numeric target is a sum of multiples of the numeric features."""
    target = next(f for f in fields if f.role == "target")
    names = [f.name for f in fields if f.role == "feature" and f.type in ("integer", "number")]
    if target.type not in ("integer", "number") or not names:
        return False
    table = pd.DataFrame({name: numbers(sample[name]) for name in [*names, target.name]}).dropna().head(5_000)
    if len(table) < 3 * len(names) + 10:
        return False
    x, y = table[names].to_numpy(), table[target.name].to_numpy()
    x, y = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1), y - y.mean()
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return bool((rest**2).sum() < 1e-6 * (y**2).sum())


def personal(one: Field, values: pd.Series) -> str:
    """Say what personal data a column seems to hold."""
    texts = values.dropna().drop_duplicates().head(500)
    if texts.empty:
        return ""
    name = re.sub(r"[\W_]+", " ", one.name.lower()).strip()
    if one.type not in ("string", "integer"):
        return ""
    for what, hint, pattern in PERSONAL:
        fits = texts.str.fullmatch(pattern).mean()
        if fits > 0.8 and (hint is None or re.search(hint, name)):
            return what
    return ""


PEOPLE = "patient|employee|customer|student|contact|operator|driver|worker|user|client|owner|author|doctor|nurse"
PEOPLE += "|teacher|manager|technician|inspector|engineer|member|person|player|candidate|supervisor|applicant"
CAPITAL = "[A-ZÀ-ÞĀ-Ž]"
PERSONAL = (
    ("e-mail addresses", None, r"[^@\s]+@[^@\s]+\.\w+"),
    ("national identity numbers", None, r"\d{3}-\d{2}-\d{4}"),
    (
        "national identity numbers",
        r"\b(ssn|social security|passport|national id|tax id|nino|aadhaar|cpf)\b",
        r"[\w .-]{6,20}",
    ),
    (
        "telephone numbers",
        None,
        r"(\+\d{1,3}[ .-]?)?\(\d{2,4}\)[ .-]?\d{3,4}[ .-]?\d{3,5}|\+\d{1,3}([ .-]\d{2,5}){2,4}|\d{3}-\d{3}-\d{4}",
    ),
    ("telephone numbers", r"\b(phone|telephone|mobile|cell|fax|tel)\b", r"[+\d][\d\s().-]{6,20}"),
    ("IP addresses", None, r"(\d{1,3}\.){3}\d{1,3}"),
    (
        "names of people",
        rf"\b((first|last|full|given|family) ?name|surname)$|^({PEOPLE}) name$"
        r"|\b(vor|nach|familien|kunden|patienten|mitarbeiter)name$|^(pr[eé]nom|nom( de famille)?)$"
        r"|^(nombres?|apellidos?|cognome|sobrenome)$",
        rf"{CAPITAL}[\w'\u2019-]+([ ,.]+\W*{CAPITAL}[\w'\u2019.()\" ,-]*)*",
    ),
    (
        "names of people",
        rf"^(name|{PEOPLE})$",
        rf"{CAPITAL}[\w'\u2019-]+([ ,.]+\W*{CAPITAL}[\w'\u2019.()\" ,-]*)+",
    ),  # two words
)


def sentinel(column: Column, sample: pd.Series) -> str:
    """Give a value such as 9999 or -999 that looks like a sign for a missing one."""
    if not column.numbers or column.strange is None:
        return ""
    values = numbers(sample).dropna()
    for end in (column.low, column.high):
        rest = values[values != end]
        count = len(values) - len(rest)
        if re.fullmatch(r"-?(9{2,}|9{2,}\.0+)|-1\.0|-1", f"{end:g}") and count >= 2 and len(rest):
            distance = abs(end - (rest.max() if end == column.high else rest.min()))
            if distance > (rest.max() - rest.min()):
                return f"{end:g}"
    return ""
