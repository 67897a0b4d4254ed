"""The team's DVC remote: written into the configuration, tried with a push and a pull, and what CI needs for it."""

import importlib.util
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from capstone_kit.project import KitError, Project

NAME = "team"
TOUCHED = (".dvc/config", ".dvc/config.local", "pyproject.toml", "uv.lock")


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
    scheme = urlsplit(url).scheme if "://" in url else ""
    _refuse(url, scheme)
    if scheme not in KINDS:
        url = str(Path(url).expanduser().resolve())
    before = {path: path.read_bytes() if path.exists() else None for path in map(project.path, TOUCHED)}
    try:
        if scheme in KINDS:
            _install(project, KINDS[scheme])
        _configure(project.root, url, options, private)
        _try(project)
    except BaseException:
        for path, content in before.items():
            path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
        raise
    print(f"remote {NAME!r} is {url}: a push and a pull of a probe succeeded")
    print("next: git commit .dvc/config, then uv run dvc push")
    _say_what_ci_needs(project, scheme)


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
    if scheme and (urlsplit(url).password or "?" in url):
        raise KitError(
            "the URL holds a password or key, and git would keep it: give it by environment variable instead"
        )
    if not scheme and not Path(url).expanduser().is_dir():
        raise KitError(f"{url}: there is no such folder; make it first, where all of the team can reach it")


def _install(project: Project, kind: Kind) -> None:
    if importlib.util.find_spec(kind.module):
        return
    print(f"adding dvc[{kind.extra}] to the project")
    _run(project.root, "uv", "add", "--quiet", "--group", "train", f"dvc[{kind.extra}]")


def _configure(root: Path, url: str, options: dict[str, object], private: dict[str, object]) -> None:
    _run(root, "dvc", "remote", "add", "--quiet", "--force", "--default", NAME, url)
    for where, settings in (((), options), (("--local",), private)):
        for key, value in settings.items():
            if value is not None:
                _run(root, "dvc", "remote", "modify", "--quiet", *where, NAME, key, str(value))


def _try(project: Project) -> None:
    """Push a probe from one scratch repository, and pull it into another that has no cache."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        for root in (first, second):
            root.mkdir()
            _run(root, "dvc", "init", "--quiet", "--no-scm")
            for name in (".dvc/config", ".dvc/config.local"):
                if project.path(name).exists():
                    (root / name).write_bytes(project.path(name).read_bytes())
            _run(root, "dvc", "config", "--quiet", "core.no_scm", "true")
        (first / "probe").write_text("a probe of capstone remote\n", encoding="utf-8")
        _run(first, "dvc", "add", "--quiet", "probe")
        _run(first, "dvc", "push")
        (second / "probe.dvc").write_bytes((first / "probe.dvc").read_bytes())
        _run(second, "dvc", "pull")
        if (second / "probe").read_bytes() != (first / "probe").read_bytes():
            raise KitError("the probe came back altered")


def _run(root: Path, *command: str) -> None:
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise KitError(f"{command[0]} is not installed: `capstone doctor` says how to get it") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and "dvc.org/support" not in line]
        said = next((line for line in lines if line.lower().startswith("error")), (lines or ["no reason given"])[-1])
        raise KitError(f"`{' '.join(command)}` failed: {said.partition(': ')[2] if said.startswith('ERROR') else said}")


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
