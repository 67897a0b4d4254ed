"""`capstone adopt`: from a table to contracts, parameters and documents that speak of it. `src/` stays as it is."""

import importlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capstone_kit.adopt import contracts, documents, infer, profile, tracking
from capstone_kit.adopt.description import Field, Inference, Wishes, one
from capstone_kit.adopt.source import Source, locate
from capstone_kit.project import DATA_CONTRACT, PARAMETERS, PIPELINE, TASK_CONTRACT, KitError, Project, run, safe
from capstone_kit.writing import Transaction

SMALL = 20_000_000  # bytes of a source that git may keep
OF_THE_EXAMPLE = "tests/test_example.py"

__all__ = ["Wishes", "adopt", "one"]


def adopt(
    project: Project, source: str, wishes: Wishes, sheet: str | None, query: str | None, dry_run: bool, ask: bool
) -> None:
    """Infer the contracts from the table at `source`, show them, and write them. Raises `KitError` in one sentence."""
    _check(project)
    with tempfile.TemporaryDirectory() as folder:
        table = locate(source, Path(folder), sheet, query, wishes.target)
        found = infer.infer(_profile(table), wishes)
        shared = not wishes.confidential and table.size <= SMALL
        _show(table, found, shared)
        transaction = Transaction(project.root)
        try:
            _write(transaction, project, table, found, wishes, shared)
            names = transaction.changed()
            if dry_run or not names:
                print(
                    f"nothing was changed; it would be: {', '.join(names)}"
                    if names
                    else "nothing changes: all is as it was"
                )
                return
            if ask:
                _confirm(names)
            before = project.yaml(PARAMETERS)["ingest"]["source"]
            transaction.commit(lambda: None if shared else tracking.track(project, table))
        finally:
            transaction.close()
    _say_what_is_next(names, shared)
    if before.startswith("data/source/") and before != table.name:
        print(f"note: nothing reads {before} any more: remove it, or {before}.dvc, if nobody needs it")


def _check(project: Project) -> None:
    """Raise `KitError` where what adoption is about to change cannot be read, or would be lost."""
    try:
        contract, stage = importlib.import_module("project.contract"), importlib.import_module("project.stage")
    except ModuleNotFoundError as error:
        raise KitError(f"{error.name} is not installed here: run it as `uv run capstone adopt`") from error
    try:
        for load in (contract.load_data_contract, contract.load_capstone, contract.load_parameters):
            load(project.root)
    except stage.ProjectError as error:
        raise KitError(str(error).removeprefix(f"{project.root}/")) from error
    for name in documents.replaced(project):
        if project.path(".git").exists() and run(project.root, "git", "status", "--porcelain", name):
            raise KitError(f"{name} would be written anew, and no commit holds it as it is: commit it first")


