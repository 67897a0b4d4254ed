"""`capstone report`: a repository's own facts as a page for its sponsor, and as one that a student may show."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from markupsafe import Markup

from capstone_kit import VERSION, webpage
from capstone_kit.project import KitError, Project, git
from capstone_kit.report import bill as bills
from capstone_kit.report import figures, words
from capstone_kit.report.browser import PICTURE
from capstone_kit.report.changes import changes
from capstone_kit.report.facts import COPIED, Facts, plain, shown
from capstone_kit.report.history import number
from capstone_kit.report.trust import Trust

HERE = Path(__file__).parent
LARGEST = 1_500_000  # bytes of a picture


def build(project: Project, out: Path) -> Path:
    """Write the site of a project into `out`, in place of an earlier one; give its first page."""
    facts = Facts(project)
    bill = bills.bill(project)
    with _replacing(out) as folder:
        kept = _copy(facts, folder / "files")
        if isinstance(bill, bills.Bill):
            (folder / "sbom.cdx.json").write_text(json.dumps(bill.document, indent=1) + "\n", encoding="utf-8")
        page = webpage.render(HERE / "project.html.j2", HERE / "project.css", _values(facts, bill, kept))
        (folder / "index.html").write_text(page, encoding="utf-8", newline="\n")
    return out / "index.html"


def portfolio(project: Project, out: Path) -> Path:
    """Write the one page that a student may show: what the confidentiality of the data allows, and no more."""
    facts = Facts(project)
    plots = _plots(facts) if facts.confidentiality == "public" else {}
    ask = _text(facts, "ask", ()) if facts.confidentiality == "public" else ""
    values = {"facts": facts, "plots": plots, "ask": ask, "shown": shown, "version": VERSION}
    with _replacing(out) as folder:
        page = webpage.render(HERE / "portfolio.html.j2", HERE / "project.css", values)
        (folder / "index.html").write_text(page, encoding="utf-8", newline="\n")
    return out / "index.html"


def publish(project: Project, out: Path) -> str:
    """Write the site for the public if the data contract allows it, and say so; else leave nothing in `out`."""
    confidentiality = Facts(project).confidentiality
    if confidentiality == "public":
        return f"may be published: {build(project, out)}"
    if _ours(out):
        shutil.rmtree(out)
    return f"not published: the data contract says {confidentiality}, and only what is public goes out"


@contextmanager
def _replacing(out: Path) -> Generator[Path]:
    """Give a folder that takes the place of `out` when all is written. What is no site of ours is left alone."""
    if out.exists() and not _ours(out) and (not out.is_dir() or any(out.iterdir())):
        raise KitError(f"--out: {out} holds other things: name a new folder, or an earlier site")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".site-", dir=out.parent))
    try:
        yield folder
        shutil.rmtree(out, ignore_errors=True)
        folder.chmod(0o755)
        folder.rename(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ours(out: Path) -> bool:
    """Whether a folder is a site that this module wrote."""
    page = out / "index.html"
    return page.is_file() and b'<meta name="generator" content="capstone' in page.read_bytes()[:2000]


def _copy(facts: Facts, folder: Path) -> dict[str, str]:
    """Copy what the page's figures come from; give where each file lies beside the page."""
    project = facts.project
    records = [entry.file for entry in facts.decisions] + [checked.file for checked in facts.signatures]
    kept = [name for name in (*COPIED, *records) if project.exists(name)]
    for name in kept:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words.people_left_out(project.text(name)), encoding="utf-8", newline="\n")
    folder.mkdir(parents=True, exist_ok=True)
    criteria = {key: facts.contract.get(key, []) for key in ("acceptance", "constraint")}
    text = json.dumps(criteria, indent=2, ensure_ascii=False, default=str)
    (folder / "criteria.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    return {name: f"files/{name}" for name in kept} | {"criteria": "files/criteria.json"}


def _values(facts: Facts, bill: bills.Bill | str, kept: dict[str, str]) -> dict[str, Any]:
    """Give what the project's page is made of."""
    return {
        "facts": facts,
        "trust": Trust(facts.project),
        "asked": [(title, _text(facts, name, kept)) for title, name in ASKED if _text(facts, name, kept)],
        "changes": changes(facts),
        "plots": _plots(facts),
        "picture": _picture(facts.project, PICTURE) if facts.project.exists(PICTURE) else "",
        "bill": bill,
        "kept": kept,
        "forge": forge(facts.project),
        "limits": {title: body for title, name in LIMITS if (body := facts.limits.get(name, ""))},
        "plain": plain,
        "markdown": lambda text, file: words.markdown(text, file, kept),
        "shown": shown,
        "version": VERSION,
    }


ASKED = (("The ask", "ask"), ("Users and the decision", "users"), ("Scope", "scope"))

LIMITS = (("Limits of the system", "limits of the system"), ("Fairness", "fairness"))


def _text(facts: Facts, name: str, kept: Any) -> Markup | str:
    found = next((body for heading, body in facts.section.items() if name in heading), "")
    return words.markdown(found, "docs/charter.md", kept) if found else ""


def _plots(facts: Facts) -> dict[str, Markup]:
    """Draw what there are data for."""
    drawn: dict[str, Callable[[], Markup]] = {}
    if facts.calibration:
        drawn["calibration"] = lambda: figures.calibration(facts.calibration)
    if facts.slices:
        drawn["slices"] = lambda: figures.slices(facts.slices, facts.headline.replace("_", " "))
    if facts.importance:
        drawn["importance"] = lambda: figures.importance(facts.importance)
    values = [_point(state) for state in _headlines(facts)]
    if len(values) > 1:
        bound = next((c.bound for c in facts.criteria if c.metric == facts.headline), None)
        drawn["trend"] = lambda: figures.trend(values, bound, facts.headline.replace("_", " "))
    return {name: draw() for name, draw in drawn.items()}


def _headlines(facts: Facts) -> list[dict[str, Any]]:
    entries = [s.measured.get(facts.headline, {}) | {"at": s.date[5:] or "now"} for s in facts.states]
    return [entry for entry in entries if number(entry.get("value")) is not None]


def _point(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key == "at" or number(value) is not None}


def _picture(project: Project, name: str) -> str:
    """Give a picture of the service's page as an address that holds it, "" where it is none."""
    import base64

    content = project.bytes(name)
    if not content.startswith(b"\x89PNG") or len(content) > LARGEST:
        return ""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def forge(project: Project) -> str:
    """Give the address under which a forge shows the files at this commit, "" where it is not known."""
    try:
        remote = git(project.root, "remote", "get-url", "origin").strip()
    except KitError:
        return ""
    form = r"(?:https://(?:[^/@\s]+@)?|ssh://git@|git@)(git(?:hub|lab)\.[\w.-]+)[:/]([\w./-]+?)(?:\.git)?/?"
    found = re.fullmatch(form, remote)
    return f"https://{found[1]}/{found[2]}{'/-' if 'gitlab' in found[1] else ''}" if found else ""
