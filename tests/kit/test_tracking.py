"""Sources that git must not hold: under DVC, from where a second clone gets them."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import Repository
from servers import web

LARGE = 400_000  # rows: more than 20 MB


@pytest.fixture(scope="module")
def installed(generate: Callable[..., Repository]) -> Repository:
    """Give a generated repository with its environment."""
    return generate("mechanical")


class Capstone(Repository):
    """A clone in which the commands of another repository's environment run: the code is the same."""

    def run(self, *command: str, check: bool = True, **more: str):
        """Run a command with that environment first on the path."""
        return super().run(*command, check=check, **{"PATH": f"{self.home}{os.pathsep}{os.environ['PATH']}"} | more)

    def adopts(self, source: Path | str, *words: str) -> str:
        """Adopt a table; give what was printed."""
        return self.run("capstone", "adopt", str(source), "--target", "result", *words, "--yes").stdout

    def commits(self) -> None:
        """Commit everything that git sees."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "Adopt")

    @property
    def tracked(self) -> set[str]:
        """Give the files below data/source that git holds."""
        return set(self.run("git", "ls-files", "data/source").stdout.split())

    @property
    def changes(self) -> str:
        """Give what git sees."""
        return self.run("git", "status", "--porcelain", "--untracked-files=all").stdout


@pytest.fixture
def repository(installed: Repository, tmp_path: Path) -> Capstone:
    """Give a fresh clone."""
    programs = installed.path / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    clone = installed.clone(tmp_path / "clone")
    return Capstone(clone.path, programs)


def plant(rows: int = 200) -> pd.DataFrame:
    """Give a table."""
    rng = np.random.default_rng(rows)
    numbers = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "c"])
    return numbers.assign(result=rng.choice(["good", "bad"], rows))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve two large tables, one without a mark of its version; give address and folder."""
    folder = tmp_path_factory.mktemp("site")
    plant(LARGE).to_csv(folder / "plant.csv", index=False)
    assert (folder / "plant.csv").stat().st_size > 20_000_000
    (folder / "untagged.csv").write_bytes((folder / "plant.csv").read_bytes())
    with web(folder) as address:
        yield address, folder


def md5(path: Path) -> str:
    """Give the hash by which DVC knows a file."""
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_a_confidential_source_reaches_a_second_clone_by_the_remote(repository: Capstone, tmp_path: Path) -> None:
    """Git never sees it; after push and pull the other clone has it, and the first stage runs there."""
    plant().to_csv(tmp_path / "plant.csv", index=False)
    assert "under DVC" in repository.adopts(tmp_path / "plant.csv", "--confidential")
    repository.commits()
    assert repository.tracked == {"data/source/.gitignore", "data/source/plant.csv.dvc"}
    storage = tmp_path / "storage"
    storage.mkdir()
    repository.run("capstone", "remote", str(storage))
    repository.commits()
    repository.run("dvc", "push")
    other = replace(repository, path=repository.clone(tmp_path / "other").path)
    assert not (other.path / "data/source/plant.csv").exists()
    other.run("dvc", "pull", "data/source/plant.csv.dvc")
    assert md5(other.path / "data/source/plant.csv") == md5(tmp_path / "plant.csv")
    other.run("dvc", "repro", "ingest", "validate", "split")
    assert other.changes == " M dvc.lock\n" or "dvc.lock" in other.changes


def test_the_stand_in_pulls_what_the_remote_has(repository: Capstone, tmp_path: Path) -> None:
    """Where the remote answers, the real data come; where it does not, the reason is said and the sample is used."""
    plant().to_csv(tmp_path / "plant.csv", index=False)
    repository.adopts(tmp_path / "plant.csv", "--confidential")
    (storage := tmp_path / "storage").mkdir()
    repository.run("capstone", "remote", str(storage))
    repository.run("capstone", "sample", "--rows", "150")
    repository.commits()
    repository.run("dvc", "push")
    other = replace(repository, path=repository.clone(tmp_path / "other").path)
    assert "the data are here" in other.run("capstone", "sample", "--stand-in").stdout
    assert (other.path / "data/source/plant.csv").exists()
    third = replace(repository, path=repository.clone(tmp_path / "third").path)
    storage.rename(tmp_path / "elsewhere")
    said = third.run("capstone", "sample", "--stand-in").stdout
    assert "`dvc pull" in said
    assert "source: data/sample.csv" in (third.path / "params.yaml").read_text(encoding="utf-8")
    assert third.run("dvc", "repro", "ingest", "validate").returncode == 0


