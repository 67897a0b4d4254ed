"""Features that alone tell the target: a person asks whether anybody knows them before the outcome."""

from pathlib import Path

from capstone_kit.gather.stages import ACCEPTED
from capstone_kit.project import TASK_CONTRACT, Project

TYPES = ("integer", "number", "string", "boolean")
ROWS = 20_000  # that are looked at


def leaks(project: Project, work: Path) -> tuple[str, ...]:
    """Name the features that explain nearly all of the target in the accepted rows of a run; none where it has none.

    A rule of physics may do so honestly: it costs no point.
    """
    import pandas as pd

    from capstone_kit.adopt.suspect import SUSPICIOUS, explained

    path = work / ACCEPTED
    if path.is_symlink() or not path.is_file():
        return ()
    kind = project.toml(TASK_CONTRACT).get("task", {}).get("kind", "")
    fields = project.fields()
    target = next((str(f["name"]) for f in fields if f.get("role") == "target"), "")
    try:
        rows = pd.read_csv(path, dtype=str, lineterminator="\n", nrows=ROWS)
    except (OSError, ValueError):
        return ()
    told = []
    for field in (f for f in fields if f.get("role") == "feature" and {f["name"], target} <= set(rows)):
        pair = rows[[field["name"], target]].set_axis(["x", "y"], axis="columns").dropna()
        numeric = field.get("type") in ("integer", "number")
        share = explained(pair, numeric, kind) if len(pair) >= 20 and field.get("type") in TYPES else 0.0
        if share >= SUSPICIOUS:
            told.append(f"{field['name']} alone explains {share:.1%} of the target: is it known before the outcome?")
    return tuple(told)
