"""Every domain with every framework: which of them a quick run takes, and the table of docs/pairs.md."""

import json
import os
import sys

import pytest
from bake import ROOT

QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
ALL = bool(os.environ.get("CAPSTONE_ALL"))
PAGE = ROOT / "docs/pairs.md"
OTHER = "scikit-learn" if sys.platform == "darwin" else "lightgbm"  # whose wheel wants an OpenMP that macOS has not
QUICK = [("mechanical", "scikit-learn"), ("biomedical", OTHER)]
PAIRS = [(domain, framework) for domain in QUESTIONS["domain"][1:] for framework in QUESTIONS["framework"]]


def over(pairs: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """Give the mark that runs a test for each of the pairs, one pair after the other."""
    return pytest.mark.parametrize("pair", pairs, ids="-".join, indirect=True, scope="module")


ONE, FEW = over(QUICK[:1]), over(QUICK)
EVERY = over([*QUICK, *(pair for pair in PAIRS if pair not in QUICK)] if ALL else QUICK)


def known() -> dict[tuple[str, str], str]:
    """Give the lines of the table by pair."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = {line: [cell.strip(" `") for cell in line.split("|")[1:3]] for line in lines if line.startswith("| `")}
    return {(domain, framework): line for line, (domain, framework) in cells.items()}


def keep(pair: tuple[str, str], *cells: str) -> None:
    """Write a pair's line in the place of the one before, in the order of the questions; all else stays."""
    line = " | ".join([f"| `{pair[0]}`", f"`{pair[1]}`", *cells]) + " |"
    rows = known() | {pair: line}
    head = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if not line.startswith("| `")]
    text = "\n".join([*head, *(rows[pair] for pair in PAIRS if pair in rows)]) + "\n"
    PAGE.write_text(text, encoding="utf-8", newline="\n")
