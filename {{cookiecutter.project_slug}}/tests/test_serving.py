"""What is served: the version that the pointer names, followed while it runs; and how a challenger gets there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from project import contract, predictor, register, stage
from project.evaluation import challenger
from project.serving import models

VERSION = "7"


@pytest.fixture
def versions(inside: Path) -> Iterator[contract.DataContract]:
    """Give the contract, in a folder where version 1 is champion and version 7 a copy of it by another name."""
    pointer = models.POINTER.read_text(encoding="utf-8")
    one, other = (inside / models.VERSIONS / version for version in ("1", VERSION))
    shutil.copytree(one, other)
    stage.write_json(other / models.RECEIPT, stage.read_json(other / models.RECEIPT) | {"model_version": VERSION})
    shutil.copytree(one, inside / "kept")
    yield contract.load_data_contract()
    for version in (one, other):
        shutil.rmtree(version, ignore_errors=True)
    (inside / "kept").rename(one)
    models.POINTER.write_text(pointer, encoding="utf-8")


def test_the_pointer_is_followed(versions: contract.DataContract) -> None:
    """Another champion, and a shadow, are taken up by what runs; the champion before is remembered or forgotten."""
    running = models.Serving(versions.features)
    assert (running.champion.version, running.shadow) == ("1", None)
    models.point(champion=VERSION, shadow="1")
    running.look()
    assert running.shadow is not None
    assert (running.champion.version, running.shadow.version) == (VERSION, "1")
    models.point(champion=VERSION, shadow=None, previous=None)
    running.look()
    assert running.shadow is None
    assert [folder.name for folder in models.VERSIONS.iterdir()] == [VERSION]


def test_a_version_that_cannot_be_served_changes_nothing(
    versions: contract.DataContract, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged model, a missing folder and a vanished pointer leave the champion where it was, with a warning."""
    running = models.Serving(versions.features)
    (models.VERSIONS / VERSION / predictor.MODEL).write_bytes(b"\x08")
    models.point(champion=VERSION, previous="1")
    running.look()
    assert running.champion.version == "1"
    assert "warning: version 1 goes on" in capsys.readouterr().err
    models.point(champion="absent", previous="1")
    running.look()
    models.POINTER.unlink()
    running.look()
    assert running.champion.version == "1"


def test_a_model_that_the_gate_did_not_pass_is_not_served(versions: contract.DataContract, tmp_path: Path) -> None:
    """Where no version is pointed at, the work tree's model has to be the one of its receipt."""
    shutil.copytree(models.VERSIONS / "1" / "models", tmp_path / "models")
    assert models.load(tmp_path, versions.features).version == "1"
    metadata = stage.read_json(tmp_path / predictor.METADATA)
    stage.write_json(tmp_path / predictor.METADATA, metadata | {"quantile": 0.0})
    with pytest.raises(stage.ProjectError, match="not the model that the gate passed"):
        models.load(tmp_path, versions.features)


@pytest.mark.parametrize(
    ("failed", "low", "high", "decision"),
    [
        (["accuracy is low"], 0.1, 0.2, "refused"),
        ([], -0.2, -0.1, "refused"),
        ([], -0.1, 0.1, "kept"),
        ([], 0.1, 0.2, "promoted"),
        ([], None, None, "kept"),
    ],
)
def test_the_gate_promotes_keeps_or_refuses(
    failed: list[str], low: float | None, high: float | None, decision: str
) -> None:
    """Only what is better beyond doubt takes the champion's place; what is worse, or fails a criterion, is refused."""
    found = challenger.Duel(100, 3, {"value": None if low is None else 0.0, "low": low, "high": high})
    assert register.decide(failed, found)[0] == decision


def test_rows_that_the_champion_learnt_from_are_left_out(inside: Path) -> None:
    """Against itself the champion is neither better nor worse, on none but rows that it has not seen."""
    data, capstone = contract.load()
    champion = models.load(inside / models.VERSIONS / "1", data.features).predictor
    seen = np.load(inside / models.VERSIONS / "1" / challenger.SEEN)
    found = challenger.duel(data, capstone, contract.load_parameters(), champion, seen)
    expected = 0.0 if found.rows >= challenger.FEWEST else None  # a small table has too few
    assert found.difference == dict.fromkeys(("value", "low", "high"), expected)
    assert not found.better
    assert not found.worse
    every = np.union1d(seen, challenger.fingerprints("test"))
    found = challenger.duel(data, capstone, contract.load_parameters(), champion, every)
    assert found.rows == 0
    assert "too few to compare" in str(found)
