"""A desk in text: logs in over HTTP like a duty person and follows the live alerts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from firmware_sim.clock import Clock

# The stream pings every 5 s; after three missed ones it counts as lost (docs/wire.md).
_SILENCE_S: Final = 15.0
_RECONNECT_S: Final = 1.0
_TIMEOUT_S: Final = 5.0


class DeskError(RuntimeError):
    """The cloud answered otherwise than the wire document says."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event of the stream."""

    kind: str
    data: dict[str, Any]


class Desk:
    """A logged-in session with the cloud; use as `async with`."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=_TIMEOUT_S,
            headers={"X-Yuyue-Request": "1"},
            trust_env=False,  # a proxy has no business on the loopback
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def is_healthy(self) -> bool:
        """Whether the cloud answers."""
        try:
            answer = await self._client.get("/healthz")
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    async def shows_pages(self) -> bool:
        """Whether the web pages were built."""
        answer = await self._client.get("/", follow_redirects=True)
        return answer.is_success and "html" in answer.headers.get("content-type", "")

    async def log_in(self, username: str, password: str) -> None:
        """Start the session. Raises DeskError."""
        answer = await self._client.post(
            "/api/v1/session", json={"username": username, "password": password}
        )
        if not answer.is_success:
            raise DeskError(f"the cloud refuses user {username}: {answer.text[:200]}")

    async def gateway_heartbeat(self) -> str | None:
        """When the cloud last heard a gateway; None: never."""
        gateways = (await self._get("/api/v1/status"))["gateways"]
        beats = [gateway["last_heartbeat_at"] for gateway in gateways]
        return max((beat for beat in beats if beat is not None), default=None)

    async def open_alerts(self) -> tuple[int, list[dict[str, Any]]]:
        """Where the live stream starts, and what is open now."""
        answer = await self._get("/api/v1/alerts", view="open")
        return int(answer["position"]), list(answer["alerts"])

    async def follow(self, after: int) -> AsyncIterator[LiveEvent]:
        """Events of the live stream after a position, for ever; reconnects without a gap."""
        while True:
            try:
                async with self._client.stream(
                    "GET",
                    "/api/v1/live",
                    params={"after": after},
                    timeout=httpx.Timeout(_TIMEOUT_S, read=_SILENCE_S),
                ) as answer:
                    answer.raise_for_status()
                    async for event, position in _events(answer.aiter_lines()):
                        after = after if position is None else position
                        yield event
            except httpx.TransportError:
                pass  # the supervisor says when the cloud has died; a hiccup is not worth a word
            await self._clock.sleep(_RECONNECT_S)

    async def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        answer = await self._client.get(path, params=parameters)
        if not answer.is_success:
            raise DeskError(f"{path}: {answer.status_code} {answer.text[:200]}")
        found = answer.json()
        if not isinstance(found, dict):
            raise DeskError(f"{path}: not an object")
        return found


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[LiveEvent, int | None]]:
    """Server-sent events (WHATWG HTML, 9.2.6) with their position, if they have one."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            if name:  # a line that starts with a colon is a comment
                value = value.removeprefix(" ")
                fields[name] = f"{fields[name]}\n{value}" if name in fields else value
            continue
        if "data" in fields:
            event = LiveEvent(fields.get("event", "message"), json.loads(fields["data"]))
            position = fields.get("id", "")
            yield event, int(position) if position.isdigit() else None
        fields = {}
