"""The two contracts as typed objects: `data/datapackage.yaml` (the data) and `capstone.toml` (the task).

Everything else takes these. A wrong contract raises `ContractError`, whose text names the file, the key, what was
found and what is allowed. `python -m project.contract` checks both.
"""

import math
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from project import stage

if TYPE_CHECKING:
    from frictionless import Field as FrictionlessField
    from frictionless import Schema

DATA_CONTRACT = Path("data/datapackage.yaml")
TASK_CONTRACT = Path("capstone.toml")
PARAMETERS = Path("params.yaml")

ROLES = ("feature", "identifier", "target", "group", "time", "excluded")
NUMERIC = ("number", "integer", "boolean")
DATED = ("date", "datetime")
DIRECTIONS = {"increasing": 1, "decreasing": -1}
OF_DECISIONS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")
OF_RANKINGS = ("average_precision", "roc_auc", "recall_at_precision")
OF_ERRORS = ("log_loss", "brier")
HEADLINES = {"classification": OF_DECISIONS + OF_RANKINGS + OF_ERRORS, "regression": ("mae", "rmse", "r2")}


class ContractError(stage.ProjectError):
    """A contract or the parameters are wrong; the text is the sentence that the user reads."""


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Strict)


@dataclass(frozen=True)
class Column:
    """One field of the data contract."""

    name: str
    type: str
    role: str
    title: str
    description: str
    unit: str | None
    required: bool
    minimum: float | None  # of numbers; those of dates hold for tables, not for requests
    maximum: float | None
    enum: tuple[str | int | float, ...]  # of texts and numbers; true, false and dates are texts here
    format: str | None  # of dates: a strptime pattern; None: ISO 8601
    direction: int  # 1 or -1: the prediction may only rise or fall with this field; 0: either
    accuracy: float | None  # of the readings, in the field's unit: one standard deviation; None: not stated
    missing: tuple[str, ...]  # the texts that stand for a missing value
    signal: str | None  # the channel whose next sample this is; samples follow in the order of the fields

    @property
    def numeric(self) -> bool:
        """Whether the model takes the values as numbers, not as categories."""
        return self.type in NUMERIC and not self.enum

    @property
    def dated(self) -> bool:
        """Whether the values are dates, of which the model takes the calendar."""
        return self.type in DATED and not self.enum


@dataclass(frozen=True)
class DataContract:
    """The fields of the table, in their order, with the roles that they play."""

    columns: tuple[Column, ...]
    schema: "Schema"  # frictionless' view of the same fields
    fields: dict[str, dict[str, Any]]  # the fields as they are written in the file, by name

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """The fields that the model is given."""
        return tuple(c for c in self.columns if c.role == "feature" or (c.role == "time" and c.dated))

    @cached_property
    def target(self) -> Column:
        """The field that the model predicts."""
        return next(c for c in self.columns if c.role == "target")


def plain(value: Any) -> str | int | float:
    """Give a value so that its text is what a class or category is called: 3 for 3.0, "true" for true."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, str)):
        return value
    if isinstance(value, (float, Decimal)) and math.isfinite(value):
        return int(value) if value == int(value) else float(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def label(value: Any) -> str:
    """Give the text by which a class or category is called, everywhere."""
    return str(plain(value))


class Project(Strict):
    """Who does what for whom."""

    name: str
    slug: str
    description: str
    team: str
    sponsor: str
    program: str
    domain: str
    license: str
    term: str | None = None  # of the programme, where it is not its first
    begins: date | None = None  # the first day of the term: the milestones' days follow from it


class Costs(Strict):
    """What a wrong alarm and a missed case cost, in the same currency."""

    false_alarm: float = Field(gt=0)
    missed: float = Field(gt=0)

    @property
    def threshold(self) -> float:
        """The probability from which an alarm has the lower expected cost (Elkan, 2001)."""
        return self.false_alarm / (self.false_alarm + self.missed)


class Task(Strict):
    """What is predicted, and how its quality is stated."""

    kind: Literal["classification", "regression"]
    headline: str
    coverage: float = Field(gt=0.5, lt=1)
    positive: Annotated[str | None, BeforeValidator(lambda value: None if value is None else label(value))] = None
    precision_floor: float = Field(default=0.5, gt=0, lt=1)  # the precision at which recall_at_precision is measured
    costs: Costs | None = None

    @model_validator(mode="after")
    def _known_headline(self) -> "Task":
        if self.headline not in HEADLINES[self.kind]:
            raise ValueError(f"headline is {self.headline!r}, allowed are {', '.join(HEADLINES[self.kind])}")
        return self


class Criterion(Strict):
    """One measured value and the bound that it has to keep."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""
    reason: str
    proposed: bool = False  # a proposal that the team has not yet agreed

    @model_validator(mode="after")
    def _one_bound(self) -> "Criterion":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self

    def shortfall(self, value: float) -> float:
        """How far `value` lies beyond the bound, in the metric's unit; zero or less when it holds."""
        return self.at_least - value if self.at_least is not None else value - (self.at_most or 0.0)


