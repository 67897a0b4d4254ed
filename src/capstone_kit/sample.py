"""A synthetic table that keeps the data contract, for those who may not see the real rows.

Each column is drawn on its own from what the real one holds: quantiles of numbers and dates, shares of categories and
of missing values. What links the columns is lost, so a model learns next to nothing from it; it shows that all runs.
"""

import importlib
import subprocess
from typing import Any

import numpy as np
import pandas as pd
import yaml

from capstone_kit.adopt.profile import numbers
from capstone_kit.project import DATA_CONTRACT, PARAMETERS, KitError, Project
from capstone_kit.writing import Transaction, text_of

SAMPLE = "data/sample.csv"
ENOUGH = 5  # times that a category has to occur before it is shown: a rarer one could identify somebody
READ = 200_000  # real rows that are looked at
ATTEMPTS = 20  # to draw rows that are no copies


def make(project: Project, rows: int, seed: int) -> None:
    """Write `rows` synthetic rows to `SAMPLE`. Raises `KitError` where the real rows are not here."""
    real = _real_rows(project)
    schema = yaml.safe_load(project.text(DATA_CONTRACT))["resources"][0]["schema"]
    real = real.mask(real.isin(list(schema.get("missingValues", [""]))))
    rng = np.random.default_rng(seed)
    table = _without_copies(schema["fields"], real, rows, rng)
    transaction = Transaction(project.root)
    transaction.write(SAMPLE, table.to_csv(index=False, lineterminator="\n"))
    transaction.commit()
    print(f"{len(table):,} synthetic rows -> {SAMPLE}; every column on its own, no row of the real table among them")
    print("commit it; where the real data cannot be reached, `capstone sample --stand-in` uses it")


def stand_in(project: Project) -> None:
    """Fetch the source from the team's remote; where that fails, let the pipeline use the sample, and say so."""
    content = project.yaml(PARAMETERS)
    source = content["ingest"]["source"]
    if source in ("example", SAMPLE) or _fetched(project, source):
        print(f"the data are here: {source}")
        return
    if not project.path(SAMPLE).exists():
        raise KitError(
            f"{source} is not here, no remote gave it, and there is no {SAMPLE}: make one where the data are"
        )
    content["ingest"] = {"source": SAMPLE}
    transaction = Transaction(project.root)
    transaction.write(PARAMETERS, text_of(content))
    transaction.commit()
    print(f"{source} is not here: {PARAMETERS} now names {SAMPLE}, and every figure made from it says so")
    print(f"to go back: git checkout {PARAMETERS}")


def _fetched(project: Project, source: str) -> bool:
    if project.path(source).exists():
        return True
    if not project.path(f"{source}.dvc").exists():
        return False
    done = subprocess.run(["dvc", "pull", "--quiet", f"{source}.dvc"], cwd=project.root, capture_output=True, text=True)
    return done.returncode == 0 and project.path(source).exists()


def _real_rows(project: Project) -> pd.DataFrame:
    ingest, stage = (importlib.import_module(f"project.{name}") for name in ("ingest", "stage"))
    parameters = project.yaml(PARAMETERS)
    source, options = parameters["ingest"]["source"], dict(parameters["ingest"].get("options", {}))
    if source == SAMPLE:
        raise KitError(f"{PARAMETERS} names {SAMPLE} itself: name the real source there")
    place = source if source == "example" else str(project.path(source))
    names = [
        f["name"]
        for f in project.yaml(DATA_CONTRACT)["resources"][0]["schema"]["fields"]
        if f["type"] in ("number", "integer")
    ]
    pieces: list[pd.DataFrame] = []
    try:
        for piece in ingest.pieces(place, options, parameters["seed"]):
            pieces.append(ingest.decimal_point(piece, options, names))
            if sum(map(len, pieces)) >= READ:
                break
    except stage.ProjectError as error:
        raise KitError(str(error)) from error
    return pd.concat(pieces, ignore_index=True).astype(str)


