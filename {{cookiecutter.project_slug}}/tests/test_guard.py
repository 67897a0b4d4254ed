"""What stands before the service: keys, pace, sizes, and the answer when there is too much to do."""

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from project.serving import guard
from project.serving.guard import Guard, Keys, Pace
from project.stage import ProjectError

KEY = "a-key-that-nobody-guesses-1"
OTHER = "a-key-that-nobody-guesses-2"


async def size(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the length of the body that the guard read."""
    await PlainTextResponse(str(len(scope.get("body", "")))).__call__(scope, receive, send)


def guarded(keys: str = "", rate: str = "") -> Guard:
    """Give a guard before an application that answers with the body's length."""
    return Guard(size, Keys(keys), Pace(rate) if rate else None)


class Answer:
    """What a guard answered: status, headers, text."""

    def __init__(self, messages: list[Any]) -> None:
        start, *rest = messages
        self.status = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.text = b"".join(message["body"] for message in rest).decode()


async def ask(
    to: Guard, chunks: Iterable[bytes] = (b"{}",), key: str = "", method: str = "POST", pause: float = 0
) -> Answer:
    """Send a request whose body comes in `chunks`."""
    messages: list[Any] = []
    pieces = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        await asyncio.sleep(pause)
        return pieces.pop(0)

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    await to({"type": "http", "method": method, "headers": headers, "client": ("10.0.0.1", 1)}, receive, send)
    return Answer(messages)


def asked(*words: Any, **more: Any) -> Answer:
    """Give the answer to one request."""
    return asyncio.run(ask(*words, **more))


def test_without_settings_everybody_is_served_and_every_answer_has_the_headers() -> None:
    """The body arrives whole, and headers go with what is served and with what is not a POST."""
    answer = asked(guarded(), (b"12", b"345"))
    assert (answer.status, answer.text, answer.headers["x-content-type-options"]) == (200, "5", "nosniff")
    assert asked(guarded(KEY), method="GET").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("brought", ["", "wrong", KEY[:-1], KEY + "x", "ключ"])
def test_a_request_without_the_key_is_refused(brought: str) -> None:
    """The answer is 401 and says how a key is sent, but not which."""
    answer = asked(guarded(KEY), key=brought)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "Authorization" in answer.text
    assert KEY not in answer.text


def test_each_of_several_keys_opens() -> None:
    """An old and a new key are both known, so that keys can be changed without a gap."""
    for key in (KEY, OTHER):
        assert asked(guarded(f"{KEY}, {OTHER}"), key=key).status == 200


def test_a_scheme_other_than_bearer_is_refused() -> None:
    """The key as a password of basic authentication does not open."""
    with pytest.raises(HTTPException):
        Keys(KEY).owner({b"authorization": b"Basic " + KEY.encode()})


def test_a_short_key_is_refused_without_repeating_it() -> None:
    """The service does not start with a key that can be guessed."""
    with pytest.raises(ProjectError, match="PREDICTION_KEYS: a key of 6 characters") as error:
        Keys(f"{KEY},sesame")
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize("text", ["many", "0", "-1", "nan", "inf"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    """The sentence names the variable and what was found."""
    with pytest.raises(ProjectError, match=f"PREDICTION_RATE: found '{text}'"):
        Pace(text)


def test_the_pace_is_what_was_asked_for() -> None:
    """Of a thousand requests in ten seconds at five a second, a second's worth and fifty more pass."""
    pace, passed = Pace("5"), 0
    for tick in range(1_000):
        try:
            pace.admit("ada", 100 + tick / 100)
            passed += 1
        except HTTPException as error:
            assert (error.status_code, error.headers) == (429, {"Retry-After": "1"})
    assert passed == 5 + 49


def test_who_waits_as_told_is_served() -> None:
    """At one request in ten seconds, the second is told to wait so long, and then passes."""
    pace = Pace("0.1")
    pace.admit("ada", 0)
    with pytest.raises(HTTPException) as error:
        pace.admit("ada", 1)
    assert error.value.headers == {"Retry-After": "9"}
    pace.admit("ada", 10)


def test_the_pace_of_one_does_not_slow_another() -> None:
    """Each key has a pace of its own."""
    to = guarded(f"{KEY},{OTHER}", rate="1")
    assert [asked(to, key=key).status for key in (KEY, KEY, OTHER)] == [200, 429, 200]


def test_clients_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more clients than are remembered, the one who was quiet for the longest is forgotten."""
    monkeypatch.setattr(guard, "MOST_CLIENTS", 3)
    pace = Pace("1")
    for client in ("a", "b", "c", "d"):
        pace.admit(client, 0)
    pace.admit("a", 0)
    with pytest.raises(HTTPException):
        pace.admit("d", 0)


def test_a_large_body_is_refused_and_its_bytes_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """413 as soon as the limit is passed; nothing is held afterwards."""
    monkeypatch.setattr(guard, "MAX_BYTES", 100)
    to = guarded()
    assert asked(to, [b"x" * 50] * 2).status == 200
    assert asked(to, [b"x" * 50] * 3).status == 413
    assert to.held == 0


def test_a_slow_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and the connection is closed."""
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    answer = asked(guarded(), pause=0.1)
    assert (answer.status, answer.headers["connection"]) == (408, "close")


def test_large_bodies_beyond_what_may_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten large bodies at once those that find no room get 503 with Retry-After; a small one is served."""
    monkeypatch.setattr(guard, "MAX_HELD", 300)
    monkeypatch.setattr(guard, "SMALL", 10)

    async def crowd() -> list[Answer]:
        to = guarded()
        large = [ask(to, [b"x" * 50] * 2, pause=0.01) for _ in range(10)]
        found = await asyncio.gather(*large, ask(to, [b"small"], pause=0.015))
        assert to.held == 0
        return found

    *large, small = asyncio.run(crowd())
    assert {answer.status for answer in large} == {200, 503}
    assert {answer.headers["retry-after"] for answer in large if answer.status == 503} == {"1"}
    assert small.status == 200


def test_a_request_that_waited_too_long_is_refused() -> None:
    """503 with Retry-After where the loop has not come round for longer than the patience."""
    to = guarded()
    to.turned = monotonic() - guard.PATIENCE - 1
    answer = asked(to)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_the_watch_runs_as_long_as_the_application() -> None:
    """The loop's turn is noted while the application lives."""

    async def life() -> float:
        async def app(*_: Any) -> None:
            await asyncio.sleep(0.25)

        to = Guard(app, Keys(""), None)
        to.turned = 0
        await to({"type": "lifespan"}, None, None)
        return to.turned

    assert monotonic() - asyncio.run(life()) < 0.2


def test_a_client_that_leaves_is_not_answered() -> None:
    """Nothing is sent, nothing is held, and nothing is raised."""
    to, sent = guarded(), []
    messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(to({"type": "http", "method": "POST", "headers": [], "client": ("10.0.0.1", 1)}, receive, send))
    assert (sent, to.held) == ([], 0)
