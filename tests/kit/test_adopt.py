"""`capstone adopt` on a baked repository: what it infers, what it keeps, and that it is all or nothing."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))
sys.path.insert(0, str(ROOT / "{{cookiecutter.project_slug}}/src"))  # adoption reads as the project's own ingest does

import tomllib

from bake import bake

from capstone_kit import adopt
from capstone_kit.adopt import contracts, infer, profile, suspect, units
from capstone_kit.adopt.description import Field
from capstone_kit.project import KitError, Project

ROWS = 300


@pytest.fixture(scope="session")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a generated repository, nothing installed."""
    return bake(tmp_path_factory.mktemp("baked"), project_slug="adopted")


@pytest.fixture
def project(baked: Path) -> Iterator[Project]:
    """Give that repository as it was generated."""
    yield Project(baked)
    subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=baked, check=True)
    subprocess.run(["git", "clean", "-fdq"], cwd=baked, check=True)


def plant() -> pd.DataFrame:
    """Give a table with something of everything."""
    rng = np.random.default_rng(1)
    temperature = rng.normal(300, 5, ROWS).round(2)
    return pd.DataFrame(
        {
            "id": np.arange(1, ROWS + 1),
            "temp [K]": temperature,
            "speed_rpm": rng.integers(500, 3000, ROWS),
            "grade": rng.choice(list("ABC"), ROWS),
            "ok": rng.choice(["yes", "no"], ROWS),
            "when": pd.Series(rng.choice(pd.date_range("2020-01-01", periods=900), ROWS)).dt.strftime("%d/%m/%Y"),
            "empty": "",
            "always": 7,
            "e-mail": [f"u{i % 50}@example.org" for i in range(ROWS)],
            "note": [f"the operator saw nothing unusual on day {i}" for i in range(ROWS)],
            "fahrenheit": (temperature * 1.8 - 459.67).round(6),
            "yield": (temperature * 2 + rng.normal(0, 2, ROWS)).round(3),
        }
    )


def adopted(project: Project, table: pd.DataFrame, folder: Path, target: str, **wishes: Any) -> dict[str, Any]:
    """Adopt `table`; give the data contract's fields by name."""
    path = folder / "plant.csv"
    table.to_csv(path, index=False)
    run(project, path, target, **wishes)
    package = yaml.safe_load(project.text("data/datapackage.yaml"))
    return {field["name"]: field for field in package["resources"][0]["schema"]["fields"]}


def run(project: Project, path: Path, target: str, dry_run: bool = False, **wishes: Any) -> None:
    """Adopt the file at `path`."""
    adopt.adopt(project, str(path), adopt.Wishes(target, **wishes), None, None, dry_run, ask=False)


def status(project: Project) -> str:
    """Give what git sees as changed."""
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True).stdout


def test_roles_types_and_units_are_inferred(project: Project, tmp_path: Path) -> None:
    """Each kind of column gets the type and role that a person would give it."""
    fields = adopted(project, plant(), tmp_path, "yield")
    assert {name: (field["type"], field["role"]) for name, field in fields.items()} == {
        "id": ("string", "identifier"),
        "temp [K]": ("number", "feature"),
        "speed_rpm": ("integer", "feature"),
        "grade": ("string", "feature"),
        "ok": ("boolean", "feature"),
        "when": ("date", "feature"),
        "empty": ("string", "excluded"),
        "always": ("string", "excluded"),
        "e-mail": ("string", "excluded"),
        "note": ("string", "excluded"),
        "fahrenheit": ("number", "feature"),
        "yield": ("number", "target"),
    }
    assert (fields["temp [K]"]["unit"], fields["speed_rpm"]["unit"]) == ("K", "rpm")
    assert (fields["ok"]["trueValues"], fields["when"]["format"]) == (["yes"], "%d/%m/%Y")
    assert fields["e-mail"]["personal"] == "e-mail addresses"
    assert fields["grade"]["constraints"]["enum"] == ["A", "B", "C"]
    assert all(field["reason"] for field in fields.values() if field["role"] in ("excluded", "identifier"))


