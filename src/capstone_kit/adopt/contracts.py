"""Write what was inferred into the files that the repository reads, and keep what people wrote there."""

import math
import re
from typing import Any

import tomlkit
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from tomlkit.items import AoT, Table

from capstone_kit.adopt.description import Field, Inference
from capstone_kit.adopt.source import Source
from capstone_kit.adopt.units import parted
from capstone_kit.project import DATA_CONTRACT, PARAMETERS, PIPELINE, TASK_CONTRACT, KitError, Project
from capstone_kit.writing import text_of

WRITTEN_BY_PEOPLE = ("title", "description", "unit", "accuracy", "monotone")  # keys of a field that adoption keeps
RARE = 0.2  # share of the positive class below which accuracy says little
COVERAGE = 0.90
PROPOSED = "Proposed when the data were adopted. Agree with your sponsor, then take `proposed` off: then it binds."
EXAMPLE = "src/project/example.py"


def data_contract(project: Project, source: Source, found: Inference, confidentiality: str) -> str:
    """Give `data/datapackage.yaml`: a Frictionless Data Package of the fields, with roles and reasons."""
    before = project.yaml(DATA_CONTRACT)
    adopted = "adopted" in before
    known = {f["name"]: f for f in before["resources"][0]["schema"]["fields"]} if adopted else {}
    title = source.path.stem.replace("_", " ").replace("-", " ").strip().capitalize() or "Data"
    name = re.sub(r"[^a-z0-9]+", "-", source.path.stem.lower()).strip("-") or "data"
    package = CommentedMap({"$schema": before["$schema"], "name": name, "title": title})
    package["confidentiality"] = confidentiality
    package |= {"licenses": [{"name": "unknown", "title": "Not stated yet: ask who owns the data"}]}
    if adopted:
        package |= {key: before[key] for key in ("title", "description", "licenses") if key in before}
    package["sources"] = [{"title": source.origin, **({"query": source.query} if source.query else {})}]
    package["adopted"] = {"rows": found.rows, "unlabelled": found.unlabelled, "baseline": rounded(found.baseline)}
    schema = {
        "missingValues": CommentedSeq(found.missing),
        "fields": [_field(f, known.get(f.name, {})) for f in found.fields],
    }
    schema["missingValues"].fa.set_flow_style()
    resource = {"name": name, "path": "raw.csv", "format": "csv", "encoding": "utf-8", "schema": schema}
    package["resources"] = [resource]
    return text_of(package)


def _field(one: Field, before: dict[str, Any]) -> CommentedMap:
    title = human(parted(one.name)[0] if one.unit else one.name)
    entry = CommentedMap({"name": one.name, "type": one.type, "role": one.role, "title": title})
    entry |= {"unit": one.unit} if one.unit else {}
    entry |= {key: before[key] for key in WRITTEN_BY_PEOPLE if key in before}
    entry |= one.more
    if one.guessed and "format" in one.more:
        entry |= {"format": before.get("format", one.more["format"])}
    personal = before.get("personal", one.personal)  # what people wrote about it is kept too, `false` as well
    said = {"reason": one.reason, "personal": personal, "leakage": one.leakage}
    entry |= {key: text for key, text in said.items() if text or text is False}
    if one.constraints:
        entry["constraints"] = CommentedMap({key: _plain(value) for key, value in one.constraints.items()})
        entry["constraints"].fa.set_flow_style()
    for key in ("missingValues", "trueValues", "falseValues"):
        if key in entry:
            entry[key] = CommentedSeq(entry[key])
            entry[key].fa.set_flow_style()
    return entry


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def human(name: str) -> str:
    """Give a column's name as people would write it, without what stands in brackets."""
    text = re.sub(r"\s*[\[(][^\])]*[\])]\s*$", "", name)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text).replace("_", " ").strip()
    return (text[:1].upper() + text[1:]) or name or "(no name)"


def headline(found: Inference) -> str:
    """Give the metric that suits the task."""
    if found.kind == "regression":
        return "rmse" if found.crowded else "mae"
    if found.positive is None:
        return "balanced_accuracy"
    return "average_precision" if min(found.shares) < RARE else "roc_auc"


def task_contract(project: Project, found: Inference) -> str:
    """Give `capstone.toml`: the task, and criteria that are proposed until someone agrees to them."""
    document = tomlkit.parse(project.text(TASK_CONTRACT))
    if _same_task(project, document.unwrap(), found):
        return _proposed_anew(document, found)
    for key in ("task", "acceptance", "constraint", "slice", "behaviour"):
        document.pop(key, None)
    document.add("task", _task(found))
    document.add(tomlkit.nl())
    document.add(tomlkit.comment(PROPOSED))
    for key, entries in (("acceptance", _acceptance(found)), ("constraint", _constraints()), ("slice", _slices(found))):
        if entries:
            document.add(key, _tables(entries))
    return re.sub(r"\n{3,}", "\n\n", tomlkit.dumps(document))


def _proposed_anew(document: tomlkit.TOMLDocument, found: Inference) -> str:
    """Give the contract with new figures in what is still proposed; what people agreed or took out stays so."""
    fresh = {entry["metric"]: entry for entry in _acceptance(found)}
    for entry in document.get("acceptance", []):
        if entry.get("proposed"):
            entry.update(
                {key: value for key, value in fresh.get(entry["metric"], {}).items() if entry.get(key) != value}
            )
    return tomlkit.dumps(document)