def _profile(table: Source) -> profile.Profile:
    """Read the table as the project's own ingest stage reads it."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    ingest = importlib.import_module("project.ingest")
    stage = importlib.import_module("project.stage")
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True) as progress:
        task = progress.add_task("reading")

        def counted() -> Iterator[Any]:
            rows = 0
            for piece in ingest.pieces(str(table.path), table.options, 0):
                rows += len(piece)
                progress.update(task, description=f"reading: {rows:,} rows")
                yield ingest.decimal_point(piece, table.options, _numeric(piece, table.options))

        try:
            return profile.profile(counted())
        except stage.ProjectError as error:
            raise KitError(str(error).removeprefix("params.yaml: ingest.source: ")) from error


def _numeric(piece: Any, options: dict[str, Any]) -> list[str]:
    """Give the columns in which a decimal or thousands sign may be put right: all whose values are numbers then."""
    decimal, thousands = options.get("decimal", "."), options.get("thousands", "")
    if decimal == "." and not thousands:
        return []
    digits = rf"[\d{re.escape(thousands)}]+({re.escape(decimal)}\d*)?([eE][-+]?\d+)?"
    pattern = rf"\s*{profile.BEFORE}[-+]?{digits}{profile.AFTER}\s*"
    few = piece.head(1000)
    return [name for name in piece if few[name][few[name].str.len() > 0].str.fullmatch(pattern).mean() > 0.9]


def _write(
    transaction: Transaction, project: Project, table: Source, found: Inference, wishes: Wishes, shared: bool
) -> None:
    """Collect every file that adoption makes or changes."""
    confidentiality = "confidential" if wishes.confidential else "internal"
    transaction.write(DATA_CONTRACT, contracts.data_contract(project, table, found, confidentiality))
    transaction.write(TASK_CONTRACT, contracts.task_contract(project, found))
    transaction.write(PARAMETERS, contracts.parameters(project, table, found, wishes.engine))
    transaction.write(PIPELINE, contracts.pipeline(project))
    for name, text in documents.written(project, table, found, confidentiality).items():
        transaction.write(name, text)
    transaction.remove(OF_THE_EXAMPLE)
    if table.path != project.path(table.name).resolve():
        table.copy(transaction.stage(table.name))
    tracking.prepare(transaction, project, table, shared)


def _confirm(names: list[str]) -> None:
    import sys

    import typer

    if not sys.stdin.isatty():
        raise KitError("nobody is there to be asked: say --yes to write, or --dry-run to see what it would")
    typer.confirm(f"Write {', '.join(names)}?", default=True, abort=True)


def _show(table: Source, found: Inference, shared: bool) -> None:
    """Print what was found and decided, and why."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    target = found.target
    task = f"{found.kind} of {target.name!r}" + (f" [{target.unit}]" if target.unit else "")
    print(
        safe(
            f"{table.origin}: {found.rows:,} rows, {len(found.fields)} columns"
            + "".join(f"; {r}" for r in table.remarks)
        )
    )
    print(safe(f"task: {task} from {len(found.features)} features{_classes(found)}"))
    if found.unlabelled:
        rows = "1 row has" if found.unlabelled == 1 else f"{found.unlabelled:,} rows have"
        print(f"{rows} no target, and no part in what follows")
    shown = Table("column", "type", "role", "why, or limits", box=None, pad_edge=False)
    for field in _worth_showing(found):
        shown.add_row(*(safe(text).replace("[", "\\[") for text in (field.name, field.type, field.role, _why(field))))
    console.print(shown)
    if (rest := len(found.fields) - shown.row_count) > 0:
        print(f"and {rest} more features")
    for remark in found.remarks:
        print(safe(f"note: {remark}"))
    for field in found.fields:
        if field.leakage:
            print(safe(f"warning: {field.name!r} {field.leakage}"))
        if field.personal:
            print(safe(f"warning: {field.name!r} seems to hold {field.personal}; is the team allowed to hold them?"))
    kept = "in git, so that every clone has it" if shared else "under DVC, out of git: share it with `capstone remote`"
    print(f"source: {table.name}, {table.size / 1e6:.1f} MB, kept {kept}")


def _classes(found: Inference) -> str:
    if not found.labels:
        return f"; the median everywhere is off by {found.baseline:.4g} on average"
    named = ", ".join(f"{label} {share:.1%}" for label, share in list(zip(found.labels, found.shares, strict=True))[:6])
    rest = f" and {len(found.labels) - 6} more" if len(found.labels) > 6 else ""
    alarm = f"; an alarm is about {found.positive!r}" if found.positive is not None else ""
    return f"; classes {named}{rest}{alarm}"


def _worth_showing(found: Inference) -> list[Field]:
    """Give all columns of a narrow table; of a wide one those that are no plain feature, and the first few."""
    plain = [f for f in found.fields if f.role == "feature" and not f.leakage]
    hidden = {id(f) for f in plain[20:]}
    return [f for f in found.fields if id(f) not in hidden][:60]


def _why(field: Field) -> str:
    return field.reason or documents.limits(field)


def _say_what_is_next(names: list[str], shared: bool) -> None:
    print(f"written: {', '.join(names)}")
    if not shared:
        print("the source is under DVC: `uv run capstone remote` shares it with the team")
    print("next: uv run dvc repro, then uv run bentoml serve")
