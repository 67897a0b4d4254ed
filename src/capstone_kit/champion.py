"""Which version is served: promote, roll back, put a shadow beside it, and trace a prediction to its data.

These run in the project's own environment, on its registry, for the people whose it is. They change the registry's
alias and the pointer that the running service follows (the project's `serving/models.py`), and no file that git or
DVC keeps.
"""

import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capstone_kit.project import CannotRunError, KitError, Project, git

LOG = "logs/predictions.jsonl"
PASSED = ("promoted", "kept", "passed")  # by the gate
HINT = "run it in the repository as `uv run capstone …`"


@dataclass(frozen=True)
class Registry:
    """The project's registry, and its own modules that know it."""

    client: Any  # mlflow's
    name: str
    models: Any
    tracking: Any
    features: Any

    @property
    def champion(self) -> str | None:
        """The version that is champion, if there is one."""
        return self.tracking.champion(self.client, self.name)

    def version(self, number: str) -> Any:
        """Give a version by its number. Raises `KitError` where there is none."""
        found = {str(v.version): v for v in self.client.search_model_versions(f"name = '{self.name}'")}
        if number not in found:
            known = ", ".join(sorted(found, key=int)) or "none"
            raise KitError(f"there is no version {number!r} of {self.name}: the registry has {known}")
        return found[number]

    def fetched(self, number: str) -> None:
        """Bring a version here and see that it can be served. Raises the project's own error where it cannot."""
        self.models.load(self.tracking.fetch(self.client, self.name, number), self.features)


@contextmanager
def registry(project: Project) -> Generator[Registry]:
    """Give the registry of the project around us; what its modules refuse becomes a `KitError`."""
    os.chdir(project.root)
    try:
        from project import contract, stage
        from project.serving import models
        from project.training import tracking
    except ImportError as error:
        raise CannotRunError(f"the project's own modules cannot be imported ({error}): {HINT}") from None
    try:
        data, capstone = contract.load()
        name = capstone.project.slug
        yield Registry(tracking.connect(name), name, models, tracking, data.features)
    except stage.ProjectError as error:
        raise KitError(str(error)) from None


def promote(project: Project, number: str) -> None:
    """Make a version champion that the gate has passed."""
    with registry(project) as found:
        chosen = found.version(number)
        if chosen.tags.get("gate") not in PASSED:
            reason = chosen.tags.get("gate_reason", "it was never offered to the gate")
            raise KitError(f"the gate did not pass version {number}: {reason}")
        before = found.champion
        _put(found, number)
        if "rolled_back" in chosen.tags:
            found.client.delete_model_version_tag(found.name, number, "rolled_back")
    instead = f" in the place of version {before}" if before not in (None, number) else ""
    print(f"version {number} is champion{instead}; a running service follows within a second")


def rollback(project: Project) -> None:
    """Put the champion before back, and keep the present one from becoming champion again by itself."""
    with registry(project) as found:
        now = found.champion
        versions = found.client.search_model_versions(f"name = '{found.name}'")
        earlier = [v for v in versions if _may_return(v) and str(v.version) != now]
        if now is None or not earlier:
            raise KitError(f"there is no earlier champion of {found.name} to go back to")
        last = str(max(earlier, key=lambda v: v.tags["approved_at"]).version)
        _put(found, last)
        found.client.set_model_version_tag(found.name, now, "rolled_back", f"by {found.tracking.approver()}")
    print(f"version {last} is champion again, version {now} is rolled back; a running service follows within a second")


def _may_return(version: Any) -> bool:
    return "approved_at" in version.tags and "rolled_back" not in version.tags


def _put(found: Registry, number: str) -> None:
    found.fetched(number)
    found.tracking.promote(found.client, found.name, number, found.tracking.approver())


def shadow(project: Project, number: str | None) -> None:
    """Put a version beside the champion ("off": none), or say how far the two agreed."""
    if number is None:
        print(compared(list(lines(project))))
        return
    with registry(project) as found:
        champion = found.champion
        if champion is None:
            raise KitError(f"{found.name} has no champion yet, beside which a shadow could answer")
        for version in {champion, number} - {"off"}:
            found.version(version)
            found.fetched(version)
        found.models.point(champion=champion, shadow=None if number == "off" else number)
    if number == "off":
        print("there is no shadow any more")
    else:
        print(f"version {number} answers as a shadow within a second: nobody sees it but the log")


