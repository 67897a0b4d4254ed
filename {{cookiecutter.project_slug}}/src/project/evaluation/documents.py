"""Fill what was measured into the documents: between their two markers, and behind names in the risk register."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from project import stage
from project.contract import Capstone, Criterion, DataContract

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
STATE = Path("README.md")
MODEL_CARD = Path("docs/model-card.md")
RISK_REGISTER = Path("docs/risk-register.md")
MEASURED = 5  # the register's column in which values are filled in, counted with the empty text before the first bar
NAMED = re.compile(r"`(\w+)`(?: = [^;]*)?")  # a name there, and the value that was filled in behind it
VALIDATION = Path("reports/validation.json")
SENSORS = 5  # that the model card names, the worst to lose
PAPER = Path("paper/paper.md")  # where the programme ends in research
SYNTHETIC = "**Measured on synthetic rows (`data/sample.csv`): these figures say nothing about the real data.**\n\n"
PICTURES = "".join(f"![{name}](../reports/figures/{name}.svg)\n" for name in ("outcomes", "calibration", "importance"))


def fill(
    data: DataContract, capstone: Capstone, results: dict[str, Any], constraints: dict[str, float], synthetic: bool
) -> None:
    """Write the state into README and paper, all tables into the model card, and values into the risk register."""
    metrics, trust, headline = results["metrics"], results["trust"], capstone.task.headline
    state = (SYNTHETIC if synthetic else "") + state_table(capstone, metrics, constraints)
    _replace(STATE, state)
    _replace(PAPER, state)
    slices = _slice_table(results["slices"], headline)
    parts = [state, _metric_table(metrics), slices, _group_table(trust), _trust_table(trust, headline), PICTURES]
    _replace(MODEL_CARD, "\n".join(filter(None, parts)))
    if RISK_REGISTER.exists():
        known = evidence(data, capstone, results, constraints)
        text = "".join(_filled(line, known) for line in RISK_REGISTER.read_text("utf-8").splitlines(keepends=True))
        with stage.replacing(RISK_REGISTER) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def evidence(
    data: DataContract, capstone: Capstone, results: dict[str, Any], constraints: dict[str, float]
) -> dict[str, str]:
    """Give in words what contracts and measurements know, by the names that the risk register may use."""
    metrics, trust, criteria = results["metrics"], results["trust"], (*capstone.acceptance, *capstone.constraint)
    worst: dict[str, Any] = trust["missing"][0] if trust["missing"] else {"field": "no sensor", "value": None}
    known = {name: shown(found) for name, found in metrics.items()}
    known |= {name: f"{value:.4g}" for name, value in constraints.items()}
    held = metrics.get("set_coverage") or metrics["interval_coverage"]
    rejected = stage.read_json(VALIDATION)
    return known | {
        "answers_turned": _share(trust["evasion"]["turned"]),
        "alarms_silenced": _share(trust["evasion"]["silenced"]),
        "coverage_held": f"{shown(held)} of {capstone.task.coverage:g} stated",
        "criteria": f"{len(criteria)}, of them {sum(c.proposed for c in criteria)} only proposed",
        "directions": f"{sum(bool(f.direction) for f in data.features)} declared",
        "features": f"{len(data.features)}, first {_cell(results['importance']['feature'].iloc[0])}",
        "group_gaps": _gaps(trust) or "none, no groups to compare",
        "headline": f"{trust['headline']['name']} {shown(metrics[capstone.task.headline])}",
        "headline_noisy": f"{shown(trust['noise'])} in place of {shown(trust['headline'])}",
        "headline_missing": f"{shown(worst)} without {_cell(worst['field'])}",
        "personal": _listed(n for n, field in data.fields.items() if field.get("personal")),
        "rejected": f"{rejected['rejected']} of {rejected['rows']} rows",
        "slices": _listed(chosen.field for chosen in capstone.slice),
        "target": _cell(data.target.name),
    }


def _gaps(trust: dict[str, Any]) -> str:
    """Give the largest difference of each kind, and the field between whose groups it lies."""
    largest: dict[str, tuple[float, str]] = {}
    for part in trust["groups"]:
        for name, value in part["differences"].items():
            largest[name] = max(largest.get(name, (0.0, "")), (value, part["field"]))
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g} by {_cell(by)}" for name, (value, by) in largest.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_cell, names)) or "none"


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{100 * value:.3g} %"


def _filled(line: str, known: dict[str, str]) -> str:
    """Give a line of the register's table with the present values behind the names that are known."""
    cells = re.split(r"(?<!\\)\|", line)
    if not line.startswith("|") or len(cells) <= MEASURED:
        return line
    named = NAMED.sub(lambda m: f"`{m[1]}` = {known[m[1]]}" if m[1] in known else m[0], cells[MEASURED].strip())
    return "|".join([*cells[:MEASURED], f" {named} ", *cells[MEASURED + 1 :]])


