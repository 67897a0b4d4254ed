"""What is missing on this machine and in this repository: one line each, with the command that mends it."""

import configparser
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

from capstone_kit.project import PARAMETERS, KitError, Project, safe

ROOM = 3.0  # GB: the environment takes one, runs and caches the rest


@dataclass(frozen=True)
class Sign:
    """What one examination found."""

    name: str
    state: str  # "ok", "missing" (nothing works without it) or "advice"
    text: str
    cure: str = ""  # the command that mends it


def examine(project: Project) -> int:
    """Print every sign; give 1 if something is missing that work needs, else 0."""
    signs = [_looked(project, look) for look in EXAMINATIONS]
    width = max(len(sign.name) for sign in signs)
    for sign in signs:
        cure = f"  ->  {sign.cure}" if sign.cure else ""
        print(f"{sign.state:<8}{sign.name:<{width + 2}}{safe(sign.text)}{cure}")
    return int(any(sign.state == "missing" for sign in signs))


def _looked(project: Project, look: Callable[[Project], Sign]) -> Sign:
    """Give what `look` finds; a file that it cannot read is a finding too."""
    name = getattr(look, "__name__", "")
    try:
        return look(project)
    except KitError as error:
        return Sign(name, "missing", str(error), "edit the file that is named")
    except (KeyError, TypeError, ValueError) as error:
        return Sign(name, "missing", f"a file lacks what is looked for: {error!r}", "git diff")


def _said(project: Project, *command: str) -> tuple[bool, str]:
    """Run a command; give whether it succeeded and its last line."""
    if not shutil.which(command[0]):
        return False, f"{command[0]} is not installed"
    try:
        done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, errors="replace", timeout=60)
    except subprocess.TimeoutExpired:
        return False, f"{command[0]} did not answer within a minute"
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return done.returncode == 0, lines[-1] if lines else ""


def git(project: Project) -> Sign:
    """Look for git."""
    found, text = _said(project, "git", "--version")
    return Sign("git", "ok", text) if found else Sign("git", "missing", text, "see git-scm.com/downloads")


def identity(project: Project) -> Sign:
    """Look for who commits."""
    who = [_said(project, "git", "config", key) for key in ("user.name", "user.email")]
    if all(found and text for found, text in who):
        return Sign("identity", "ok", " ".join(text for _, text in who))
    cure = 'git config --global user.name "Your Name" && git config --global user.email you@example.edu'
    return Sign("identity", "missing", "git does not know who commits", cure)


def uv(project: Project) -> Sign:
    """Look for the package manager."""
    found, text = _said(project, "uv", "--version")
    return (
        Sign("uv", "ok", text)
        if found
        else Sign("uv", "missing", text, "see docs.astral.sh/uv/getting-started/installation")
    )


def python(project: Project) -> Sign:
    """Hold the interpreter against what the project asks for."""
    asked = project.toml("pyproject.toml")["project"]["requires-python"]
    here = platform.python_version()
    if SpecifierSet(asked).contains(here):
        return Sign("python", "ok", f"{here} ({asked} is asked for)")
    return Sign("python", "missing", f"{here} runs this, {asked} is asked for", "uv sync")


def environment(project: Project) -> Sign:
    """Hold the environment against the lock file."""
    if not project.path("uv.lock").exists():
        return Sign("environment", "missing", "there is no uv.lock", "uv lock && git add uv.lock")
    fits, text = _said(project, "uv", "sync", "--locked", "--check", "--quiet")
    if fits:
        return Sign("environment", "ok", "as uv.lock says")
    return Sign("environment", "missing", text or "differs from uv.lock", "uv sync")


def disk(project: Project) -> Sign:
    """Look for room on the disk."""
    free = shutil.disk_usage(project.root).free / 1e9
    if free >= ROOM:
        return Sign("disk", "ok", f"{free:.0f} GB free")
    return Sign(
        "disk", "missing", f"{free:.1f} GB free, {ROOM:.0f} are needed", "uv cache prune && uv run dvc gc --workspace"
    )


def contracts(project: Project) -> Sign:
    """Let the project read its two contracts."""
    fits, text = _said(project, sys.executable, "-m", "project.contract")
    return Sign("contracts", "ok", text) if fits else Sign("contracts", "missing", text, "edit the file that is named")


