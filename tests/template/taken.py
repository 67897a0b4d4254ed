"""What a generated repository installs, by a fresh lock; run it to write that to TAKEN in the pre-generation hook."""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOOK = ROOT / "hooks" / "pre_gen_project.py"
COMMAND = "uv run python tests/template/taken.py"


def locked_names(folder: Path) -> set[str]:
    """Generate into `folder`, lock, and give the name of every package but the repository itself."""
    settings = folder / "cookiecutter.yaml"
    settings.write_text(f"replay_dir: {(folder / 'replay').as_posix()}\n", encoding="utf-8")
    command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--config-file", str(settings)]
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [*command, "--output-dir", str(folder)], env=kept, capture_output=True, text=True, encoding="utf-8"
    )
    lock = folder / "capstone-project" / "uv.lock"
    if not lock.exists():
        raise RuntimeError(f"no lock was made:\n{done.stdout}{done.stderr}")
    names = re.findall(r'^name = "([^"]+)"', lock.read_text(encoding="utf-8"), re.MULTILINE)
    return set(names) - {"capstone-project"}


def main() -> None:
    """Write the names to the hook."""
    with tempfile.TemporaryDirectory() as folder:
        names = sorted(locked_names(Path(folder)))
    wrapped = textwrap.fill(" ".join(names), 112, break_long_words=False, break_on_hyphens=False)
    block = f'TAKEN = frozenset(\n    """\n{textwrap.indent(wrapped, "    ")}\n    """.split()\n)'
    source = HOOK.read_text(encoding="utf-8")
    start, end = source.index("TAKEN = frozenset("), source.index('""".split()\n)') + len('""".split()\n)')
    HOOK.write_text(source[:start] + block + source[end:], encoding="utf-8", newline="\n")
    print(f"{len(names)} names written to {HOOK.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
