"""How large a request may be, before anybody has looked at it."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.errors import problem_response

# What people type, many times over.
MAX_JSON_BYTES: Final = 1024 * 1024
# Photos, and batches of gateways, whose routes have closer limits of their own.
MAX_BYTES: Final = 16 * 1024 * 1024
_GATEWAYS: Final = ("/api/v1/ingest", "/api/v1/gateway")


class _TooLargeError(Exception):
    """The body went over its limit while it came in."""


class BodyLimit:
    """Answers 413 to a body that is too large, whether it says so first or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = _limit(scope["path"], headers.get(b"content-type", b""))
        refusal = problem_response(413, "too_large", f"body: at most {limit} bytes are taken")
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await refusal(scope, receive, send)
            return
        taken, over, started = 0, False, False

        async def counted() -> Message:
            nonlocal taken, over
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                over = True
                raise _TooLargeError
            return message

        async def send_unless_over(message: Message) -> None:
            nonlocal started
            # What the application makes of the broken body is not what is wrong with it.
            if not over or started:
                started = started or message["type"] == "http.response.start"
                await send(message)

        with suppress(_TooLargeError):
            await self._app(scope, counted, send_unless_over)
        if over and not started:
            await refusal(scope, receive, send)


def _limit(path: str, content_type: bytes) -> int:
    typed = content_type.partition(b";")[0].strip().lower()
    gateway = path.startswith(_GATEWAYS)
    return MAX_JSON_BYTES if typed == b"application/json" and not gateway else MAX_BYTES
