"""What the team itself wrote in a document, and whether it answers anything. Nothing here judges style."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

ADOPTED = Path(__file__).parent / "adopt" / "documents"  # the texts that `capstone adopt` writes
SHINGLE = 5  # words in a row that also stand in the shipped text are the template's
LEAST = 20  # own words of a section that answers something
DISTINCT = 0.35  # of the words of an answer are different ones
FUNCTION = 0.08  # of the words of prose, at least, are those that only join others
JOINING = frozenset(
    """
    a an and are as at be but by can do does each for from has have if in into is it its not of on or our so than that
    the their them then there they this to us was we were when where which who will with
    """.split()  # noqa: SIM905
)
OPEN = re.compile(
    r"\*\*to answer\*\*|\btodo\b|\btbd\b|\bfixme\b|lorem ipsum|not assigned yet|nothing below is written yet|"
    r"not signed yet|to be agreed|no use is recorded yet",
    re.IGNORECASE,
)
MARKED = re.compile(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
HEADING = re.compile(r"^##\s+(.+?)\s*$", re.MULTILINE)
WORD = re.compile(r"[^\W_]+(?:[.'\u2019_-][^\W_]+)*")


def sections(document: str) -> dict[str, str]:
    """Give the texts below the headings of the second level, by heading in lower case, without generated blocks."""
    text = COMMENT.sub("", MARKED.sub("", document))
    parts = HEADING.split(text)
    return {name.strip().lower(): body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def section(document: str, *names: str) -> str:
    """Give the text of the first section whose heading holds one of `names`, "" where there is none."""
    found = sections(document)
    return next((body for name in names for heading, body in found.items() if name in heading), "")


def words(text: str) -> list[str]:
    """Give the words of a text in lower case, without marks and links."""
    return [word.lower() for word in WORD.findall(re.sub(r"\]\([^)]*\)", "]", text))]


def own(text: str, shipped: Iterable[str]) -> list[str]:
    """Give the words of a text that the template, or `capstone adopt`, did not write."""
    known = {shingle for other in (*shipped, *adopted()) for shingle in _shingles(words(other))}
    found = words(text)
    theirs = [False] * len(found)
    for place, shingle in enumerate(_shingles(found)):
        if shingle in known:
            theirs[place : place + SHINGLE] = [True] * SHINGLE
    return [word for word, shipped_too in zip(found, theirs, strict=True) if not shipped_too]


@cache
def adopted() -> tuple[str, ...]:
    """Give the texts that `capstone adopt` writes."""
    return tuple(
        re.sub(r"{[{%].*?[%}]}", " ", path.read_text(encoding="utf-8")) for path in sorted(ADOPTED.glob("*.j2"))
    )


def complaint(text: str, shipped: Iterable[str], least: int = LEAST) -> str:
    """Give why a text is no answer yet, "" where it is one: it is the team's own, it is prose, nothing is left open."""
    if left := OPEN.search(text):
        return f"{left[0]!r} still stands there"
    found = own(text, shipped)
    if len(found) < least:
        return f"{len(found)} words of the team's own, of at least {least}"
    if len(set(found)) < DISTINCT * len(found) or repeated(text):
        return "the same words over and over"
    if sum(word in JOINING for word in found) < FUNCTION * len(found) and _is_english(text):
        return "a row of words, not sentences"
    return ""


def repeated(text: str) -> bool:
    """Whether a sentence of some length stands there three times or more."""
    sentences = Counter(" ".join(words(part)) for part in re.split(r"[.!?\n]+", text))
    return any(count >= 3 for sentence, count in sentences.items() if len(sentence.split()) >= 4)


def mentions(text: str, facts: Collection[str]) -> set[str]:
    """Give which of the project's facts (names of columns and metrics, figures) a text mentions."""
    plain = re.sub(r"[`*_\\\s-]+", " ", text.lower())
    return {fact for fact in facts if re.sub(r"[`*_\\\s-]+", " ", fact.lower()).strip() in plain}


def rows(text: str) -> list[list[str]]:
    """Give the cells of the Markdown tables in a text, rulers and heads left out."""
    found: list[list[str]] = []
    lines = text.splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if not line.strip().startswith("|"):
            continue
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            if found and above.strip().startswith("|"):
                found.pop()
            continue
        found.append(cells)
    return found


def figures(text: str) -> set[float]:
    """Give the numbers in a text; commas between thousands are left out."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return {float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)", plain)}


def _shingles(found: list[str]) -> Iterable[tuple[str, ...]]:
    return zip(*(found[i:] for i in range(SHINGLE)), strict=False)


def _is_english(text: str) -> bool:
    """Whether the letters are Latin: of other scripts the joining words are not known."""
    letters = [c for c in text if c.isalpha()]
    return sum(c.isascii() for c in letters) > 0.8 * len(letters)
