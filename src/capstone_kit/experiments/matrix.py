"""The matrix of experiments: conditions, which are combinations of levels, and the seeds that each is run with."""

import json
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from capstone_kit.profiles import Strict, near
from capstone_kit.project import DATA_CONTRACT, KitError, Project
from capstone_kit.sweep import Overrides

MATRIX = "experiments.toml"
TRAINING = "reports/training.json"
WHOLE = "all"  # the level of the ablation that leaves nothing out
Seed = Annotated[int, Field(ge=0, strict=True)]
Levels = dict[str, Overrides]  # by name; the first is the one that the others are compared with


class Ablation(Strict):
    """What is left out, one at a time."""

    drop: tuple[Literal["features", "directions", "candidates"], ...] = Field(min_length=1)
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # features that are left out together, by a name


class Matrix(Strict):
    """All of `experiments.toml`."""

    seeds: tuple[Seed, ...] = Field(min_length=2)
    factor: dict[str, dict[str, dict[str, Any]]] = Field(
        default_factory=dict
    )  # parameters of each level of each factor
    ablation: Ablation | None = None


@dataclass(frozen=True)
class Condition:
    """One combination of levels."""

    levels: tuple[str, ...]
    overrides: Overrides

    @property
    def name(self) -> str:
        """Its levels, in words."""
        return ", ".join(self.levels)


@dataclass(frozen=True)
class Design:
    """The whole of what is to be run; the first condition is the reference."""

    factors: tuple[str, ...]
    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]

    def runs(self) -> dict[tuple[str, int], Overrides]:
        """Give the parameters of each run, by condition and seed, all conditions of a seed one after the other."""
        return {(c.name, s): (f"++seed={s}", *c.overrides) for s in self.seeds for c in self.conditions}


def read(project: Project) -> Design:
    """Read `experiments.toml`, and what it leaves out from the contracts. Raises `KitError` that names the key."""
    if not project.exists(MATRIX):
        raise KitError(f"{MATRIX} is missing: it says what is compared, and with which seeds; see docs/research.md")
    try:
        matrix = Matrix.model_validate(project.toml(MATRIX))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        shown = "" if isinstance(first["input"], dict) else f", found {first['input']!r}"
        raise KitError(f"{MATRIX}: {'.'.join(map(str, first['loc']))}: {first['msg']}{shown}") from None
    if len(set(matrix.seeds)) < len(matrix.seeds):
        raise KitError(f"{MATRIX}: seeds: the same seed twice is no second measurement")
    factors = {name: {level: _set(given) for level, given in levels.items()} for name, levels in matrix.factor.items()}
    if matrix.ablation:
        factors["ablation"] = ablation(project, matrix.ablation)
    conditions = tuple(_condition(chosen) for chosen in product(*(levels.items() for levels in factors.values())))
    if len(conditions) < 2:
        raise KitError(f"{MATRIX}: {len(conditions)} condition is nothing to compare: give a factor two levels")
    return Design(tuple(factors), conditions, matrix.seeds)


def _condition(chosen: tuple[tuple[str, Overrides], ...]) -> Condition:
    return Condition(tuple(name for name, _ in chosen), tuple(word for _, words in chosen for word in words))


def _set(parameters: dict[str, Any]) -> Overrides:
    """Give parameters as DVC takes them; `file:key` is one of another file than params.yaml."""
    words = []
    for key, value in parameters.items():
        if isinstance(value, dict):
            raise KitError(f"{MATRIX}: {key}: found a table, expected a value: name the keys, as in {key!r}.…")
        file, colon, name = key.rpartition(":")
        words.append(f"{file}{colon}++{name}={json.dumps(value, ensure_ascii=False)}")
    return tuple(words)


def ablation(project: Project, wanted: Ablation) -> Levels:
    """Give the levels that leave out a group of features, a direction, or a candidate; the first leaves out nothing.

    The candidates are those of the last search, in every level: a contract without its direction would admit others.
    """
    tried = _candidates(project)
    keep: Overrides = (f"++train.candidates={json.dumps(tried)}",)
    levels: Levels = {WHOLE: keep}
    fields = project.fields()
    groups = _groups(fields, wanted.groups)
    if "features" in wanted.drop and len(groups) > 1:
        for name, members in groups.items():
            levels[f"without {name}"] = (*keep, *(_field(place, "role=excluded") for place in members))
    if "directions" in wanted.drop:
        for place, field in enumerate(fields):
            if field.get("monotone") and place in _features(fields).values():
                let_go = f"{DATA_CONTRACT}:~{_key(place)}.monotone"
                levels[f"without the direction of {field['name']}"] = (*keep, let_go)
    if "candidates" in wanted.drop and len(tried) > 1:
        for left_out in tried:
            others = json.dumps([name for name in tried if name != left_out])
            levels[f"without the candidate {left_out}"] = (f"++train.candidates={others}",)
    return levels


def _candidates(project: Project) -> list[str]:
    try:
        return sorted({trial["estimator"] for trial in json.loads(project.text(TRAINING))["trials"]})
    except (KitError, ValueError, KeyError, TypeError):
        raise KitError(f"{TRAINING} names no trials: run `uv run dvc repro` first") from None


def _features(fields: list[dict[str, Any]]) -> dict[str, int]:
    """Give the place of each feature, by its name."""
    return {field["name"]: place for place, field in enumerate(fields) if field.get("role", "feature") == "feature"}


def _groups(fields: list[dict[str, Any]], named: dict[str, tuple[str, ...]]) -> dict[str, list[int]]:
    """Give the places of the features that are left out together: those named, a signal's samples, else one alone."""
    places = _features(fields)
    of = {}
    for group, members in named.items():
        for member in members:
            if member not in places:
                raise KitError(f"{MATRIX}: ablation.groups.{group}: no feature {member!r}{near(member, list(places))}")
            of[member] = group
    groups: dict[str, list[int]] = {}
    for name, place in places.items():
        groups.setdefault(str(of.get(name) or fields[place].get("signal") or name), []).append(place)
    return groups


def _key(place: int) -> str:
    return f"resources.0.schema.fields.{place}"


def _field(place: int, change: str) -> str:
    return f"{DATA_CONTRACT}:++{_key(place)}.{change}"
