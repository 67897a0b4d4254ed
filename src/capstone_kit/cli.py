"""The command `capstone`: parse, call, print, exit status. It decides nothing.

Exit status: 0 done; 1 an expected failure, said in one sentence; 2 wrong usage, or no way to work here; 3 a bug,
with the path of its traceback; 130 interrupted. `check` and `grade` end with 1 for unmet requirements alone, and with
2 whenever they could not judge. Each command imports what it needs when it is called, so that `--help`
is quick.
"""

import errno
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from capstone_kit.project import CannotRunError, KitError, Project, safe

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Moves a capstone repository to your own data, and says what it still needs.",
)


@app.callback(invoke_without_command=True)
def capstone(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    """Serve as the place of options that belong to no command."""
    if version:
        from capstone_kit import VERSION

        print(VERSION)


@app.command()
def adopt(
    source: Annotated[
        str, typer.Argument(help="CSV, Excel, Parquet or JSON Lines file, folder of CSV parts, URL, database URL")
    ],
    target: Annotated[list[str], typer.Option(help="the column to be predicted")],
    kind: Annotated[str | None, typer.Option(help="classification or regression; inferred if not given")] = None,
    positive: Annotated[str | None, typer.Option(help="the class that an alarm is about")] = None,
    time: Annotated[list[str] | None, typer.Option(help="column by which rows are split into past and future")] = None,
    group: Annotated[list[str] | None, typer.Option(help="column whose groups are never divided")] = None,
    id: Annotated[list[str] | None, typer.Option("--id", help="column that only names the row")] = None,  # noqa: A002
    drop: Annotated[list[str] | None, typer.Option(help="column that the model must not see")] = None,
    sheet: Annotated[str | None, typer.Option(help="sheet of an Excel file")] = None,
    query: Annotated[str | None, typer.Option(help="SQL query, with a database URL")] = None,
    engine: Annotated[str | None, typer.Option(help="where training searches: local, or dask for a cluster")] = None,
    confidential: Annotated[bool, typer.Option("--confidential", help="keep the data out of git, under DVC")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the decisions and change nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="ask nothing")] = False,
) -> None:
    """Bring your own data: infer the contract from the table, and let everything speak of it."""
    from capstone_kit import adopt as adoption

    wishes = adoption.Wishes(
        target=adoption.one("--target", target) or "",
        kind=kind,
        positive=positive,
        time=adoption.one("--time", time),
        group=adoption.one("--group", group),
        identifiers=tuple(id or ()),
        dropped=tuple(drop or ()),
        confidential=confidential,
        engine=engine,
    )
    adoption.adopt(Project.here(), source, wishes, sheet=sheet, query=query, dry_run=dry_run, ask=not yes)


@app.command()
def sample(
    rows: Annotated[int, typer.Option(help="how many rows", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="another seed, other rows")] = 0,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="use the sample if the real data cannot be fetched")
    ] = False,
) -> None:
    """Make a synthetic table that keeps the contract, for those who may not see the real one."""
    from capstone_kit import sample as samples

    samples.stand_in(Project.here()) if stand_in else samples.make(Project.here(), rows, seed)


@app.command()
def remote(
    url: Annotated[str, typer.Argument(help="s3://…, ssh://…, azure://…, gs://… or a folder")],
    endpoint: Annotated[str | None, typer.Option(help="address of an S3-compatible server")] = None,
    port: Annotated[int | None, typer.Option(help="port of an SSH server")] = None,
    keyfile: Annotated[Path | None, typer.Option(help="private key for SSH; kept out of git")] = None,
) -> None:
    """Set up the team's DVC remote, try a push and a pull, and say what CI still needs."""
    from capstone_kit import remote as remotes

    key = keyfile and keyfile.expanduser().resolve()
    if key and not key.is_file():
        raise KitError(f"--keyfile: {keyfile}: there is no such file")
    remotes.set_up(Project.here(), url, {"endpointurl": endpoint, "port": port}, {"keyfile": key})


@app.command()
def doctor() -> None:
    """Say what is missing on this machine and in this repository, each with the command that mends it."""
    from capstone_kit import doctor as doctors

    raise typer.Exit(doctors.examine(Project.here()))


@app.command()
def privacy() -> None:
    """Look for personal data among the features and in samples, prediction logs and artifacts. Status 1: found some."""
    from capstone_kit import privacy as privacies

    raise typer.Exit(privacies.examine(Project.here()))


@app.command()
def tradeoff(
    sets: Annotated[list[str] | None, typer.Option("--set", help="key=value,value of a parameter")] = None,
) -> None:
    """Weigh quality against latency, size and training time: an experiment for each setting that the search tried."""
    from capstone_kit import tradeoff as tradeoffs

    tradeoffs.study(Project.here(), tuple(sets or ()))