@pytest.mark.parametrize("name", ["plant.csv", "untagged.csv"])
def test_a_large_table_of_the_web_keeps_its_address(repository: Capstone, site: tuple[str, Path], name: str) -> None:
    """The .dvc file names it, and a clone gets the same from there without any remote, but nothing else."""
    address, file = f"{site[0]}/{name}", f"data/source/{name}"
    repository.adopts(address)
    record = yaml.safe_load((repository.path / f"{file}.dvc").read_text(encoding="utf-8"))
    assert record["deps"][0]["path"] == address
    assert record["outs"][0]["md5"] == md5(site[1] / name) == md5(repository.path / file)
    repository.commits()
    assert repository.tracked == {"data/source/.gitignore", f"{file}.dvc"}
    other = replace(repository, path=repository.clone(repository.path.parent / "other").path)
    assert "the data are here" in other.run("capstone", "sample", "--stand-in").stdout
    assert md5(other.path / file) == md5(site[1] / name)
    assert other.changes == ""


def test_an_address_with_other_data_by_now_is_said(repository: Capstone, site: tuple[str, Path]) -> None:
    """A clone does not train on what nobody adopted."""
    changing = site[1] / "changing.csv"
    changing.write_bytes((site[1] / "plant.csv").read_bytes())
    repository.adopts(f"{site[0]}/changing.csv")
    repository.commits()
    plant(50).to_csv(changing, index=False)
    other = replace(repository, path=repository.clone(repository.path.parent / "other").path)
    done = other.run("capstone", "sample", "--stand-in", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "its address gives other data than those that were adopted" in done.stderr
    assert other.changes == ""
    assert not (other.path / "data/source/changing.csv").exists()


def test_an_address_with_a_key_is_not_kept(repository: Capstone, site: tuple[str, Path]) -> None:
    """What follows the question mark may be one: the data are under DVC all the same, the rest is in the contract."""
    repository.adopts(f"{site[0]}/plant.csv?key=sesame")
    record = (repository.path / "data/source/plant.csv.dvc").read_text(encoding="utf-8")
    assert md5(site[1] / "plant.csv") in record
    assert "http" not in record
    assert f"{site[0]}/plant.csv\n" in (repository.path / "data/datapackage.yaml").read_text(encoding="utf-8")


def test_what_was_in_git_goes_under_dvc_and_back(repository: Capstone, tmp_path: Path) -> None:
    """Adopted again as confidential the table leaves git, with a warning about its history; and it may return."""
    plant().to_csv(tmp_path / "plant.csv", index=False)
    repository.adopts(tmp_path / "plant.csv")
    repository.commits()
    assert repository.tracked == {"data/source/plant.csv"}
    assert "earlier commits still hold data/source/plant.csv" in repository.adopts(
        tmp_path / "plant.csv", "--confidential"
    )
    repository.commits()
    assert repository.tracked == {"data/source/.gitignore", "data/source/plant.csv.dvc"}
    assert "nothing changes" in repository.adopts(tmp_path / "plant.csv", "--confidential")
    repository.adopts(tmp_path / "plant.csv")
    repository.commits()
    assert repository.tracked == {"data/source/plant.csv"}


def test_where_dvc_fails_nothing_has_changed(repository: Capstone, tmp_path: Path) -> None:
    """One sentence, every file and git's index as they were; the next attempt succeeds."""
    plant().to_csv(tmp_path / "plant.csv", index=False)
    repository.adopts(tmp_path / "plant.csv")
    repository.commits()
    config = repository.path / ".dvc/config"
    before = config.read_text(encoding="utf-8")
    config.write_text(before.replace("[core]", "[core\n"), encoding="utf-8")
    done = repository.run(
        *("capstone", "adopt", str(tmp_path / "plant.csv"), "--target", "result", "--confidential", "--yes"),
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: `dvc add --quiet data/source/plant.csv` failed: ")
    config.write_text(before, encoding="utf-8")
    assert repository.changes == ""
    repository.adopts(tmp_path / "plant.csv", "--confidential")
    assert (repository.path / "data/source/plant.csv.dvc").exists()


def test_a_folder_of_parts_goes_under_dvc(repository: Capstone, tmp_path: Path) -> None:
    """As one folder."""
    (folder := tmp_path / "years").mkdir()
    for year in (2023, 2024):
        plant(year).to_csv(folder / f"{year}.csv", index=False)
    repository.adopts(folder, "--confidential")
    repository.commits()
    assert repository.tracked == {"data/source/.gitignore", "data/source/years.dvc"}


def test_rows_of_a_query_may_be_confidential(repository: Capstone, tmp_path: Path) -> None:
    """The snapshot is under DVC."""
    with sqlite3.connect(tmp_path / "plant.db") as connection:
        plant().to_sql("plant", connection, index=False)
    connection.close()
    repository.adopts(f"sqlite:///{tmp_path / 'plant.db'}", "--query", "SELECT * FROM plant", "--confidential")
    repository.commits()
    assert repository.tracked == {"data/source/.gitignore", "data/source/query.csv.dvc"}
