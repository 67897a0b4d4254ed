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
SMALL = 5  # rows of a class below which it is divided one by one
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
        "time": lambda: 1 - rows[_field(data, "time")].rank(method="min", pct=True).to_numpy(),
    }
    position = np.asarray(by[parameters.method]())
    test, calibration = parameters.test, parameters.calibration
    parts = pd.Series(np.select([position < test, position < test + calibration], ["test", "calibration"], "train"))
    if missing := sorted(set(PARTS) - set(parts)):
        raise stage.ProjectError(
            f"params.yaml: split leaves no row for {', '.join(missing)}: {len(rows)} rows are too few"
        )
    return parts


def _field(data: contract.DataContract, role: str) -> str:
    name = data.named(role)
    if name is None:
        path = contract.DATA_CONTRACT
        raise stage.ProjectError(f"params.yaml: split.method is {role}, but no field of {path} has the role {role}")
    return name


def _within_strata(target: pd.Series, rng: np.random.Generator, parameters: contract.SplitParameters) -> Array:
    """Give each row a position in [0, 1) that is spread evenly within the rows of its class (or decile).

    Of a class with fewer than `SMALL` rows one is for test and one for calibration; with fewer than three, none.
    """
    strata = min(STRATA, len(target) // SMALL)
    if target.dtype == "float64" and target.nunique() > strata:
        target = pd.qcut(target, max(1, strata), labels=False, duplicates="drop")
    shuffled = target.sample(frac=1, random_state=rng)
    order = shuffled.groupby(shuffled).cumcount()
    size = shuffled.groupby(shuffled).transform("size")
    position = (order + rng.random()) / size
    one_by_one = order.map({0: 0.0, 1: parameters.test}).fillna(1.0)
    position = position.mask(size < SMALL, one_by_one).mask(size < len(PARTS), 1.0)
    return position.reindex(target.index).to_numpy()


def _by_group(group: pd.Series, rng: np.random.Generator) -> Array:
    """Give all rows of a group one position, so that no group is divided; a row without a group is one of its own."""
    group = group.astype(object).where(group.notna() & (group != ""), pd.Series(range(len(group)), dtype=object))
    names = rng.permutation(np.asarray(group.unique(), dtype=object))
    rows = group.value_counts().reindex(names)
    position = (rows.cumsum() - rows) / len(group)
    return group.map(position).to_numpy()


def main() -> None:
    """Write one table for each part."""
    data, parameters = contract.load_data_contract(), contract.load_parameters()
    names = [c.name for c in data.columns if c.role in ("target", "group", "time")]
    parts = assign(table.read(ACCEPTED, data, names), data, parameters.split, parameters.seed)
    with ExitStack() as stack:
        paths = {part: stack.enter_context(stage.replacing(SPLITS / f"{part}.csv")) for part in PARTS}
        for number, piece in enumerate(table.pieces(ACCEPTED)):
            of_piece = parts[piece.index]
            for part, path in paths.items():
                rows = piece[of_piece == part]
                rows.to_csv(path, mode="a" if number else "w", index=False, header=number == 0, lineterminator="\n")
    counts = ", ".join(f"{(parts == part).sum():,} {part}" for part in PARTS)
    print(f"split: {counts} ({parameters.split.method}) -> {SPLITS}")


if __name__ == "__main__":
    stage.run(main)