@app.command()
def experiments(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be run, and run nothing")] = False,
) -> None:
    """Run what is missing of experiments.toml, every condition with every seed, and write the paper's tables."""
    from capstone_kit import experiments as matrices

    matrices.study(Project.here(), dry_run)


@app.command()
def check(
    profile: Annotated[str | None, typer.Option(help="a course profile or a TOML file")] = None,
    run: Annotated[bool, typer.Option("--run", help="run pipeline, tests and service too: minutes")] = False,
    only: Annotated[list[str] | None, typer.Option(help="a requirement by its id; may be given again")] = None,
    milestone: Annotated[str | None, typer.Option(help="what is due by a milestone of the profile")] = None,
    form: Annotated[str, typer.Option("--format", help="text, json, junit, html, sarif, …")] = "text",
    output: Annotated[Path | None, typer.Option(help="file to write to, in place of the terminal")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="end with status 1 if a requirement is unmet")] = False,
) -> None:
    """Say which of the course's requirements are met, and what is next. A preview of the grade."""
    from capstone_kit import check as checks

    with _or_cannot_run():
        project = Project.here()
        chosen = checks.profile_of(project, profile)
        report = checks.check(project, chosen, tuple(only or ()), milestone, run)
        checks.write(report, form, output)
        if form == "text" and not output and not only:
            print(checks.calendar(project, chosen, milestone))
    raise typer.Exit(1 if strict and report.unmet else 0)


@app.command()
def report(
    out: Annotated[Path | None, typer.Option(help="folder of the page: site, or portfolio")] = None,
    portfolio: Annotated[bool, typer.Option("--portfolio", help="one page that a student may show")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="only if the data contract lets it go public")] = False,
    screenshot: Annotated[bool, typer.Option("--screenshot", help="serve the model, picture its page")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="print it too, with a Chromium of this machine")] = False,
) -> None:
    """Build the page on which a sponsor sees what was asked, where it stands and how to take it over."""
    from capstone_kit import report as reports
    from capstone_kit.report import browser

    project = Project.here()
    if screenshot:
        print(f"written: {browser.photograph(project.root)}", flush=True)
    out = out or Path("portfolio" if portfolio else "site")
    if publish:
        return print(reports.publish(project, out))
    page = reports.portfolio(project, out) if portfolio else reports.build(project, out)
    print(f"written: {page}" + (f" and {browser.print_pdf(page)}" if pdf else ""))


@app.command("sign-off")
def sign_off(
    role: Annotated[str, typer.Option("--as", help="sponsor or advisor")],
    milestone: Annotated[str, typer.Option(help="a milestone of the charter")],
) -> None:
    """Record that a milestone is accepted: bound to the commit, the criteria and the measured values."""
    from capstone_kit.report import signature

    print(f"written: {signature.sign(Project.here(), role, milestone)}; commit it")


@app.command()
def grade(
    repository: Annotated[list[str] | None, typer.Argument(help="paths or addresses of repositories")] = None,
    roster: Annotated[Path | None, typer.Option(help="CSV: team, repository, and a line for each member")] = None,
    out: Annotated[Path, typer.Option(help="folder for reports and gradebooks")] = Path("grades"),
    profile: Annotated[str, typer.Option(help="a course profile or a TOML file")] = "cmu-msaie-capstone",
    seed: Annotated[int, typer.Option(help="what is withheld follows from it: keep it secret")] = 0,
    commit: Annotated[str | None, typer.Option(help="the commit to grade, of a single repository")] = None,
    before: Annotated[datetime | None, typer.Option(help="the last commit before this moment (UTC)")] = None,
    only: Annotated[list[str] | None, typer.Option(help="grade this requirement again; may be given again")] = None,
    milestone: Annotated[str | None, typer.Option(help="what is due by a milestone of the profile")] = None,
    withheld: Annotated[Path | None, typer.Option(help="folder with TEAM.csv: rows that the team never saw")] = None,
    decisions: Annotated[Path | None, typer.Option(help="TOML: [TEAM.REQUIREMENT] points, note")] = None,
    protected: Annotated[Path | None, typer.Option(help="a list of files that a team may not weaken")] = None,
    canvas: Annotated[Path | None, typer.Option(help="a gradebook that Canvas exported, to be filled in")] = None,
    item: Annotated[str, typer.Option(help="the assignment in the gradebooks")] = "Capstone",
    jobs: Annotated[int, typer.Option(help="commands of the teams at a time", min=1)] = 2,
    cluster: Annotated[str | None, typer.Option(help="address of a Dask scheduler")] = None,
    diff: Annotated[Path | None, typer.Option(help="compare with the results of an earlier run")] = None,
    unsandboxed: Annotated[bool, typer.Option("--unsandboxed", help="run their code on this machine, openly")] = False,
) -> None:
    """Grade repositories that nobody trusts, from evidence that the grader makes itself."""
    from capstone_kit import cohort

    with _or_cannot_run():
        cohort.run(
            cohort.Wishes(
                repositories=tuple(repository or ()),
                roster=roster,
                out=out,
                profile=profile,
                seed=seed,
                commit=commit,
                before=before and before.replace(tzinfo=UTC),
                only=tuple(only or ()),
                milestone=milestone,
                withheld=withheld,
                decisions=decisions,
                protected=protected,
                canvas=canvas,
                item=item,
                jobs=jobs,
                cluster=cluster,
                diff=diff,
                sandboxed=not unsandboxed,
            )
        )


