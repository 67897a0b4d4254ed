"""The post hook without this and without that: it says what it did not do, and how to do it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bake import ROOT, only_on_path

PERSON = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@b",
}
NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",  # on a host with a full domain name git would otherwise guess an address
    "GIT_CONFIG_KEY_0": "user.useConfigOnly",
    "GIT_CONFIG_VALUE_0": "true",
}
COMMIT = 'git commit -m "Start from the capstone template"'


def generate(folder: Path, *programs: str, **environment: str) -> tuple[str, Path]:
    """Generate with only `programs` in reach; give what was printed, and the repository."""
    folder.mkdir(exist_ok=True)
    settings = folder / "settings.yaml"
    settings.write_text(f"replay_dir: {(folder / 'replay').as_posix()}\n", encoding="utf-8")
    command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--config-file", str(settings)]
    with only_on_path(folder / "programs", *programs):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            [*command, "--output-dir", str(folder)], env=kept | environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, folder / "capstone-project"


def git(repository: Path, *words: str) -> str:
    """Give what a git command prints."""
    return subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True, check=True).stdout


def test_with_everything_there_the_first_commit_holds_everything(tmp_path: Path) -> None:
    """With uv and git in reach: lock file, repository and commit are made, and nothing is left to do."""
    said, repository = generate(tmp_path, "git", "uv", "python3", **PERSON)
    assert "to do" not in said
    assert git(repository, "log", "--format=%s") == "Start from the capstone template\n"
    assert git(repository, "status", "--porcelain") == ""
    assert "uv.lock" in git(repository, "ls-files")


def test_without_uv_the_lock_is_left_to_do(tmp_path: Path) -> None:
    """The commit is made, the lock is not, and the command is named."""
    said, repository = generate(tmp_path, "git", **PERSON)
    assert "done: first commit" in said
    assert git(repository, "status", "--porcelain") == ""
    assert "to do: uv lock\n      not done: uv is not installed" in said
    assert "done: uv.lock" not in said
    assert not (repository / "uv.lock").exists()


def test_without_git_nothing_is_said_to_be_committed(tmp_path: Path) -> None:
    """The files are there, and the three git commands are named."""
    said, repository = generate(tmp_path)
    assert "to do: git init --initial-branch=main\n      not done: git is not installed" in said
    assert f"to do: git add --all && {COMMIT}" in said
    assert "  done: " not in said.replace("not done: ", "")
    assert "done: first commit" not in said
    assert (repository / "README.md").exists()
    assert not (repository / ".git").exists()


def test_without_an_identity_the_commit_is_left_to_do(tmp_path: Path) -> None:
    """Git asks who is committing: files are staged, the commit is named with git's own reason."""
    said, repository = generate(tmp_path, "git", HOME=str(tmp_path), **NOBODY)
    assert "done: files staged" in said
    assert f"to do: {COMMIT}" in said
    assert "done: first commit" not in said
    assert "README.md" in git(repository, "ls-files")


@pytest.mark.parametrize(
    "away",
    [{"UV_OFFLINE": "1"}, {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}],
    ids=["network off", "index out of reach"],
)
def test_offline_the_lock_is_left_to_do(tmp_path: Path, away: dict[str, str]) -> None:
    """With the network off or the index out of reach, and an empty cache, uv cannot lock, and the hook says so."""
    empty = {"UV_CACHE_DIR": str(tmp_path / "empty"), "UV_HTTP_RETRIES": "0"}
    said, repository = generate(tmp_path, "git", "uv", "python3", **away, **empty, **PERSON)
    assert "to do: uv lock" in said
    assert "done: uv.lock" not in said
    assert not (repository / "uv.lock").exists()
    assert "README.md" in git(repository, "ls-tree", "--name-only", "HEAD")


def test_a_commit_hook_that_refuses_is_reported(tmp_path: Path) -> None:
    """A user's own git hook may refuse the commit: it is left to do, with the hook's reason."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    configuration = tmp_path / "gitconfig"
    configuration.write_text(f"[core]\nhooksPath = {hooks.as_posix()}\n[user]\nname = A\nemail = a@b\n")
    said, repository = generate(tmp_path / "work", "git", "sh", GIT_CONFIG_GLOBAL=str(configuration))
    assert f"to do: {COMMIT}\n      not done: not on a Friday" in said
    assert (repository / "README.md").exists()
    assert "done: first commit" not in said


def test_the_origin_is_recorded_for_updates(tmp_path: Path) -> None:
    """`.cruft.json` names the template and its commit, so that `cruft update` works."""
    _, repository = generate(tmp_path, "git")
    record = json.loads((repository / ".cruft.json").read_text(encoding="utf-8"))
    assert record["template"] == str(ROOT)
    assert record["commit"] == git(ROOT, "rev-parse", "HEAD").strip()


def test_a_signature_that_fails_is_reported(tmp_path: Path) -> None:
    """A user whose git signs each commit, with a key that does not work: the commit is left to do."""
    configuration = tmp_path / "gitconfig"
    configuration.write_text("[commit]\ngpgsign = true\n[gpg]\nprogram = false\n[user]\nname = A\nemail = a@b\n")
    said, repository = generate(tmp_path / "work", "git", "false", GIT_CONFIG_GLOBAL=str(configuration))
    assert f"to do: {COMMIT}\n      not done: " in said
    assert "done: first commit" not in said
    assert "README.md" in git(repository, "ls-files")


@pytest.mark.parametrize("times", [1, 2])
def test_running_the_hook_again_changes_nothing(tmp_path: Path, times: int) -> None:
    """A rendered hook, run once or twice more in the finished repository, leaves it as it is."""
    _, repository = generate(tmp_path, "git", **PERSON)
    before = git(repository, "rev-parse", "HEAD")
    answers = json.loads((repository / ".cruft.json").read_text(encoding="utf-8"))["context"]["cookiecutter"]
    source = (ROOT / "hooks/post_gen_project.py").read_text(encoding="utf-8")
    values = {"cookiecutter": answers, "cookiecutter | template_folder": str(ROOT)}
    for name, value in values.items():
        source = source.replace(f"{{{{ {name} | hexadecimal }}}}", json.dumps(value).encode().hex())
    for _ in range(times):
        subprocess.run([sys.executable, "-c", source], cwd=repository, check=True)
    assert git(repository, "rev-parse", "HEAD") == before
    assert git(repository, "status", "--porcelain") == ""
