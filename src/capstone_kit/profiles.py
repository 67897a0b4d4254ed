"""Course profiles: which requirements count how much, and when. Data in TOML; a course may bring its own file."""

import difflib
import hashlib
import math
import tomllib
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from capstone_kit.project import KitError

SHIPPED = Path(__file__).parent / "courses"
Positive = Annotated[int, Field(gt=0, strict=True)]


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Milestone(Strict):
    """What has to be there by the end of a week of the term."""

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    week: Positive  # counted from 1
    requirements: tuple[str, ...]

    def due(self, start: date) -> date:
        """Give the last day of the milestone's week; `start` is the first day of the term."""
        return start + timedelta(days=7 * self.week - 1)


class Settings(Strict):
    """What a course may set otherwise."""

    coverage: float = Field(default=0.8, gt=0, le=1)  # of the statements of src, for all points of QA2
    mutants: float = Field(default=0.6, gt=0, le=1)  # of the seeded ones that the tests catch, for all points of QA1
    minutes: float = Field(default=30, gt=0)  # for one `dvc repro`
    ready_seconds: float = Field(default=60, gt=0)  # until the service answers
    status_days: Positive = 7  # between two status reports


class Profile(Strict):
    """A course's choice of requirements. The points sum to 100."""

    name: str
    sha256: str  # of the file
    title: str = Field(min_length=1)
    institution: str = Field(min_length=1)
    course: str = Field(min_length=1)
    weeks: Positive  # of the term
    programs: tuple[str, ...] = ()  # beginnings of the programmes that it is the default of
    points: dict[str, Positive]
    milestone: tuple[Milestone, ...] = ()
    settings: Settings = Settings()

    def over(self, weeks: int) -> "Profile":
        """Give the profile for a term of so many weeks, each milestone as far into it as it was, by whole weeks."""
        moved = [m.model_copy(update={"week": math.ceil(m.week * weeks / self.weeks)}) for m in self.milestone]
        return self.model_copy(update={"weeks": weeks, "milestone": tuple(moved)})

    def until(self, name: str) -> tuple[str, ...]:
        """Give the requirements of a milestone and of those before it. Raises `KitError` where there is none such."""
        week = next((m.week for m in self.milestone if m.id == name), None)
        if week is None:
            raise KitError(f"profile {self.name} has no milestone {name!r}{near(name, [m.id for m in self.milestone])}")
        return tuple(r for m in self.milestone if m.week <= week for r in m.requirements)


def names() -> list[str]:
    """Give the names of the profiles that come with the kit."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load(name: str, known: Iterable[str]) -> Profile:
    """Read a profile by its name, or from a TOML file; `known` are the requirements that there are.

    Raises `KitError` that names the key, what was found and what is allowed.
    """
    path = SHIPPED / f"{name}.toml" if name in names() else Path(name)
    try:
        content = path.read_bytes()
        found = tomllib.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise KitError(f"there is no profile {name!r}, nor a file of that name{near(name, names())}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KitError(f"{path.name}: {error}") from None
    except OSError as error:
        raise KitError(f"{path.name} cannot be read: {error.strerror}") from None
    try:
        profile = Profile.model_validate(found | {"name": path.stem, "sha256": hashlib.sha256(content).hexdigest()})
    except ValidationError as error:
        raise KitError(f"{path.name}: {_first(error)}") from None
    _check(path.name, profile, list(known))
    return profile


def default(program: str, known: Iterable[str]) -> Profile:
    """Give the profile of a programme: the one that names the longest beginning of it."""
    every = [load(name, known) for name in names()]
    fitting = [(len(prefix), p.name, p) for p in every for prefix in p.programs if program.startswith(prefix)]
    if not fitting:
        raise KitError(f"no profile is the default of programme {program!r}: choose --profile, of {', '.join(names())}")
    return max(fitting)[2]


def near(name: str, known: list[Any]) -> str:
    """Give the end of a sentence about an unknown name: the one that was meant, or those that there are."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        return f"key {key!r} is not known{near(key, [*Profile.model_fields])}"
    shown = "" if isinstance(first["input"], dict) else f", found {first['input']!r}"
    return f"{key}: {first['msg']}{shown}"


def _check(file: str, profile: Profile, known: list[str]) -> None:
    """Check what spans several keys. Raises `KitError`."""
    for key, chosen in (
        ("points", profile.points),
        *((f"milestone {m.id}", m.requirements) for m in profile.milestone),
    ):
        for wanted in chosen:
            if wanted not in known:
                raise KitError(f"{file}: {key}: there is no requirement {wanted!r}{near(wanted, known)}")
            if wanted not in profile.points:
                raise KitError(f"{file}: {key}: {wanted} has no points in this profile")
    if (total := sum(profile.points.values())) != 100:
        raise KitError(f"{file}: points sum to {total}, they have to sum to 100")
    for milestone in profile.milestone:
        if milestone.week > profile.weeks:
            raise KitError(f"{file}: milestone {milestone.id}: week {milestone.week} of a term of {profile.weeks}")