class Slice(Strict):
    """A field by whose values the rows are divided; `edges` cut a numeric field into ranges."""

    field: str
    edges: tuple[float, ...] = ()


class Behaviour(Strict):
    """A change of the input that must leave the prediction as it is."""

    kind: Literal["invariant"]
    shift: dict[str, float] = {}
    scale: dict[str, float] = {}
    reason: str


class Capstone(Strict):
    """All of `capstone.toml`."""

    project: Project
    task: Task
    acceptance: tuple[Criterion, ...] = ()
    constraint: tuple[Criterion, ...] = ()
    slice: tuple[Slice, ...] = ()
    behaviour: tuple[Behaviour, ...] = ()


class IngestParameters(Strict):
    """Where the rows come from."""

    source: str  # "example", or a path, or a URL
    options: dict[str, Any] = {}  # for the reader of such a file

    @property
    def synthetic(self) -> bool:
        """Whether the rows are those that `capstone sample` drew in the place of data that may not be shown."""
        return self.source == "data/sample.csv"


class SplitParameters(Strict):
    """How the rows are divided."""

    method: Literal["stratified", "random", "group", "time"]
    test: float = Field(gt=0, lt=0.9)
    calibration: float = Field(gt=0, lt=0.9)

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> "SplitParameters":
        if self.test + self.calibration >= 1:
            raise ValueError("test and calibration are all of the rows: leave some for training")
        return self


class TrainParameters(Strict):
    """Which estimators are tried, and how hard."""

    candidates: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)]  # names in src/project/model.py
    folds: int = Field(ge=2)
    trials: int = Field(ge=1)
    only: dict[str, Any] = {}  # settings of the candidates that get this value, whatever they list
    max_rows: int = Field(default=100_000, ge=20)
    engine: Literal["local", "dask"] = "local"


class EvaluateParameters(Strict):
    """How the evaluation resamples, and which DVC template draws its outcome plot."""

    bootstrap: int = Field(ge=100)
    plot: Literal["confusion", "scatter"]
    max_rows: int = Field(default=20_000, ge=20)


class Parameters(Strict):
    """All of `params.yaml`."""

    seed: int = Field(ge=0)
    ingest: IngestParameters
    split: SplitParameters
    train: TrainParameters
    evaluate: EvaluateParameters


def _read(path: Path, parse: Any) -> dict[str, Any]:
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ContractError(f"{path}: the file is missing") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise ContractError(f"{path}: found {type(found).__name__}, expected a table of keys")
    return found


def _load(path: Path, parse: Any, model: type[Model]) -> Model:
    found = _read(path, parse)
    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        shown = "" if isinstance(first["input"], dict) else f", found {first['input']!r}"
        raise ContractError(f"{path}: {key}: {first['msg']}{shown}") from error


def load_parameters(root: Path = Path()) -> Parameters:
    """Read `params.yaml` below `root`."""
    return _load(root / PARAMETERS, yaml.safe_load, Parameters)


def load_capstone(root: Path = Path()) -> Capstone:
    """Read `capstone.toml` below `root`."""
    return _load(root / TASK_CONTRACT, tomllib.loads, Capstone)


def load_data_contract(root: Path = Path()) -> DataContract:
    """Read `data/datapackage.yaml` below `root`; its standard part is checked by frictionless."""
    from frictionless import FrictionlessException, Package  # a quarter of a second that the other stages save

    path = root / DATA_CONTRACT
    descriptor = _read(path, yaml.safe_load)
    try:
        schema = Package.from_descriptor(descriptor, basepath=str(path.parent)).resources[0].schema
        fields = {field["name"]: field for field in descriptor["resources"][0]["schema"]["fields"]}
    except FrictionlessException as error:
        reasons = error.reasons or [error.error]
        raise ContractError(f"{path}: {reasons[0].note}") from error
    except (KeyError, IndexError, TypeError) as error:
        raise ContractError(f"{path}: resources[0].schema.fields is missing: list the table's fields") from error
    contract = DataContract(tuple(_column(path, fields[field.name], field) for field in schema.fields), schema, fields)
    targets = [c.name for c in contract.columns if c.role == "target"]
    if len(targets) != 1:
        raise ContractError(f"{path}: found {len(targets)} fields with role target {targets}, expected one")
    if not contract.features:
        raise ContractError(f"{path}: no field has the role feature, so there is nothing to predict from")
    return contract


