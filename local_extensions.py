"""What the template adds to Jinja: escaping for the format at hand, and the refusal of bad answers."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment
from jinja2.ext import Extension

MARKDOWN_SPECIAL = "\\`*_{}[]<>#|!&~$"
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


def line(value: object) -> str:
    """Give `value` as one line of plain text."""
    return " ".join(str(value).translate(INVISIBLE).split())


def hexadecimal(value: object) -> str:
    """Give `value` as the hexadecimal digits of its JSON: inert inside any string literal."""
    return json.dumps(value).encode().hex()


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
            refuse_bad_answers=refuse_bad_answers,
        )
