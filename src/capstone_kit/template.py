"""The template that the kit came with: rendered anew, it says what a repository owes to nobody but the template."""

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from capstone_kit.project import KitError, Project, git, run
from capstone_kit.scaffold import Scaffold, of_folder

QUESTIONS = "cookiecutter.json"
RECORD = ".cruft.json"
OURS = Path(__file__).parents[2]


def folder(cache: Path) -> Path:
    """Give the template's folder: the checkout that the kit runs from, or a clone of where it was installed from."""
    if (OURS / QUESTIONS).is_file():
        return OURS
    place = json.loads(Distribution.from_name("capstone-kit").read_text("direct_url.json") or "{}")
    if place.get("url", "").startswith("file://"):
        from urllib.request import url2pathname

        return Path(url2pathname(place["url"].removeprefix("file://")))
    commit = place.get("vcs_info", {}).get("commit_id")
    if not commit:
        raise KitError("the kit does not know its template: install it from the template's repository, or run it there")
    clone = cache / "template" / commit
    if not clone.exists():
        part = clone.with_suffix(f".{os.getpid()}.part")
        run(cache, "git", "clone", "--quiet", "--no-checkout", place["url"], str(part))
        git(part, "checkout", "--quiet", commit)
        part.rename(clone)
    return clone


def answers(project: Project) -> dict[str, str]:
    """Give the answers that a repository was generated with, as far as they are harmless and the template asks them.

    cookiecutter evaluates answers as Jinja outside any sandbox, so whatever looks like Jinja is left out.
    """
    try:
        told = json.loads(project.text(RECORD))["context"]["cookiecutter"]
        asked = {name for name in told if not name.startswith("_")}
    except (KitError, ValueError, KeyError, TypeError):
        told, asked = _of_contract(project), {"program", "domain", "license"}
    return {name: told[name] for name in asked if isinstance(told.get(name), str) and _harmless(told[name])}


def _of_contract(project: Project) -> dict[str, Any]:
    return project.toml("capstone.toml").get("project", {})


def _harmless(answer: str) -> bool:
    return len(answer) <= 200 and answer.isprintable() and not any(sign in answer for sign in ("{", "}", "%", "#"))


def render(chosen: dict[str, str], into: Path, cache: Path) -> Path:
    """Generate a repository with these answers below `into`, without git and lock, and give its folder.

    Where the answers are refused, only those among given choices are taken. Raises `KitError`.
    """
    template = folder(cache)
    choices = json.loads((template / QUESTIONS).read_text(encoding="utf-8"))
    listed = {name: value for name, value in chosen.items() if value in choices.get(name, [])}
    known = {n: v for n, v in chosen.items() if n in choices and (n in listed or isinstance(choices[n], str))}
    known.pop("project_slug", None)
    reason = ""
    for given in (known, listed, {}):
        made, reason = _generate(template, given, into)
        if made:
            return made
    raise KitError(f"the template cannot be rendered: {reason}")


def _generate(template: Path, given: dict[str, str], into: Path) -> tuple[Path | None, str]:
    settings = into / "settings.yaml"
    settings.write_text(f"replay_dir: {json.dumps(str(into / 'replay'))}\n", encoding="utf-8")
    target = into / f"rendered-{len(list(into.glob('rendered-*')))}"
    target.mkdir()
    command = [sys.executable, "-P", "-m", "cookiecutter", str(template), "--no-input"]
    command += ["--output-dir", str(target), "--config-file", str(settings)]
    words = [*(f"{name}={value}" for name, value in given.items()), "project_slug=rendered"]
    alone = dict(os.environ) | {"PATH": str(target)}  # no git and no uv: the hooks leave out commit and lock
    done = subprocess.run(
        [*command, *words], env=alone, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    made = target / "rendered"
    if done.returncode == 0 and made.is_dir():
        return made, ""
    lines = done.stderr.strip().splitlines()
    return None, lines[-1] if lines else f"status {done.returncode}"


def scaffold(project: Project, into: Path, cache: Path) -> Scaffold:
    """Give what the template alone would have made of a repository's recorded answers."""
    return of_folder(render(answers(project), into, cache))


def digest(cache: Path) -> str:
    """Give the SHA-256 of the template's files: what was made of it once serves until one of them changes."""
    template, total = folder(cache), hashlib.sha256()
    names = (QUESTIONS, "hooks", "local_extensions.py", "variants", "{{cookiecutter.project_slug}}")
    places = [template / name for name in names]
    files = (f for place in places for f in ([place] if place.is_file() else sorted(place.rglob("*"))) if f.is_file())
    for file in files:
        if "__pycache__" not in file.parts:
            total.update(file.relative_to(template).as_posix().encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def lock(repository: Path) -> None:
    """Lock the packages of a rendered repository, by the date that the template is fixed at."""
    run(repository, "uv", "lock", "--quiet")
