"""Any name: a clean refusal, or a repository in which it reads back as it was typed."""

import re
import tempfile
import tomllib
from pathlib import Path

from bake import bake
from cookiecutter.exceptions import FailedHookException
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_answers import check_parses

PIECES = [
    *"\"'\\%#:{}[]<>&`*_|~$!@-+=.\n\t\u2028\u0085\u200e\u202e\ufeff🚀ש漢",
    *("'''", "\r\n", " #", ": ", "- ", "1. ", "*a*", "_b_", "`c`", "[d](e)", "![f](g)", "<i>", "&amp;", "&#35;"),
    *("\\n", "\\u0041", "${h}", "$i$", "%s", "\n\n", "\n---\n", "\n===\n", "\n[tool]\n", "}}", "%}"),
]
PIECE = st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs", "Cc"])
TEXT = st.lists(PIECE, min_size=1, max_size=12).map("".join)
# Cookiecutter renders each answer as Jinja before any code of the template runs: what looks like Jinja is taken for
# that, and every line end becomes LF. See `as_rendered`.
NAMES = TEXT.filter(lambda text: not any(sign in text for sign in ("{{", "{%", "{#")))
MARKS = "*a* _b_ `c` [d](e) ![f](g) <i> &amp; &#35; $h$ | j #"
LINES = "- one\ntwo\r\n\nthree\n---\n[tool]\nfour"
QUOTES = "\\ \\n %s ${a} }} %} ' \" ''' \"\"\" # : \t."
SCRIPTS = "1. \u2028\u2029\u0085\u202e\ufeff\u00ad🚀שלום 漢字\n\u202e"


@example(name=MARKS, description=MARKS, team=MARKS, sponsor=MARKS)
@example(name=LINES, description=LINES, team=LINES, sponsor=LINES)
@example(name=QUOTES, description=QUOTES, team=QUOTES, sponsor=QUOTES)
@example(name=SCRIPTS, description=SCRIPTS, team=SCRIPTS, sponsor=SCRIPTS)
@settings(max_examples=40, deadline=None, phases=set(Phase) - {Phase.shrink}, suppress_health_check=list(HealthCheck))
@given(name=NAMES, description=NAMES, team=NAMES, sponsor=NAMES)
def test_any_name_is_refused_or_reads_back(name: str, description: str, team: str, sponsor: str) -> None:
    """The contract and the package hold the very text; the README shows it; nothing is written elsewhere."""
    answers = {"project_name": name, "description": description, "team": team, "sponsor": sponsor}
    rendered = {question: as_rendered(answer) for question, answer in answers.items()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            root = bake(folder, project_slug="named", **answers)
        except FailedHookException as refusal:
            refused = str(refusal).split()[0]
            assert not answers[refused].strip(), f"{answers[refused]!r} was refused: {refusal}"
            assert list((folder / "target").iterdir()) == []
            return
        check_parses(root, "3.11")
        capstone = tomllib.loads((root / "capstone.toml").read_text(encoding="utf-8"))["project"]
        assert {"project_name": capstone["name"]} | {
            k: capstone[k] for k in ("description", "team", "sponsor")
        } == rendered
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["description"] == rendered["description"]
        assert blocks(root / "README.md")[:2] == [visible(name), visible(description)]
        assert [path.name for path in (folder / "target").iterdir()] == ["named"]
        assert {path.name for path in folder.iterdir()} == {"cookiecutter.yaml", "programs", "replay", "target"}


@settings(max_examples=20, deadline=None, phases=set(Phase) - {Phase.shrink}, suppress_health_check=list(HealthCheck))
@given(name=NAMES)
def test_any_name_gives_a_safe_folder_or_is_refused(name: str) -> None:
    """The folder proposed for a name is plain and is the distribution's name, or one sentence says why not."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            root = bake(folder, project_name=name)
        except FailedHookException as refusal:
            assert str(refusal).startswith(("project_name is empty", "project_slug "))
            assert list((folder / "target").iterdir()) == []
            return
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", root.name)
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["name"] == root.name
        assert list((folder / "target").iterdir()) == [root]


def as_rendered(answer: str) -> str:
    """Give an answer as cookiecutter hands it to the template."""
    return re.sub(r"\r\n?", "\n", answer)


def blocks(path: Path) -> list[str]:
    """Give the text of each heading, paragraph and cell of a Markdown document; what is not text shows as its kind."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    lines = [token.children or [] for token in tokens if token.type == "inline"]
    return ["".join(part.content if part.type == "text" else f"<{part.type}>" for part in line) for line in lines]


def visible(name: str) -> str:
    """Give a name as one line, without the marks that only steer its direction."""
    steering = {0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
    return " ".join("".join(c for c in name if ord(c) not in steering).split())
