"""Tables of the documentation that the tests write: a row as soon as it is known, the page once every row is there."""

import re
from dataclasses import dataclass
from pathlib import Path

from capstone_kit.formats.escape import markdown

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Table:
    """The table of `docs/NAME.md`, below `tests/attacks/NAME.md`. Rows are kept from one run to the next."""

    name: str
    rows: tuple[str, ...]  # what each is of, in their order

    def keep(self, row: str, *cells: str) -> None:
        """Keep the cells of a row."""
        path = self._path(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"| {' | '.join(map(markdown, cells))} |\n", encoding="utf-8")

    def write(self) -> None:
        """Write the page where every row is known, of this run or of those before."""
        rows = [self._path(row) for row in self.rows]
        if all(row.exists() for row in rows):
            page = (ROOT / f"tests/attacks/{self.name}.md").read_text(encoding="utf-8")
            lines = [row.read_text(encoding="utf-8") for row in rows]
            path = ROOT / f"docs/{self.name}.md"
            path.write_text(page + "".join(lines), encoding="utf-8", newline="\n")

    def _path(self, row: str) -> Path:
        return ROOT / f".cache/{self.name}" / f"{re.sub(r'[^a-z0-9]+', '-', row.lower())}.md"
