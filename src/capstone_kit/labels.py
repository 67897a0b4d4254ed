"""What turned out to be true, joined to the service's predictions by their ids, for the project's drift monitor."""

from pathlib import Path

import pandas as pd

from capstone_kit.champion import LOG, lines
from capstone_kit.project import KitError, Project

LABELS = "logs/labels.csv"
ID = "id"


def add(project: Project, path: Path) -> None:
    """Add the labels in a CSV file to `LABELS`; of two for one prediction the later holds.

    Raises `KitError` where the file has no such columns, or names a prediction that the log does not hold.
    """
    target = next((str(f["name"]) for f in project.fields() if f.get("role") == "target"), "")
    found = _read(path, target)
    if unknown := sorted(set(found[ID]) - _ids(project)):
        named = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
        raise KitError(f"{path}: {len(unknown)} ids are not in {LOG}: {named}; nothing was added")
    kept = project.path(LABELS)
    before = pd.read_csv(kept, dtype=str, na_filter=False) if kept.is_file() else found.head(0)
    every = pd.concat([before, found]).drop_duplicates(ID, keep="last")
    temporary = kept.with_name(f".{kept.name}.tmp")
    every.to_csv(temporary, index=False, lineterminator="\n")
    temporary.replace(kept)
    print(
        f"{len(found):,} labels joined, {len(every):,} in all -> {LABELS}; `uv run python -m project.drift` uses them"
    )


def _read(path: Path, target: str) -> pd.DataFrame:
    try:
        found = pd.read_csv(path, dtype=str, na_filter=False)
    except (OSError, ValueError) as error:
        raise KitError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if lacking := [name for name in (ID, target) if name not in found]:
        raise KitError(f"{path}: the column {lacking[0]!r} is missing: it needs {ID!r} and {target!r}")
    found = found[[ID, target]]
    return found[found[target] != ""]


def _ids(project: Project) -> set[str]:
    return {one["id"] for line in lines(project) for one in line["answer"]["predictions"]}
