"""Plots as SVG for inside a page: drawn by matplotlib, coloured by the page's own style, text kept as text."""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

COLOURS = {"#010101": "var(--ink)", "#020202": "var(--muted)", "#030303": "var(--rule)", "#040404": "var(--accent)"}
INK, MUTED, RULE, ACCENT = COLOURS
SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
KEPT = {
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "stroke-linecap",
    "fill-opacity",
    "opacity",
    "text-anchor",
}
LETTERS = 22  # of a name on an axis

Row = dict[str, Any]


def draw(name: str, title: str, plot: Callable[[Any], None], height: float = 2.9) -> Markup:
    """Give the plot that `plot` draws on axes, with `title` as its name for those who cannot see it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "text.parse_math": False,
        "axes.linewidth": 0.8,
    }
    colours: dict[Any, Any] = {
        "text.color": MUTED,
        "axes.labelcolor": MUTED,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
    }
    with mpl.rc_context(settings | colours | {"axes.edgecolor": RULE, "font.size": 9}):
        figure = Figure(figsize=(4.6, height), layout="constrained")
        axes = figure.add_subplot(facecolor="none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0)
        plot(axes)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return Markup(inline(stream.getvalue(), name, title))


def inline(text: str, name: str, title: str) -> str:
    """Give matplotlib's SVG as a part of a page: no styles (the page's policy refuses them), its own identifiers."""
    root = ET.fromstring(text[text.index("<svg") :])
    for parent in list(root.iter()):
        for child in [c for c in parent if not c.tag.startswith(SVG) or c.tag in (f"{SVG}style", f"{SVG}metadata")]:
            parent.remove(child)
    for element in root.iter():
        _restyle(element, name)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": "img", "aria-label": title, "class": "plot"}
    ET.register_namespace("", SVG[1:-1])
    return ET.tostring(root, encoding="unicode").replace(f' xmlns="{SVG[1:-1]}"', "", 1)


def _restyle(element: ET.Element, name: str) -> None:
    """Turn an element's style into attributes, and its references into ones that no other plot has."""
    element.tag = element.tag.removeprefix(SVG)
    for declaration in element.attrib.pop("style", "").split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key in KEPT:
            element.set(key, COLOURS.get(value, value))
    if element.tag == "text":
        element.attrib.setdefault("fill", COLOURS[MUTED])
    if "id" in element.attrib:
        element.set("id", f"{name}-{element.get('id')}")
    if target := element.attrib.pop(LINK, ""):
        element.set("href", f"#{name}-{target[1:]}")
    if clip := element.get("clip-path"):
        element.set("clip-path", re.sub(r"url\(#", f"url(#{name}-", clip))


def short(text: object) -> str:
    """Give a name that fits on an axis."""
    plain = "".join(c for c in str(text) if c.isprintable())
    return plain if len(plain) <= LETTERS else f"{plain[: LETTERS - 1]}…"


def calibration(points: Sequence[tuple[float, float]]) -> Markup:
    """Draw what was observed against what was predicted."""

    def plot(axes: Any) -> None:
        low, high = min(map(min, points)), max(map(max, points))
        axes.plot([low, high], [low, high], color=RULE, linewidth=1.2)
        axes.plot(*zip(*points, strict=True), color=ACCENT, marker="o", markersize=4, linewidth=1.4)
        axes.set(xlabel="predicted", ylabel="observed")

    return draw("calibration", f"Calibration: observed against predicted in {len(points)} bins", plot)


def importance(drops: Sequence[tuple[str, float]]) -> Markup:
    """Draw how much the headline metric suffers when a feature is shuffled."""

    def plot(axes: Any) -> None:
        axes.barh(range(len(drops)), [drop for _, drop in drops], color=ACCENT, height=0.6)
        axes.set_yticks(range(len(drops)), [short(name) for name, _ in drops])
        axes.invert_yaxis()
        axes.set(xlabel="drop of the headline metric when shuffled")

    return draw("importance", "Permutation importance of the features", plot, 0.9 + 0.25 * len(drops))


def slices(parts: Sequence[Row], metric: str) -> Markup:
    """Draw the headline metric with its interval in each slice."""

    def plot(axes: Any) -> None:
        for place, part in enumerate(parts):
            axes.plot([part.get("low", part["value"]), part.get("high", part["value"])], [place] * 2, color=RULE, lw=5)
            axes.plot(part["value"], place, "o", color=ACCENT, markersize=5)
        axes.set_yticks(range(len(parts)), [short(part["name"]) for part in parts])
        axes.invert_yaxis()
        axes.set(xlabel=metric)

    return draw("slices", f"{metric} with its interval in {len(parts)} slices", plot, 0.9 + 0.28 * len(parts))


def trend(values: Sequence[Row], bound: float | None, metric: str) -> Markup:
    """Draw the headline metric over the measured commits, with its interval and its bound."""

    def plot(axes: Any) -> None:
        places = range(len(values))
        ends = [[v.get(end, v["value"]) for v in values] for end in ("low", "high")]
        axes.fill_between(places, *ends, color=RULE, linewidth=0)
        axes.plot(places, [v["value"] for v in values], color=ACCENT, marker="o", markersize=4, linewidth=1.4)
        if bound is not None:
            axes.axhline(bound, color=INK, linewidth=1, linestyle="--")
        shown = sorted({0, len(values) - 1, len(values) // 2})
        axes.set_xticks(shown, [values[n]["at"] for n in shown])
        axes.set(ylabel=metric)

    return draw("trend", f"{metric} over {len(values)} measured states, the bound dashed", plot)