def test_limits_leave_room_beyond_what_was_seen(project: Project, tmp_path: Path) -> None:
    """Every row keeps its limits, and the next hotter day does too."""
    table = plant()
    limits = adopted(project, table, tmp_path, "yield")["temp [K]"]["constraints"]
    assert limits["minimum"] < table["temp [K]"].min() - 1
    assert limits["maximum"] > table["temp [K]"].max() + 1


def test_a_copy_of_the_target_is_excluded_and_a_leak_is_named(project: Project, tmp_path: Path) -> None:
    """A rescaled target is no feature; one that gives nearly all away is kept, with a warning in the contract."""
    table = plant()
    table["twice"] = table["yield"] * 2 + 1
    table["nearly"] = table["yield"] + np.random.default_rng(0).normal(0, 0.3, ROWS)
    fields = adopted(project, table, tmp_path, "yield")
    assert (fields["twice"]["role"], fields["twice"]["reason"]) == ("excluded", "is the target in other words")
    assert fields["nearly"]["role"] == "feature"
    assert "alone explains" in fields["nearly"]["leakage"]
    assert "leakage" not in fields["speed_rpm"]


def test_adopting_again_changes_nothing(project: Project, tmp_path: Path) -> None:
    """The same table a second time, from outside and from where it lies now, leaves every file as it is."""
    adopted(project, plant(), tmp_path, "yield")
    subprocess.run(["git", "add", "--all"], cwd=project.root, check=True)
    before = status(project)
    run(project, tmp_path / "plant.csv", "yield")
    run(project, project.path("data/source/plant.csv"), "yield")
    assert status(project) == before
    assert before.count("\n") == 9


def test_what_people_wrote_is_kept(project: Project, tmp_path: Path) -> None:
    """Units, descriptions, agreed criteria and answers in the documents survive the next adoption, with more rows."""
    adopted(project, plant(), tmp_path, "yield")
    edit(project, "data/datapackage.yaml", "unit: rpm", "unit: 1/min\n          description: Speed of the stirrer")
    edit(
        project,
        "capstone.toml",
        'at_least = 0.0\nreason = "On the test rows, too, it has to beat the constant"\nproposed = true',
        'at_least = 3.5\nreason = "Agreed on 3 May"',
    )
    edit(
        project,
        "docs/datasheet.md",
        "**To answer**: why were these rows collected",
        "Collected by the night shift. Why",
    )
    edit(project, "data/datapackage.yaml", "title: Grade", "title: Grade\n          personal: initials of the operator")
    edit(project, "data/datapackage.yaml", "title: Temp", "title: Temp\n          accuracy: 0.5")
    edit(project, "data/datapackage.yaml", "personal: e-mail addresses", "personal: false")
    fields = adopted(project, pd.concat([plant(), plant()]), tmp_path, "yield")
    assert (fields["grade"]["personal"], fields["temp [K]"]["accuracy"]) == ("initials of the operator", 0.5)
    assert fields["e-mail"]["personal"] is False
    assert (fields["speed_rpm"]["unit"], fields["speed_rpm"]["description"]) == ("1/min", "Speed of the stirrer")
    criteria = {c["metric"]: c for c in tomllib.loads(project.text("capstone.toml"))["acceptance"]}
    assert criteria["lift_over_baseline"] == {
        "metric": "lift_over_baseline",
        "at_least": 3.5,
        "reason": "Agreed on 3 May",
    }
    assert criteria["mae"]["proposed"]
    assert "Collected by the night shift." in project.text("docs/datasheet.md")
    assert "| Rows | 600 |" in project.text("docs/datasheet.md")


def edit(project: Project, name: str, found: str, instead: str) -> None:
    """Replace a text that must be there."""
    text = project.text(name)
    assert text.count(found) == 1, (name, found)
    project.path(name).write_text(text.replace(found, instead), encoding="utf-8")


