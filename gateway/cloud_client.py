"""The calls to the cloud (docs/wire.md section 2), and what their answers mean."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec

from edge.found_wire import FoundReport
from edge.gateway_wire import (
    CONFIG_WAIT_S,
    Enrolment,
    EnrolRequest,
    GatewayConfig,
    NewToken,
)
from edge.wire import (
    WIRE_VERSION,
    Acknowledgement,
    Batch,
    Heartbeat,
    HeartbeatReply,
    RegistryDocument,
)
from gateway.outbox import StoredBatch
from gateway.registry import RegistryError, decode_registry

# Whole calls, connecting included. A person waits for urgent; bulk may be megabytes on a thin
# line; the last is for the small calls in between.
URGENT_TIMEOUT_S: Final = 8.0
BULK_TIMEOUT_S: Final = 60.0
CONTROL_TIMEOUT_S: Final = 10.0
# The cloud holds this call until there is news.
CONFIG_TIMEOUT_S: Final = CONFIG_WAIT_S + CONTROL_TIMEOUT_S
_CONNECT_TIMEOUT_S: Final = 5.0
# Longer than the pause between heartbeats, so that the TLS session of the urgent lane stays up.
_KEEPALIVE_S: Final = 60.0
# Level 1 takes a third of the time of level 6 and is within 10 % of its size on base64 counts.
_GZIP_LEVEL: Final = 1

Answer = TypeVar("Answer")


class CallError(Exception):
    """A call that did not do what it should. Everything is kept; try again later.

    `reason` is a short code for counting. `retry_after_s` is the cloud's own wish. `is_slow`: no
    use trying soon, a person has to change something.
    """

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        retry_after_s: float | None = None,
        is_slow: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.is_slow = is_slow


class SequenceGapError(CallError):
    """409: the cloud has everything before `expected_seq` and wants that one next."""

    def __init__(self, expected_seq: int) -> None:
        super().__init__("sequence_gap", f"the cloud expects number {expected_seq}")
        self.expected_seq = expected_seq


class BatchTooLargeError(CallError):
    """413: send fewer records at once."""

    def __init__(self) -> None:
        super().__init__("batch_too_large", "the cloud wants smaller batches")


class CloudClient:
    """One connection pool to the cloud. A lane has its own, so that none waits for another."""

    def __init__(
        self, base_url: str, token: str | None, timeout_s: float, ca_file: Path | None = None
    ) -> None:
        verify: ssl.SSLContext | bool = (
            ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        )
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            limits=httpx.Limits(keepalive_expiry=_KEEPALIVE_S),
            verify=verify,
            # Proxies and certificates come from our settings, not from a stray variable.
            trust_env=False,
        )

    def use_token(self, token: str) -> None:
        """From the next call on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send_batch(self, body: bytes, *, compressed: bool) -> int:
        """Acknowledged-through number. Raises CallError and its kinds."""
        headers = {"Content-Type": "application/json"}
        if compressed:
            headers["Content-Encoding"] = "gzip"
        answer = await self._call("POST", "/api/v1/ingest", content=body, headers=headers)
        return _decoded(answer, Acknowledgement).acknowledged_through

    async def heartbeat(self, heartbeat: Heartbeat) -> HeartbeatReply:
        """Say how we are. Raises CallError."""
        answer = await self._call(
            "POST",
            "/api/v1/gateway/heartbeat",
            content=msgspec.json.encode(heartbeat),
            headers={"Content-Type": "application/json"},
        )
        return _decoded(answer, HeartbeatReply)

    async def found(self, report: FoundReport) -> None:
        """Tell of devices that nobody has accepted. Raises CallError."""
        await self._call(
            "POST",
            "/api/v1/gateway/found",
            content=msgspec.json.encode(report),
            headers={"Content-Type": "application/json"},
        )

    async def registry(self, have_version: int) -> RegistryDocument | None:
        """A registry other than `have_version`; None when that is the present one."""
        headers = {"If-None-Match": f'"{have_version}"'} if have_version else {}
        answer = await self._call("GET", "/api/v1/gateway/registry", headers=headers)
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return None
        try:
            return decode_registry(answer.content)
        except RegistryError as error:
            raise CallError("bad_answer", str(error)) from error

    async def config(self, settings_version: int, registry_version: int) -> GatewayConfig:
        """What the cloud wants of us; waits for news when we have it all. Raises CallError."""
        have = {
            "settings_version": str(settings_version),
            "registry_version": str(registry_version),
            "wait_s": str(CONFIG_WAIT_S),
        }
        try:
            answer = await self._call("GET", "/api/v1/gateway/config", params=have)
        except CallError as error:
            if error.reason != "refused":
                raise
            # A cloud that is older than this gateway.
            raise CallError("unknown_call", error.detail, is_slow=True) from error
        return _decoded(answer, GatewayConfig)

    async def new_token(self) -> str:
        """A further token of ours. Raises CallError."""
        return _decoded(await self._call("POST", "/api/v1/gateway/token"), NewToken).token

    async def enrol(self, request: EnrolRequest) -> Enrolment:
        """Become the gateway that the code is for. Raises CallError."""
        answer = await self._call(
            "POST",
            "/api/v1/gateway/enroll",
            content=msgspec.json.encode(request),
            headers={"Content-Type": "application/json", "X-Yuyue-Request": "1"},
        )
        return _decoded(answer, Enrolment)

    async def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """An answer that is 200 or 304. Raises CallError."""
        try:
            # httpx limits each read; a server that dribbles must not hold a lane for ever.
            async with asyncio.timeout(self._timeout_s):
                answer = await self._http.request(method, path, **arguments)
        except TimeoutError:
            raise CallError("timeout", f"no answer within {self._timeout_s:g} s") from None
        except httpx.TimeoutException as error:
            raise CallError("timeout", f"{type(error).__name__} on {path}") from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise CallError("unreachable", f"{type(error).__name__}: {error}") from error
        if answer.status_code not in {httpx.codes.OK, httpx.codes.NOT_MODIFIED}:
            raise _error_of(answer)
        return answer


