"""All that git ever held, looked through for what should not be there, by commands that check nothing out."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from capstone_kit.project import KitError, git

MOST = 200_000  # objects
SMALL = 500_000  # bytes of a file that is looked into
TOGETHER = 200_000_000  # bytes that are looked into

# Forms that their issuers document, so that next to nothing else looks like them. What needs guessing (long random
# words, `password = …`) is left to detect-secrets, which every generated repository runs before each commit.
SECRETS = {
    "private key": re.compile(
        rb"-----BEGIN (?:RSA |EC |DSA |OPENSSH |PGP )?PRIVATE KEY(?: BLOCK)?-----\s*\n[A-Za-z0-9+/=\s]{40}"
    ),
    "AWS access key": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b"),
    "GitLab token": re.compile(rb"\bglpat-[A-Za-z0-9_-]{20,}\b"),
    "Google API key": re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b"),
    "Google service account": re.compile(rb'"private_key_id":\s*"[0-9a-f]{40}"'),
    "Slack token": re.compile(rb"\bxox[abprs]-[0-9A-Za-z-]{20,}\b"),
    "Azure storage key": re.compile(rb"AccountKey=[A-Za-z0-9+/]{80,}={0,2}"),
    "OpenAI or Anthropic key": re.compile(rb"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}\b"),
    "password in an address": re.compile(
        rb"\b[a-z][a-z0-9+]{2,12}://[^\s:/@<>{}$%'\"]{1,40}:[^\s:/@<>{}$%'\"*]{6,60}@[\w.-]{4,}"
    ),
}
EXAMPLES = (b"EXAMPLE", b"example.com", b"example.edu", b"localhost", b"127.0.0.1", b"user:password@", b"changeme")


@dataclass(frozen=True)
class Blob:
    """A version of a file."""

    id: str
    path: str
    size: int


def blobs(root: Path) -> list[Blob]:
    """Give every version of every file that any branch or tag leads to. Raises `KitError`."""
    lines = git(root, "rev-list", "--objects", "--all").splitlines()
    listed = [(id_, path) for id_, _, path in (line.partition(" ") for line in lines) if path]
    if len(listed) > MOST:
        raise KitError(f"the history holds {len(listed):,} objects, at most {MOST:,} are looked through")
    paths = dict(listed)
    asked = "\n".join(paths).encode()
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    done = subprocess.run(["git", "cat-file", form], cwd=root, input=asked, capture_output=True, check=False)
    found = [line.split() for line in done.stdout.decode("utf-8", "replace").splitlines()]
    return [Blob(id_, paths[id_], int(size)) for id_, kind, size in found if kind == "blob"]


def secrets(root: Path, every: list[Blob]) -> Iterator[str]:
    """Name the files that hold what only its owner should know; never the secret itself."""
    small = [b for b in every if b.size <= SMALL and b.path != "uv.lock"]
    chosen, total = [], 0
    for blob in small:
        total += blob.size
        if total > TOGETHER:
            break
        chosen.append(blob)
    for blob, content in zip(chosen, _contents(root, chosen), strict=False):
        for kind, pattern in SECRETS.items():
            hit = pattern.search(content)
            if hit and not any(example in hit[0] for example in EXAMPLES):
                line = content.count(b"\n", 0, hit.start()) + 1
                yield f"{blob.path}:{line} holds what looks like a {kind}"
                break


def _contents(root: Path, chosen: list[Blob]) -> Iterator[bytes]:
    asked = "\n".join(b.id for b in chosen).encode() + b"\n"
    done = subprocess.run(["git", "cat-file", "--batch"], cwd=root, input=asked, capture_output=True, check=False)
    place, out = 0, done.stdout
    while place < len(out):
        end = out.index(b"\n", place)
        size = int(out[place:end].split()[-1])
        yield out[end + 1 : end + 1 + size]
        place = end + 1 + size + 1
