"""Draw the evaluation for people: importance, calibration and outcomes as SVG, the same bytes for the same figures."""

import logging
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from project import stage

FIGURES = Path("reports/figures")
ACCENT = "#1f5fa8"
SHOWN = 15  # features in the importance figure
CLASSES = 12  # in the confusion matrix
POINTS = 2_000  # in the scatter plot
LETTERS = 24  # of a name on an axis
OTHERS = "(others)"

mpl.rcParams.update({"svg.hashsalt": "project", "axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
mpl.rcParams["text.parse_math"] = False  # a dollar sign in a column's name is just that
logging.getLogger("matplotlib").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", "Glyph")  # no font has every script


def importance(axes: Axes, drops: pd.DataFrame, metric: str) -> None:
    """Draw how much the headline metric drops when a feature is shuffled."""
    top = drops.head(SHOWN).iloc[::-1]
    axes.barh(range(len(top)), top["drop"], color=ACCENT)
    axes.set_yticks(range(len(top)), top["feature"].map(_short))
    axes.set(xlabel=f"drop of {metric} when shuffled")


def calibration(axes: Axes, bins: pd.DataFrame, _metric: str) -> None:
    """Draw what was observed against what was predicted."""
    low, high = bins.min().min(), bins.max().max()
    axes.plot([low, high], [low, high], color="gray", linewidth=1)
    axes.plot(bins["predicted"], bins["observed"], marker="o", color=ACCENT)
    axes.set(xlabel="predicted", ylabel="observed")


def outcomes(axes: Axes, rows: pd.DataFrame, _metric: str) -> None:
    """Draw the confusion matrix of classes, or predicted against actual values."""
    if pd.api.types.is_numeric_dtype(rows["actual"]):
        some = rows.sample(min(len(rows), POINTS), random_state=0)
        axes.scatter(some["predicted"], some["actual"], s=6, alpha=0.4, color=ACCENT, linewidths=0)
        axes.axline((rows["actual"].mean(),) * 2, slope=1, color="gray", linewidth=1)
    else:
        _confusion(axes, rows)
    axes.set(xlabel="predicted", ylabel="actual")


def _confusion(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the counts of actual and predicted classes; with many classes the most frequent ones, all others as one."""
    most = pd.concat([rows["actual"], rows["predicted"]]).value_counts().index[:CLASSES]
    counts = pd.crosstab(
        *(rows[name].map(_short).where(rows[name].isin(most), OTHERS) for name in ("actual", "predicted"))
    )
    axes.imshow(counts / counts.sum().sum(), cmap="Blues")
    axes.set_xticks(range(counts.shape[1]), counts.columns, rotation=0 if counts.shape[1] <= 5 else 90)
    axes.set_yticks(range(counts.shape[0]), counts.index)
    for (row, column), count in np.ndenumerate(counts.to_numpy()):
        dark = count > counts.to_numpy().max() / 2
        axes.text(column, row, str(count), ha="center", color="white" if dark else "black")


def _short(name: str) -> str:
    """Give a name as an axis can bear it."""
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"


def draw(tables: dict[str, pd.DataFrame], metric: str) -> None:
    """Write one SVG for each of the tables `importance`, `calibration` and `outcomes`."""
    for name, paint in (("importance", importance), ("calibration", calibration), ("outcomes", outcomes)):
        figure = Figure(figsize=(5, 3.5), layout="constrained")
        paint(figure.subplots(), tables[name], metric)
        with stage.replacing(FIGURES / f"{name}.svg") as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})
