"""The programmes: what each says of itself, the domain and profile it begins with, and what shows its outcomes.

Data in TOML, from the programmes' own pages; what a page does not say is not there. `institutions/` holds what the
programmes of one house share.
"""

import tomllib
from pathlib import Path
from typing import Annotated

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field

from capstone_kit import profiles
from capstone_kit.profiles import Strict
from capstone_kit.project import KitError
from capstone_kit.requirements import ALL
from capstone_kit.requirements.base import OUTCOMES, Requirement

FOLDER = Path(__file__).parent
EVIDENCE = {  # where a family's requirements are shown in a repository
    "reproducible": "`uv.lock`, `dvc.yaml`, `dvc.lock`",
    "data": "`data/datapackage.yaml`, `reports/validation.json`, `docs/datasheet.md`",
    "tracking": "the MLflow runs, `models/receipt.json`",
    "model": "`reports/metrics.json`, `reports/slices.json`, `docs/model-card.md`",
    "service": "the running service, `reports/constraints.json`",
    "quality": "`tests/`, the CI workflow",
    "operations": "`/metrics`, the prediction log, `docs/runbook.md`",
    "governance": "`docs/model-card.md`, `docs/impact-assessment.md`, `docs/risk-register.md`, `reports/trust.json`",
    "sponsor": "`docs/charter.md`, `docs/status/`, `README.md`, `docs/final-report.md`",
}


class Outcome(Strict):
    """What the programme says that its students will be able to do, in its own words."""

    serves: str  # a key of OUTCOMES
    quote: str = Field(min_length=1)

    @property
    def requirements(self) -> list[Requirement]:
        """The requirements that show it."""
        return [requirement for requirement in ALL if self.serves in requirement.outcomes]

    @property
    def evidence(self) -> list[str]:
        """Where it is shown in a repository, by family."""
        return [EVIDENCE[family] for family in dict.fromkeys(r.family for r in self.requirements)]


class Term(Strict):
    """A time in which the project is done. The pages name no weeks: these are usual ones."""

    id: str
    title: str
    weeks: Annotated[int, Field(gt=0)]
    profile: str | None = None  # where it is not the programme's own


class Program(Strict):
    """One programme."""

    id: str
    title: str
    institution: str
    degree: str
    department: str
    source: str  # the page that is quoted
    source_sha256: str = Field(pattern="^[0-9a-f]{64}$")  # of its text as it was read
    domain: str  # the example that `domain = auto` stands for
    courses: tuple[str, ...]
    outcome: tuple[Outcome, ...] = Field(min_length=1)
    term: tuple[Term, ...] = Field(min_length=1)
    track: str | None = None  # what the project is, where the page says so
    research: bool = False  # whether that is research, so that a paper comes of it
    units: int | None = None
    semesters: int | None = None

    @property
    def profile(self) -> profiles.Profile:
        """The profile that it is graded by, if no other is chosen."""
        return self.plan()

    def plan(self, term: str | None = None) -> profiles.Profile:
        """Give the profile of a term, by its id, with the milestones in the term's weeks; without one, of the first.

        Raises `KitError` where there is no such term.
        """
        terms = {found.id: found for found in self.term}
        name = term or self.term[0].id
        if name not in terms:
            raise KitError(f"programme {self.id} has no term {name!r}{profiles.near(name, list(terms))}")
        chosen = terms[name]
        known = [r.id for r in ALL]
        own = profiles.load(chosen.profile, known) if chosen.profile else profiles.default(self.id, known)
        return own.over(chosen.weeks)


def names() -> list[str]:
    """Give the ids of the programmes."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Program:
    """Read a programme. Raises `KitError` where there is none of that name."""
    if name not in names():
        raise KitError(f"there is no programme {name!r}{profiles.near(name, names())}")
    own = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    shared = (FOLDER / "institutions" / f"{own.pop('college')}.toml").read_text(encoding="utf-8")
    return Program.model_validate({"id": name} | tomllib.loads(shared) | own)


def overview() -> str:
    """Give a line for each programme, and one for each of its terms."""
    lines = []
    for program in map(load, names()):
        research = "; research" if program.research else ""
        lines.append(f"{program.id}: {program.title}; domain {program.domain}{research}")
        lines += [f"    {t.id:9}  {t.weeks:2} weeks, {t.title}; {program.plan(t.id).name}" for t in program.term]
    return "\n".join(lines)


def outcomes(name: str) -> str:
    """Give the page `docs/outcomes.md` of a repository of that programme."""
    return _page("outcomes.md.j2", program=load(name))


def traceability() -> str:
    """Give the page `docs/outcomes.md` of this project: every programme, and every outcome that is meant."""
    return _page("traceability.md.j2", programs=[load(name) for name in names()], outcomes=OUTCOMES, requirements=ALL)


def _page(template: str, **found: object) -> str:
    pages = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template(template).render(**found).rstrip("\n") + "\n"
