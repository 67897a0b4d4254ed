"""The examiner's client of a service: as quick as the service is, and under several names."""

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from capstone_kit.gather.client import AGENTS, Client

POSTS = 60


class Echo(BaseHTTPRequestHandler):
    """Answers with the body, and remembers who asked."""

    protocol_version = "HTTP/1.1"
    asked: list[str] = []  # noqa: RUF012 (of one server)

    def do_POST(self) -> None:
        """Answer in one piece."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.headers["User-Agent"])
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture
def client() -> Iterator[Client]:
    """Give a client of an echo on the loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Client(lambda: socket.create_connection(("127.0.0.1", server.server_port)))
        server.shutdown()


def test_a_body_is_not_held_back(client: Client) -> None:
    """No answer waits for the kernel's delayed acknowledgement: the service's time is measured, not the client's."""
    begun = time.monotonic()
    assert {client.ask("/predict", b'{"x": 1}').body for _ in range(POSTS)} == {b'{"x": 1}'}
    assert time.monotonic() - begun < POSTS * 0.02


def test_a_service_sees_several_clients(client: Client) -> None:
    """Whoever answers one of them otherwise is found out."""
    Echo.asked.clear()
    for _ in AGENTS:
        client.ask("/predict", b"{}")
    assert Echo.asked == list(AGENTS)