def test_a_dry_run_changes_nothing(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The decisions are shown, the files are named, and git sees no change."""
    plant().to_csv(tmp_path / "plant.csv", index=False)
    run(project, tmp_path / "plant.csv", "yield", dry_run=True)
    shown = capsys.readouterr().out
    assert "regression of 'yield'" in shown
    assert "nothing was changed; it would be: data/datapackage.yaml" in shown
    assert status(project) == ""
    assert not project.path(".cache/capstone").exists()


def test_nothing_below_src_changes(project: Project, tmp_path: Path) -> None:
    """The code of the project is general: adoption writes data, contracts and documents."""
    adopted(project, plant(), tmp_path, "grade")
    assert [line for line in status(project).splitlines() if " src/" in line] == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("data/datapackage.yaml", "", "data/datapackage.yaml: found NoneType"),
        ("data/datapackage.yaml", "name: x\n", "'resources' is a required property"),
        ("capstone.toml", "[task\n", "capstone.toml: Expected ']'"),
        ("params.yaml", "a: 1\n", "params.yaml: seed: Field required"),
        ("dvc.yaml", "a: 1\n", "dvc.yaml: stages.ingest.deps is missing"),
    ],
)
def test_a_file_that_was_broken_by_hand_is_named(
    project: Project, tmp_path: Path, name: str, text: str, said: str
) -> None:
    """What adoption has to change and cannot read is said in a sentence, and is left as it is."""
    plant().to_csv(tmp_path / "plant.csv", index=False)
    project.path(name).write_text(text, encoding="utf-8")
    with pytest.raises(KitError, match=re.escape(said)):
        run(project, tmp_path / "plant.csv", "yield")
    assert status(project) == f" M {name}\n"


def test_a_charter_that_no_commit_holds_is_not_lost(project: Project, tmp_path: Path) -> None:
    """The first adoption writes the documents anew: what people wrote in them meanwhile has to be in git."""
    project.path("docs/charter.md").write_text("# What we agreed\n", encoding="utf-8")
    with pytest.raises(KitError, match=r"docs/charter\.md would be written anew"):
        adopted(project, plant(), tmp_path, "yield")
    assert project.text("docs/charter.md") == "# What we agreed\n"


def test_a_charter_of_the_teams_own_outlives_the_next_adoption(project: Project, tmp_path: Path) -> None:
    """Whoever wrote it without the marks for facts keeps it word for word."""
    adopted(project, plant(), tmp_path, "yield")
    project.path("docs/charter.md").write_text("# What we agreed\n", encoding="utf-8")
    adopted(project, pd.concat([plant(), plant()]), tmp_path, "yield")
    assert project.text("docs/charter.md") == "# What we agreed\n"


def test_a_source_that_nothing_reads_any_more_is_named(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second table leaves the first one where it is, for the team to remove."""
    adopted(project, plant(), tmp_path, "yield")
    plant().to_csv(tmp_path / "second.csv", index=False)
    run(project, tmp_path / "second.csv", "yield")
    assert "nothing reads data/source/plant.csv any more" in capsys.readouterr().out
    assert project.path("data/source/plant.csv").exists()


REFUSALS = {
    "unknown target": ("y,x\n1,2\n", "z", {}, "--target: there is no column 'z'; the columns are y, x"),
    "near miss": ("Yield,x\n1,2\n", "yield", {}, "did you mean 'Yield'?"),
    "one class": ("y,x\n" + "a,1\n" * 30, "y", {}, "the target 'y' is 'a' in every row: there is nothing to learn"),
    "constant": ("y,x\n" + "1.50,1\n1.5,2\n" * 20, "y", {"kind": "regression"}, "the target 'y' is 1.5 in every row"),
    "no target": ("y,x\n" + ",1\n" * 30, "y", {}, "the target 'y' holds no value"),
    "every row a class": (
        "y,x\n" + "".join(f"k{i},{i}\n" for i in range(40)),
        "y",
        {},
        "40 different values, such as 'k0', in 40 rows",
    ),
    "texts as numbers": ("y,x\n" + "a,1\nb,2\n" * 20, "y", {"kind": "regression"}, "--kind regression needs numbers"),
    "unknown class": (
        "y,x\n" + "a,1\nb,2\n" * 20,
        "y",
        {"positive": "c"},
        "--positive: 'c' is no class; the classes are",
    ),
    "target alone": ("y\n" + "a\nb\n" * 20, "y", {}, "no column is left to predict 'y' from"),
    "nothing else": (
        "y,x\n" + "a,1\nb,1\n" * 20,
        "y",
        {},
        "no column is left to predict 'y' from: x is '1' in every row",
    ),
    "no rows": ("y,x\n", "y", {}, "the table has a header and no rows"),
    "empty": ("", "y", {}, "the file is empty"),
    "time is text": (
        "y,x,t\n" + "a,1,p\nb,2,q\n" * 20,
        "y",
        {"time": "t"},
        "--time: 't' holds neither dates nor numbers",
    ),
    "two roles": (
        "y,x,t\n" + "a,1,5\nb,2,6\n" * 20,
        "y",
        {"time": "t", "dropped": ("t",)},
        "'t' is named by --time and by --drop: a column plays one role",
    ),
    "target dropped": ("y,x\n" + "a,1\nb,2\n" * 20, "y", {"dropped": ("y",)}, "--drop: 'y' is the target"),
    "no header": ("1,2\n3,4\n", "1", {}, "the first row holds numbers, no column names"),
    "uneven": ("y,x\na,1\nb,2,3\n", "y", {}, "Expected 2 fields in line 3, saw 3"),
}


@pytest.mark.parametrize(("text", "target", "wishes", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_one_sentence_and_changes_nothing(
    project: Project, tmp_path: Path, text: str, target: str, wishes: dict[str, Any], said: str
) -> None:
    """Too little to learn from, or a wrong name: a sentence that says what and where."""
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(KitError) as raised:
        run(project, tmp_path / "t.csv", target, **wishes)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert status(project) == ""


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("temp [K]", "K"),
        ("temp (K)", "K"),
        ("flow (m³/h)", "m³/h"),
        ("speed_rpm", "rpm"),
        ("Power kW", "kW"),
        ("temperature_celsius", "°C"),
        ("Umsatz €", "€"),
        ("share_%", "%"),
        ("body_mass_g", "g"),
        ("Air temperature K", "K"),
        ("oil_temp_C", "°C"),
        ("viscosity_mPas", "mPa·s"),
        ("flow_m3_h", "m³/h"),
        ("wind speed m per s", "m/s"),
        ("oil temp deg C", "°C"),
        ("group_g", None),
        ("m_s", None),
        ("price_ma", None),
        ("pctUrban", "%"),
        ("percentile", None),
        ("power_kw", "kW"),
        ("vitamin_c", None),
        ("temp_min", None),
        ("rows (filtered)", None),
        ("K", None),
        ("x (2)", None),
    ],
)
def test_units_come_from_the_header(name: str, unit: str | None) -> None:
    """In brackets any short text is a unit; after an underscore only a well-known one."""
    assert units.parted(name)[1] == unit


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Customer name", "names of people"),
        ("operator name", "names of people"),
        ("Inspector", "names of people"),
        ("Kundenname", "names of people"),
        ("apellidos", "names of people"),
        ("Nom de famille", "names of people"),
        ("file name", ""),
        ("city", ""),
    ],
)
def test_columns_of_names_are_suspected_by_their_header(name: str, found: str) -> None:
    """In the languages in which tables come; names of other things are left alone."""
    values = pd.Series(["Anna Meier", "Ben Öztürk", "Chloé O'Neil", "Dörte Smith"])
    assert suspect.personal(Field(name, "string"), values) == found


