"""A report in the forms that people and other programs read. Each is a pure function of the report."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from capstone_kit.result import Report


@dataclass(frozen=True)
class Format:
    """A form of the report."""

    file: str  # what it is called in a folder of results
    about: str
    module: str

    @property
    def render(self) -> Callable[[Report], str]:
        """The function that writes it; its module is imported when it is needed."""
        return import_module(f"capstone_kit.formats.{self.module}").render


FORMATS = {
    "text": Format("report.txt", "for the terminal", "text"),
    "json": Format("capstone-report.json", "the canonical report; all others are made from it", "canonical"),
    "junit": Format("junit.xml", "JUnit XML, for CI", "junit"),
    "gradescope": Format("results.json", "Gradescope's autograder results", "gradescope"),
    "classroom": Format("classroom.txt", "GitHub Classroom's autograding result, advisory", "classroom"),
    "github": Format("summary.md", "GitHub's step summary", "github"),
    "annotations": Format("annotations.txt", "at most ten workflow commands, worst first", "annotations"),
    "markdown": Format("feedback.md", "feedback for the team", "feedback"),
    "html": Format("report.html", "a page that works from disk", "page"),
    "sarif": Format("report.sarif", "SARIF 2.1.0, for code scanning", "sarif"),
}
