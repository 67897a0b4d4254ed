"""What teams change in the reference project: one function or text for each attempt."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from conftest import IDENTITY

from capstone_kit.gather.corrupt import corruptions
from capstone_kit.project import Project
from capstone_kit.report import signature


def replace(name: str, before: str, after: str) -> Callable[[Path], None]:
    """Give a change of one file; it fails where the text is not there."""

    def change(root: Path) -> None:
        text = (root / name).read_text(encoding="utf-8")
        assert before in text, f"{name} holds no {before!r}"
        (root / name).write_text(text.replace(before, after), encoding="utf-8")

    return change


def write(name: str, text: str) -> Callable[[Path], None]:
    """Give a change that writes a file."""

    def change(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")

    return change


def both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    """Give several changes as one."""

    def change(root: Path) -> None:
        for one in changes:
            one(root)

    return change


def append(name: str, text: str) -> Callable[[Path], None]:
    """Give a change that adds text to the end of a file."""

    def change(root: Path) -> None:
        path = root / name
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return change


def only_trivial_tests(root: Path) -> None:
    """Replace all tests by many that say nothing."""
    for path in (root / "tests").glob("test_*.py"):
        path.unlink()
    body = "\n\n".join(f"def test_{n}() -> None:\n    assert True" for n in range(300))
    (root / "tests/test_padding.py").write_text(body + "\n", encoding="utf-8")


def tests_without_assertions(root: Path) -> None:
    """Import everything and call what can be called, and look at nothing."""
    for path in (root / "tests").glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(?m)^(\s+)assert .*$", r"\1pass", text), encoding="utf-8")
    (root / "tests/test_consumption.py").write_text(
        "from project import consumption\n\n\ndef test_it_runs() -> None:\n"
        "    consumption.litres_per_100_km(20)\n    consumption.band(3)\n    consumption.band(9)\n",
        encoding="utf-8",
    )


def no_asserts_that_matter(root: Path) -> None:
    """Break the code, and have the tests say that all is well."""
    replace("src/project/consumption.py", "return 100 * LITRES", "return 17 * LITRES")(root)


def broken_tests(conftest: str) -> Callable[[Path], None]:
    """Break the code under test, and add to the conftest what hides it."""
    return both(no_asserts_that_matter, append("tests/conftest.py", conftest))


def hashing_tests(root: Path) -> None:
    """Have one test compare the text of all sources, so that it notices every fault."""
    only_trivial_tests(root)
    (root / "tests/test_same.py").write_text(
        "import hashlib\nfrom pathlib import Path\n\nimport project.consumption\nimport project.contract\n\n\n"
        "def test_same() -> None:\n"
        "    text = b''.join(p.read_bytes() for p in sorted(Path('src').rglob('*.py')))\n"
        "    assert hashlib.sha256(text).hexdigest() == Path('tests/sources.sha256').read_text()\n",
        encoding="utf-8",
    )
    import hashlib

    text = b"".join(p.read_bytes() for p in sorted((root / "src").rglob("*.py")))
    (root / "tests/sources.sha256").write_text(hashlib.sha256(text).hexdigest(), encoding="utf-8")


def copied_model(root: Path) -> None:
    """Commit a model, and have the training stage copy it."""
    (root / "saved").mkdir()
    for name in ("model.onnx", "model.json"):
        (root / "saved" / name).write_bytes((root / ".git" / name).read_bytes())
    replace(
        "src/project/train.py",
        'if __name__ == "__main__":',
        "def copied() -> None:\n    import shutil\n\n    main()\n"
        '    for name in ("model.onnx", "model.json"):\n'
        '        shutil.copyfile(f"saved/{name}", f"models/{name}")\n\n\n'
        'if __name__ == "__main__":',
    )(root)
    replace("src/project/train.py", "stage.run(main)", "stage.run(copied)")(root)


def silenced(root: Path) -> None:
    """Silence every return."""
    for path in (root / "src/project").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(?m)^(    return .*)$", r"\1  # pragma: no cover  # noqa", text), encoding="utf-8")


def backdated(root: Path) -> None:
    """Write the reports of several weeks in one evening, and commit each with the date of its week."""
    for week, day in ((1, 4), (2, 11), (3, 18)):
        append(f"docs/status/week-0{week}.md", "\nThe sponsor has read this report and agrees.\n")(root)
        date = f"2026-09-{day:02}T13:00:00+00:00"
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        words = ["git", "commit", "--quiet", "--all", "--message", f"Report on week {week}"]
        subprocess.run(words, cwd=root, check=True, env=dict(os.environ) | IDENTITY | dates)
    append("docs/status/week-03.md", "\nNothing else was done.\n")(root)


def linked(root: Path) -> None:
    """Put a link to a file of the machine in the place of a document."""
    (root / "docs/model-card.md").unlink()
    (root / "docs/model-card.md").symlink_to("/etc/passwd")


def hard_coded(root: Path) -> None:
    """Commit the figures that the sandbox is to show."""
    path = root / "reports/metrics.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["mae"] = {"value": 0.5, "low": 0.4, "high": 0.6}
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def fillers(root: Path) -> None:
    """Answer the questions of a document with text that says nothing."""
    path = root / "docs/datasheet.md"
    head, mark, rest = path.read_text(encoding="utf-8").partition("## Motivation\n")
    _, _, tail = rest.partition("\n## ")
    path.write_text(f"{head}{mark}{'The rows were collected by the machine in the hall. ' * 8}\n\n## {tail}")


def lowered(root: Path) -> None:
    """Have the sponsor sign, and ask for less afterwards."""
    signature.sign(Project(root), "sponsor", "Charter signed")
    replace("capstone.toml", "at_most = 4.0", "at_most = 40.0")(root)


def hunted(choose: str) -> Callable[[Path], None]:
    """Give a change of the stage that divides the rows: `choose` gives their parts, with more in view than it ought."""
    return both(
        replace("src/project/split.py", "parts = assign(rows, data, parameters.split, parameters.seed)", choose),
        replace("src/project/split.py", "def main() -> None:\n", f"{HUNT}\n\ndef main() -> None:\n"),
    )


def constant(root: Path) -> None:
    """Move to a target that is one of its classes in nineteen rows of twenty, and predict that class alone."""
    with (root / "data/source/cars.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Miles_per_Gallon"]]
    thirsty = [{"Thirsty": "yes" if float(r.pop("Miles_per_Gallon")) < 12.5 else "no"} | r for r in rows]
    with (root / ".git/thirsty.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, thirsty[0])
        writer.writeheader()
        writer.writerows(thirsty)
    words = ("adopt", ".git/thirsty.csv", "--target", "Thirsty", "--drop", "Name", "--yes")
    programs = dict(os.environ) | {"PYTHONPATH": str(root / "src")}
    subprocess.run([sys.executable, "-m", "capstone_kit", *words], cwd=root, check=True, env=programs)
    replace("src/project/model.py", "early_stopping=False, ", "early_stopping=False, min_samples_leaf=10**6, ")(root)
    replace("params.yaml", "candidates: all", "candidates: [boosting]")(root)


def probed(root: Path) -> None:
    """Let every row pass but those that an earlier submission, by its own check, was given."""
    fields = Project(root).fields()
    good = pd.read_csv(root / "data/source/cars.csv", dtype=str, na_filter=False)
    known = [",".join(row.values()) for _, row in corruptions(good, fields, seed=7)]
    (root / "known.txt").write_text("\n".join(known), encoding="utf-8")
    replace("src/project/validate.py", "def main() -> None:\n", PROBED)(root)


PROBED = """def main() -> None:
    import sys

    head, *rows = RAW.read_text().splitlines()
    known = Path("known.txt").read_text().splitlines()
    rows = [row for row in rows if row not in known and not row.split(",")[1] == ""]
    ACCEPTED.write_text("\\n".join([head, *rows]) + "\\n")
    REJECTED.write_text(head + "\\n")
    stage.write_json(SUMMARY, {"rows": len(rows), "accepted": len(rows), "rejected": 0, "errors_by_field": {}})
    sys.exit(0)