def test_a_column_called_name_holds_people_only_if_they_have_two_names() -> None:
    """Towns, animals and elements bear a `name` too."""
    people, animals = ["Allen, Miss Elisabeth", "Ben Öztürk"], ["Cheetah", "Owl monkey", "Mountain beaver"]
    assert suspect.personal(Field("name", "string"), pd.Series(people)) == "names of people"
    assert suspect.personal(Field("name", "string"), pd.Series(animals)) == ""


@pytest.mark.parametrize(
    ("name", "low", "high", "limits"),
    [
        ("temp_c", 2.0, 90.0, (-7.0, 99.0)),
        ("weight_kg", 2.0, 90.0, (0.0, 99.0)),
        ("humidity_pct", 40.0, 98.0, (34.0, 100.0)),
        ("growth_pct", -3.0, 98.0, (-13.0, 108.0)),
        ("share", 0.1, 0.6, (0.05, 1.0)),
    ],
)
def test_limits_end_where_the_unit_does(name: str, low: float, high: float, limits: tuple[float, float]) -> None:
    """A mass has a floor at 0 and degrees Celsius have none; a percentage that never was beyond 100 ends there."""
    table = pd.DataFrame({name: np.linspace(low, high, 200), "y": ["a", "b"] * 100}).astype(str)
    found = infer.infer(profile.profile([table]), adopt.Wishes("y")).fields[0].constraints
    assert (found["minimum"], found["maximum"]) == limits


