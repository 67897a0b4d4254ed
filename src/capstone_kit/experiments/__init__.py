"""The experiments of a research project: run what is missing of the matrix, compare, write the paper's tables.

Nothing is run twice: what `experiments.toml` asks for is looked up among the experiments of DVC that ended on this
state of code, contracts and parameters.
"""

from capstone_kit import sweep
from capstone_kit.experiments import compare, matrix, paper
from capstone_kit.experiments.matrix import Design
from capstone_kit.experiments.paper import Run
from capstone_kit.project import KitError, Project
from capstone_kit.sweep import Files, Overrides
from capstone_kit.writing import Transaction

PREFIX = "experiments"


def study(project: Project, dry_run: bool = False) -> None:
    """Run what is missing, then write the tables. Raises `KitError` where nothing can be compared."""
    design = matrix.read(project)
    wanted, names = design.runs(), sweep.named(project, PREFIX, design.runs().values())
    own = {overrides: name for name, overrides in names.items()}
    found = sweep.measured(project, PREFIX)
    missing = {name: overrides for name, overrides in names.items() if name not in found}
    counts = f"{len(design.conditions)} conditions with {len(design.seeds)} seeds"
    print(f"{PREFIX}: {counts}: {len(names) - len(missing)} of {len(names)} runs have ended", flush=True)
    shown = {overrides: f"{condition}; seed {seed}" for (condition, seed), overrides in wanted.items()}
    if dry_run:
        return print("\n".join(f"  to run: {shown[overrides]}" for overrides in missing.values()))
    sweep.run(project, PREFIX, missing, shown.__getitem__)
    write(project, design, ended(design, own, sweep.measured(project, PREFIX), sweep.headline(project)))


def ended(design: Design, names: dict[Overrides, str], found: dict[str, Files], headline: str) -> list[Run]:
    """Give the runs that ended and in which the headline is defined, in the order of the conditions."""
    runs = []
    for (condition, seed), overrides in design.runs().items():
        files = found.get(names[overrides])
        if files and files[sweep.METRICS][headline]["value"] is not None:
            costs = {name: files[sweep.CONSTRAINTS][name] for name in sweep.COSTS}
            runs.append(Run(condition, seed, files[sweep.METRICS][headline]["value"], costs, names[overrides]))
    return runs


def write(project: Project, design: Design, runs: list[Run]) -> None:
    """Write the tables all or none, and say which files hold them."""
    of_reference = [run for run in runs if run.condition == design.conditions[0].name]
    if len(of_reference) < 2:
        name = design.conditions[0].name
        raise KitError(f"{len(of_reference)} runs of {name!r} ended, and comparing takes two: see above")
    rows = compare.rows([c.name for c in design.conditions], {(r.condition, r.seed): r.value for r in runs})
    headline = sweep.headline(project)
    transaction = Transaction(project.root)
    written = paper.pages(project, design, rows, runs, headline)
    for name, content in written.items():
        transaction.write(name, content)
    transaction.commit()
    beyond, compared = sum(row.significant for row in rows), sum(row.p is not None for row in rows)
    print(
        f"{PREFIX}: {len(runs)} of {len(design.runs())} runs have ended; {beyond} of {compared} differences in "
        f"{headline} are beyond chance -> {', '.join(written)}"
    )
