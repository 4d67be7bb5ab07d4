"""From the outbox to the cloud: one sender a lane, the heartbeat, the registry."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from edge.found_wire import FOUND_INTERVAL_S, FoundReport
from edge.signals import NS_PER_S
from edge.wire import HEARTBEAT_INTERVAL_S, Heartbeat, Lane, RegistryDocument
from gateway.clock import Clock
from gateway.cloud_client import (
    BatchTooLargeError,
    CallError,
    CloudClient,
    SequenceGapError,
    encode_batch,
)
from gateway.metrics import Metrics
from gateway.outbox import Outbox, StoredBatch

log = structlog.get_logger(__name__)

RETRY_FIRST_S: Final = 0.5
# A heartbeat is due every 30 s and blind after 90 s: three tries fit in between.
RETRY_MAX_S: Final = 10.0
# Nothing changes until a person has changed something: a token, a version.
SLOW_RETRY_S: Final = 30.0
# A failing cloud is asked again at once for a new event, but not more often than this.
ASK_AGAIN_S: Final = 0.2
# A stranger's device makes us look for a newer registry; not more often than this.
REGISTRY_MIN_INTERVAL_S: Final = 10.0
# The cloud cannot be reached, rather than that it does not want what we say.
_AWAY: Final = frozenset({"timeout", "unreachable"})
FOUND_LOOK_S: Final = 0.5
# Gaps one after the other that are simply filled; then the two sides do not understand each other.
_MAX_GAPS: Final = 3


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How a lane is sent. Bytes are of the stored bodies: base64 and names make them 1.6 times
    as large, and the cloud takes 8 MiB and 5,000 records. A wish of the cloud to wait longer than
    `retry_after_max_s` is not followed: it could be a slip, and elders wait.
    """

    max_records: int
    max_bytes: int
    linger_s: float
    retry_after_max_s: float
    compress: bool
    hurries: bool


POLICIES: Final = {
    Lane.URGENT: LanePolicy(
        100, 2 * 1024**2, linger_s=0.0, retry_after_max_s=10.0, compress=False, hurries=True
    ),
    # Half a second of a home is a batch worth a request; nobody waits for it.
    Lane.BULK: LanePolicy(
        2000, 3 * 1024**2, linger_s=0.5, retry_after_max_s=60.0, compress=True, hurries=False
    ),
}


