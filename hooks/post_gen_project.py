"""Lay the chosen variants over the tree, then, in a fresh folder only, lock and make the first commit.

Safe to run twice, offline, without uv and without a git identity: it says what it did not do, and how to do it.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ANSWERS: dict[str, Any] = json.loads(bytes.fromhex("{{ cookiecutter | hexadecimal }}"))
TEMPLATE = Path(json.loads(bytes.fromhex("{{ cookiecutter | template_folder | hexadecimal }}")))
VARIANTS = {
    "domains": "__domain",
    "programs": "program",
    "tracks": "__track",
    "frameworks": "framework",
    "ci": "ci",
    "licenses": "license",
}
BEGUN = {"capstone.toml", "charter.md", "pyproject.toml"}  # hold the answers; what the variant says goes on from there
LEFT_TO_DO: list[str] = []


def lay_variants(root: Path) -> None:
    """Copy the files of each chosen answer, where it has any, over the tree and remove those that were rendered."""
    for folder, question in VARIANTS.items():
        for variants in (TEMPLATE / "variants", root / ".variants"):
            chosen = variants / folder / ANSWERS[question]
            if chosen.is_dir():
                shutil.copytree(chosen, root, copy_function=lay, dirs_exist_ok=True)
    shutil.rmtree(root / ".variants")


def lay(source: str, target: str) -> None:
    """Copy a file, or go on with one that is begun."""
    begun = Path(target).read_bytes() if Path(target).name in BEGUN else b""
    Path(target).write_bytes(begun + Path(source).read_bytes())


def run(*command: str) -> tuple[bool, str]:
    """Run `command`; give whether it succeeded, and the last line that it printed."""
    if not shutil.which(command[0]):
        return False, f"{command[0]} is not installed"
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else f"status {done.returncode}"


def attempt(done: str, command: str, *words: str) -> bool:
    """Run `words`; print `done` if they succeed, else remember `command` with the reason."""
    succeeded, said = run(*words)
    if succeeded:
        print(f"  done: {done}")
    else:
        LEFT_TO_DO.append(f"{command}\n      not done: {said}")
    return succeeded


def record_template(root: Path) -> None:
    """Write where the project came from, in the form that `cruft update` reads."""
    known, commit = run("git", "-C", ANSWERS["_repo_dir"], "rev-parse", "HEAD")
    if not known:
        return
    record = {
        "template": ANSWERS["_template"],
        "commit": commit,
        "checkout": ANSWERS.get("_checkout"),
        "context": {"cookiecutter": ANSWERS},
        "directory": None,
    }
    (root / ".cruft.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8", newline="\n")


def first_commit() -> None:
    """Make the repository and its first commit, or say what has to be done by hand."""
    if not attempt(
        "git repository", "git init --initial-branch=main", "git", "init", "--quiet", "--initial-branch=main"
    ):
        LEFT_TO_DO.append('git add --all && git commit -m "Start from the capstone template"')
        return
    if attempt("files staged", "git add --all", "git", "add", "--all"):
        message = "Start from the capstone template"
        attempt("first commit", f'git commit -m "{message}"', "git", "commit", "--quiet", "-m", message)


def main() -> None:
    """Do what can be done here and say the rest."""
    root = Path.cwd()
    if (root / ".variants").is_dir():
        lay_variants(root)
    if "_commit" in ANSWERS or (root / ".git").exists():
        return
    print(f"{ANSWERS['project_slug']}:")
    record_template(root)
    attempt("uv.lock", "uv lock", "uv", "lock", "--quiet")
    first_commit()
    for step in LEFT_TO_DO:
        print(f"  to do: {step}")
    print(f"  next: cd {ANSWERS['project_slug']}, then uv sync, then uv run dvc repro")


if __name__ == "__main__":
    main()
