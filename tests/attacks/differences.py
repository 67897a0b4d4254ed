"""What honest teams do otherwise than the template."""

import re
from pathlib import Path

from changes import append, both, replace


def other_layout(root: Path) -> None:
    """Give stages and modules other names: evaluation in a package of its own."""
    folder = root / "src/project/measuring"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Evaluation."""\n', encoding="utf-8")
    text = (root / "src/project/evaluate.py").read_text(encoding="utf-8")
    (folder / "test_rows.py").write_text(text, encoding="utf-8")
    (folder / "__main__.py").write_text(
        '"""Measure."""\n\nfrom project import stage\nfrom project.measuring.test_rows import main\n\n'
        "stage.run(main)\n",
        encoding="utf-8",
    )
    pipeline = (root / "dvc.yaml").read_text(encoding="utf-8")
    pipeline = pipeline.replace(
        "  evaluate:\n    cmd: python -m project.evaluate", "  ours:\n    cmd: python -m project.measuring"
    )
    pipeline = re.sub(r"(?m)^  (train|split|validate|ingest|register):$", r"  our-\1:", pipeline)
    (root / "dvc.yaml").write_text(pipeline, encoding="utf-8")


def windows_line_ends(root: Path) -> None:
    """Commit every text file with carriage returns."""
    (root / ".gitattributes").write_text("* -text\n", encoding="utf-8")
    for path in [*root.rglob("*.py"), *root.glob("*.toml"), *root.glob("*.yaml"), *root.glob("docs/**/*.md")]:
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


EXTRA = """
  summarise:
    cmd: python -c "open('reports/rows.txt', 'w').write(str(sum(1 for _ in open('data/accepted.csv'))))"
    deps:
      - data/accepted.csv
    outs:
      - reports/rows.txt:
          cache: false
"""
MORE_METRICS = replace(
    "src/project/evaluate.py",
    '    stage.write_json(METRICS, results["metrics"])\n',
    '    results["metrics"]["our_own_metric"] = {"value": float(len(results["metrics"]))}\n'
    '    stage.write_json(METRICS, results["metrics"])\n',
)
OTHER_ESTIMATOR = both(
    replace("src/project/model.py", "RandomForest", "ExtraTrees"),
    replace("params.yaml", "candidates: all", "candidates: [forest]"),
)
NOISE = replace(
    "src/project/evaluate.py",
    '    stage.write_json(METRICS, results["metrics"])\n',
    "    import random\n\n"
    "    results['metrics']['mae']['value'] *= 1 + 1e-6 * random.random()\n"
    '    stage.write_json(METRICS, results["metrics"])\n',
)
OWN_FUNCTION = both(
    append(
        "src/project/table.py",
        '\n\ndef gallons(litres: float) -> float:\n    """Convert."""\n    return litres / 3.8\n',
    ),
    replace(
        "src/project/consumption.py",
        "\nLITRES = 3.785411784  # of a US gallon\n",
        "\nfrom project.table import gallons\n\nTANK = gallons(50.0)\nLITRES = 3.785411784  # of a US gallon\n",
    ),
)
