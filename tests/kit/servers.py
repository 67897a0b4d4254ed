"""Real servers on loopback, each started by a test and stopped by it: HTTP, PostgreSQL, SSH, and one that speaks S3."""

import hashlib
import http.server
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

PASSWORD = "p@ss/w0rd:ünïque"  # what a URL has to escape


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder: with an ETag, a download by its name alone, one that breaks off, one behind a password."""

    def send_head(self):
        """Answer by what the path is called."""
        name = self.path.partition("?")[0]
        if name == "/moved.csv":
            self.send_response(302)
            self.send_header("Location", "/plant.csv")
            self.end_headers()
            return None
        if name.startswith("/locked/") and self.headers.get("Authorization") != "Basic YWRhOnNoaWJib2xldGg=":
            self.send_error(401)
            return None
        return super().send_head()

    def send_header(self, keyword: str, value: str) -> None:
        """Promise more than there is of what breaks off."""
        super().send_header(keyword, "1000000" if keyword == "Content-Length" and "broken" in self.path else value)

    def end_headers(self) -> None:
        """Add what distinguishes a version, and a name where the address has none."""
        path = Path(self.translate_path(self.path))
        if path.is_file() and "untagged" not in path.name:
            self.send_header("ETag", f'"{hashlib.md5(path.read_bytes()).hexdigest()}"')
        if self.path.startswith("/download"):
            self.send_header("Content-Disposition", 'attachment; filename="measured 2024.xlsx"')
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


@contextmanager
def web(folder: Path, tls: ssl.SSLContext | None = None) -> Generator[str]:
    """Serve `folder`, by HTTPS where there is a context for it; give its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder)))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def program(name: str, *places: str, package: str) -> str:
    """Give the path of a server's program; skips the test, saying which package has it, where there is none."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *places]))
    if not found:
        pytest.skip(f"{name} is not installed: Debian's package {package} has it")
    return found


@contextmanager
def postgresql(folder: Path) -> Generator[int]:
    """Run a PostgreSQL server below `folder`, open to others, whose user `ada` has `PASSWORD`; give its port."""
    versions = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb = program("initdb", *versions, package="postgresql")
    postgres = program("postgres", *versions, str(Path(initdb).resolve().parent), package="postgresql")
    folder.mkdir()
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    user = "nobody" if sys.platform != "win32" and os.geteuid() == 0 else None  # it refuses to run as root
    if user:
        for place in (folder, folder / "password"):
            shutil.chown(place, user)
    data, port = folder / "data", free_port()
    made = [initdb, "--pgdata", data, "--username=ada", "--pwfile", folder / "password", "--auth=scram-sha-256"]
    subprocess.run([*made, "--encoding=UTF8", "--locale=C", "--no-sync"], check=True, capture_output=True, user=user)
    options = ["-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([postgres, *options], stdout=log, stderr=log, cwd="/", user=user)
    try:
        await_port(port, server, folder / "log")
        await_line(folder / "log", "ready to accept connections")
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # which waits for no client
        server.wait(30)


def await_port(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server listens; fails with its log if it ends instead."""
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, log.read_text(errors="replace")
        time.sleep(0.1)
    pytest.fail(f"nothing listens on {port}:\n{log.read_text(errors='replace')}")


def await_line(log: Path, words: str) -> None:
    """Wait until a server's log holds `words`: PostgreSQL listens before it lets anybody in."""
    for _ in range(300):
        if words in log.read_text(errors="replace"):
            return
        time.sleep(0.1)
    pytest.fail(f"{words!r} is not in the log:\n{log.read_text(errors='replace')}")


@contextmanager
def s3(folder: Path) -> Generator[str]:
    """Run moto's S3 server; give its address."""
    port, log = free_port(), folder / "moto.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        await_port(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def ssh(folder: Path) -> Generator[tuple[int, Path]]:
    """Run an SSH server that knows one key; give its port and the private key."""
    sshd = program("sshd", "/usr/sbin", "/sbin", package="openssh-server")
    keygen = program("ssh-keygen", package="openssh-client")
    folder.mkdir(mode=0o700)
    for name in ("host", "key"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_bytes((folder / "key.pub").read_bytes())
    port, log = free_port(), folder / "log"
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder / 'host'}\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "UsePAM no\nSubsystem sftp internal-sftp\n",
        encoding="utf-8",
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where root's sshd parts from its privileges
    with log.open("wb") as output:
        server = subprocess.Popen([sshd, "-D", "-e", "-f", folder / "config"], stdout=output, stderr=output)
    try:
        await_port(port, server, log)
        yield port, folder / "key"
    finally:
        server.terminate()
        server.wait(30)