def _same_task(project: Project, before: dict[str, Any], found: Inference) -> bool:
    """Whether the contract already speaks of this target; then what people agreed is kept."""
    package, task = project.yaml(DATA_CONTRACT), before.get("task", {})
    targets = [f["name"] for f in package["resources"][0]["schema"]["fields"] if f.get("role") == "target"]
    known = ("adopted" in package, targets, task.get("kind"), task.get("positive"))
    return known == (True, [found.target.name], found.kind, found.positive)


def _task(found: Inference) -> Table:
    task = tomlkit.table()
    task.add("kind", found.kind)
    if found.positive is not None:
        task.add("positive", found.positive)
    task.add("headline", headline(found))
    task.add("coverage", COVERAGE)
    if found.positive is not None and min(found.shares) < RARE:
        costs = tomlkit.table()
        costs.add("false_alarm", 1.0)
        share = found.shares[found.labels.index(found.positive)]
        costs.add("missed", float(max(1, round((1 - share) / share))))
        costs["missed"].comment("proposed: as much more than a false alarm as the class is rarer")
        task.add("costs", costs)
    return task


def _acceptance(found: Inference) -> list[dict[str, Any]]:
    unit = {"unit": found.target.unit} if found.target.unit else {}
    if found.kind == "regression":
        value = rounded(found.deviation if found.crowded else found.baseline)
        constant = "the mean" if found.crowded else "the median"
        trivial = f"predicting {constant} everywhere has an error of {value:g}"
        entries = [{"metric": headline(found), "at_most": value, **unit}]
    else:
        value = _trivial(found)
        trivial = f"a constant prediction reaches {value:g} ({found.baseline:.1%} of the rows are {found.labels[0]!r})"
        entries = [{"metric": headline(found), "at_least": value}]
    entries[0]["reason"] = f"Measured at adoption: {trivial}"
    entries.append(
        {
            "metric": "lift_over_baseline",
            "at_least": 0.0,
            "reason": "On the test rows, too, it has to beat the constant",
        }
    )
    name = "interval_coverage" if found.kind == "regression" else "set_coverage"
    if (floor := _coverage_floor(found.rows)) > 0.5:
        reason = f"Stated at {COVERAGE:.0%}; so much less may be the chance of so few rows"
        entries.append({"metric": name, "at_least": floor, "reason": reason})
    return [{**entry, "proposed": True} for entry in entries]


def _trivial(found: Inference) -> float:
    """Give what a constant prediction reaches in the headline metric."""
    if found.positive is None:
        return round(1 / len(found.labels), 4)
    return round(found.shares[found.labels.index(found.positive)], 4) if headline(found) == "average_precision" else 0.5


def _coverage_floor(rows: int) -> float:
    """Give the promised coverage less three standard errors of a fifth of the rows, for calibration and for test."""
    return round(COVERAGE - 3 * math.sqrt(2 * COVERAGE * (1 - COVERAGE) / max(1, 0.2 * rows)), 2)


def _constraints() -> list[dict[str, Any]]:
    return [
        {
            "metric": "latency_p95_ms",
            "at_most": 50.0,
            "unit": "ms",
            "reason": "A person who waits does not notice it",
            "proposed": True,
        },
        {"metric": "model_size_mb", "at_most": 50.0, "unit": "MB", "reason": "Fits beside the code", "proposed": True},
        {
            "metric": "peak_memory_mb",
            "at_most": 1024.0,
            "unit": "MB",
            "reason": "The smallest server has 1 GB",
            "proposed": True,
        },
        {
            "metric": "training_time_s",
            "at_most": 600.0,
            "unit": "s",
            "reason": "Retraining fits into a break",
            "proposed": True,
        },
    ]


def _slices(found: Inference) -> list[dict[str, Any]]:
    """Give the two features with the fewest categories: by these a model is most likely to be unfair."""
    listed = [f for f in found.features if f.type == "boolean" or 2 <= len(f.constraints.get("enum", ())) <= 6]
    return [{"field": f.name} for f in sorted(listed, key=lambda f: len(f.constraints.get("enum", ())))[:2]]


def _tables(entries: list[dict[str, Any]]) -> AoT:
    tables = tomlkit.aot()
    for entry in entries:
        table = tomlkit.table()
        for key, value in entry.items():
            table.add(key, value)
        table.add(tomlkit.nl())
        tables.append(table)
    return tables


def parameters(project: Project, source: Source, found: Inference, engine: str | None) -> str:
    """Give `params.yaml`: where the rows come from, how they are divided, and where training searches."""
    content = project.yaml(PARAMETERS)
    known = content["ingest"].get("options", {}).get("dates", {})
    content["ingest"] = CommentedMap({"source": source.name})
    dates = {
        f.name: known[f.name] if f.guessed and f.name in known else list(f.formats) for f in found.fields if f.formats
    }
    if options := source.options | ({"dates": dates} if dates else {}):
        content["ingest"]["options"] = CommentedMap(options)
    roles = {f.role for f in found.fields}
    method = "time" if "time" in roles else "group" if "group" in roles else "stratified"
    content["split"]["method"] = method
    content["train"] |= {"engine": engine} if engine else {}
    content["evaluate"]["plot"] = "scatter" if found.kind == "regression" else "confusion"
    return text_of(content)


def pipeline(project: Project) -> str:
    """Give `dvc.yaml` with the source as what `ingest` depends on."""
    content = project.yaml(PIPELINE)
    try:
        deps = content["stages"]["ingest"]["deps"]
    except (KeyError, TypeError):
        raise KitError(f"{PIPELINE}: stages.ingest.deps is missing: list what ingest depends on") from None
    if EXAMPLE in deps:
        deps[deps.index(EXAMPLE)] = "${ingest.source}"
    return text_of(content)


def rounded(value: float) -> float:
    """Give a figure with four significant digits."""
    return float(f"{value:.4g}")