@app.command()
def course(
    folder: Annotated[Path, typer.Argument(help="a new folder, or one that holds none of its files yet")],
    profile: Annotated[str, typer.Option(help="a course profile or a TOML file")] = "cmu-msaie-capstone",
) -> None:
    """Make the instructor's repository: profile, roster, decisions, and the workflows that grade."""
    from capstone_kit import course as courses

    for path in courses.make(folder, profile):
        print(path)


@app.command()
def promote(version: Annotated[str, typer.Argument(help="the version's number in the registry")]) -> None:
    """Make a version champion that the gate has passed; a running service follows."""
    from capstone_kit import champion

    champion.promote(Project.here(), version)


@app.command()
def rollback() -> None:
    """Put the champion before back; a running service follows."""
    from capstone_kit import champion

    champion.rollback(Project.here())


@app.command()
def shadow(
    version: Annotated[str | None, typer.Argument(help="the version's number, or off; none: compare")] = None,
) -> None:
    """Let a version answer beside the champion, for the log alone; then say how far the two agree."""
    from capstone_kit import champion

    champion.shadow(Project.here(), version)


@app.command()
def trace(prediction: Annotated[str, typer.Argument(help="the id in an answer of the service")]) -> None:
    """Say where a prediction came from: model version, run, commit, data, and who approved it."""
    from capstone_kit import champion

    champion.trace(Project.here(), prediction)


@app.command()
def monitor(
    file: Annotated[str | None, typer.Argument(help="a prediction log or a CSV table")] = None,
) -> None:
    """Run the project's drift monitor; show what it found as a page and as Prometheus metrics. Status 3: alarm."""
    from capstone_kit import monitor as monitors

    raise typer.Exit(monitors.run(Project.here(), file))


@app.command()
def label(file: Annotated[Path, typer.Argument(help="CSV with the columns id and that of the target")]) -> None:
    """Keep what turned out to be true of predictions, so that the drift monitor can tell errors and coverage."""
    from capstone_kit import labels

    labels.add(Project.here(), file)


@app.command()
def requirements(
    profile: Annotated[str | None, typer.Option(help="a course profile: only what it asks, with its points")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="as the reference page of the documentation")] = False,
) -> None:
    """Print the catalogue of requirements."""
    from capstone_kit import catalogue

    print(catalogue.markdown() if markdown else catalogue.table(profile))


@app.command()
def programs(
    program: Annotated[str | None, typer.Argument(help="one programme: its outcomes and what shows them")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="all, as the page of the documentation")] = False,
) -> None:
    """List the programmes, each with its domain, its terms and their course profiles."""
    from capstone_kit import programs as known

    print((known.traceability() if markdown else known.outcomes(program) if program else known.overview()).rstrip())


OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)  # a disk full, a folder closed


@contextmanager
def _or_cannot_run() -> Generator[None]:
    """Have every refusal of an examination say that it could not run: its status 1 means unmet requirements."""
    try:
        yield
    except CannotRunError:
        raise
    except KitError as error:
        raise CannotRunError(" ".join(str(error).split())) from error
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        raise CannotRunError(f"{error.filename or 'a file'}: {error.strerror}") from error


class Interrupted(BaseException):
    """Ctrl-C, or the request to end: raised where the command is, so that it leaves nothing half done."""


def main() -> None:
    """Run the command; whatever goes wrong ends in one line and an exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter is no reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except CannotRunError as error:
        _end(2, f"error: {safe(str(error))}")
    except KitError as error:
        _end(1, f"error: {' '.join(safe(str(error)).split())}")
    except Interrupted:
        _end(130, "interrupted: nothing was changed")
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            _end(3, f"bug: the traceback is in {_keep_traceback()}; please report it")
        _end(1, f"error: {safe(str(error.filename or 'a file'))}: {error.strerror}")
    except Exception:
        _end(3, f"bug: the traceback is in {_keep_traceback()}; please report it")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C does not disturb the taking back
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def _end(status: int, sentence: str) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(status)


def _keep_traceback() -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="capstone-", suffix=".log", delete=False, encoding="utf-8") as file:
        traceback.print_exc(file=file)
    return Path(file.name)
