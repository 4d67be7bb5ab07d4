"""influxdb-client, with retries, a clear error when it stays away, and our three buckets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import aiohttp
import structlog
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException

from cloud.errors import ProblemError
from cloud.series.influx_text import flux_time
from cloud.series.service import Retention

Bucket = Literal["raw", "minute", "hour"]
# Waits between tries; after the last the gateway is told to come again, and does.
_RETRY_S: Final = (0.1, 0.5, 2.0)
_MAX_WAIT_S: Final = 5.0
_TIMEOUT_MS: Final = 20_000
_RETRY_AFTER_S: Final = 5
_TRY_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
# Writes that go together: a batch of a gateway is 5,000 lines at most, 0.6 MB.
_MAX_JOINED: Final = 16
# Readings leave the bucket a little after the hub stops asking for them.
_MARGIN_DAYS: Final = 2
_log = structlog.get_logger(__name__)


class SeriesBusyError(ProblemError):
    """InfluxDB does not answer just now."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            503, "busy", f"The series store does not answer: {detail}",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )  # fmt: skip


@dataclass(slots=True)
class _Waiting:
    """Lines that somebody waits to see written."""

    lines: bytes
    done: bool = False
    error: Exception | None = None


class InfluxClient:
    """Belongs to the event loop that first uses it."""

    def __init__(self, url: str, token: str, org: str, prefix: str = "yuyue") -> None:
        self._url, self._token, self._org, self._prefix = url, token, org, prefix
        self._made: InfluxDBClientAsync | None = None
        self._waiting: dict[str, list[_Waiting]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def bucket(self, name: str) -> str:
        """Its full name."""
        return f"{self._prefix}_{name}"

    def ensure_buckets(self, retention: Retention) -> None:
        """Make the buckets that are missing, each with its retention. Blocks."""
        keep_days = {
            "raw": retention.raw_days + _MARGIN_DAYS, "minute": retention.minute_days, "hour": 0,
        }  # fmt: skip
        with InfluxDBClient(self._url, self._token, org=self._org, timeout=_TIMEOUT_MS) as client:
            buckets = client.buckets_api()
            for name, days in keep_days.items():
                if buckets.find_bucket_by_name(self.bucket(name)) is None:
                    rules = BucketRetentionRules(
                        type="expire", every_seconds=int(timedelta(days=days).total_seconds())
                    )
                    buckets.create_bucket(
                        bucket_name=self.bucket(name), retention_rules=[rules], org=self._org
                    )

    async def write(self, bucket: Bucket | str, lines: bytes) -> None:
        """Lines of line protocol. Raises SeriesBusyError after the last try.

        What comes while a write is under way goes together in the next: a request costs as much
        as some thousand lines.
        """
        mine = _Waiting(lines)
        queue = self._waiting.setdefault(bucket, [])
        queue.append(mine)
        async with self._locks.setdefault(bucket, asyncio.Lock()):
            while not mine.done:
                await self._write_waiting(bucket, queue, mine)
        if mine.error is not None:
            raise mine.error

    async def _write_waiting(self, bucket: str, queue: list[_Waiting], mine: _Waiting) -> None:
        """The first that wait; whoever fails is told, no other is. Raises the caller's own."""
        taken = queue[:_MAX_JOINED]
        del queue[:_MAX_JOINED]
        try:
            try:
                await self._write(bucket, b"\n".join(one.lines for one in taken))
            except (ApiException, InfluxDBError):
                if len(taken) == 1:
                    raise
                for one in taken:  # one of them is refused: which?
                    one.error = await self._refusal(bucket, one.lines)
        except SeriesBusyError as error:
            for one in taken:
                one.error = error
        except BaseException:
            queue[:0] = [one for one in taken if one is not mine]  # the caller goes alone
            raise
        for one in taken:
            one.done = True

    async def _refusal(self, bucket: str, lines: bytes) -> Exception | None:
        try:
            await self._write(bucket, lines)
        except (ApiException, InfluxDBError) as error:
            return error
        return None

    async def _write(self, bucket: str, lines: bytes) -> None:
        await self._try("write", lambda c: c.write_api().write(
            self.bucket(bucket), record=lines
        ))  # fmt: skip

    async def ask(self, flux: str) -> str:
        """The answer as annotated CSV."""
        answer = await self._try("query", lambda c: c.query_api().query_raw(flux))
        return str(answer)

    async def delete(self, bucket: str, bounds: tuple[int, int], predicate: str) -> None:
        """Delete in [from, until) by predicate."""
        start, stop = (flux_time(bound) for bound in bounds)
        await self._try("delete", lambda c: c.delete_api().delete(
            start, stop, predicate, bucket=self.bucket(bucket), org=self._org
        ))  # fmt: skip

    async def ping(self) -> None:
        """Raises SeriesBusyError where it does not answer."""
        if not await self._try("ping", lambda c: c.ping()):
            raise SeriesBusyError("ping")

    async def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            await self._made.close()
            self._made = None

    async def _try(
        self, what: str, call: Callable[[InfluxDBClientAsync], Awaitable[object]]
    ) -> object:
        if self._made is None:
            self._made = InfluxDBClientAsync(
                self._url, self._token, org=self._org, timeout=_TIMEOUT_MS
            )
        for wait_s in (*_RETRY_S, None):
            try:
                return await call(self._made)
            except (ApiException, InfluxDBError) as error:
                status = getattr(error, "status", None) or getattr(error.response, "status", None)
                detail, told_s = f"{what}: HTTP {status}", _told_s(error)
                if status not in _TRY_AGAIN:
                    _log.error("influxdb_refused", what=what, status=status)
                    raise
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                detail, told_s = f"{what}: {type(error).__name__}", 0.0
            if wait_s is None:
                break
            await asyncio.sleep(min(_MAX_WAIT_S, max(wait_s, told_s)))
        _log.warning("influxdb_away", detail=detail)
        raise SeriesBusyError(detail)


def _told_s(error: ApiException | InfluxDBError) -> float:
    headers = getattr(error, "headers", None) or {}
    told = headers.get("Retry-After", "") if hasattr(headers, "get") else ""
    return float(told) if str(told).isdigit() else 0.0
