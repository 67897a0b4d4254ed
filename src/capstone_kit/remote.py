"""The team's DVC remote: written into the configuration, tried with a push and a pull, and what CI needs for it."""

import importlib.util
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from capstone_kit.project import KitError, Project, run

NAME = "team"
CONFIGURATION = (".dvc/config", ".dvc/config.local")
DEPENDENCIES = ("pyproject.toml", "uv.lock")
PATIENCE = 180  # seconds for an answer of the storage


@dataclass(frozen=True)
class Kind:
    """A kind of storage: what DVC needs for it, and what CI has to be told."""

    extra: str  # of the package dvc
    module: str  # that comes with it
    secrets: tuple[str, ...]  # environment variables, to be set as secrets of the repository


KINDS = {
    "s3": Kind("s3", "dvc_s3", ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    "ssh": Kind("ssh", "dvc_ssh", ("DVC_SSH_KEY",)),
    "azure": Kind("azure", "dvc_azure", ("AZURE_STORAGE_CONNECTION_STRING",)),
    "gs": Kind("gs", "dvc_gs", ("GOOGLE_APPLICATION_CREDENTIALS_DATA",)),
}


def set_up(project: Project, url: str, options: dict[str, object], private: dict[str, object]) -> None:
    """Make `url` the default remote. Raises `KitError`, the configuration as it was, where a push or a pull fails.

    `options` go into `.dvc/config`, which git keeps; `private` ones into `.dvc/config.local`, which it does not.
    """
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    _refuse(url, scheme)
    if scheme not in KINDS:
        url = str(Path(url).expanduser().resolve())
    before = _contents(project, CONFIGURATION + DEPENDENCIES)
    try:
        if scheme in KINDS:
            _install(project, KINDS[scheme])
        _configure(project.root, url, options, private)
        _try(project)
    except BaseException:
        _put_back(project, before)
        raise
    print(f"remote {NAME!r} is {url}: a push and a pull of a probe succeeded")
    changed = [name for name, content in _contents(project, before).items() if content != before[name]]
    shared = " ".join(name for name in changed if not name.endswith(".local"))
    print(
        f'next: git commit -m "Share data and models" {shared}, then uv run dvc push'
        if shared
        else "next: uv run dvc push"
    )
    _say_what_ci_needs(project, scheme)


def use_secrets(project: Project) -> None:
    """Give DVC the keys that CI hands over as environment variables, in files that git ignores and only we can read.

    Those of S3 and Azure are read from the environment by their own libraries.
    """
    for variable, option in (("DVC_SSH_KEY", "keyfile"), ("GOOGLE_APPLICATION_CREDENTIALS_DATA", "credentialpath")):
        secret = os.environ.get(variable)
        if not secret:
            continue
        path = project.path(f".dvc/tmp/{option}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secret.strip() + "\n")
        run(project.root, "dvc", "remote", "modify", "--quiet", "--local", NAME, option, str(path))


def _contents(project: Project, names: Iterable[str]) -> dict[str, bytes | None]:
    paths = {name: project.path(name) for name in names}
    return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}


def _put_back(project: Project, before: dict[str, bytes | None]) -> None:
    """Restore the files, and the environment if it was changed with them."""
    installed = any(_contents(project, (name,))[name] != before[name] for name in DEPENDENCIES)
    for name, content in before.items():
        path = project.path(name)
        path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
    if installed:
        with suppress(KitError):  # what failed before is what the reader has to know
            run(project.root, "uv", "sync", "--quiet")


def _refuse(url: str, scheme: str) -> None:
    if scheme == "gdrive":
        raise KitError(
            "Google blocks the application by which DVC reaches Google Drive (DVC issue 10516): "
            "choose S3, SSH, Azure, Google Cloud Storage or a shared folder"
        )
    if scheme and scheme not in KINDS:
        raise KitError(
            f"{scheme}:// is not set up here; allowed are {', '.join(f'{s}://' for s in KINDS)} and a folder"
        )
    user = url.partition("://")[2].rpartition("@")[0]
    if scheme and (":" in user or "?" in url):
        raise KitError(
            "the URL holds a password or key, and git would keep it: give it by environment variable instead"
        )
    if not scheme and not Path(url).expanduser().is_dir():
        raise KitError(f"{url}: there is no such folder; make it first, where all of the team can reach it")


def _install(project: Project, kind: Kind) -> None:
    if importlib.util.find_spec(kind.module):
        return
    print(f"adding dvc[{kind.extra}] to the project")
    run(project.root, "uv", "add", "--quiet", "--group", "train", f"dvc[{kind.extra}]")


def _configure(root: Path, url: str, options: dict[str, object], private: dict[str, object]) -> None:
    local = root / ".dvc/config.local"
    if local.exists() and f'remote "{NAME}"' in local.read_text(encoding="utf-8"):  # of the remote before
        run(root, "dvc", "remote", "remove", "--quiet", "--local", NAME)
    run(root, "dvc", "remote", "add", "--quiet", "--force", "--default", NAME, url)
    for where, settings in (((), options), (("--local",), private)):
        for key, value in settings.items():
            if value is not None:
                run(root, "dvc", "remote", "modify", "--quiet", *where, NAME, key, str(value))


def _try(project: Project) -> None:
    """Push a probe from one scratch repository, and pull it into another that has no cache."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        for root in (first, second):
            (root / ".dvc").mkdir(parents=True)
            run(root, "git", "init", "--quiet")
            for name, content in _contents(project, CONFIGURATION).items():
                (root / name).write_bytes(content or b"")
        (first / "probe").write_text("a probe of capstone remote\n", encoding="utf-8")
        run(first, "dvc", "add", "--quiet", "probe")
        run(first, "dvc", "push", within=PATIENCE)
        (second / "probe.dvc").write_bytes((first / "probe.dvc").read_bytes())
        run(second, "dvc", "pull", within=PATIENCE)
        if (second / "probe").read_bytes() != (first / "probe").read_bytes():
            raise KitError("the probe came back altered")


def _say_what_ci_needs(project: Project, scheme: str) -> None:
    if scheme not in KINDS:
        print("CI cannot reach a folder of this machine: there it uses data/sample.csv (`capstone sample`)")
        return
    secrets = KINDS[scheme].secrets
    if project.path(".gitlab-ci.yml").exists():
        print(f"CI needs these variables, masked (Settings, CI/CD, Variables): {', '.join(secrets)}")
    else:
        print("CI needs these secrets of the repository:")
        for secret in secrets:
            print(f"  gh secret set {secret}")