def state_table(capstone: Capstone, metrics: dict[str, Any], constraints: dict[str, float]) -> str:
    """Give each acceptance criterion and engineering constraint: asked, measured, met or not."""
    rows = []
    for criterion in (*capstone.acceptance, *capstone.constraint):
        found = metrics.get(criterion.metric, {"value": constraints.get(criterion.metric)})
        value = found["value"]
        met = "not measured" if value is None else "yes" if criterion.shortfall(value) <= 0 else "**no**"
        asked = f"{bound(criterion)} (proposed)" if criterion.proposed else bound(criterion)
        rows.append([criterion.metric, asked, f"{shown(found)} {criterion.unit}".strip(), met])
    return _table(["criterion", "asked", "measured", "met"], rows)


def bound(criterion: Criterion) -> str:
    """Give the bound of a criterion in words."""
    if criterion.at_least is not None:
        return f"at least {criterion.at_least:g} {criterion.unit}".strip()
    return f"at most {criterion.at_most:g} {criterion.unit}".strip()


def _table(titles: list[str], rows: Iterable[list[str]]) -> str:
    """Give a table of Markdown."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (titles, ["---"] * len(titles), *rows))


def _cell(text: object) -> str:
    """Give a name or a value from the data as plain text in a table."""
    return re.sub(r"([\\|<>&*_`\[\]$])", r"\\\1", " ".join(str(text).split()))


def _metric_table(metrics: dict[str, Any]) -> str:
    rows = [[name, shown(found)] for name, found in metrics.items()]
    return _table(["metric", "value (95 % bootstrap interval)"], rows)


def _slice_table(slices: list[dict[str, Any]], headline: str) -> str:
    rows = [[_cell(part["field"]), _cell(part["slice"]), str(part["rows"]), shown(part)] for part in slices]
    return _table(["slice of", "values", "test rows", headline], rows)


def _group_table(trust: dict[str, Any]) -> str:
    """Give the rates of each group, and how far the groups of a field lie apart."""
    if not trust["groups"]:
        return ""
    rates = [name for name in trust["groups"][0]["groups"][0] if name not in ("group", "rows")]
    rows = []
    for part in trust["groups"]:
        for group in part["groups"]:
            measured = [shown({"value": group[rate]}) for rate in rates]
            rows.append([_cell(part["field"]), _cell(group["group"]), str(group["rows"]), *measured])
    titles = ["group of", "values", "test rows", *(rate.replace("_", " ") for rate in rates)]
    apart = f"\nLargest differences between groups: {gaps}.\n" if (gaps := _gaps(trust)) else ""
    return _table(titles, rows) + apart


def _trust_table(trust: dict[str, Any], headline: str) -> str:
    """Give the headline metric with noise and without sensors, and what small changes turn."""
    rows = [("all sensors as they are", trust["headline"]), ("noise on every sensor", trust["noise"])]
    rows += [(f"without {_cell(entry['field'])}", entry) for entry in trust["missing"][:SENSORS]]
    evasion = trust["evasion"]
    silenced = "" if evasion["silenced"] is None else f" and silence {_share(evasion['silenced'])} of the alarms"
    turned = f"{evasion['tries']} changes within the noise turn {_share(evasion['turned'])} of the answers{silenced}."
    table = _table([f"{trust['rows']} test rows", headline], ([what, shown(found)] for what, found in rows))
    return f"{table}\n{turned} Sizes of the noise are in `reports/trust.json`.\n"


def shown(found: dict[str, Any]) -> str:
    """Give a measured value with its interval, if it has one, in words."""
    if found["value"] is None:
        return "undefined"
    if found.get("low") is None:
        return f"{found['value']:.4g}"
    return f"{found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g})"


def _replace(path: Path, text: str) -> None:
    """Put `text` between the markers in the document at `path`; a document without them is left alone."""
    if not path.exists():
        return
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        with stage.replacing(path) as temporary:
            temporary.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8", newline="\n")
