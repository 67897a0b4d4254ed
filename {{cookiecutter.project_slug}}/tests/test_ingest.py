"""What comes in goes on as it is: each row once, below one header."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, write_contract

from project import ingest


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder with a data contract the working directory."""
    monkeypatch.chdir(tmp_path)
    fields = [{"name": "a", "type": "number"}, {"name": "b", "type": "number"}, {"name": "y", "role": "target"}]
    write_contract(tmp_path, [{"type": "string", **field} for field in fields])
    return tmp_path


def ingested(folder: Path, source: str, **options: Any) -> str:
    """Run the stage on `source`; give what it wrote."""
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    parameters["ingest"] = {"source": source, "options": options}
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    ingest.main()
    return ingest.RAW.read_text(encoding="utf-8")


def test_a_part_without_rows_adds_nothing(here: Path) -> None:
    """A folder may begin with a part that holds its header alone."""
    (here / "parts").mkdir()
    (here / "parts/1.csv").write_text("a,y\n", encoding="utf-8")
    (here / "parts/2.csv").write_text("y,a\nyes,1\n", encoding="utf-8")
    assert ingested(here, "parts") == "a,y\n1,yes\n"


def test_numbers_get_a_decimal_point(here: Path) -> None:
    """Nothing else is changed, and a number that the table lacks is for the next stage to refuse."""
    (here / "rows.csv").write_text('a;y\n"1.234,5";"1,5"\n', encoding="utf-8")
    assert ingested(here, "rows.csv", sep=";", decimal=",", thousands=".") == 'a,y\n1234.5,"1,5"\n'