def _without_copies(
    fields: list[dict[str, Any]], real: pd.DataFrame, rows: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw until no row equals a real one in all columns that say something."""
    telling = [f["name"] for f in fields if f.get("role", "feature") in ("feature", "target", "time")]
    known = set(real[telling].fillna("").itertuples(index=False, name=None))
    kept: list[pd.DataFrame] = []
    for _ in range(ATTEMPTS):
        drawn = pd.DataFrame({f["name"]: _column(f, real[f["name"]], rows, rng) for f in fields})
        fresh = [row not in known for row in drawn[telling].itertuples(index=False, name=None)]
        kept.append(drawn[fresh])
        if sum(map(len, kept)) >= rows:
            return pd.concat(kept, ignore_index=True).head(rows)
    found = pd.concat(kept, ignore_index=True)
    if found.empty:
        raise KitError("every combination of values occurs in the real table: no synthetic row would be new")
    return found.head(rows)


def _column(field: dict[str, Any], real: pd.Series, rows: int, rng: np.random.Generator) -> pd.Series:
    """Draw one column as text, "" where missing."""
    role, values = field.get("role", "feature"), real.dropna()
    if role in ("excluded", "identifier") or field.get("personal"):
        drawn = [str(n + 1) for n in range(rows)] if role == "identifier" else [""] * rows
        return pd.Series(drawn, dtype=str)
    if values.empty:
        return pd.Series([""] * rows, dtype=str)
    if role == "group":
        return pd.Series([f"group {n}" for n in rng.integers(0, values.nunique(), rows)], dtype=str)
    drawn = _drawn(field, values, rows, rng)
    return drawn.mask(rng.random(rows) < real.isna().mean(), "")


def _drawn(field: dict[str, Any], values: pd.Series, rows: int, rng: np.random.Generator) -> pd.Series:
    kind, limits = field.get("type", "string"), field.get("constraints", {})
    if "enum" not in limits and kind in ("number", "integer"):
        return _number(kind, values, limits, rows, rng)
    if kind in ("date", "datetime"):
        return _date(field, values, rows, rng)
    shares = values.value_counts()
    common = shares[shares >= ENOUGH] if "enum" not in limits else shares
    if common.empty:
        return pd.Series([f"category {n % 10}" for n in range(rows)], dtype=str)
    return pd.Series(rng.choice(common.index.to_numpy(dtype=object), rows, p=common / common.sum()), dtype=str)


def _number(kind: str, values: pd.Series, limits: dict[str, Any], rows: int, rng: np.random.Generator) -> pd.Series:
    """Draw between the percentiles, and round to the decimals that the real values have."""
    real = numbers(values).dropna().to_numpy()
    drawn = np.quantile(real, rng.random(rows))
    drawn = drawn + (rng.random(rows) - 0.5) * np.ptp(np.quantile(real, [0.25, 0.75])) / 50
    drawn = np.clip(drawn, limits.get("minimum", -np.inf), limits.get("maximum", np.inf))
    if kind == "integer":
        return pd.Series(np.rint(drawn).astype(np.int64)).astype(str)
    decimals = min(12, int(values.head(1000).str.partition(".")[2].str.len().max()))
    return pd.Series(
        [f"{value:.{decimals}f}" if abs(value) < 1e15 else repr(float(value)) for value in drawn], dtype=str
    )


def _date(field: dict[str, Any], values: pd.Series, rows: int, rng: np.random.Generator) -> pd.Series:
    form = field.get("format", "default")
    real = pd.to_datetime(values, format="ISO8601" if form == "default" else form, errors="coerce", utc=True).dropna()
    drawn = pd.to_datetime(
        np.quantile(real.astype("int64"), rng.random(rows)).astype(np.int64), unit=real.dt.unit, utc=True
    )
    iso = "%Y-%m-%d" if field["type"] == "date" else "%Y-%m-%dT%H:%M:%SZ"
    return pd.Series(drawn.strftime(iso if form == "default" else form), dtype=str)
