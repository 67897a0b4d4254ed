"""What stands before the service: who may ask, how often and how much, and what happens when too many ask at once.

Two environment variables, read when the service starts, ask for more; each worker process holds them by itself:
PREDICTION_KEYS holds keys, separated by commas: a request then has to bring one as `Authorization: Bearer KEY`.
PREDICTION_RATE holds how many requests a second each key may make, or each address where there are no keys.
"""

import asyncio
import hmac
from collections.abc import Mapping
from math import ceil
from time import monotonic
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from project.serving.answer import encode
from project.stage import ProjectError

MAX_BYTES = 16 * 1024 * 1024  # of one body
MAX_HELD = 8 * MAX_BYTES  # of all bodies that have come and wait for their turn
SMALL = 64 * 1024  # a body that is let in whatever the others hold
BODY_SECONDS = 8.0  # until a body has to be there
PATIENCE = 1.0  # seconds that a request may have waited for its turn
SHORTEST_KEY = 24
MOST_CLIENTS = 10_000  # whose pace is remembered
HEADERS = (  # of every answer
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        b"form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def reply(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give `content` as a JSON response."""
    return Response(encode(content), status, headers, media_type="application/json")


def refuse(
    status: int,
    sentence: str,
    row: int | None = None,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Give the answer to a request that is not served: what is wrong, and in which row and field."""
    return reply({"error": sentence, "field": field, "row": row}, status, headers)


class Keys:
    """The keys that may predict; where there are none, anyone may."""

    def __init__(self, text: str) -> None:
        """Read keys from `text`. Raises `ProjectError` for one that can be guessed, without repeating it."""
        self.keys = [key.strip().encode() for key in text.split(",") if key.strip()]
        if short := next((key for key in self.keys if len(key) < SHORTEST_KEY), None):
            raise ProjectError(
                f"PREDICTION_KEYS: a key of {len(short)} characters can be guessed, {SHORTEST_KEY} are needed: "
                "make one with `python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
            )

    def owner(self, headers: Mapping[bytes, bytes]) -> int:
        """Give the place of the key that a request brings, compared in constant time. Raises `HTTPException`."""
        scheme, _, brought = headers.get(b"authorization", b"").partition(b" ")
        found = [hmac.compare_digest(key, brought.strip()) for key in self.keys]
        if scheme.lower() != b"bearer" or True not in found:
            sentence = "A known key is needed: programs send it in the header Authorization: Bearer KEY"
            raise HTTPException(401, sentence, {"WWW-Authenticate": "Bearer"})
        return found.index(True)


class Pace:
    """Lets each client make so many requests a second, and a second's worth at once (a leaky bucket)."""

    def __init__(self, text: str) -> None:
        """Read the rate from `text`. Raises `ProjectError` for what is no positive number."""
        try:
            self.interval = 1 / float(text)
        except (ValueError, ZeroDivisionError):
            self.interval = 0
        if not 0 < self.interval < float("inf"):
            raise ProjectError(f"PREDICTION_RATE: found {text!r}, it has to be a number of requests a second above 0")
        self._empty: dict[Any, float] = {}  # when the bucket of each client will be empty

    def admit(self, client: Any, now: float) -> None:
        """Count one request of `client`. Raises `HTTPException` for one too many."""
        before = max(self._empty.pop(client, now), now)
        if len(self._empty) >= MOST_CLIENTS:
            del self._empty[next(iter(self._empty))]  # of the one who has been quiet for the longest
        wait = before + self.interval - now - max(1.0, self.interval)
        allowed = wait <= 1e-9  # as far as rounding goes
        self._empty[client] = before + self.interval if allowed else before
        if not allowed:
            raise HTTPException(429, "Too many requests: ask more slowly", {"Retry-After": str(ceil(wait))})


class Guard:
    """ASGI middleware: a POST reaches the service with its whole body as `scope["body"]`, or is refused.

    The service predicts in its event loop, so that a request waits where the loop does. How long that is, the loop
    itself tells: a task that should run every tenth of a second says when it last did.
    """

    def __init__(self, app: Any, keys: Keys, pace: Pace | None) -> None:
        """Stand before `app`."""
        self.app, self.keys, self.pace = app, keys, pace
        self.held = 0  # bytes of all bodies
        self.turned = monotonic()  # when the loop last came round

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let pass what may pass."""
        if scope["type"] == "lifespan":
            watch = asyncio.create_task(self._watch())
            await self.app(scope, receive, send)
            watch.cancel()
        elif scope["type"] == "http" and scope["method"] == "POST":
            await self._post(scope, receive, self._with_headers(send))
        else:
            await self.app(scope, receive, self._with_headers(send))

    async def _watch(self) -> None:
        while True:
            self.turned = monotonic()
            await asyncio.sleep(0.1)

    def _with_headers(self, send: Any) -> Any:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        return sending

    async def _post(self, scope: Any, receive: Any, send: Any) -> None:
        chunks: list[bytes] = []
        try:
            self._admit(scope)
            await self._read(chunks, Request(scope, receive))
            scope["body"] = b"".join(chunks)
            if monotonic() - self.turned > PATIENCE:
                raise HTTPException(503, "The service is overloaded: try again", {"Retry-After": "1"})
            await self.app(scope, receive, send)
        except HTTPException as error:
            await refuse(error.status_code, error.detail, headers=error.headers)(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to answer
        finally:
            self.held -= sum(map(len, chunks))

    def _admit(self, scope: Any) -> None:
        """Refuse before the body is read: no key, or too many requests."""
        client = self.keys.owner(dict(scope["headers"])) if self.keys.keys else scope["client"][0]
        if self.pace:
            self.pace.admit(client, monotonic())

    async def _read(self, chunks: list[bytes], request: Request) -> None:
        """Fill `chunks`; refuse a body that is too large, comes too slowly, or finds no room."""
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    chunks.append(chunk)
                    size += len(chunk)
                    self.held += len(chunk)
                    self._weigh(size)
        except TimeoutError:
            sentence = f"The body did not come within {BODY_SECONDS:.0f} seconds: send fewer rows at a time"
            raise HTTPException(408, sentence, {"Connection": "close"}) from None

    def _weigh(self, size: int) -> None:
        if size > MAX_BYTES:
            raise HTTPException(413, f"The body has more than {MAX_BYTES:,} bytes: send fewer rows at a time")
        if size > SMALL and self.held > MAX_HELD:
            raise HTTPException(503, "The service holds too many large bodies: try again", {"Retry-After": "1"})