def commits(project: Project) -> Sign:
    """Look for a commit."""
    found, _ = _said(project, "git", "rev-parse", "HEAD")
    if found:
        return Sign("history", "ok", "there is a commit")
    return Sign("history", "missing", "nothing is committed", 'git init && git add --all && git commit -m "Start"')


def hooks(project: Project) -> Sign:
    """Look for pre-commit's hook."""
    found, folder = _said(project, "git", "rev-parse", "--git-path", "hooks")
    if found and (project.root / folder / "pre-commit").exists():
        return Sign("pre-commit", "ok", "runs before each commit")
    return Sign("pre-commit", "advice", "does not run before commits", "uv run pre-commit install")


def origin(project: Project) -> Sign:
    """Look for where the team shares its commits."""
    found, url = _said(project, "git", "remote", "get-url", "origin")
    if found:
        return Sign("origin", "ok", url.rpartition("@")[2])
    create = "gh repo create --private --source . --push"
    cure = (
        create
        if not project.path(".gitlab-ci.yml").exists()
        else "git remote add origin ADDRESS && git push -u origin main"
    )
    return Sign("origin", "advice", "the repository is on this machine alone", cure)


def forge(project: Project) -> Sign:
    """Look for the rules of the main branch."""
    rules = project.path(".github/rulesets/main.json")
    if not rules.exists():
        return Sign("forge", "ok", "no ruleset file for this forge")
    if not shutil.which("gh"):
        return Sign("forge", "advice", "whether main is protected cannot be seen without gh", "see cli.github.com")
    found, text = _said(project, "gh", "api", "repos/{owner}/{repo}/rulesets", "--jq", "length")
    if found and text not in ("", "0"):
        return Sign("forge", "ok", f"{text} ruleset(s) on")
    cure = "gh api repos/{owner}/{repo}/rulesets --method POST --input .github/rulesets/main.json"
    return Sign("forge", "advice", "main is not protected" if found else text, cure)


def data(project: Project) -> Sign:
    """Look for the source of the rows."""
    source = str(project.yaml(PARAMETERS)["ingest"]["source"])
    if source == "example":
        return Sign("data", "advice", "the template's example", "uv run capstone adopt FILE --target COLUMN")
    if "://" in source or project.path(source).exists():
        return Sign("data", "ok", source)
    return Sign("data", "missing", f"{source} is not here", "uv run capstone sample --stand-in")


def remote(project: Project) -> Sign:
    """Look for the team's DVC remote."""
    config = configparser.ConfigParser(interpolation=None)
    config.read([project.path(".dvc/config"), project.path(".dvc/config.local")], encoding="utf-8")
    name = config.get("core", "remote", fallback="local")
    if name != "local":
        return Sign("remote", "ok", name)
    return Sign("remote", "advice", "data and models stay on this machine", "uv run capstone remote URL")


def tracking(_: Project) -> Sign:
    """Ask MLflow's server, if one is named."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return Sign("tracking", "ok", "runs are kept in mlflow.db; a team sets MLFLOW_TRACKING_URI")
    scheme, mark, rest = uri.partition("://")
    shown = scheme + mark + rest.rpartition("@")[2]  # without credentials
    if scheme not in ("http", "https"):
        return Sign("tracking", "ok", shown)
    import urllib.request
    from http.client import HTTPException

    try:
        urllib.request.urlopen(f"{shown.rstrip('/')}/health", timeout=5).close()
    except (OSError, ValueError, HTTPException) as error:
        cure = "start it, or unset MLFLOW_TRACKING_URI"
        return Sign("tracking", "missing", f"{shown} does not answer: {error}", cure)
    return Sign("tracking", "ok", shown)


def sandbox(project: Project) -> Sign:
    """Try what grading runs other people's code in."""
    if sys.platform != "linux":
        return Sign("sandbox", "advice", "bubblewrap runs on Linux alone; only instructors need it")
    works, text = _said(project, "bwrap", "--unshare-all", "--ro-bind", "/", "/", "true")
    if works:
        return Sign("sandbox", "ok", "bubblewrap works")
    return Sign(
        "sandbox",
        "advice",
        f"{text or 'bubblewrap fails'}; only instructors need it",
        "sudo apt-get install bubblewrap",
    )


EXAMINATIONS: tuple[Callable[[Project], Sign], ...] = (
    *(git, identity, uv, python, environment, disk),
    *(contracts, data, commits, hooks, origin, forge, remote, tracking, sandbox),
)
