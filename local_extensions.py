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
TEMPLATE = Path(__file__).resolve().parent
PROGRAMS = TEMPLATE / "src" / "capstone_kit" / "programs"
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


def citation_license(answers: dict[str, Any]) -> str:
    """Give the line of CITATION.cff that names the licence, by SPDX; a proprietary one has no name there."""
    if answers["license"] == "proprietary":
        return "# license: none, for the work is the sponsor's; see LICENSE"
    return f"license: {answers['license']}"


def kit_source(answers: dict[str, Any]) -> str:
    """Give where uv finds the kit, as a TOML table: there where the template came from, at the same version."""
    template = expand_abbreviations(str(answers["_template"]), BUILTIN_ABBREVIATIONS)
    if is_zip_file(template):
        return f"{{ url = {quoted(template)} }}"
    if not is_repo_url(template):  # a folder, perhaps named from another one than that in which files are rendered
        folder = Path(template).resolve() if Path(template).is_absolute() else TEMPLATE
        return f"{{ path = {quoted(folder.as_posix())} }}"
    if "://" not in template:  # the short form of ssh, user@host:path
        template = "ssh://" + template.replace(":", "/", 1)
    return f"{{ git = {quoted(template)}, rev = {quoted(_commit(answers))} }}"


def _commit(answers: dict[str, Any]) -> str:
    """Give the template's commit: cruft says it, cookiecutter leaves its clone."""
    if "_commit" in answers:
        return str(answers["_commit"])
    command = ["git", "-C", str(answers["_repo_dir"]), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def template_folder(_: dict[str, Any]) -> str:
    """Give the folder that the template is rendered from."""
    return str(TEMPLATE)


def refuse_bad_answers(answers: dict[str, Any]) -> str:
    """Stop before anything is written if an answer is one that the pre-generation hook refuses."""
    if reason := _load(TEMPLATE / "hooks" / "pre_gen_project.py").refusal(answers):
        raise FailedHookException(reason)
    return ""


def _load(path: Path) -> Any:
    """Give the module of a file as it is now, whatever was imported before."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILTERS = (
    *(quoted, line, markdown, latex, hexadecimal),
    *(domain, track, citation_license, kit_source, template_folder, refuse_bad_answers),
)


class TemplateExtension(Extension):
    """Registers the filters above."""

    def __init__(self, environment: Environment) -> None:
        """Add the filters to the environment.

        `cruft update` renders two versions of the template in one process, from one folder: the file is read anew,
        or the second would be rendered with the filters of the first.
        """
        super().__init__(environment)
        environment.filters.update({f.__name__: f for f in _load(TEMPLATE / "local_extensions.py").FILTERS})
