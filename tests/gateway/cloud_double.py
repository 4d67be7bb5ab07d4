"""The far end of the wire for these tests: a real HTTP server that keeps what it acknowledges."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.found_wire import FoundDevice, FoundReport
from edge.gateway_wire import GatewayConfig, SettingValue
from edge.signals import Position
from edge.wire import (
    Batch,
    Heartbeat,
    Lane,
    Record,
    RegisteredDevice,
    RegistryDocument,
)
from tests.support.processes import free_port

TOKEN = "made-up-gateway-token"


def registered(device_id: str, elder_id: str | None = "e-1") -> RegisteredDevice:
    return RegisteredDevice(
        device_id=device_id,
        model="wearable",
        position=Position.WRIST,
        elder_id=elder_id,
        elder_name="试用甲" if elder_id else None,
        place=None,
        assigned_from_ns=0,
    )


def registry_of(*device_ids: str, version: int = 1) -> RegistryDocument:
    return RegistryDocument(version, "g-1", "试用养老院", [registered(d) for d in device_ids])


@dataclass
class Call:
    """One ingest call as it came in."""

    at_s: float
    batch: Batch
    status: int


# Decides about an ingest call before the double does: a Response to give, or None to go on.
Trouble = Callable[[Batch], Response | None]


@dataclass
class CloudDouble:
    """Keeps (outbox_id, lane) -> records, as docs/wire.md says. Runs in a thread of its own."""

    registry: RegistryDocument = field(default_factory=lambda: registry_of("w-1"))
    token: str = TOKEN
    port: int = field(default_factory=free_port)
    trouble: Trouble | None = None
    hang_before_commit: bool = False
    hang_after_commit: bool = False
    take_at_most: int | None = None
    bulk_delay_s: float = 0.0
    clock_ahead_s: float = 0.0
    settings: dict[str, SettingValue] = field(default_factory=dict)
    settings_version: int = 1
    rotate: bool = False
    further_tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records: dict[tuple[str, Lane], list[Record]] = defaultdict(list)
        self.calls: list[Call] = []
        self.heartbeats: list[Heartbeat] = []
        self.registry_calls: list[int] = []
        self.found: dict[str, FoundDevice] = {}
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, lane: Lane) -> list[Record]:
        """All records of a lane, of every outbox id."""
        return [r for (_, name), records in self.records.items() if name is lane for r in records]

    def last(self, outbox_id: str, lane: Lane) -> int:
        records = self.records[outbox_id, lane]
        return records[-1].seq if records else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        app = Starlette(
            routes=[
                Route("/api/v1/ingest", self._ingest, methods=["POST"]),
                Route("/api/v1/gateway/heartbeat", self._heartbeat, methods=["POST"]),
                Route("/api/v1/gateway/registry", self._registry, methods=["GET"]),
                Route("/api/v1/gateway/config", self._config, methods=["GET"]),
                Route("/api/v1/gateway/token", self._new_token, methods=["POST"]),
                Route("/api/v1/gateway/found", self._found, methods=["POST"]),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_level="error", lifespan="off",
            timeout_graceful_shutdown=1, ws="none",
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="cloud-double")
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the double did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self.hang_before_commit = self.hang_after_commit = False
            self._server.should_exit = True
            self._thread.join(10)
            self._server = None

    async def _ingest(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        try:
            body = await request.body()
        except ClientDisconnect:  # cut, or killed, in the middle of a batch
            return Response(status_code=400)
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        batch = msgspec.json.decode(body, type=Batch)
        await self._while(lambda: self.hang_before_commit)
        if batch.lane is Lane.BULK:
            await asyncio.sleep(self.bulk_delay_s)
        answer = (self.trouble(batch) if self.trouble else None) or self._take(batch)
        self.calls.append(Call(time.monotonic(), batch, answer.status_code))
        await self._while(lambda: self.hang_after_commit)
        return answer

    @staticmethod
    async def _while(ask: Callable[[], bool]) -> None:
        while ask():  # noqa: ASYNC110  # the switch is thrown from another thread
            await asyncio.sleep(0.02)

    def _take(self, batch: Batch) -> Response:
        key = (batch.outbox_id, batch.lane)
        last = self.last(*key)
        assert [r.seq for r in batch.records] == [
            batch.first_seq + k for k in range(len(batch.records))
        ]
        if batch.first_seq > last + 1:
            return problem(409, "sequence_gap", expected_seq=last + 1)
        fresh = [record for record in batch.records if record.seq > last]
        self.records[key] += fresh[: self.take_at_most]
        return JSONResponse({"acknowledged_through": self.last(*key)})

    async def _heartbeat(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        self.heartbeats.append(msgspec.json.decode(await request.body(), type=Heartbeat))
        return JSONResponse(
            {
                "received_ns": time.time_ns() + round(self.clock_ahead_s * 1e9),
                "registry_version": self.registry.version,
            }
        )

    async def _found(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        report = msgspec.json.decode(await request.body(), type=FoundReport)
        self.found = {device.device_id: device for device in report.devices}
        return JSONResponse({})

    async def _registry(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        etag = f'"{self.registry.version}"'
        if request.headers.get("if-none-match") == etag:
            self.registry_calls.append(304)
            return Response(status_code=304)
        self.registry_calls.append(200)
        return Response(
            msgspec.json.encode(self.registry),
            media_type="application/json",
            headers={"ETag": etag},
        )

    async def _config(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        have = (
            request.query_params.get("settings_version", "0"),
            request.query_params.get("registry_version", "0"),
        )  # fmt: skip
        until_s = time.monotonic() + float(request.query_params.get("wait_s", "0"))

        def is_quiet() -> bool:
            now = (str(self.settings_version), str(self.registry.version))
            stopping = self._server is None or self._server.should_exit
            return now == have and not self.rotate and time.monotonic() < until_s and not stopping

        await self._while(is_quiet)
        config = GatewayConfig(
            self.settings_version, self.settings, self.registry.version, self.rotate
        )
        return Response(msgspec.json.encode(config), media_type="application/json")

    async def _new_token(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        self.rotate = False
        self.further_tokens.append(f"renewed-gateway-token-{len(self.further_tokens)}")
        return JSONResponse({"token": self.further_tokens[-1]})

    def _refusal(self, request: Request) -> Response | None:
        known = {f"Bearer {token}" for token in (self.token, *self.further_tokens)}
        if request.headers.get("authorization") not in known:
            return problem(401, "unknown_gateway")
        return None


def problem(
    status: int, code: str, headers: dict[str, str] | None = None, **more: int
) -> JSONResponse:
    return JSONResponse(
        {"type": "about:blank", "title": code, "status": status, "code": code, **more},
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )
