"""`capstone remote`, against a folder, an S3 server and an SSH server that the tests start."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import Repository
from servers import free_port, s3, ssh

KEYS: dict[str, Any] = {
    "AWS_ACCESS_KEY_ID": "ada",
    "AWS_SECRET_ACCESS_KEY": "sesame-sesame",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def repository(generate: Callable[..., Repository], tmp_path: Path) -> Repository:
    """Give a fresh clone with an environment of its own, since a remote may add packages."""
    clone = generate("mechanical").clone(tmp_path / "clone")
    clone.run("uv", "sync", "--quiet")
    return clone


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an S3 server with a bucket; give its address."""
    with s3(tmp_path_factory.mktemp("s3")) as address:
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket="team")
        yield address


def share_confidential_rows(repository: Repository, folder: Path, **more: Any) -> None:
    """Adopt a small confidential table, push it, and commit."""
    (folder / "rows.csv").write_text(
        "a,b,result\n" + "".join(f"{n},{n % 7},{n % 2}\n" for n in range(60)), encoding="utf-8"
    )
    command = (
        "uv",
        "run",
        "capstone",
        "adopt",
        str(folder / "rows.csv"),
        "--target",
        "result",
        "--confidential",
        "--yes",
    )
    repository.run(*command)
    repository.run("uv", "run", "dvc", "push", **more)
    repository.run("git", "add", "--all")
    repository.run("git", "commit", "--quiet", "--message", "Share")


def pulled(repository: Repository, folder: Path, **more: Any) -> bool:
    """Whether a second clone gets the rows as CI does."""
    other = replace(repository, path=repository.clone(folder / "other").path)
    programs = f"{repository.path / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = other.run("capstone", "sample", "--stand-in", check=False, **more | {"PATH": programs})
    return "the data are here" in done.stdout and (other.path / "data/source/rows.csv").exists()


def in_git(repository: Repository, *secrets: str) -> list[str]:
    """Give which secrets stand in any version of any file."""
    history = repository.run("git", "log", "--all", "-p").stdout
    return [secret for secret in secrets if secret in history]


def test_a_folder(repository: Repository, tmp_path: Path) -> None:
    """A probe is pushed and pulled; what CI does instead is said."""
    (shared := tmp_path / "shared").mkdir()
    said = repository.run("uv", "run", "capstone", "remote", str(shared)).stdout
    assert "a push and a pull of a probe succeeded" in said
    assert "CI cannot reach a folder of this machine" in said
    share_confidential_rows(repository, tmp_path)
    assert pulled(repository, tmp_path)


def test_an_s3_server(repository: Repository, storage: str, tmp_path: Path) -> None:
    """The keys stay in the environment; CI is told which of them it needs, and pulls with them."""
    command = ("uv", "run", "capstone", "remote", "s3://team/capstone", "--endpoint", storage)
    said = repository.run(*command, **KEYS).stdout
    assert "a push and a pull of a probe succeeded" in said
    assert "gh secret set AWS_SECRET_ACCESS_KEY" in said
    share_confidential_rows(repository, tmp_path, **KEYS)
    assert in_git(repository, KEYS["AWS_SECRET_ACCESS_KEY"]) == []
    assert pulled(repository, tmp_path, **KEYS)


def test_an_ssh_server(repository: Repository, tmp_path: Path) -> None:
    """The key file is named in a file that git ignores; CI hands the key over as a variable."""
    (place := tmp_path / "place").mkdir()
    with ssh(tmp_path / "sshd") as (port, key):
        user = Path("~").expanduser().owner()
        command = ("uv", "run", "capstone", "remote", f"ssh://{user}@127.0.0.1{place}", "--port", str(port))
        said = repository.run(*command, "--keyfile", str(key)).stdout
        assert "a push and a pull of a probe succeeded" in said
        assert "gh secret set DVC_SSH_KEY" in said
        share_confidential_rows(repository, tmp_path)
        secret = key.read_text(encoding="utf-8")
        assert in_git(repository, str(key), secret.splitlines()[1]) == []
        shutil.move(key, tmp_path / "elsewhere")
        assert pulled(repository, tmp_path, DVC_SSH_KEY=secret)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("gdrive://folder",), "Google blocks the application"),
        (("ftp://place",), "ftp:// is not set up here"),
        (("s3://ada:sesame@team/x",), "the URL holds a password or key"),
        (("/no/such/folder",), "there is no such folder"),
    ],
)
def test_what_cannot_be_a_remote_is_refused(repository: Repository, words: tuple[str, ...], says: str) -> None:
    """In one sentence, and nothing has changed."""
    done = repository.run("uv", "run", "capstone", "remote", *words, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert says in done.stderr
    assert repository.run("git", "status", "--porcelain").stdout == ""


def test_a_storage_that_does_not_answer_changes_nothing(repository: Repository, tmp_path: Path) -> None:
    """The configuration, the lock file and the dependencies are as they were."""
    closed = f"http://127.0.0.1:{free_port()}"
    command = ("uv", "run", "capstone", "remote", "s3://team/capstone", "--endpoint", closed)
    done = repository.run(*command, check=False, **KEYS | {"AWS_MAX_ATTEMPTS": "1"})
    assert (done.returncode, done.stderr.strip().count("\n")) == (1, 0), done.stderr
    assert done.stderr.startswith("error: `dvc push` failed")
    assert repository.run("git", "status", "--porcelain").stdout == ""
    assert not (repository.path / ".dvc/config.local").exists()
    assert tmp_path.exists()
