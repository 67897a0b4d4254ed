"""What stands before the service: who may ask, how often and how much, and what happens when too many ask at once.

Two environment variables, read when the service starts, ask for more; each worker process holds them by itself:
PREDICTION_KEYS holds keys, separated by commas: a request then has to bring one as `Authorization: Bearer KEY`.
PREDICTION_RATE holds how many requests a second each key may make, or each address where there are no keys.
"""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from math import ceil
from time import monotonic
from typing import Any

from starlette.requests import ClientDisconnect, Request

from project.stage import ProjectError

MAX_BYTES = 16 * 1024 * 1024  # of one body
MAX_HELD = 8 * MAX_BYTES  # of all bodies that have come and wait for their turn
SMALL = 64 * 1024  # a body that is let in whatever the others hold
BODY_SECONDS = 8.0  # until a body has to be there
PATIENCE = 1.0  # seconds that a request may have waited for its turn
SHORTEST_KEY = 24
MOST_CLIENTS = 10_000  # whose pace is remembered


class RefusedError(Exception):
    """A request that is not served: the status, the sentence, and headers that say what to do."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        """Keep the three; a `_` in the name of a header stands for `-`."""
        super().__init__(sentence)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


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
        """Give the place of the key that a request brings, compared in constant time. Raises `RefusedError`."""
        scheme, _, brought = headers.get(b"authorization", b"").partition(b" ")
        found = [hmac.compare_digest(key, brought.strip()) for key in self.keys]
        if scheme.lower() != b"bearer" or True not in found:
            sentence = "A known key is needed: programs send it in the header Authorization: Bearer KEY"
            raise RefusedError(401, sentence, WWW_Authenticate="Bearer")
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
        """Count one request of `client`. Raises `RefusedError` for one too many."""
        before = max(self._empty.pop(client, now), now)
        if len(self._empty) >= MOST_CLIENTS:
            del self._empty[next(iter(self._empty))]  # of the one who has been quiet for the longest
        wait = before + self.interval - now - max(1.0, self.interval)
        allowed = wait <= 1e-9  # as far as rounding goes
        self._empty[client] = before + self.interval if allowed else before
        if not allowed:
            raise RefusedError(429, "Too many requests: ask more slowly", Retry_After=str(ceil(wait)))


class Guard:
    """ASGI middleware: a POST reaches the service with its whole body as `scope["body"]`, or is refused.

    The service predicts in its event loop, so that a request waits where the loop does. How long that is, the loop
    itself tells: a task that should run every tenth of a second says when it last did.
    """

    def __init__(
        self,
        app: Any,
        keys: Keys,
        pace: Pace | None,
        refuse: Callable[..., Any],
        headers: Mapping[str, str],
    ) -> None:
        """Stand before `app`; `refuse` gives the response of a refusal, and `headers` go with every answer."""
        self.app, self.keys, self.pace, self.refuse = app, keys, pace, refuse
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
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
                message["headers"] = [*message["headers"], *self.headers]
            await send(message)

        return sending

    async def _post(self, scope: Any, receive: Any, send: Any) -> None:
        chunks: list[bytes] = []
        try:
            self._admit(scope)
            await self._read(chunks, Request(scope, receive))
            scope["body"] = b"".join(chunks)
            if monotonic() - self.turned > PATIENCE:
                raise RefusedError(503, "The service is overloaded: try again", Retry_After="1")
            await self.app(scope, receive, send)
        except RefusedError as error:
            await self.refuse(error.status, str(error), headers=error.headers)(scope, receive, send)
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
            raise RefusedError(408, sentence, Connection="close") from None

    def _weigh(self, size: int) -> None:
        if size > MAX_BYTES:
            raise RefusedError(413, f"The body has more than {MAX_BYTES:,} bytes: send fewer rows at a time")
        if size > SMALL and self.held > MAX_HELD:
            raise RefusedError(503, "The service holds too many large bodies: try again", Retry_After="1")
