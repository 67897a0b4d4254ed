"""One generated repository for each domain, with its environment, shared by the tests that run it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from wheels import torch_from_folder

# Some tests import the template's own modules: what Python caches beside them would be generated with them.
sys.dont_write_bytecode = True

ROOT = Path(__file__).resolve().parents[1]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HIDDEN = {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "MLFLOW_TRACKING_URI"}


@dataclass(frozen=True)
class Repository:
    """A generated repository, and how commands are run in it."""

    path: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """Give the environment of a user at a terminal, with Bentos and replayed answers kept in `home`."""
        kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        return kept | {"BENTOML_HOME": str(self.home / "bentoml"), "PREDICTION_LOG": "off"} | IDENTITY

    def run(self, *command: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository; fails with what it printed if it fails and `check` is set."""
        done = subprocess.run(
            command, cwd=self.path, env=self.environment | more, capture_output=True, text=True, encoding="utf-8"
        )
        if check and done.returncode:
            pytest.fail(
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            )
        return done

    def clone(self, folder: Path) -> "Repository":
        """Clone the repository's last commit into `folder`."""
        subprocess.run(["git", "clone", "--quiet", str(self.path), str(folder)], check=True)
        return Repository(folder, self.home)


IDENTITY = {
    "GIT_AUTHOR_NAME": "A Student",
    "GIT_AUTHOR_EMAIL": "student@example.edu",
    "GIT_COMMITTER_NAME": "A Student",
    "GIT_COMMITTER_EMAIL": "student@example.edu",
}


@pytest.fixture(scope="session", autouse=True)
def home_left_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have cookiecutter, cruft and git keep and read their settings here, not in the home of who runs the tests."""
    folder = tmp_path_factory.mktemp("cookiecutter")
    known = folder / "gitconfig"
    known.write_text("[user]\n    name = A Student\n    email = student@example.edu\n", encoding="utf-8")
    settings = folder / "settings.yaml"
    kept = {"replay_dir": folder / "replay", "cookiecutters_dir": folder / "clones"}
    settings.write_text("".join(f"{key}: {path.as_posix()}\n" for key, path in kept.items()), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOKIECUTTER_CONFIG", str(settings))
        patch.setenv("GIT_CONFIG_GLOBAL", str(known))
        yield


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the reference project, which has done its work."""
    import reference

    return reference.build(tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="session")
def graders_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which a grader keeps its environments."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def generate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Repository]:
    """Give a function that generates the repository of a domain and framework once, and installs it."""

    @cache
    def generated(domain: str, framework: str = "scikit-learn") -> Repository:
        folder = tmp_path_factory.mktemp(f"{domain}-{framework}")
        settings = folder / "cookiecutter.yaml"
        settings.write_text(f"replay_dir: {(folder / 'replay').as_posix()}\n", encoding="utf-8")
        command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--config-file", str(settings)]
        repository = Repository(folder / "capstone-project", folder)
        answers = ["--output-dir", str(folder), f"domain={domain}", f"framework={framework}"]
        done = subprocess.run([*command, *answers], env=repository.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        relock(repository)
        repository.run("uv", "sync", "--quiet")
        return repository

    return generated


def relock(repository: Repository) -> None:
    """Lock again what the machine cannot fetch as it was locked, or the newest versions; the commit stays the first."""
    project = repository.path / "pyproject.toml"
    upgrade = []
    torch_from_folder(project)
    if os.environ.get("CAPSTONE_NEWEST"):  # the nightly run: as if the date were today's
        lines = project.read_text(encoding="utf-8").splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("exclude-newer"))
        project.write_text(text, encoding="utf-8", newline="\n")
        upgrade = ["--upgrade"]
    if repository.run("git", "status", "--porcelain").stdout:
        repository.run("uv", "lock", "--quiet", *upgrade)
        repository.run("git", "add", "--all")
        repository.run("git", "commit", "--quiet", "--amend", "--no-edit")


@pytest.fixture(scope="session")
def mechanical(generate: Callable[..., Repository], tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Give a clone of the mechanical repository in which the pipeline has run."""
    return trained(generate("mechanical"), tmp_path_factory.mktemp("trained") / "repository")


def trained(repository: Repository, folder: Path) -> Repository:
    """Clone `repository` and run the pipeline in the clone."""
    clone = repository.clone(folder)
    clone.run("uv", "sync", "--quiet")
    clone.run("uv", "run", "dvc", "repro")
    return clone


@contextmanager
def serving(repository: Repository, *command: str, ready: str = "/readyz", **more: str) -> Generator[str]:
    """Start `command` with a free loopback port in the place of `{port}`; give the address once `ready` answers.

    `more` are environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    words = [word.format(port=port) for word in command]
    log = repository.home / f"server-{port}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            words,
            cwd=repository.path,
            env=repository.environment | more,
            stdout=output,
            stderr=output,
            start_new_session=sys.platform != "win32",
        )
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"{address}{ready}", timeout=2).close()
                    break
                except OSError:
                    assert server.poll() is None, log.read_text()
                    time.sleep(0.2)
            else:
                pytest.fail(f"not ready within a minute:\n{log.read_text()}")
            yield address
        finally:
            stop(server)


def stop(process: subprocess.Popen[bytes], sign: signal.Signals = signal.SIGTERM) -> None:
    """Signal a process that was started in a session of its own, and its children; wait for it."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, sign)
    process.wait(30)


@pytest.fixture(scope="session")
def service(mechanical: Repository) -> Iterator[str]:
    """Give the address of the mechanical repository's running service."""
    with serving(mechanical, "uv", "run", "bentoml", "serve", "--port", "{port}") as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium; fails with the command that installs one."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found and os.environ.get("CAPSTONE_NO_BROWSER"):
        pytest.skip("CAPSTONE_NO_BROWSER is set: the page was not tried in a browser")
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if not found and not Path(own).exists():
        pytest.fail(
            "no Chromium: install Debian's package `chromium`, or run `uv run playwright install chromium`; "
            "CAPSTONE_NO_BROWSER=1 leaves the browser's tests out",
            pytrace=False,
        )
    return found or own


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Give a running browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, service: str) -> Generator[Page]:
    """Open a service's page; at the end nothing may have been wrong in the console, nor any other host been asked."""
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(service) else problems.append(request.url))
    page.goto(service)
    yield page
    page.close()
    assert [problem for problem in problems if "400" not in problem] == []
