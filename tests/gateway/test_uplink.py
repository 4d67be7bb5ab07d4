"""The uplink against a real server that fails in every way the wire knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from edge.wire import Batch, Heartbeat, Lane
from gateway import uplink as uplink_module
from gateway.clock import SystemClock
from gateway.cloud_client import CallError, CloudClient
from gateway.metrics import Metrics
from gateway.outbox import Group, Outbox
from gateway.uplink import Backoff, Uplink
from tests.gateway.cloud_double import TOKEN, CloudDouble, problem
from tests.gateway.makers import event, reading


class Sending:
    """An outbox, its uplink and a cloud, all running."""

    def __init__(self, outbox: Outbox, cloud: CloudDouble, uplink: Uplink, metrics: Metrics):
        self.outbox = outbox
        self.cloud = cloud
        self.uplink = uplink
        self.metrics = metrics

    def commit(self, group: Group) -> None:
        self.outbox.commit(group)
        for lane in Lane:
            self.uplink.senders[lane].appended.set()

    async def until(self, ask: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not ask():
            assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {what}"
            await asyncio.sleep(0.01)

    async def all_sent(self) -> None:
        await self.until(
            lambda: all(self.outbox.lane_state(lane).pending == 0 for lane in Lane),
            f"everything is acknowledged: {[(c.batch.lane, c.status) for c in self.cloud.calls]}",
        )


@asynccontextmanager
async def sending(
    tmp_path: Path, cloud: CloudDouble, token: str = TOKEN, timeout_s: float = 5.0
) -> AsyncIterator[Sending]:
    clock, metrics = SystemClock(), Metrics()
    outbox = Outbox(tmp_path / "outbox.sqlite3", clock)
    clients = {lane: CloudClient(cloud.url, token, timeout_s) for lane in Lane}
    control = CloudClient(cloud.url, token, timeout_s)
    uplink = Uplink(outbox, clients, control, metrics, clock)
    tasks = [asyncio.create_task(uplink.senders[lane].run()) for lane in Lane]
    try:
        yield Sending(outbox, cloud, uplink, metrics)
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in (*clients.values(), control):
            await client.close()
        outbox.close()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> CloudDouble:
    monkeypatch.setattr(uplink_module, "RETRY_MAX_S", 0.2)
    monkeypatch.setattr(uplink_module, "SLOW_RETRY_S", 0.4)
    return CloudDouble()


BULK_10 = Group(signals=[reading(n) for n in range(1, 11)])


def numbers(cloud: CloudDouble, lane: Lane = Lane.BULK) -> list[int]:
    return [record.seq for record in cloud.of(lane)]


async def test_an_urgent_event_is_with_the_cloud_within_milliseconds(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    with cloud:
        async with sending(tmp_path, cloud) as s:
            took_s = []
            for n in range(20):
                began_s = time.monotonic()
                s.commit(Group(events=[event(n)]))
                await s.until(lambda n=n: len(cloud.of(Lane.URGENT)) == n + 1, "it is there")  # type: ignore[misc]
                took_s.append(time.monotonic() - began_s)
    assert sorted(took_s)[10] < 0.1


async def test_half_an_answer_is_followed_by_the_other_half(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    cloud.take_at_most = 4
    with cloud:
        async with sending(tmp_path, cloud) as s:
            s.commit(BULK_10)
            await s.all_sent()
    assert [c.batch.first_seq for c in cloud.calls] == [1, 5, 9]
    assert numbers(cloud) == list(range(1, 11))


async def test_a_lost_answer_is_asked_for_again_and_changes_nothing(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    cloud.hang_after_commit = True
    with cloud:
        async with sending(tmp_path, cloud, timeout_s=0.3) as s:
            s.commit(Group(events=[event("a")]))
            await s.until(lambda: len(cloud.calls) >= 2, "it is sent again")
            cloud.hang_after_commit = False
            await s.all_sent()
    assert numbers(cloud, Lane.URGENT) == [1]


async def test_a_cloud_that_was_away_gets_everything_in_order(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    with capture_logs() as logs:
        async with sending(tmp_path, cloud) as s:
            s.commit(BULK_10)
            s.commit(Group(events=[event("a")]))
            await s.until(
                lambda: (s.metrics.uplink_failures.labels("ingest_urgent", "unreachable")
                         ._value.get() >= 3), "it is tried again and again",
            )  # fmt: skip
            with cloud:
                await s.all_sent()
    assert numbers(cloud) == list(range(1, 11))
    told = [(entry["event"], entry["call"]) for entry in logs]
    for call in ("ingest_bulk", "ingest_urgent"):
        assert told.count(("uplink_down", call)) == told.count(("uplink_up", call)) == 1


async def test_a_new_event_does_not_wait_for_the_pause(
    tmp_path: Path, cloud: CloudDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_module, "RETRY_MAX_S", 60.0)
    monkeypatch.setattr("gateway.uplink.random.uniform", lambda low, high: high)
    monkeypatch.setattr(uplink_module, "RETRY_FIRST_S", 60.0)
    async with sending(tmp_path, cloud) as s:
        s.commit(Group(events=[event("a")]))
        failures = s.metrics.uplink_failures.labels("ingest_urgent", "unreachable")._value
        await s.until(lambda: failures.get() >= 2, "it fails and pauses for a minute")
        with cloud:
            s.commit(Group(events=[event("b")]))
            await s.all_sent()
    assert numbers(cloud, Lane.URGENT) == [1, 2]


async def test_a_batch_too_large_is_halved_until_it_fits(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    def at_most_3(batch: Batch) -> Response | None:
        return problem(413, "batch_too_large") if len(batch.records) > 3 else None

    cloud.trouble = at_most_3
    with cloud:
        async with sending(tmp_path, cloud) as s:
            s.commit(BULK_10)
            await s.all_sent()
    assert numbers(cloud) == list(range(1, 11))
    assert [len(c.batch.records) for c in cloud.calls][:4] == [10, 5, 2, 4]


async def test_the_cloud_forgot_what_is_still_held_and_gets_it_again(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    with cloud:
        async with sending(tmp_path, cloud) as s:
            s.commit(BULK_10)
            await s.all_sent()
            # A backup was put back: it ends at 4. The snapshots have not passed 1 to 10 yet.
            key = (s.outbox.outbox_id, Lane.BULK)
            cloud.records[key] = cloud.records[key][:4]
            s.commit(Group(signals=[reading(11)]))
            await s.all_sent()
    assert numbers(cloud) == list(range(1, 12))
    assert 409 in [call.status for call in cloud.calls]


async def test_the_cloud_forgot_what_is_gone_here_too_and_the_rest_goes_on(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    with cloud, capture_logs() as logs:
        async with sending(tmp_path, cloud) as s:
            s.commit(BULK_10)
            s.commit(Group(events=[event("a")]))
            await s.all_sent()
            s.outbox.save_snapshots(10, {})
            name = s.outbox.outbox_id
            cloud.records.clear()
            s.commit(Group(signals=[reading(11)]))
            s.commit(Group(events=[event("b")]))
            await s.all_sent()
            assert s.outbox.outbox_id != name
    assert [record.reading for record in cloud.of(Lane.BULK)] == [reading(11)]
    assert [record.event for record in cloud.of(Lane.URGENT)] == [event("b")]
    lost = {e["lane"]: e["records_lost"] for e in logs if e["event"] == "cloud_lost_records"}
    assert lost.items() <= {"bulk": 10, "urgent": 1}.items()
    assert lost


async def test_an_old_outbox_put_back_is_noticed_and_named_anew(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    with cloud, capture_logs() as logs:
        async with sending(tmp_path, cloud) as s:
            s.commit(Group(signals=[reading(1)]))
            await s.all_sent()
            # The cloud has had ten from this outbox; the copy put back knows of one.
            key = (s.outbox.outbox_id, Lane.BULK)
            first = cloud.records[key][0]
            cloud.records[key] = [type(first)(n, 1, reading=reading(n)) for n in range(1, 11)]
            s.commit(Group(signals=[reading(50)]))
            await s.all_sent()
            assert s.outbox.outbox_id != key[0]
    assert reading(50) in [record.reading for record in cloud.of(Lane.BULK)]
    assert "cloud_is_ahead_of_outbox" in [entry["event"] for entry in logs]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (401, "unknown_gateway", "unknown_gateway"),
        (422, "bad_batch", "bad_batch"),
        (415, "bad_batch", "bad_batch"),
        (429, "busy", "busy"),
        (503, "busy", "busy"),
        (500, "oops", "server_error"),
        (404, "what", "refused"),
    ],
)
async def test_a_refusal_keeps_everything_and_is_told_once(
    tmp_path: Path, cloud: CloudDouble, status: int, code: str, reason: str
) -> None:
    refusals = 2

    def refuse(batch: Batch) -> Response | None:
        nonlocal refusals
        refusals -= 1
        return problem(status, code, {"Retry-After": "0"}) if refusals >= 0 else None

    cloud.trouble = refuse
    with cloud, capture_logs() as logs:
        async with sending(tmp_path, cloud) as s:
            s.commit(Group(signals=[reading(1)]))
            await s.all_sent()
    assert [call.status for call in cloud.calls] == [status, status, 200]
    down = [entry for entry in logs if entry["event"] == "uplink_down"]
    assert [entry["reason"] for entry in down] == [reason]
    slow = status in {401, 415, 422}
    assert down[0]["log_level"] == ("error" if slow else "warning")


@pytest.mark.parametrize("answer", [b"", b"null", b'{"acknowledged_through": "all"}', b"\xff"])
async def test_an_answer_that_is_none_acknowledges_nothing(
    tmp_path: Path, cloud: CloudDouble, answer: bytes
) -> None:
    cloud.trouble = lambda batch: Response(answer) if len(cloud.calls) < 2 else None
    with cloud:
        async with sending(tmp_path, cloud) as s:
            s.commit(Group(signals=[reading(1)]))
            await s.all_sent()
    assert numbers(cloud) == [1]
    assert len(cloud.calls) == 3


async def test_an_answer_without_progress_is_no_reason_to_hurry(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    cloud.take_at_most = 0
    with cloud:
        async with sending(tmp_path, cloud) as s:
            s.commit(BULK_10)
            await asyncio.sleep(1.0)
            assert 2 <= len(cloud.calls) < 15
            assert s.outbox.lane_state(Lane.BULK).pending == 10


async def test_urgent_goes_while_a_bulk_call_hangs(tmp_path: Path, cloud: CloudDouble) -> None:
    cloud.bulk_delay_s = 3.0
    with cloud:
        async with sending(tmp_path, cloud) as s:
            s.commit(BULK_10)
            await asyncio.sleep(0.7)
            began_s = time.monotonic()
            s.commit(Group(events=[event("a")]))
            await s.until(lambda: numbers(cloud, Lane.URGENT) == [1], "urgent is there")
            assert time.monotonic() - began_s < 1.0
            assert numbers(cloud) == []


def test_pauses_grow_with_full_jitter_and_are_capped() -> None:
    backoff = Backoff()
    error = CallError("unreachable", "x")
    pauses = [backoff.after(error) for _ in range(200)]
    assert pauses[0] == 0.0
    assert max(pauses[:4]) <= 2.0
    assert 5.0 < max(pauses) <= 10.0
    assert min(pauses[20:]) < 2.0
    backoff.reset()
    assert backoff.after(error) == 0.0
    told = CallError("busy", "x", retry_after_s=7.0)
    assert backoff.after(told) == 7.0
    assert backoff.after(CallError("busy", "x", retry_after_s=86_400.0)) == 10.0


async def test_the_heartbeat_tells_real_figures_and_looks_for_a_newer_registry(
    tmp_path: Path, cloud: CloudDouble
) -> None:
    with cloud:
        async with sending(tmp_path, cloud) as s:
            seen: list[int] = []

            def compose() -> Heartbeat:
                return Heartbeat(
                    sent_ns=1, started_ns=1, software_version="x", outbox_id=s.outbox.outbox_id,
                    urgent=s.outbox.lane_state(Lane.URGENT), bulk=s.outbox.lane_state(Lane.BULK),
                    rejected_total=3, registry_version=seen[-1] if seen else 0,
                    sources={"mqtt": True},
                )  # fmt: skip

            async def apply(document: object) -> None:
                seen.append(document.version)  # type: ignore[attr-defined]

            tasks = [
                asyncio.create_task(s.uplink.run_heartbeat(compose, lambda ns, s: None)),
                asyncio.create_task(s.uplink.run_registry(lambda: seen[-1] if seen else 0, apply)),
            ]
            await s.until(lambda: bool(seen) and bool(cloud.heartbeats), "both were called")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert seen == [1]
    assert cloud.heartbeats[0].rejected_total == 3
    assert cloud.heartbeats[0].sources == {"mqtt": True}
