"""What the template adds to Jinja: escaping for the format at hand, and the refusal of bad answers."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from cookiecutter.config import BUILTIN_ABBREVIATIONS
from cookiecutter.exceptions import FailedHookException
from cookiecutter.repository import expand_abbreviations, is_repo_url, is_zip_file
from jinja2 import Environment
from jinja2.ext import Extension

MARKDOWN_SPECIAL = "\\`*_{}[]<>#|!&~$"
LATEX = {c: f"\\{c}" for c in "{}$&#_%"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
LATEX |= {"^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}"}
PROGRAMS = Path(__file__).parent / "src" / "capstone_kit" / "programs"
INVISIBLE = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def quoted(value: object) -> str:
    """Give `value` as a string literal that TOML, YAML and JSON all read back unchanged."""
    literal = json.dumps(str(value), ensure_ascii=False)
    return "".join(f"\\u{ord(c):04X}" if _needs_escape(c) else c for c in literal)


def _needs_escape(character: str) -> bool:
    code = ord(character)
    return 0x7F <= code <= 0xA0 or code in {0xAD, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF}


def markdown(value: object) -> str:
    """Give `value` as one line of Markdown that shows it literally, in a heading or a table cell too."""
    escaped = "".join(f"\\{c}" if c in MARKDOWN_SPECIAL else c for c in line(value))
    escaped = re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)  # "1." would begin a list
    return f"\\{escaped}" if escaped[:1] in "-+=:" else escaped


def latex(value: object) -> str:
    """Give `value` as one line of LaTeX that shows it literally."""
    return "".join(LATEX.get(c, c) for c in line(value))


def line(value: object) -> str:
    """Give `value` as one line of plain text."""
    return " ".join(str(value).translate(INVISIBLE).split())


def hexadecimal(value: object) -> str:
    """Give `value` as the hexadecimal digits of its JSON: inert inside any string literal."""
    return json.dumps(value).encode().hex()


def domain(answers: dict[str, Any]) -> str:
    """Give the domain that was chosen, or the programme's own."""
    if answers["domain"] != "auto":
        return str(answers["domain"])
    found = re.search(r'^domain = "(.+)"$', _program(answers), re.MULTILINE)
    assert found, "a test reads every programme"
    return found[1]


def track(answers: dict[str, Any]) -> str:
    """Give what the programme ends in: research, of which a paper comes, or a project."""
    return "research" if re.search(r"^research = true$", _program(answers), re.MULTILINE) else "project"


def _program(answers: dict[str, Any]) -> str:
    """Give the programme's file as text: before Python 3.11 there is no tomllib."""
    return (PROGRAMS / f"{answers['program']}.toml").read_text(encoding="utf-8")


def kit_source(answers: dict[str, Any]) -> str:
    """Give where uv finds the kit, as a TOML table: there where the template came from, at the same version."""
    template = expand_abbreviations(str(answers["_template"]), BUILTIN_ABBREVIATIONS)
    if is_zip_file(template):
        return f"{{ url = {quoted(template)} }}"
    if not is_repo_url(template):  # a folder, perhaps named from another one than that in which files are rendered
        folder = Path(template) if Path(template).is_absolute() else Path(__file__).parent
        return f"{{ path = {quoted(folder.resolve().as_posix())} }}"
    if "://" not in template:  # the short form of ssh, user@host:path
        template = "ssh://" + template.replace(":", "/", 1)
    return f"{{ git = {quoted(template)}, rev = {quoted(_commit(answers))} }}"


def _commit(answers: dict[str, Any]) -> str:
    """Give the template's commit: cruft says it, cookiecutter leaves its clone."""
    if "_commit" in answers:
        return str(answers["_commit"])
    command = ["git", "-C", str(answers["_repo_dir"]), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def refuse_bad_answers(answers: dict[str, Any]) -> str:
    """Stop before anything is written if an answer is one that the pre-generation hook refuses."""
    path = Path(__file__).parent / "hooks" / "pre_gen_project.py"
    spec = importlib.util.spec_from_file_location("pre_gen_project", path)
    assert spec and spec.loader
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    if reason := hook.refusal(answers):
        raise FailedHookException(reason)
    return ""


class TemplateExtension(Extension):
    """Registers the filters above."""

    def __init__(self, environment: Environment) -> None:
        """Add the filters to the environment."""
        super().__init__(environment)
        environment.filters.update(
            quoted=quoted,
            line=line,
            markdown=markdown,
            hexadecimal=hexadecimal,
            domain=domain,
            latex=latex,
            track=track,
            kit_source=kit_source,
            refuse_bad_answers=refuse_bad_answers,
        )
