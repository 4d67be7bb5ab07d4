"""HTTP for gateways, and for the status of their way."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from cloud.coverage.subjects import subjects_of_gateway
from cloud.devices import enrolment
from cloud.devices.auth import CurrentGateway, bearer_token
from cloud.devices.gateways import enter_gateway, registry_document, take_heartbeat
from cloud.devices.simulation_key import simulation_key
from cloud.errors import (
    BadBatchError,
    BatchTooLargeError,
    Problem,
    ProblemError,
    UnknownGatewayError,
)
from cloud.identity.auth import GATEWAY, requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.ingest.decode import (
    MAX_BODY_BYTES,
    DecodedBatch,
    decode_batch,
    decode_heartbeat,
    unpack,
)
from cloud.ingest.fast import decode_fast
from cloud.ingest.limits import IngestGate
from cloud.ingest.schemas import AcknowledgementOut, HeartbeatReplyOut, RegistryOut, Status
from cloud.ingest.service import BatchIntake, Taken
from cloud.ingest.status import status_of
from cloud.people.reach import reach_of
from cloud.series.service import SeriesStore
from cloud.state import State
from edge.wire import HeartbeatReply, Lane

# Larger bodies are decoded in a thread, so that urgent ones and screens do not wait for them.
# Some 1,000 readings, 2 ms.
_DECODE_INLINE_BYTES: Final = 128 * 1024

StatusReader = Annotated[Principal, requires(Permission.STATUS_READ)]

gateway_router = APIRouter(
    prefix="/api/v1",
    tags=["gateway"],
    dependencies=[GATEWAY],
    responses={401: {"model": Problem}},
)
status_router = APIRouter(prefix="/api/v1", tags=["status"])
_BATCH_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "edge/wire.py; gzip allowed",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@gateway_router.post(
    "/ingest",
    response_model=AcknowledgementOut,
    openapi_extra=_BATCH_BODY,
    responses={code: {"model": Problem} for code in (409, 413, 415, 422, 429, 503)},
)
async def ingest(request: Request, state: State) -> AcknowledgementOut:
    """Take in a batch; answers only after the commit."""
    gate: IngestGate = request.app.state.ingest_gate
    token = bearer_token(request)
    try:
        if not gate.is_known(token, state.clock.monotonic_s()):
            # Who is it, before any work is done.
            async with state.database.transaction() as session:
                await enter_gateway(session, token, state.clock.now())
            gate.remember(token, state.clock.monotonic_s())
        batch = await _read_batch(request)
        taken = await _take(request, state, batch, gate)
    except ProblemError as error:
        if isinstance(error, UnknownGatewayError):
            gate.forget(token)
        state.metrics.refused.labels(error.code).inc()
        raise
    _count(state, batch.lane, taken)
    return AcknowledgementOut(acknowledged_through=taken.acknowledged_through)


async def _take(request: Request, state: State, batch: DecodedBatch, gate: IngestGate) -> Taken:
    series: SeriesStore = request.app.state.series
    token = bearer_token(request)
    if batch.lane is Lane.URGENT:
        return await _transact(state, token, batch, series, gate)
    records = len(batch.entries) if batch.readings is None else len(batch.readings)
    with gate.bulk(token or ""):
        gate.charge(token or "", records, state.clock.monotonic_s())
        return await _transact(state, token, batch, series, gate)


async def _transact(
    state: State, token: str | None, batch: DecodedBatch, series: SeriesStore, gate: IngestGate
) -> Taken:
    started_s = state.clock.monotonic_s()
    async with state.database.transaction() as session:
        scope, gateway_id = await enter_gateway(session, token, state.clock.now())
        intake = BatchIntake(scope, gateway_id, series, state.clock.now_ns(), gate.known)
        taken = await intake.take(batch)
    state.metrics.ingest_s.labels(batch.lane.value).observe(state.clock.monotonic_s() - started_s)
    return taken


async def _read_batch(request: Request) -> DecodedBatch:
    body = await read_body(request)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()

    def decode() -> DecodedBatch:
        content = unpack(body, encoding)
        return decode_fast(content) or decode_batch(content)

    if encoding or len(body) > _DECODE_INLINE_BYTES:
        return await asyncio.to_thread(decode)
    return decode()


async def read_body(request: Request) -> bytes:
    """The body as sent, within the limit. Raises BadBatchError, BatchTooLargeError."""
    media_type = request.headers.get("Content-Type", "application/json").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise BadBatchError(f"Content-Type: must be application/json, got {media_type[:80]}", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BatchTooLargeError(f"more than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _count(state: State, lane: Lane, taken: Taken) -> None:
    metrics = state.metrics
    metrics.skipped.labels(lane.value).inc(taken.skipped)
    for kind, count in taken.kinds.items():
        metrics.records.labels(lane.value, kind).inc(count)
    for (reason, found_by), count in taken.quarantined.items():
        metrics.quarantined.labels(reason, found_by).inc(count)
    for move, count in taken.moves.items():
        metrics.moves.labels(move).inc(count)


@gateway_router.post(
    "/gateway/heartbeat",
    response_model=HeartbeatReplyOut,
    openapi_extra=_BATCH_BODY,
    responses={422: {"model": Problem}},
)
async def gateway_heartbeat(
    request: Request, principal: CurrentGateway, state: State
) -> HeartbeatReplyOut:
    """The gateway says how it is."""
    beat = decode_heartbeat(
        unpack(await read_body(request), request.headers.get("Content-Encoding", "").lower())
    )
    received_ns = state.clock.now_ns()
    await enrolment.note_first_use(principal, state.clock.now())
    version = await take_heartbeat(principal, beat, received_ns)
    reply = HeartbeatReply(received_ns=received_ns, registry_version=version)
    return HeartbeatReplyOut(**asdict(reply))


@gateway_router.get(
    "/gateway/registry",
    response_model=RegistryOut,
    responses={304: {"description": "unchanged"}},
)
async def gateway_registry(request: Request, principal: CurrentGateway, state: State) -> Response:
    """The devices a gateway may speak for."""
    now = state.clock.now()
    key = await simulation_key(principal.scope, state.keyring, now)
    document = await registry_document(
        principal, now, state.keyring, consent_required=state.settings.consent_required
    )
    people = await subjects_of_gateway(principal.scope, principal.gateway.id, now)
    document = replace(document, subjects=people, simulation_key=key)
    etag = f'"{document.version}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(msgspec.json.encode(document), media_type="application/json", headers=headers)


@status_router.get("/status", responses={401: {"model": Problem}, 403: {"model": Problem}})
async def get_status(principal: StatusReader, state: State) -> Status:
    """Gateways, devices, quarantine."""
    hidden = await (await reach_of(principal)).hidden()
    return await status_of(principal.scope, state.clock.now(), hidden)