def _column(path: Path, field: dict[str, Any], read: "FrictionlessField") -> Column:
    role, monotone, accuracy = field.get("role", "feature"), field.get("monotone", {}), field.get("accuracy")
    where = f"{path}: fields.{read.name}"
    if not isinstance(monotone, dict):
        raise ContractError(f"{where}.monotone: found {monotone!r}, expected the keys direction and reason")
    direction = monotone.get("direction")
    for key, found, allowed in (("role", role, ROLES), ("monotone.direction", direction, (None, *DIRECTIONS))):
        if found not in allowed:
            raise ContractError(f"{where}.{key}: found {found!r}, allowed are {', '.join(filter(None, allowed))}")
    if accuracy is not None and not (type(accuracy) in (int, float) and 0 < accuracy < math.inf):
        raise ContractError(f"{where}.accuracy: found {accuracy!r}, expected a number above 0")
    limits = read.constraints
    enum = tuple(_limit(where, read, "enum", value) for value in limits.get("enum", ()))
    if read.type == "boolean":  # both values are allowed anyway; a target's are its classes
        enum = (enum or ("false", "true")) if role == "target" else ()
    ends = {end: _limit(where, read, end, limits[end]) for end in ("minimum", "maximum") if end in limits}
    missing: Any = read if read.has_defined("missing_values") else read.schema
    return Column(
        name=read.name,
        type=read.type,
        role=role,
        title=read.title or read.name,
        description=read.description or "",
        unit=None if field.get("unit") in (None, "1", 1) else str(field["unit"]),  # "1": a ratio, shown without a unit
        required=limits.get("required", False),
        minimum=ends.get("minimum") if read.type in NUMERIC else None,
        maximum=ends.get("maximum") if read.type in NUMERIC else None,
        enum=enum,
        format=None if field.get("format") == "default" else field.get("format"),
        direction=DIRECTIONS.get(direction, 0),
        accuracy=accuracy,
        missing=tuple(missing.missing_values),
        signal=None if field.get("signal") is None else str(field["signal"]),
    )


def _limit(where: str, read: "FrictionlessField", key: str, value: Any) -> Any:
    """Give a limit or a listed value as the field's own type has it."""
    found = read.create_value_reader()(value)
    if found is None:
        raise ContractError(f"{where}.constraints.{key}: found {value!r}, which is no value of the type {read.type}")
    return plain(found)


def load(root: Path = Path()) -> tuple[DataContract, Capstone]:
    """Read both contracts and check that they agree with each other."""
    data, capstone = load_data_contract(root), load_capstone(root)
    _check_fields(data, capstone)
    target, task = data.target, capstone.task
    if len(target.enum) > 2 and (directed := next((c for c in data.features if c.direction), None)):
        raise ContractError(
            f"{DATA_CONTRACT}: fields.{directed.name}.monotone: a direction needs a number or two classes to speak of, "
            f"and {target.name} has {len(target.enum)} classes"
        )
    if task.kind == "regression" and not target.numeric:
        raise ContractError(
            f"{TASK_CONTRACT}: task.kind: found 'regression', but {target.name!r} is no number: it has the type "
            f"{target.type}" + (" and lists its values" if target.enum else "")
        )
    if task.positive is not None and task.positive not in map(label, target.enum):
        allowed = ", ".join(map(repr, target.enum)) or f"the values that {target.name!r} lists, and it lists none"
        raise ContractError(f"{TASK_CONTRACT}: task.positive: found {task.positive!r}, allowed are {allowed}")
    return data, capstone


def _check_fields(data: DataContract, capstone: Capstone) -> None:
    """Raise `ContractError` where the task names a field that is not there, or one of texts where it needs a number."""
    known = {column.name: column for column in data.columns}
    named = [("slice.field", s.field, bool(s.edges)) for s in capstone.slice]
    named += [("behaviour.shift", name, True) for b in capstone.behaviour for name in b.shift]
    named += [("behaviour.scale", name, True) for b in capstone.behaviour for name in b.scale]
    for key, name, number in named:
        if name not in known:
            raise ContractError(f"{TASK_CONTRACT}: {key}: {name!r} is no field of {DATA_CONTRACT}")
        if number and not known[name].numeric:
            raise ContractError(f"{TASK_CONTRACT}: {key}: {name!r} is no number in {DATA_CONTRACT}")


def main() -> None:
    """Check both contracts and the parameters."""
    data, capstone = load()
    load_parameters()
    print(
        f"contract: {len(data.features)} features predict {data.target.name!r}; "
        f"{len(capstone.acceptance)} acceptance criteria, {len(capstone.constraint)} engineering constraints"
    )


if __name__ == "__main__":
    stage.run(main)
