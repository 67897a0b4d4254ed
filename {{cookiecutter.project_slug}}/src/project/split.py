"""Divide the accepted rows into training, calibration and test rows: stratified, at random, by group or by time."""

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
        "stratified": lambda: _within_strata(rows[data.target.name], rng),
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


def _within_strata(target: pd.Series, rng: np.random.Generator) -> Array:
    """Give each row a position in [0, 1) that is spread evenly within the rows of its class (or decile)."""
    if target.dtype == "float64" and target.nunique() > STRATA:
        target = pd.qcut(target, STRATA, labels=False, duplicates="drop")
    shuffled = target.sample(frac=1, random_state=rng)
    order = shuffled.groupby(shuffled).cumcount()
    size = shuffled.groupby(shuffled).transform("size")
    return ((order + rng.random()) / size).reindex(target.index).to_numpy()


def _by_group(group: pd.Series, rng: np.random.Generator) -> Array:
    """Give all rows of a group one position, so that no group is divided."""
    names = rng.permutation(np.asarray(group.unique(), dtype=object))
    rows = group.value_counts().reindex(names)
    position = (rows.cumsum() - rows) / len(group)
    return group.map(position).to_numpy()


def main() -> None:
    """Write one table for each part."""
    data, parameters = contract.load_data_contract(), contract.load_parameters()
    rows = table.read(ACCEPTED, data)
    parts = assign(rows, data, parameters.split, parameters.seed)
    text = pd.read_csv(ACCEPTED, dtype=str, keep_default_na=False)
    for part in PARTS:
        with stage.replacing(SPLITS / f"{part}.csv") as temporary:
            text[parts == part].to_csv(temporary, index=False, lineterminator="\n")
    counts = ", ".join(f"{(parts == part).sum():,} {part}" for part in PARTS)
    print(f"split: {counts} ({parameters.split.method}) -> {SPLITS}")


if __name__ == "__main__":
    stage.run(main)
