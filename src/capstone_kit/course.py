"""The instructor's repository: profile, roster, decisions, withheld rows, and the workflows that grade."""

import json
from importlib.metadata import Distribution
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from capstone_kit import profiles
from capstone_kit.examination import KNOWN
from capstone_kit.project import KitError
from capstone_kit.template import OURS, QUESTIONS

FILES = Path(__file__).parent / "course_files"


def make(folder: Path, name: str) -> list[Path]:
    """Write the files into `folder`, which must not hold any of them yet, and give them. Raises `KitError`."""
    profile = profiles.load(name, KNOWN)
    shipped = profiles.SHIPPED / f"{name}.toml"
    source = _source()
    environment = Environment(loader=FileSystemLoader(FILES), undefined=StrictUndefined, keep_trailing_newline=True)
    names = sorted(p.relative_to(FILES).as_posix() for p in FILES.rglob("*") if p.is_file())
    facts = {"title": profile.title, "source": source, "source_yaml": json.dumps(source)}
    texts = {name: environment.get_template(name).render(facts) for name in names}
    texts["profile.toml"] = (shipped if shipped.exists() else Path(name)).read_text(encoding="utf-8")
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise KitError(f"{folder} holds {there[0]} already: nothing was written")
    for file, text in texts.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8", newline="\n")
    return [folder / file for file in texts]


def _source() -> str:
    """Give what `uv tool install` takes to install this kit, with what grading needs."""
    place = json.loads(Distribution.from_name("capstone-kit").read_text("direct_url.json") or "{}")
    commit = place.get("vcs_info", {}).get("commit_id")
    if commit:
        return f"capstone-kit[grade] @ git+{place['url']}@{commit}"
    folder = OURS if (OURS / QUESTIONS).is_file() else Path(place.get("url", "").removeprefix("file://"))
    return f"capstone-kit[grade] @ {folder.as_uri()}"
