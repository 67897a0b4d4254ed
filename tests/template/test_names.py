"""Any name: a clean refusal, or a repository in which it reads back as it was typed."""

import tempfile
import tomllib
from pathlib import Path

from bake import bake
from cookiecutter.exceptions import FailedHookException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_answers import check_parses

# Cookiecutter itself renders what looks like Jinja on the command line, before any code of the template runs.
AWKWARD = "\"'\\%#:{}[]<>&`*_|~$!@\n\t\u2028\u0085\u200e\u202e\ufeff🚀שלוםع مé漢字 ab1."
TEXT = st.text(st.sampled_from(AWKWARD) | st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
NAMES = TEXT.filter(lambda text: not any(sign in text for sign in ("{{", "{%", "{#")))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=NAMES, description=NAMES, team=NAMES, sponsor=NAMES)
def test_any_name_is_refused_or_reads_back(name: str, description: str, team: str, sponsor: str) -> None:
    """The contract and the package hold the very text; the README's heading shows it; nothing is written elsewhere."""
    answers = {"project_name": name, "description": description, "team": team, "sponsor": sponsor}
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
        } == answers
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["description"] == description
        assert heading(root / "README.md") == visible(name)
        assert [path.name for path in (folder / "target").iterdir()] == ["named"]
        assert {path.name for path in folder.iterdir()} == {"cookiecutter.yaml", "programs", "replay", "target"}


def heading(path: Path) -> str:
    """Give the text that a reader sees as the first heading of a Markdown document."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    start = next(i for i, token in enumerate(tokens) if token.type == "heading_open")
    return "".join(child.content for child in tokens[start + 1].children or [])


def visible(name: str) -> str:
    """Give a name as one line, without the marks that only steer its direction."""
    steering = {0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
    return "".join(c for c in " ".join(name.split()) if ord(c) not in steering)