class CloudState:
    """Which calls fail now. Tells of it once when it breaks and once when it heals."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._away_since_s: float | None = None
        self._failing: dict[str, str] = {}
        self._healed: list[asyncio.Event] = []

    def healed_event(self) -> asyncio.Event:
        """An event that is set whenever a call works again that did not."""
        event = asyncio.Event()
        self._healed.append(event)
        return event

    def failed(self, call: str, error: CallError) -> None:
        """A call failed."""
        self._metrics.uplink_failures.labels(call, error.reason).inc()
        if self._away_since_s is None and error.reason in _AWAY:
            self._away_since_s = self._clock.monotonic_s()
        if self._failing.get(call) != error.reason:
            self._failing[call] = error.reason
            say = log.error if error.is_slow else log.warning
            say("uplink_down", call=call, reason=error.reason, detail=error.detail)

    def worked(self, call: str) -> None:
        """A call worked."""
        self._away_since_s = None
        if self._failing.pop(call, None) is not None:
            log.info("uplink_up", call=call)
            for event in self._healed:
                event.set()

    @property
    def away_s(self) -> float:
        """For how long no call has reached the cloud; 0 while it can be reached."""
        since_s = self._away_since_s
        return 0.0 if since_s is None else self._clock.monotonic_s() - since_s

    @property
    def failing(self) -> dict[str, str]:
        """Calls that fail now, and why."""
        return dict(self._failing)


class Backoff:
    """Delays with full jitter, so that gateways do not come back all at the same moment."""

    def __init__(self, retry_after_max_s: float = RETRY_MAX_S) -> None:
        self._retry_after_max_s = retry_after_max_s
        self._failures = 0

    def reset(self) -> None:
        """It worked."""
        self._failures = 0

    def after(self, error: CallError) -> float:
        """Seconds to wait. The first new try is at once: an idle connection may just have gone."""
        self._failures += 1
        if error.retry_after_s is not None:
            return min(error.retry_after_s, self._retry_after_max_s)
        if error.is_slow:
            return SLOW_RETRY_S * random.uniform(0.5, 1.0)  # noqa: S311
        if self._failures == 1:
            return 0.0
        ceiling_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(self._failures - 2, 10))
        return random.uniform(0.0, ceiling_s)  # noqa: S311


class LaneSender:
    """Sends one lane, in order, one batch at a time, until told otherwise."""

    def __init__(
        self,
        lane: Lane,
        *,
        outbox: Outbox,
        client: CloudClient,
        state: CloudState,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._lane = lane
        self._policy = POLICIES[lane]
        self._outbox = outbox
        self._client = client
        self._state = state
        self._metrics = metrics
        self._clock = clock
        self._max_records = self._policy.max_records
        self._gaps = 0
        self._healed = state.healed_event()
        self.appended = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        backoff = Backoff(self._policy.retry_after_max_s)
        call = f"ingest_{self._lane.value}"
        while True:
            self.appended.clear()
            self._healed.clear()
            batch = await asyncio.to_thread(self._read)
            if batch is None:
                await self.appended.wait()
                await asyncio.sleep(self._policy.linger_s)
                continue
            try:
                await self._send(batch)
            except CallError as error:
                self._state.failed(call, error)
                await self._pause(backoff.after(error), error)
            else:
                self._state.worked(call)
                backoff.reset()

    def _read(self) -> StoredBatch | None:
        return self._outbox.read(self._lane, self._max_records, self._policy.max_bytes)

    async def _send(self, batch: StoredBatch) -> None:
        """Send, and do what the answer says. Raises CallError when it is to be tried later."""
        compress = self._policy.compress
        sent_ns = self._clock.now_ns()
        if compress:
            body = await asyncio.to_thread(encode_batch, batch, sent_ns, compress=True)
        else:
            body = encode_batch(batch, sent_ns, compress=False)
        try:
            through = await self._client.send_batch(body, compressed=compress)
            await asyncio.to_thread(self._acknowledge, batch, through)
        except SequenceGapError as gap:
            self._gaps += 1
            if self._gaps > _MAX_GAPS:
                raise
            await asyncio.to_thread(self._fill_gap, batch, gap)
        except BatchTooLargeError:
            if len(batch.records) == 1:
                raise
            self._max_records = max(1, len(batch.records) // 2)
        except sqlite3.OperationalError as error:
            raise CallError("outbox_write", str(error)) from error
        else:
            self._gaps = 0
            self._max_records = min(self._policy.max_records, self._max_records * 2)

    def _acknowledge(self, batch: StoredBatch, through: int) -> None:
        if not self._outbox.acknowledge(self._lane, batch.outbox_id, through):
            # Somebody put an old copy of the outbox back. What was written since under numbers
            # that the cloud has seen before would be skipped as repetition.
            log.error(
                "cloud_is_ahead_of_outbox", lane=self._lane.value, acknowledged_through=through
            )
            self._outbox.renumber()
            return
        taken = through - batch.first_seq + 1
        if taken <= 0:
            raise CallError("no_progress", f"acknowledged through {through}, as before")
        self._metrics.uplink_records.labels(self._lane.value).inc(min(taken, len(batch.records)))

    def _fill_gap(self, batch: StoredBatch, gap: SequenceGapError) -> None:
        if gap.expected_seq > batch.first_seq:
            self._acknowledge(batch, gap.expected_seq - 1)
            return
        missing = self._outbox.rewind(self._lane, batch.outbox_id, gap.expected_seq)
        if missing:
            # The cloud acknowledged these, so they were deleted here; it has lost them since. The
            # rest must not wait for them: it goes on under a new name, counted from 1.
            self._metrics.cloud_lost.labels(self._lane.value).inc(missing)
            log.error(
                "cloud_lost_records",
                lane=self._lane.value,
                expected_seq=gap.expected_seq,
                records_lost=missing,
            )
        else:
            log.warning("sending_again", lane=self._lane.value, from_seq=gap.expected_seq)

    async def _pause(self, delay_s: float, error: CallError) -> None:
        """Wait; less when the cloud heals, or when something new comes on a lane that hurries and
        nobody told us to wait.
        """
        was_told = error.is_slow or error.retry_after_s is not None
        hurries = self._policy.hurries and not was_told
        await asyncio.sleep(min(delay_s, ASK_AGAIN_S))
        events = [self._healed, self.appended] if hurries else [self._healed]
        await _wait_any(events, delay_s - ASK_AGAIN_S)


class Uplink:
    """Everything that talks to the cloud."""

    def __init__(
        self,
        outbox: Outbox,
        clients: dict[Lane, CloudClient],
        control: CloudClient,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._control = control
        self._metrics = metrics
        self._clock = clock
        self.state = self._state = CloudState(metrics, clock)
        self._healed = self._state.healed_event()
        self._healed_for_heartbeat = self._state.healed_event()
        self._registry_wanted = asyncio.Event()
        self._beat_wanted = asyncio.Event()
        self.senders = {
            lane: LaneSender(
                lane,
                outbox=outbox,
                client=clients[lane],
                state=self._state,
                metrics=metrics,
                clock=clock,
            )
            for lane in Lane
        }

    def want_registry(self) -> None:
        """There may be a newer registry: look soon."""
        self._registry_wanted.set()

    def beat_soon(self) -> None:
        """Something in the heartbeat changed that the cloud should not wait for."""
        self._beat_wanted.set()

    async def run_heartbeat(
        self, compose: Callable[[], Heartbeat], observe_clock: Callable[[int, float], None]
    ) -> None:
        """For ever: say how we are, now and every HEARTBEAT_INTERVAL_S.

        `observe_clock` is told the cloud's time in ns at this moment, and how uncertain it is in s.
        """
        backoff = Backoff()
        while True:
            self._healed_for_heartbeat.clear()
            self._beat_wanted.clear()
            heartbeat = await asyncio.to_thread(compose)
            began_s = self._clock.monotonic_s()
            try:
                reply = await self._control.heartbeat(heartbeat)
            except CallError as error:
                self._state.failed("heartbeat", error)
                await _wait_any(
                    [self._healed_for_heartbeat], max(ASK_AGAIN_S, backoff.after(error))
                )
                continue
            self._state.worked("heartbeat")
            backoff.reset()
            half_way_s = (self._clock.monotonic_s() - began_s) / 2
            cloud_ns = reply.received_ns + round(half_way_s * NS_PER_S)
            self._metrics.clock_offset_s.set((cloud_ns - self._clock.now_ns()) / NS_PER_S)
            observe_clock(cloud_ns, half_way_s)
            if reply.registry_version != heartbeat.registry_version:
                self.want_registry()
            await _wait_any([self._beat_wanted], HEARTBEAT_INTERVAL_S)

    async def run_found(
        self, newcomers: Callable[[], int], compose: Callable[[], FoundReport]
    ) -> None:
        """For ever: tell of found devices, of new ones within a second."""
        told, sent_s, n_sent = 0, -FOUND_INTERVAL_S, 0
        while True:
            await asyncio.sleep(FOUND_LOOK_S)
            is_due = self._clock.monotonic_s() - sent_s >= FOUND_INTERVAL_S
            if newcomers() == told and not is_due:
                continue
            told, sent_s = newcomers(), self._clock.monotonic_s()
            report = compose()
            if not report.devices and not n_sent:
                continue
            try:
                await self._control.found(report)
            except CallError as error:
                self._state.failed("found", error)
                await asyncio.sleep(FOUND_INTERVAL_S)
                continue
            self._state.worked("found")
            n_sent = len(report.devices)

    async def run_registry(
        self,
        have_version: Callable[[], int],
        apply: Callable[[RegistryDocument], Awaitable[None]],
    ) -> None:
        """For ever: fetch the registry at start and when wanted, and hand over a newer one."""
        backoff = Backoff()
        self._registry_wanted.set()
        while True:
            await self._registry_wanted.wait()
            self._registry_wanted.clear()
            self._healed.clear()
            try:
                document = await self._control.registry(have_version())
                if document is not None:
                    await apply(document)
            except (CallError, OSError, sqlite3.Error) as cause:
                error = cause if isinstance(cause, CallError) else CallError("disk", str(cause))
                self._state.failed("registry", error)
                self._registry_wanted.set()
                await _wait_any([self._healed], max(ASK_AGAIN_S, backoff.after(error)))
                continue
            self._state.worked("registry")
            backoff.reset()
            await asyncio.sleep(REGISTRY_MIN_INTERVAL_S)


async def _wait_any(events: list[asyncio.Event], timeout_s: float) -> None:
    """Until one of the events is set or the time is over."""
    if timeout_s <= 0 or any(event.is_set() for event in events):
        return
    waiters = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
