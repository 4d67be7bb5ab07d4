"""For whoever runs it: alive, ready, counters."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, MutableMapping
from typing import Any, Final

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.election import Leadership
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import PUBLIC
from cloud.ingest.limits import IngestGate
from cloud.ingest.schemas import Health
from cloud.metrics import Metrics
from cloud.migrate import head_revision
from cloud.schema_types import ApiModel
from cloud.series.service import SeriesStore
from cloud.state import AppState, State

# A load balancer asks every few seconds; what takes longer is not ready.
_READY_TIMEOUT_S: Final = 2.0
# Several workers share what they count through files in this directory.
SHARED_METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"


class Ready(ApiModel):
    """This worker may be given requests."""

    status: str
    revision: str
    leads: bool = Field(description="this worker does the housekeeping of all")


def install_operations(app: FastAPI) -> None:
    """`/healthz`, `/readyz` and `/metrics`."""

    @app.get("/healthz", tags=["operations"], dependencies=[PUBLIC])
    async def healthz(state: State) -> Health:
        """The cloud answers and so does its database (503 `busy` where it does not)."""
        await state.database.ping()
        return Health(status="ok", version=app.version)

    @app.get(
        "/readyz", tags=["operations"], dependencies=[PUBLIC], responses={503: {"model": Problem}}
    )
    async def readyz(state: State) -> Ready:
        """Database reached and of this version, series store reached; else 503 `not_ready`."""
        leadership: Leadership = app.state.leadership
        series: SeriesStore = app.state.series
        revision = await _in_time("database", _revision(state))
        if revision != head_revision():
            raise _not_ready(f"the database is at revision {revision}, not {head_revision()}")
        await _in_time("series store", series.ping())
        return Ready(status="ready", revision=revision, leads=leadership.held)

    @app.get("/metrics", include_in_schema=False, dependencies=[PUBLIC])
    async def metrics(state: State) -> Response:
        """Counters for Prometheus, of all workers of this machine."""
        gate: IngestGate = app.state.ingest_gate
        leadership: Leadership = app.state.leadership
        state.metrics.bulk_working.set(gate.bulk_now)
        state.metrics.leads.set(leadership.held)
        state.metrics.connections.set(state.database.connections_in_use)
        registry = state.metrics.registry
        if os.environ.get(SHARED_METRICS):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _revision(state: AppState) -> str:
    async with state.database.transaction() as session:
        return str(await session.scalar(text("SELECT schema_revision()")))


async def _in_time(what: str, work: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(_READY_TIMEOUT_S):
            return await work
    except (TimeoutError, OSError, SQLAlchemyError) as error:
        raise _not_ready(f"{what}: {type(error).__name__}") from error
    except ProblemError as error:
        raise _not_ready(f"{what}: {error.detail}") from error


def _not_ready(detail: str) -> ProblemError:
    return ProblemError(503, "not_ready", detail, headers={"Retry-After": "2"})


class RequestMetrics:
    """Times every request by the pattern of its route; never by its address, which names people."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s, status = time.monotonic(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # A live stream lasts for hours: what counts is when it began to answer.
                self._observe(scope, status, started_s)
            await send(message)

        await self._app(scope, receive, watch)

    def _observe(self, scope: MutableMapping[str, Any], status: int, started_s: float) -> None:
        path = getattr(scope.get("route"), "path", "other")
        labels = (scope["method"], path, f"{status // 100}xx")
        self._metrics.request_s.labels(*labels).observe(time.monotonic() - started_s)
