"""Governance: model card, groups, risks, explanations. Documents are compared with the measured facts."""

import re
from typing import Any

from capstone_kit import prose
from capstone_kit.gather.stages import TIMED
from capstone_kit.project import TASK_CONTRACT
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.requirements.documents import figures_of, spoken
from capstone_kit.result import Finding, Outcome

CARD = "docs/model-card.md"
IMPACT = "docs/impact-assessment.md"
REGISTER = "docs/risk-register.md"
REPORT = "docs/final-report.md"
SECTIONS = ("details", "intended use", "factors", "metrics", "data", "quantitative")
OWN = ("intended use", "factors", "caveats")  # what only the team can say
FUNCTIONS = ("govern", "map", "measure", "manage")
FILLED = re.compile(r"`(\w+)` = [^;|]*")  # a value in the register, written there by `evaluate`
WRONG = 0.005  # of a figure: how far the card's may lie from the measured one, by rounding


@requirement(
    "GOV1", 2, "SR", "Model Cards for Model Reporting (Mitchell and others, 2019)", ("limits",), scaffold="own"
)
def model_card(examined: Examined) -> Finding:
    """The model card's sections are filled in; its numbers equal the recomputed ones."""
    project, remedy = examined.project, f"answer in {CARD}: intended use, factors, caveats; then `uv run dvc repro`"
    card = project.text(CARD)
    missing = [name for name in SECTIONS if name not in " ".join(prose.sections(card))]
    if missing:
        return Finding(
            Outcome.FAIL, f"no section about {', '.join(missing)}", "six sections and caveats", remedy=remedy
        )
    wrong = _wrong_figures(card, figures_of(examined))
    if wrong:
        return Finding(Outcome.FAIL, wrong, "the measured figures", "uv run dvc metrics show", "`uv run dvc repro`")
    lacking = {name: spoken(examined, CARD, name) for name in OWN}
    open_ = [f"{name}: {reason}" for name, reason in lacking.items() if reason]
    if not open_:
        return Finding(Outcome.PASS, "sections filled in, figures as measured")
    share = 1 - len(open_) / len(OWN)
    outcome = Outcome.PARTIAL if share > 0 else Outcome.SCAFFOLD
    return Finding(outcome, "; ".join(open_), "the team's own answers", remedy=remedy, share=share)


def _wrong_figures(card: str, measured: dict[str, Any]) -> str:
    """Give the first figure of the card's tables that is not the measured one, "" if there is none."""
    cell = {2: 1, 4: 2}  # of the table of metrics, and of that of criteria: where the measured value stands
    told = [(row[0].replace("\\", ""), row[cell[len(row)]]) for row in prose.rows(card) if len(row) in cell]
    told = [(name, shown) for name, shown in told if name in measured and name not in TIMED]
    if not told:
        return "the card shows no measured figure"
    for name, shown in told:
        value, said = measured[name], _first_figure(shown)
        if value is not None and (said is None or abs(said - value) > WRONG * max(abs(value), 1e-3)):
            return f"the card says {name} is {shown.split('(')[0].strip() or 'nothing'}, measured is {value:.4g}"
    return ""


def _first_figure(text: str) -> float | None:
    found = re.match(r"\s*(-?[\d.,]+(?:e[+-]?\d+)?)", text)
    try:
        return float(found[1].replace(",", "")) if found else None
    except ValueError:
        return None


@requirement("GOV2", 2, "TH", "NIST AI RMF, Measure 2.11; Duke AIPI 560", ("ethics", "tradeoffs"), scaffold="own")
def fairness(examined: Examined) -> Finding:
    """Group metrics recomputed; the fairness requirement is argued."""
    reason = spoken(examined, IMPACT, "fairness")
    remedy = f"argue in {IMPACT}, Fairness, which groups matter and what gap is acceptable; declare them as [[slice]]"
    if reason:
        return Finding(Outcome.SCAFFOLD, f"{IMPACT}, Fairness: {reason}", "an argued requirement", remedy=remedy)
    slices = examined.project.toml(TASK_CONTRACT).get("slice", [])
    if not slices:
        return Finding(
            Outcome.FAIL, f"{TASK_CONTRACT} declares no [[slice]]", "groups that are measured", remedy=remedy
        )
    measured = figures_of(examined)
    gap = ", ".join(
        f"{name} {measured[name]:.4g}" for name in ("worst_slice", "slice_gap") if measured.get(name) is not None
    )
    fields = ", ".join(str(s.get("field")) for s in slices if isinstance(s, dict))
    return Finding(
        Outcome.MANUAL,
        f"slices by {fields}: {gap or 'not measured'}",
        "the argument holds for these figures",
        f"read {IMPACT}",
    )


@requirement("GOV3", 2, "H", "NIST AI RMF: govern, map, measure, manage", ("ethics", "scale"), scaffold="own")
def risk_register(examined: Examined) -> Finding:
    """Risk and threat register across govern, map, measure, manage."""
    file = REGISTER if examined.project.exists(REGISTER) else IMPACT
    register = [row for row in prose.rows(examined.project.text(file)) if len(row) >= 6 and _function(row) in FUNCTIONS]
    shipped = (examined.scaffold.text(file),)
    own = [row for row in register if not prose.OPEN.search(" ".join(row)) and prose.own(_said(row), shipped)]
    covered = {_function(row) for row in own}
    if not covered:
        remedy = f"answer the questions in {file}, add your own risks: at least one for each of {', '.join(FUNCTIONS)}"
        outcome = Outcome.SCAFFOLD if register else Outcome.FAIL
        return Finding(outcome, f"{len(register)} risks, none of them the team's own", "own risks", remedy=remedy)
    about = ", ".join(f for f in FUNCTIONS if f in covered)
    observed = f"{len(own)} own or answered risks of {len(register)}, about {about}"
    return Finding(
        Outcome.MANUAL, observed, "likely and severe risks are there, with mitigations that work", f"read {file}"
    )


def _function(row: list[str]) -> str:
    return row[1].strip("* ").lower()


def _said(row: list[str]) -> str:
    """Give what stands in a line of the register, without the values that `evaluate` wrote there."""
    return FILLED.sub(r"`\1`", " ; ".join(row[2:]))


@requirement("GOV4", 1, "H", "NIST AI RMF, Measure 2.9 and Manage 4.1", ("limits", "ethics"), scaffold="own")
def explanations(examined: Examined) -> Finding:
    """Two local explanations, the system's limits, how to report misuse."""
    asked = {"limits": (IMPACT, "limits"), "misuse": (IMPACT, "misuse"), "two explained predictions": (REPORT, "trust")}
    lacking = [f"{name}: {reason}" for name, (file, part) in asked.items() if (reason := spoken(examined, file, part))]
    if lacking:
        remedy = f"write them in {IMPACT} (Limits, Reporting misuse) and {REPORT} (Trust)"
        outcome = Outcome.SCAFFOLD if len(lacking) == len(asked) else Outcome.FAIL
        return Finding(outcome, "; ".join(lacking), "limits, misuse, two explained predictions", remedy=remedy)
    return Finding(
        Outcome.MANUAL, "limits, misuse and explanations are written", "they are right", f"read {IMPACT}, {REPORT}"
    )


ALL = (model_card, fairness, risk_register, explanations)
