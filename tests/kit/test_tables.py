"""Real tables: adopted, trained, served, and tested by the repository's own tests, with no code written."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Repository
from journey import ALL, LEFT_OUT, Student
from tables import TABLES, Table

PARAMETERS = [
    pytest.param(table, id=table.name, marks=pytest.mark.skipif(not (ALL or table.quick), reason=LEFT_OUT))
    for table in TABLES
]


def test_the_catalogue_is_true() -> None:
    """At least 26 tables of at least six packages, each with a licence, its size, and a name of its own."""
    assert len({table.name for table in TABLES}) == len(TABLES) >= 26
    assert len({table.package for table in TABLES}) >= 6
    assert {table.name: table.texts.shape for table in TABLES} == {t.name: (t.rows, t.columns) for t in TABLES}
    assert all(table.licence and table.shows for table in TABLES)
    assert 6 <= sum(table.quick for table in TABLES) <= 10


@pytest.fixture
def student(generate: Callable[..., Repository], tmp_path: Path) -> Student:
    """Give a clone of the generated repository with its environment, whose files uv takes from its cache."""
    clone = generate("mechanical").clone(tmp_path / "clone")
    clone.run("uv", "sync", "--quiet")
    return Student(clone)


@pytest.mark.parametrize("table", PARAMETERS)
def test_a_real_table_is_adopted_trained_and_served(student: Student, table: Table, tmp_path: Path) -> None:
    """Adopt, train, serve, predict, test; adopting once more changes nothing."""
    source = table.write(tmp_path)
    adopted = student.adopts(source, table.target, *table.wishes)
    assert adopted.returncode == 0, adopted.stderr
    contract = tomllib.loads((student.repository.path / "capstone.toml").read_text(encoding="utf-8"))
    assert contract["task"]["kind"] == table.kind
    assert " src/" not in student.status.partition("diff ")[0]
    student.searches_less()
    student.trains()
    if ALL or table.own_tests:
        student.repository.run("uv", "run", "pytest", "-q")
    before = student.status
    again = student.adopts(source, table.target, *table.wishes)
    assert again.returncode == 0, again.stderr
    assert student.status == before
