"""A table at an address of the web, fetched whole, its credentials shown to nobody but the server."""

import base64
import shutil
import ssl
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from capstone_kit.adopt.form import is_web_page
from capstone_kit.project import KitError

TRUST = "if it is a server of yours, SSL_CERT_FILE names the file with the certificate of its authority"


def fetched(address: str, folder: Path, endings: tuple[str, ...]) -> tuple[Path, str, bool]:
    """Fetch `address` into `folder`; give the file, the address as it may be shown, and whether that suffices to fetch.

    It does not where the address holds credentials or a query, either of which may be a key that git would keep.
    """
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2] if parts.port is None or parts.hostname else ""
    except ValueError:
        host = ""
    if not host:
        raise KitError("the address is not valid: https://host/path, or https://host:port/path with a number")
    shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
    try:
        path = _fetched(parts._replace(netloc=host, fragment=""), parts, folder, endings)
    except (OSError, ValueError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        reason = f"{error.code} {reason}" if isinstance(error, HTTPError) else reason
        trust = f"; {TRUST}" if isinstance(reason, ssl.SSLCertVerificationError) else ""
        raise KitError(f"{shown}: cannot be fetched: {reason}{trust}") from error
    if is_web_page(path):
        raise KitError(f"{shown}: this is a web page, no table: give the address of the file itself (GitHub: Raw)")
    return path, shown, "@" not in parts.netloc and not parts.query


def _fetched(bare: SplitResult, parts: SplitResult, folder: Path, endings: tuple[str, ...]) -> Path:
    headers = {"User-Agent": "capstone-kit"}
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode()}"
    with urllib.request.urlopen(urllib.request.Request(bare.geturl(), headers=headers), timeout=60) as answer:
        stated = (Path(unquote(parts.path)).name, Path(answer.headers.get_filename() or "").name)
        name = next((name for name in stated if Path(name).suffix.lower() in endings), f"{stated[0] or 'data'}.csv")
        path = folder / name
        with path.open("wb") as file:
            shutil.copyfileobj(answer, file)
        if answer.length:
            raise OSError(f"the server closed the connection {answer.length:,} bytes before the end")
    return path