def encode_batch(batch: StoredBatch, sent_ns: int, *, compress: bool) -> bytes:
    """The body of an ingest call."""
    body = msgspec.json.encode(
        Batch(
            version=WIRE_VERSION,
            outbox_id=batch.outbox_id,
            lane=batch.lane,
            first_seq=batch.first_seq,
            sent_ns=sent_ns,
            records=batch.records,
        )
    )
    return gzip.compress(body, compresslevel=_GZIP_LEVEL, mtime=0) if compress else body


def _decoded(answer: httpx.Response, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CallError("bad_answer", f"{answer.url.path}: {error}") from error


class _Problem(msgspec.Struct):
    """What we read of an RFC 9457 problem."""

    code: str = ""
    title: str = ""
    detail: str = ""
    expected_seq: int | None = None


def _error_of(answer: httpx.Response) -> CallError:
    """The error an answer stands for."""
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem()
    status = answer.status_code
    detail = f"{status} {problem.code} {problem.detail or problem.title}".strip()[:300]
    if status == httpx.codes.CONFLICT and problem.expected_seq is not None:
        return SequenceGapError(problem.expected_seq)
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return BatchTooLargeError()
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return CallError("unknown_gateway", detail, is_slow=True)
    if status in {httpx.codes.UNSUPPORTED_MEDIA_TYPE, httpx.codes.UNPROCESSABLE_ENTITY}:
        return CallError("bad_batch", detail, is_slow=True)
    if status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}:
        return CallError("busy", detail, retry_after_s=_retry_after_s(answer))
    return CallError("server_error" if answer.is_server_error else "refused", detail)


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds from Retry-After; a date or nonsense counts as not said."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
