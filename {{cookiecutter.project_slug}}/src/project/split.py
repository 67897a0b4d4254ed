"""Divide the accepted rows into training, calibration and test rows: stratified, at random, by group or by time."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from project import contract, stage, table
from project.validate import ACCEPTED

SPLITS = Path("data/splits")
PARTS = ("train", "calibration", "test")
STRATA = 10  # a numeric target is stratified by its deciles

Array = npt.NDArray[np.float64]


def assign(
    rows: pd.DataFrame, data: contract.DataContract, parameters: contract.SplitParameters, seed: int
) -> pd.Series:
    """Give the part ("train", "calibration" or "test") of every row.

    Raises `ProjectError` where the method needs a role that no field has, or a part would be empty.
    """
    rng = np.random.default_rng(seed)
    by = {
        "stratified": lambda: _within_strata(rows[data.target.name], rng, parameters),
        "random": lambda: rng.permutation(len(rows)) / len(rows),
        "group": lambda: _by_group(rows[_field(data, "group")], rng),
        "time": lambda: _by_time(rows[_field(data, "time")]),
    }
    position = np.asarray(by[parameters.method]())
    test, calibration = parameters.test, parameters.calibration
    parts = pd.Series(np.select([position < test, position < test + calibration], ["test", "calibration"], "train"))
    if missing := sorted(set(PARTS) - set(parts)):
        what = {"group": "whole groups", "time": "rows of different times"}.get(parameters.method, "rows")
        raise stage.ProjectError(
            f"params.yaml: split leaves no row for {', '.join(missing)}: {len(rows)} rows hold too few {what} to divide"
        )
    return parts


def _field(data: contract.DataContract, role: str) -> str:
    """Give the name of the first field with `role`, which is also the name of the method."""
    for column in data.columns:
        if column.role == role:
            return column.name
    path = contract.DATA_CONTRACT
    raise stage.ProjectError(f"params.yaml: split.method is {role}, but no field of {path} has the role {role}")


def _within_strata(target: pd.Series, rng: np.random.Generator, parameters: contract.SplitParameters) -> Array:
    """Give each row a position in [0, 1) that is spread evenly within the rows of its class (or decile).

    Of a class too small for that, one row is for test and one for calibration; with fewer than three, none.
    """
    least = min(parameters.test, parameters.calibration, 1 - parameters.test - parameters.calibration)
    strata = max(1, min(STRATA, int(len(target) * least)))
    if target.dtype == "float64" and target.nunique() > strata:
        target = pd.qcut(target, strata, labels=False, duplicates="drop")
    shuffled = target.sample(frac=1, random_state=rng)
    order = shuffled.groupby(shuffled).cumcount()
    size = shuffled.groupby(shuffled).transform("size")
    position = (order + rng.random()) / size
    one_by_one = order.map({0: 0.0, 1: parameters.test}).fillna(1.0)
    position = position.mask(size * least < 1, one_by_one).mask(size < len(PARTS), 1.0)
    return position.reindex(target.index).to_numpy()


def _by_group(group: pd.Series, rng: np.random.Generator) -> Array:
    """Give all rows of a group one position, so that no group is divided; a row without a group is one of its own."""
    alone = _missing(group).to_numpy()
    codes = pd.Series(pd.factorize(group)[0])
    codes[alone] = len(codes) + np.arange(alone.sum())
    rows = codes.value_counts().reindex(rng.permutation(np.asarray(codes.unique())))
    position = (rows.cumsum() - rows) / len(codes)
    return codes.map(position).to_numpy()


def _by_time(time: pd.Series) -> Array:
    """Give the latest rows the lowest position, those of one time the same; without a time the highest: training."""
    return 1 - time.mask(_missing(time)).rank(method="max", pct=True).fillna(0).to_numpy()


def _missing(values: pd.Series) -> pd.Series:
    return values.isna() | (values == "")


def main() -> None:
    """Write one table for each part."""
    data, parameters = contract.load_data_contract(), contract.load_parameters()
    names = [c.name for c in data.columns if c.role in ("target", "group", "time")]
    rows = table.read(ACCEPTED, data, names)
    parts = assign(rows, data, parameters.split, parameters.seed)
    with ExitStack() as stack:
        paths = {part: stack.enter_context(stage.replacing(SPLITS / f"{part}.csv")) for part in PARTS}
        for piece in table.pieces(ACCEPTED):
            of_piece = parts[piece.index]
            for part, path in paths.items():
                table.append(piece[of_piece == part], path)
    counts = ", ".join(f"{(parts == part).sum():,} {part}" for part in PARTS)
    undated = ""
    if parameters.split.method == "time":
        name = _field(data, "time")
        if count := _missing(rows[name]).sum():
            undated = f"; {count:,} rows without a value of {name!r} are for training"
    print(f"split: {counts} ({parameters.split.method}) -> {SPLITS}{undated}")


if __name__ == "__main__":
    stage.run(main)
