"""What a requirement is, and how one is examined without ever stopping the run."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from capstone_kit.evidence import Evidence, NoEvidenceError, NotRunError
from capstone_kit.project import KitError, Project
from capstone_kit.result import NOT_RUN, Finding, Outcome
from capstone_kit.scaffold import Scaffold

HOW = {
    "S": "read from the files",
    "R": "run in the sandbox",
    "C": "asked of the running service",
    "T": "a statistical test on what was recomputed",
    "H": "decided by a person",
}

# What the programmes say that their students will be able to do.
OUTCOMES = {
    "toolchain": "knowledge of AI methods, systems and tool chains (CMU MS AIE)",
    "constraints": "identify the engineering constraints that AI-orchestrated systems must operate within (CMU MS AIE)",
    "ethics": "security, privacy and other ethical, societal and policy challenges (CMU MS AIE; Duke AIPI 560)",
    "limits": "understand the limits of AI systems and apply these techniques within these limits (CMU MS AIE)",
    "tradeoffs": "evaluate trade-offs of technical capabilities and limitations, policy, and ethics (CMU MS AIE)",
    "domain": "apply domain knowledge to enhance AI effectiveness (CMU MS AIE)",
    "practice": "solve practical problems using AI methods (CMU MS AIE)",
    "advise": "adapt to the latest AI-enabled tools and learn to work with and advise machines (CMU MS AIE)",
    "scale": "design and develop machine learning systems for scale, security and usability (Duke AIPI)",
    "fullstack": "build full-stack software applications integrating machine learning models (Duke AIPI)",
    "production": "design and deploy software applications in production (Duke AIPI 561)",
}


@dataclass(frozen=True)
class Examined:
    """What an examination may look at."""

    project: Project  # the files, read without running them
    evidence: Evidence  # what was found out by running them
    scaffold: Scaffold  # what the template alone would have made


@dataclass(frozen=True)
class Requirement:
    """One thing that must be true of a capstone, and the function that finds out."""

    id: str
    family: str
    points: int  # in the catalogue; a profile may weigh it otherwise
    how: str  # letters of HOW
    source: str  # where it comes from
    outcomes: tuple[str, ...]  # the learning outcomes that it serves
    statement: str
    function: Callable[[Examined], Finding]
    scaffold: Literal["data", "own"]  # "data": nothing is earned on the example data; "own": the function decides

    def examine(self, examined: Examined) -> Finding:
        """Give the finding; whatever goes wrong becomes one."""
        try:
            finding = self.function(examined)
        except NotRunError:
            return Finding(Outcome.INCONCLUSIVE, NOT_RUN, self.statement, "capstone check --run", "")
        except NoEvidenceError as error:
            outcome = Outcome.FAIL if error.blame else Outcome.INCONCLUSIVE
            return Finding(outcome, str(error), self.statement)
        except KitError as error:
            return Finding(Outcome.FAIL, str(error), self.statement, remedy="mend the file that is named")
        except Exception as error:  # the examiner's own fault is never the team's
            place = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{type(error).__name__} at {place.name}, line {place.lineno}"
            return Finding(Outcome.INCONCLUSIVE, f"the examination itself failed: {at}", self.statement)
        works = finding.outcome in (Outcome.PASS, Outcome.PARTIAL, Outcome.NOT_APPLICABLE)
        if self.scaffold == "data" and works and examined.scaffold.example_data(examined.project):
            remedy = "bring your own data: `uv run capstone adopt FILE --target COLUMN`"
            observed = f"{finding.observed} (on the template's example data)"
            return replace(finding, outcome=Outcome.SCAFFOLD, observed=observed, remedy=remedy)
        return finding


def requirement(
    id: str,  # noqa: A002
    points: int,
    how: str,
    source: str,
    outcomes: tuple[str, ...],
    scaffold: Literal["data", "own"] = "data",
    family: str | None = None,
) -> Callable[[Callable[[Examined], Finding]], Requirement]:
    """Make a requirement of a function: the first line of its docstring is the statement.

    The family is the name of its module, unless another is given.
    """

    def made(function: Callable[[Examined], Finding]) -> Requirement:
        statement = (function.__doc__ or "").split("\n", maxsplit=1)[0]
        of = family or function.__module__.rpartition(".")[2]
        assert set(outcomes) <= set(OUTCOMES), f"{id} names an outcome that no programme states"
        return Requirement(id, of, points, how, source, outcomes, statement, function, scaffold)

    return made