def test_a_feature_that_every_second_row_holds_is_weighed_as_others_are() -> None:
    """Even and odd rows judge each other, whichever rows have a value."""
    every_second = [str(row % 3) if row % 2 else "" for row in range(60)]
    table = pd.DataFrame({"x": every_second, "y": [str(row // 4 % 2) for row in range(60)]})
    assert infer.infer(profile.profile([table]), adopt.Wishes("y")).fields[0].role == "feature"


KINDS = {
    "texts": (["a", "b"] * 30, "classification"),
    "few whole numbers": ([0, 1, 2] * 20, "classification"),
    "many whole numbers": (list(range(60)), "regression"),
    "fractions": ([i / 7 for i in range(60)], "regression"),
    "whole floats": ([1.0, 2.0] * 30, "classification"),
    "booleans": ([True, False] * 30, "classification"),
}


@pytest.mark.parametrize(("values", "kind"), KINDS.values(), ids=KINDS.keys())
def test_the_kind_of_task_is_inferred(values: list[Any], kind: str) -> None:
    """Texts, booleans and a handful of whole numbers are classes; other numbers are values."""
    table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=60), "y": values}).astype(str)
    assert infer.infer(profile.profile([table]), adopt.Wishes("y")).kind == kind


def test_a_table_in_pieces_gives_the_same_as_at_once() -> None:
    """What is inferred does not depend on how the table was cut."""
    table = plant().astype(str)
    whole, cut = (
        infer.infer(profile.profile(p), adopt.Wishes("yield"))
        for p in ([table], [table[:7], table[7:150], table[150:]])
    )
    assert whole == cut


def test_classes_that_people_would_take_for_one_are_named() -> None:
    """`Yes` and `yes` are two classes; whoever wrote them may have meant one."""
    table = pd.DataFrame({"x": [str(n % 7) for n in range(60)], "y": ["Yes", "yes", "no", "no "] * 15})
    remarks = " ".join(infer.infer(profile.profile([table]), adopt.Wishes("y")).remarks)
    assert "'Yes' and 'yes' and 'no' and 'no ' differ in capitals or blanks alone" in remarks


SIGNS = [("-", True), ("n.a.", True), ("Inf", True), ("<5", False), ("missing", True)]


@pytest.mark.parametrize(("sign", "read"), SIGNS)
def test_a_sign_among_numbers_stands_for_a_missing_value(sign: str, read: bool) -> None:
    """One or two odd words among numbers mean that there was none; `<5` says something, and makes the column text."""
    values = [str(i / 3) for i in range(98)] + [sign] * 2
    table = pd.DataFrame({"x": values, "y": [str(i * i % 97) for i in range(100)]})
    found = infer.infer(profile.profile([table]), adopt.Wishes("y"))
    assert (found.fields[0].type == "number") == read
    assert (sign in found.fields[0].more.get("missingValues", ())) == read


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "12:30", "1_000", "null", "2020-01-01", "0000-00-00", "a: b", "#x", "'", "é", "- a", "=1", "0x10"],
)
def test_any_text_survives_yaml(text: str) -> None:
    """Readers of YAML 1.1 see the same text that was written."""
    assert yaml.safe_load(contracts.text_of({"enum": [text]})) == {"enum": [text]}
