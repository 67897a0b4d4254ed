"""Bad answers: one plain sentence, status 1, and nothing left on disk."""

import subprocess
import sys
from pathlib import Path

import pytest
import taken
from bake import ROOT

sys.path.insert(0, str(ROOT / "hooks"))
import pre_gen_project

REFUSED = {
    "empty name": ("project_name=", "project_name is empty"),
    "blank name": ("project_name=   ", "project_name is empty"),
    "long name": (f"project_name={'x' * 101}", "at most 100"),
    "long slug": (f"project_slug={'x' * 61}", "at most 60"),
    "name of emoji alone": ("project_name=🚀", "project_slug is empty"),
    "control character": ("team=a\x07b", "control character U+0007"),
    "parent folder": ("project_slug=../x", "is a path"),
    "folder in folder": ("project_slug=a/b", "is a path"),
    "backslash": ("project_slug=a\\b", "is a path"),
    "leading dash": ("project_slug=-x", "no valid distribution name"),
    "trailing dot": ("project_slug=x.", "no valid distribution name"),
    "blank inside": ("project_slug=a b", "no valid distribution name"),
    "line end": ("project_slug=ab\n", "no valid distribution name"),
    "letters beyond ASCII": ("project_slug=modèle", "no valid distribution name"),
    "Windows console": ("project_slug=con", "Windows reserves"),
    "Windows null": ("project_slug=NUL", "Windows reserves"),
    "Windows port with ending": ("project_slug=com1.txt", "Windows reserves"),
    "dependency": ("project_slug=mlflow", "a package that the project itself installs"),
    "dependency in disguise": ("project_slug=Scikit_Learn", "a package that the project itself installs"),
    "transitive dependency": ("project_slug=flask", "a package that the project itself installs"),
    "Jinja in a name": ("project_name={{x}}", "Unable to render variable"),
}
# Cookiecutter checks choices before it runs any code of the template, and ends with a traceback of its own.
UNKNOWN = ["program=nowhere", "domain=astrology", "license=WTFPL", "ci=svn", "python_version=2.7"]


def generate(folder: Path, *answers: str, defaults: str = "{}") -> subprocess.CompletedProcess[str]:
    """Run cookiecutter's command line into `folder`/inside."""
    settings = folder.parent / f"{folder.name}.yaml"
    settings.write_text(
        f"replay_dir: {(folder.parent / 'replay').as_posix()}\ndefault_context: {defaults}\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--config-file", str(settings)]
    (folder / "inside").mkdir(parents=True, exist_ok=True)
    options = ["--output-dir", str(folder / "inside"), *answers]
    return subprocess.run([*command, *options], capture_output=True, text=True, encoding="utf-8")


def everything(folder: Path) -> set[str]:
    """Give every path below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize(("answer", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_answer_is_refused(tmp_path: Path, answer: str, said: str) -> None:
    """Status 1 and one sentence; no traceback, no file."""
    done = generate(tmp_path / "outside", answer)
    output = done.stdout + done.stderr
    assert done.returncode == 1, output
    assert said in output
    assert "Traceback" not in output
    if "Unable to render" not in said:  # cookiecutter's own message, with the context that it tried, is longer
        assert output.strip().count("\n") == 0, output
    assert everything(tmp_path / "outside") == {"inside"}


@pytest.mark.parametrize("answer", UNKNOWN)
def test_an_unknown_choice_writes_nothing(tmp_path: Path, answer: str) -> None:
    """A known limit of cookiecutter: the last line says what is wrong, below a traceback. No file is left."""
    done = generate(tmp_path / "outside", answer)
    question, choice = answer.split("=")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ValueError: {choice} provided for choice variable {question}, but the choices are")
    assert everything(tmp_path / "outside") == {"inside"}


def test_an_absolute_slug_writes_nowhere(tmp_path: Path) -> None:
    """An absolute path is refused before the folder is made."""
    done = generate(tmp_path / "outside", "project_slug=/tmp/evil-capstone")
    assert done.returncode == 1
    assert "is a path" in done.stdout + done.stderr
    assert not Path("/tmp/evil-capstone").exists()
    assert everything(tmp_path / "outside") == {"inside"}


def test_a_null_character_is_refused(tmp_path: Path) -> None:
    """No command line can carry U+0000, but a configuration file can."""
    done = generate(tmp_path / "outside", defaults='{team: "a\\0b"}')
    assert (done.returncode, done.stdout + done.stderr) == (
        1,
        "team holds the control character U+0000: leave it out.\n",
    )
    assert everything(tmp_path / "outside") == {"inside"}


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    """Generating over a folder is refused, and its content stays."""
    kept = tmp_path / "outside" / "inside" / "capstone-project" / "thesis.md"
    kept.parent.mkdir(parents=True)
    kept.write_text("years of work")
    done = generate(tmp_path / "outside")
    assert done.returncode == 1
    assert "already exists" in done.stdout + done.stderr
    assert kept.read_text() == "years of work"
    folder = "inside/capstone-project"
    assert everything(tmp_path / "outside") == {"inside", folder, f"{folder}/thesis.md"}


def test_taken_names_are_those_of_the_lock(tmp_path: Path) -> None:
    """Every package that a fresh lock of a generated repository names is refused as a slug, and no other."""
    changed = sorted(taken.locked_names(tmp_path) ^ pre_gen_project.TAKEN)
    assert not changed, f"TAKEN differs from the lock in {' '.join(changed)}; bring it up to date: {taken.COMMAND}"
