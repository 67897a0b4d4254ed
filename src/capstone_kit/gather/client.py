"""A client of a project's service that believes nothing: every answer has a limit of size and of time."""

import http.client
import itertools
import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LARGEST = 4_000_000  # bytes of an answer
AGENTS = (  # in turn: a service that knows the examiner by its name answers somebody else otherwise
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "curl/8.14.1",
    "python-httpx/0.28.1",
)
SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)\{(?P<labels>[^}]*)\}\s+(?P<value>[-+\d.eE]+)$")


@dataclass(frozen=True)
class Reply:
    """What a service answered."""

    status: int  # 0: nothing, or nothing that is HTTP
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON, None where it is none; NaN and infinity are none."""
        try:
            return json.loads(self.body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class Connection(http.client.HTTPConnection):
    """A connection that somebody else makes."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        """Keep how it is made."""
        super().__init__("127.0.0.1:3000")
        self._make = connect

    def connect(self) -> None:
        """Make it. A body goes at once behind its header, which the kernel would else hold back for 40 ms."""
        self.sock = self._make()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Client:
    """Asks one thing after the other over one connection, and makes another where that has ended."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        """Keep how a connection is made."""
        self._connection = Connection(connect)
        self._agents = itertools.cycle(AGENTS)

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> Reply:
        """Get a path, or post a body to it. Never raises."""
        begun = time.perf_counter()
        headers = {"User-Agent": next(self._agents), "Accept": "*/*"}
        headers |= {"Content-Type": kind} if body is not None else {}
        for attempt in (1, 2):
            try:
                self._connection.request("GET" if body is None else "POST", path, body, headers)
                response = self._connection.getresponse()
                content = response.read(LARGEST + 1)
                if len(content) > LARGEST or not response.isclosed():
                    self._connection.close()
                    return Reply(0, b"", time.perf_counter() - begun)
                return Reply(response.status, content, time.perf_counter() - begun)
            except (OSError, http.client.HTTPException, ValueError):
                self._connection.close()
                if attempt == 2:
                    break
        return Reply(0, b"", time.perf_counter() - begun)

    def counted(self, path: str) -> dict[str, float]:
        """Give the Prometheus counters whose labels speak of a path, by their name."""
        found: dict[str, float] = {}
        for line in self.ask("/metrics").body.decode("utf-8", "replace").splitlines():
            sample = SAMPLE.match(line)
            if sample and f'"{path}"' in sample["labels"] and sample["name"].endswith(("_total", "_count")):
                found[sample["name"]] = found.get(sample["name"], 0.0) + float(sample["value"])
        return found
