"""What every request and every answer passes on its way: Host, size, safe headers, no traceback."""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stardag_registry.adapters.http.hosts import AllowedHosts
from stardag_registry.adapters.http.observing import REQUEST_ID
from stardag_registry.adapters.http.problems import problem_response, unexpected

MAX_BODY = 1024 * 1024
"""In bytes. Only recording many tasks at once comes near."""

_SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class SafeHeaders:
    """Adds the headers that keep an answer from being stored, framed or taken for something else, where it has none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)


class NoTraceback:
    """Answers a problem where the application fails in a way that nobody thought of."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:  # whatever it was: the boundary to the network
            answer = unexpected(scope["method"], scope["path"], REQUEST_ID.get())
            if begun:
                raise
            await answer(scope, receive, send)


class OwnHostOnly:
    """Refuses a request that is meant for another host."""

    def __init__(self, app: ASGIApp, allowed: AllowedHosts) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) == 1 and self._allowed.allow(hosts[0]):
            await self._app(scope, receive, send)
            return
        answer = problem_response(
            421,
            "host-refused",
            "This server does not answer to the name in the Host header.",
            headers={"Connection": "close"},
        )
        await answer(scope, receive, send)


class BoundedBody:
    """Takes the whole body in before anything else is done, and refuses one that is too large, however it is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        taken = await _take_in(receive) if _may_be_taken_in(declared) else None
        if taken is None:
            answer = problem_response(
                413, "too-large", f"A body has at most {MAX_BODY} bytes.", headers={"Connection": "close"}
            )
            await answer(scope, receive, send)
        elif taken[-1]["type"] == "http.request":  # otherwise the client has gone
            await self._app(scope, _replayed(taken, receive), send)


def _may_be_taken_in(declared: str) -> bool:
    return declared.isdecimal() and len(declared) <= len(str(MAX_BODY)) and int(declared) <= MAX_BODY


async def _take_in(receive: Receive) -> Sequence[Message] | None:
    """The messages that bring the body, up to its end or to the client's; None where it grows too large."""
    messages: list[Message] = []
    size = 0
    more = True
    while more:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            return None
        more = message["type"] == "http.request" and message.get("more_body", False)
    return messages


def _replayed(messages: Sequence[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def receive_again() -> Message:
        for message in waiting:
            return message
        return await receive()

    return receive_again