def compared(logged: list[dict[str, Any]]) -> str:
    """Give in words how far the shadow agreed with what was answered, by the versions of the last such line."""
    both = [line for line in logged if "shadow" in line]
    if not both:
        raise KitError(f"no line of {LOG} holds a shadow's answer: `uv run capstone shadow VERSION` begins")
    versions = [tuple(line[who]["model_version"] for who in ("answer", "shadow")) for line in both]
    pairs = [
        (first["prediction"], second["prediction"])
        for line, named in zip(both, versions, strict=True)
        if named == versions[-1]
        for first, second in zip(line["answer"]["predictions"], line["shadow"]["predictions"], strict=True)
    ]
    champion, other = versions[-1]
    if isinstance(pairs[0][0], str):
        alike = sum(first == second for first, second in pairs)
        return f"versions {champion} and {other} agree on {alike:,} of {len(pairs):,} rows ({alike / len(pairs):.1%})"
    apart = sorted(abs(first - second) for first, second in pairs)
    return (
        f"versions {champion} and {other} lie {apart[len(apart) // 2]:.4g} apart on the median of {len(pairs):,} rows, "
        f"{apart[-1]:.4g} at most"
    )


def lines(project: Project, holding: str = "") -> Iterator[dict[str, Any]]:
    """Give the lines of the prediction log that hold a text; a line that was cut off is left out."""
    path = project.path(LOG)
    if not path.is_file():
        raise KitError(f"{LOG} is missing: the service writes it (`uv run bentoml serve`)")
    with path.open("rb") as file:
        for line in file:
            if holding.encode() in line:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue


def trace(project: Project, prediction: str) -> None:
    """Say where a prediction came from: version, run, commit, data, and who approved it."""
    line, row = _logged(project, prediction)
    answer = line["answer"]
    with registry(project) as found:
        number = answer["model_version"].partition(" ")[0]
        version = found.version(number)
        run = found.client.get_run(version.run_id)
        here = found.models.digest(*sorted(Path("data/splits").glob("*.csv"))) == run.data.tags["data_sha256"]
    inputs = line["inputs"][row] if isinstance(line["inputs"], list) else line["inputs"]
    tags, commit = run.data.tags, run.data.tags["git_commit"]
    known = "in this repository" if _has(project, commit) else "not in this repository"
    dirty = ", with changes that were not committed" if tags.get("git_dirty") == "true" else ""
    place = "these are the rows in data/splits" if here else f"`git checkout {commit[:12]}` and `uv run dvc checkout`"
    for name, value in {
        "prediction": f"{answer['predictions'][row]['prediction']!r} at {line['time']}",
        "inputs": json.dumps(inputs, ensure_ascii=False),
        "version": f"{number} of {version.name}, gate: {version.tags.get('gate', 'not asked')}",
        "approved": f"by {version.tags.get('approved_by', 'nobody')} at {version.tags.get('approved_at', 'no time')}",
        "run": f"{version.run_id} ({run.data.params.get('estimator', '?')})",
        "commit": f"{commit} ({known}{dirty})",
        "data": f"sha256 {tags['data_sha256']} ({place})",
        "contracts": f"sha256 {tags['contract_sha256']}",
    }.items():
        print(f"{name + ':':<12}{value}")


def _logged(project: Project, prediction: str) -> tuple[dict[str, Any], int]:
    """Give the line of the log with a prediction, and its place there. Raises `KitError` where there is none."""
    for line in lines(project, prediction):
        for place, one in enumerate(line["answer"]["predictions"]):
            if one["id"] == prediction:
                return line, place
    raise KitError(f"{LOG} holds no prediction {prediction!r}: the id stands in the answer, as `id`")


def _has(project: Project, commit: str) -> bool:
    try:
        git(project.root, "cat-file", "-e", f"{commit}^{{commit}}")
    except KitError:
        return False
    return True
