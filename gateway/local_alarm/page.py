"""The page's HTTP: log in with the PIN and a name, see, hear, acknowledge.

Cross-site requests do nothing: the cookie is SameSite=Strict, and changing calls need a header
that a form cannot send. Imported only where the page is served: Starlette and uvicorn cost memory.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.clock import Clock
from gateway.local_alarm.book import Alarm, AlarmBook, as_json
from gateway.local_alarm.pin import LOGIN_NS, Doorkeeper, clean_name

# A page that hears nothing for 15 s says so in red: three of these.
PING_S: Final = 5.0
# Every nurse's phone and a wall screen; more is somebody playing.
MAX_STREAMS: Final = 100
_MAX_BODY: Final = 4096
_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Desk(Protocol):
    """What the page needs of the local alarm."""

    book: AlarmBook

    def situation(self) -> dict[str, Any]:
        """What the page says above the list."""
        ...

    async def acknowledge(self, alarm_id: str, by: str, note: str) -> Alarm | None:
        """None: there is no such alarm. Raises sqlite3.Error."""
        ...

    async def shown(self, alarms: list[Alarm], by: str) -> None:
        """A page has them."""
        ...

    async def wait(self, timeout_s: float) -> None:
        """Until something changes."""
        ...


class Page:
    """Routes of the page."""

    def __init__(self, desk: Desk, doorkeeper: Doorkeeper, clock: Clock, *, is_tls: bool) -> None:
        self._desk = desk
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._is_tls = is_tls
        self._streams = 0
        self._pin_lock = asyncio.Lock()
        directory = Path(__file__).with_name("page")
        self._files = {
            path: ((directory / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()
        }

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                *(Route(path, self._file) for path in self._files),
                Route("/api/login", self._changing(self._log_in), methods=["POST"]),
                Route("/api/logout", self._changing(self._log_out), methods=["POST"]),
                Route("/api/state", self._state),
                Route("/api/stream", self._stream),
                Route(
                    "/api/alarms/{alarm_id}/acknowledge",
                    self._changing(self._acknowledge),
                    methods=["POST"],
                ),
            ]
        )

    async def _file(self, request: Request) -> Response:
        content, kind = self._files[request.url.path]
        return Response(content, media_type=kind, headers=_HEADERS)

    def _changing(
        self, handle: Callable[[Request, dict[str, Any]], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            if request.headers.get("X-Yuyue-Request") != "1":
                return _problem(403, "missing_header", "X-Yuyue-Request: must be 1")
            body = bytearray()
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MAX_BODY:
                    return _problem(413, "too_large", "the body is too large")
            try:
                fields = msgspec.json.decode(bytes(body) or b"{}", type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError):
                return _problem(422, "bad_request", "the body is no JSON object")
            return await handle(request, fields)

        return checked

    async def _log_in(self, request: Request, fields: dict[str, Any]) -> Response:
        pin, name = fields.get("pin"), fields.get("name")
        address = request.client.host if request.client else ""
        cleaned = clean_name(name) if isinstance(name, str) else None
        if cleaned is None:
            return _problem(422, "no_name", "name: say who you are; it is kept with what you do")
        if not self._doorkeeper.may_try(address, self._clock.monotonic_s()):
            return _problem(429, "busy", "too many tries; wait a minute")
        async with self._pin_lock:  # one at a time: it takes memory
            is_right = isinstance(pin, str) and await asyncio.to_thread(
                self._doorkeeper.is_right, pin
            )
        if not is_right:
            return _problem(401, "bad_pin", "pin: wrong")
        self._doorkeeper.forget_tries(address)
        answer = JSONResponse({"name": cleaned}, headers=_HEADERS)
        token = self._doorkeeper.token(cleaned, self._clock.now_ns())
        self._set_cookie(answer, token, LOGIN_NS // 1_000_000_000)
        return answer

    async def _log_out(self, _request: Request, _fields: dict[str, Any]) -> Response:
        answer = JSONResponse({}, headers=_HEADERS)
        self._set_cookie(answer, "", 0)
        return answer

    def _set_cookie(self, answer: Response, token: str, max_age_s: int) -> None:
        answer.set_cookie(
            "yuyue_local", token, max_age=max_age_s, path="/", httponly=True,
            samesite="strict", secure=self._is_tls,
        )  # fmt: skip

    def _who(self, request: Request) -> str | None:
        token = request.cookies.get("yuyue_local", "")
        return self._doorkeeper.name_of(token, self._clock.now_ns())

    async def _state(self, request: Request) -> Response:
        name = self._who(request)
        if name is None:
            return _problem(401, "not_logged_in", "log in first")
        book = self._desk.book
        change, alarms = book.change, book.alarms()
        body = {
            "name": name,
            "change": change,
            "situation": self._desk.situation(),
            "alarms": [as_json(alarm) for alarm in alarms],
        }
        await self._desk.shown(alarms, name)
        return JSONResponse(body, headers=_HEADERS)

    async def _acknowledge(self, request: Request, fields: dict[str, Any]) -> Response:
        name = self._who(request)
        if name is None:
            return _problem(401, "not_logged_in", "log in first")
        note = fields.get("note", "")
        if not isinstance(note, str):
            return _problem(422, "bad_request", "note: must be a text")
        try:
            alarm = await self._desk.acknowledge(request.path_params["alarm_id"], name, note)
        except sqlite3.Error as error:
            return _problem(503, "not_stored", f"it could not be kept: {error}")
        if alarm is None:
            return _problem(404, "not_found", "no such alarm")
        return JSONResponse(as_json(alarm), headers=_HEADERS)

    async def _stream(self, request: Request) -> Response:
        name = self._who(request)
        if name is None:
            return _problem(401, "not_logged_in", "log in first")
        if self._streams >= MAX_STREAMS:
            return _problem(503, "busy", "too many pages are open")
        # The browser says on its own what it has seen last when it comes back.
        seen = request.headers.get("Last-Event-ID") or request.query_params.get("after", "0")
        after = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else 0  # noqa: PLR2004
        return StreamingResponse(
            self._events(request, name, after), media_type="text/event-stream", headers=_HEADERS
        )

    async def _events(self, request: Request, name: str, after: int) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            # A book that was begun anew counts from the start: the page loads everything again.
            if after > self._desk.book.change:
                yield _event("reset", {}, None)
                after = 0
            while self._who(request) is not None:
                changed = self._desk.book.after(after)
                for change, alarm in changed:
                    yield _event("alarm", as_json(alarm), change)
                    after = change
                yield _event("situation", self._desk.situation(), None)
                if changed:
                    await self._desk.shown([alarm for _, alarm in changed], name)
                await self._desk.wait(PING_S)
            yield _event("end", {}, None)
        finally:
            self._streams -= 1


def _event(kind: str, data: dict[str, Any], number: int | None) -> bytes:
    head = f"event: {kind}\n" + ("" if number is None else f"id: {number}\n")
    return head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    return JSONResponse(
        {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
        headers=_HEADERS,
    )
