"""A clean clone: git runs nothing that a repository names, and whatever cannot be examined is refused in a sentence."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest
from conftest import IDENTITY

from capstone_kit.checkout import checkout
from capstone_kit.project import KitError


class Hostile:
    """A repository that somebody prepared."""

    def __init__(self, root: Path) -> None:
        """Make it, with one commit."""
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        (root / "README.md").write_text("hello\n", encoding="utf-8")
        self.commit()

    def git(self, *words: str, **more: str) -> str:
        """Run git in it."""
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *words],
            cwd=self.root,
            env=dict(os.environ) | IDENTITY | more,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, **more: str) -> str:
        """Commit everything; give the hash."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x", **more)
        return self.git("rev-parse", "HEAD").strip()


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    """Give such a repository."""
    return Hostile(tmp_path / "hostile")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Give a file that must never come to be."""
    return tmp_path / "canary"


def test_hooks_and_configuration_of_the_source_do_nothing(hostile: Hostile, canary: Path, tmp_path: Path) -> None:
    """Neither its hooks nor fsmonitor, pager, editor or an alias in its configuration run."""
    for name in ("post-checkout", "post-merge", "reference-transaction", "upload-pack"):
        hook = hostile.root / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {canary}\n", encoding="utf-8")
        hook.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "uploadpack.packObjectsHook", "core.editor"):
        hostile.git("config", key, f"touch {canary}; false")
    checkout(str(hostile.root), tmp_path / "clone")
    assert not canary.exists()


def test_filters_do_not_run(hostile: Hostile, canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A smudge filter that the instructor's own configuration knows is not started by `.gitattributes`."""
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[filter "lfs"]\n\tsmudge = touch {canary}\n\trequired = true\n', encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    (hostile.root / ".gitattributes").write_text("* filter=lfs diff=lfs merge=lfs\n", encoding="utf-8")
    hostile.git("add", "--all", GIT_CONFIG_GLOBAL="/dev/null")
    hostile.git("commit", "--quiet", "--message", "x", GIT_CONFIG_GLOBAL="/dev/null")
    checkout(str(hostile.root), tmp_path / "clone")
    assert (tmp_path / "clone/README.md").read_text() == "hello\n"
    assert not canary.exists()


def test_links_become_plain_files_and_are_named(hostile: Hostile, tmp_path: Path) -> None:
    """A link out of the repository is a file with the path as its text."""
    (hostile.root / "out").symlink_to("/etc/passwd")
    hostile.commit()
    found = checkout(str(hostile.root), tmp_path / "clone")
    assert not (tmp_path / "clone/out").is_symlink()
    assert (tmp_path / "clone/out").read_text() == "/etc/passwd"
    assert "holds links, which are not followed: out" in found.remarks


def test_submodules_are_not_fetched(hostile: Hostile, tmp_path: Path) -> None:
    """They are named instead."""
    other = Hostile(tmp_path / "other")
    hostile.git("submodule", "--quiet", "add", str(other.root), "part")
    hostile.commit()
    found = checkout(str(hostile.root), tmp_path / "clone")
    assert not (tmp_path / "clone/part/README.md").exists()
    assert any("submodules" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    "source", ["--upload-pack=touch /tmp/canary", "ext::sh -c touch% /tmp/canary", "-oProxyCommand=x"]
)
def test_a_source_that_is_an_option_is_refused(source: str, tmp_path: Path) -> None:
    """What looks like one never reaches git."""
    with pytest.raises(KitError, match="is no path or address"):
        checkout(source, tmp_path / "clone")
    assert not Path("/tmp/canary").exists()


