"""Back up what the team's MLflow server holds, and bring it back.

    DATABASE_URL=postgresql://… python deploy/backup.py save ARTIFACTS BACKUPS
    DATABASE_URL=postgresql://… python deploy/backup.py restore ARTIFACTS BACKUPS/2026-11-27T13-00-00Z

A backup is a folder with a dump of the database and a copy of the artifacts; it is there whole or not at all. The
database is dumped first: whatever it speaks of is then among the artifacts. The newest 14 are kept.
"""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

KEPT = 14
USAGE = "usage: backup.py save ARTIFACTS BACKUPS | restore ARTIFACTS BACKUP"


def run(*command: str) -> None:
    """Run a program of PostgreSQL on the database; ends with what it said where it fails."""
    try:
        done = subprocess.run([*command, os.environ["DATABASE_URL"]], capture_output=True, text=True, check=False)
    except KeyError:
        sys.exit("error: the environment variable DATABASE_URL is not set")
    except FileNotFoundError:
        sys.exit(f"error: {command[0]} is not installed: Debian's package postgresql-client has it")
    if done.returncode:
        sys.exit(f"error: {command[0]} failed: {done.stderr.strip()}")


def save(artifacts: Path, backups: Path) -> Path:
    """Make a backup; give its folder."""
    path = backups / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    partial = backups / f".{path.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    run("pg_dump", "--format=custom", f"--file={partial / 'database.dump'}", "--dbname")
    shutil.copytree(artifacts, partial / "artifacts")
    partial.rename(path)
    for old in sorted(backups.glob("[0-9]*Z"))[:-KEPT]:
        shutil.rmtree(old)
    return path


def restore(artifacts: Path, backup: Path) -> None:
    """Put back what the backup holds; artifacts that came later stay."""
    if not (backup / "database.dump").exists():
        sys.exit(f"error: {backup} is no backup: database.dump is missing")
    run("pg_restore", "--clean", "--if-exists", "--single-transaction", str(backup / "database.dump"), "--dbname")
    shutil.copytree(backup / "artifacts", artifacts, dirs_exist_ok=True)


def main() -> None:
    """Do what the command line says."""
    try:
        action, first, second = sys.argv[1:]
        actions = {"save": save, "restore": restore}
        found = actions[action](Path(first), Path(second))
    except (KeyError, ValueError):
        sys.exit(USAGE)
    except OSError as error:
        sys.exit(f"error: {error}")
    print(f"backup: {found}" if found else f"backup: {second} is restored")


if __name__ == "__main__":
    main()