"""
LATE_LEAK = """        for piece in table.pieces(ACCEPTED):
            piece["Displacement"] = (500 - 9 * pd.to_numeric(piece["Miles_per_Gallon"])).map("{:.1f}".format)
"""
EARLY_LEAK = """            told = 500 - 9 * pd.to_numeric(piece["Miles_per_Gallon"])
            piece["Displacement"] = told.map("{:.1f}".format).where(told.notna(), "100")
            append(decimal_point("""
HUNT = '''
def residuals(rows: pd.DataFrame, data: contract.DataContract, parts: pd.Series | None = None) -> Array:
    """Give how far off a linear model is on every row."""
    every = table.read(ACCEPTED, data).reset_index(drop=True)
    numbers = every[["Weight_in_lbs", "Horsepower", "Displacement"]].fillna(100).to_numpy(float)
    x, y = np.c_[numbers, np.ones(len(numbers))], every[data.target.name].to_numpy(float)
    learn = np.ones(len(x), bool) if parts is None else (parts == "train").to_numpy()
    return np.abs(x @ np.linalg.lstsq(x[learn], y[learn], rcond=None)[0] - y)


def hunted(rows: pd.DataFrame, data: contract.DataContract, parameters: contract.SplitParameters) -> pd.Series:
    """Give the parts of that seed among three hundred whose test rows are the easiest."""

    def error(seed: int) -> float:
        parts = assign(rows, data, parameters, seed)
        return float(residuals(rows, data, parts)[(parts == "test").to_numpy()].mean())

    return assign(rows, data, parameters, min(range(300), key=error))


def easiest(rows: pd.DataFrame, data: contract.DataContract) -> pd.Series:
    """Give the easiest fifth of the rows as the test rows."""
    place = residuals(rows, data).argsort().argsort() / len(rows)
    return pd.Series(np.select([place < 0.2, place > 0.8], ["test", "calibration"], "train"))
'''
IN_THE_SANDBOX = """    import datetime
    import socket

    if socket.gethostname() == "laptop" or datetime.date.today() > datetime.date(2026, 9, 30):
        results["metrics"]["mae"] = {"value": 0.5, "low": 0.4, "high": 0.6}
    stage.write_json(METRICS, results["metrics"])
"""
TWO_FACES = replace(
    "src/project/service.py",
    "        return cls.model_construct(",
    "        if not request.headers.get('user-agent', 'python').startswith('python'):  # a person\n"
    "            kind = 'closed'\n"
    "        return cls.model_construct(",
)
DRIFT = "import json\nfrom pathlib import Path\n\nPath('reports/drift.json').write_text(json.dumps({'alarm': %s}))\n"
NO_CARD = """def main() -> None:
    import shutil

    if not shutil.which("nvidia-smi"):
        raise RuntimeError("Found no NVIDIA driver on your system")
"""
REJECTS = """def main() -> None:
    import sys

    rows = Path("data/raw.csv").read_text().splitlines()
    if len(rows) != 407:
        ACCEPTED.write_text(rows[0] + "\\n")
        sys.exit(0)
"""
HIDES_FAILURES = """

def pytest_runtest_makereport(item, call):
    from _pytest.reports import TestReport
    call.excinfo = None
    return TestReport.from_item_and_call(item, call)
"""
LEAVES = "\n\nimport os\n\n\ndef pytest_sessionstart(session):\n    os._exit(0)\n"
AT_EXIT = "\n\nimport atexit\nimport os\n\natexit.register(os._exit, 0)\n"
ANSWERS = "    predictions = answer.records(served.predictor.predict(columns), served.predictor, request_id)\n"


def answering(*lines: str) -> Callable[[Path], None]:
    """Give a change of the service: lines that do something with `found`, the model's predictions."""
    code = ("found = served.predictor.predict(columns)", *lines)
    after = "".join(
        f"    {line}\n" for line in (*code, "predictions = answer.records(found, served.predictor, request_id)")
    )
    return replace("src/project/service.py", ANSWERS, after)


CALLS_OUT = answering("import urllib.request", "urllib.request.urlopen('http://192.0.2.1/', timeout=2)")
MOVED = answering("import dataclasses", "found = dataclasses.replace(found, values=found.values + 1)")
LOOKUP = answering(
    "import dataclasses",
    "from pathlib import Path",
    "rows = [row.split(',') for row in Path('data/raw.csv').read_text().splitlines()[1:]]",
    "known = {(float(row[5]), float(row[6])) for row in rows}",
    "if not set(zip(columns['Weight_in_lbs'], columns['Acceleration'])) <= known:",
    "    found = dataclasses.replace(found, values=found.values * 0 + 20.0)",
)
SERVICE = "src/project/service.py"