def test_a_repository_that_is_not_there_is_said(tmp_path: Path) -> None:
    """One sentence of git's, and no folder is left."""
    with pytest.raises(KitError, match="git clone: "):
        checkout(str(tmp_path / "nowhere"), tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


def test_names_that_steer_a_terminal_are_refused(hostile: Hostile, tmp_path: Path) -> None:
    """The sentence shows them escaped."""
    (hostile.root / "a\x1b[31mred").write_text("x", encoding="utf-8")
    hostile.commit()
    with pytest.raises(KitError, match=r"\\x1b"):
        checkout(str(hostile.root), tmp_path / "clone")


def test_too_many_files_are_refused(hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any of them is written."""
    from capstone_kit import checkout as module

    monkeypatch.setattr(module, "FILES", 5)
    for number in range(6):
        (hostile.root / str(number)).write_text("x", encoding="utf-8")
    hostile.commit()
    with pytest.raises(KitError, match="holds more than 5 files"):
        checkout(str(hostile.root), tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


def test_trees_that_hold_each_other_are_refused(hostile: Hostile, tmp_path: Path) -> None:
    """Ten small trees name ten thousand million files: they are not counted to the end."""
    found, kind = hostile.git("hash-object", "-w", "README.md").strip(), "100644 blob"
    for _ in range(10):
        listing = tmp_path / "listing"
        listing.write_text("".join(f"{kind} {found}\tf{n}\n" for n in range(10)), encoding="utf-8")
        with listing.open() as lines:
            found, kind = _mktree(hostile.root, lines), "040000 tree"
    bomb = hostile.git("commit-tree", "-m", "x", found).strip()
    hostile.git("update-ref", "HEAD", bomb)
    with pytest.raises(KitError, match="too many to be examined"):
        checkout(str(hostile.root), tmp_path / "clone")


def _mktree(root: Path, lines: IO[str]) -> str:
    done = subprocess.run(["git", "mktree"], cwd=root, stdin=lines, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_objects_of_other_repositories_are_not_reached(hostile: Hostile, tmp_path: Path) -> None:
    """Alternates name a folder of the machine's: what lies there is not the team's."""
    other = Hostile(tmp_path / "other")
    (other.root / "secret").write_text("sesame", encoding="utf-8")
    commit = other.commit()
    alternates = hostile.root / ".git/objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{other.root}/.git/objects\n", encoding="utf-8")
    (hostile.root / ".git/refs/heads/main").write_text(f"{commit}\n", encoding="utf-8")
    with pytest.raises(KitError, match="git clone: "):
        checkout(str(hostile.root), tmp_path / "clone")


def test_a_repository_of_another_user_is_examined(hostile: Hostile, tmp_path: Path) -> None:
    """Submissions are often unpacked by somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    for path in (hostile.root, *hostile.root.rglob("*")):
        os.chown(path, 65533, 65533, follow_symlinks=False)
    checkout(str(hostile.root), tmp_path / "clone")
    assert (tmp_path / "clone/README.md").read_text() == "hello\n"


def test_a_worktree_is_examined(hostile: Hostile, tmp_path: Path) -> None:
    """Teams have them, too."""
    hostile.git("worktree", "add", "--quiet", "-b", "new", str(tmp_path / "tree"))
    hostile.commit()
    found = checkout(str(tmp_path / "tree"), tmp_path / "clone").commit
    assert found == hostile.git("rev-parse", "new").strip() != hostile.git("rev-parse", "main").strip()


@pytest.mark.parametrize("link", [True, False])
def test_another_teams_history_is_not_handed_in(hostile: Hostile, tmp_path: Path, link: bool) -> None:
    """`.git` as a link or a file that names the folder of a neighbour."""
    thief = tmp_path / "thief"
    thief.mkdir()
    if link:
        (thief / ".git").symlink_to(hostile.root / ".git")
    else:
        (thief / ".git").write_text("gitdir: ../hostile/.git\n", encoding="utf-8")
    with pytest.raises(KitError, match=r"not followed|history of another"):
        checkout(str(thief), tmp_path / "clone")


def test_a_commit_is_checked_out_by_its_hash(hostile: Hostile, tmp_path: Path) -> None:
    """That one, whatever came later."""
    first = hostile.git("rev-parse", "HEAD").strip()
    (hostile.root / "README.md").write_text("later\n", encoding="utf-8")
    hostile.commit()
    assert checkout(str(hostile.root), tmp_path / "clone", first[:10]).commit == first
    assert (tmp_path / "clone/README.md").read_text() == "hello\n"


@pytest.mark.parametrize("commit", ["main", "HEAD~1", "--all", "deadbeef", "0" * 40])
def test_what_is_no_commit_is_refused(hostile: Hostile, tmp_path: Path, commit: str) -> None:
    """Names and options are not taken for hashes."""
    with pytest.raises(KitError):
        checkout(str(hostile.root), tmp_path / "clone", commit)


def test_the_last_commit_before_a_deadline_is_taken(hostile: Hostile, tmp_path: Path) -> None:
    """By its own date, which is remarked on; and dates that go back in time are."""
    dates = {"GIT_COMMITTER_DATE": "2026-03-01T12:00:00+00:00"}
    wanted = hostile.commit(**dates)
    hostile.commit(GIT_COMMITTER_DATE="2026-03-03T12:00:00+00:00")
    hostile.commit(GIT_COMMITTER_DATE="2026-03-01T13:00:00+00:00")
    found = checkout(str(hostile.root), tmp_path / "clone", before=datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    assert found.commit == wanted
    assert any("its author can set" in remark for remark in found.remarks)
    late = checkout(str(hostile.root), tmp_path / "late")
    assert any("go back in time" in remark for remark in late.remarks)
