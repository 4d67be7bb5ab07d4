"""Saving a damaged outbox, killed in the middle: whatever the moment, nothing more is lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.wire import Lane
from gateway.opening import open_outbox
from gateway.outbox import (
    DiskPolicy,
    Group,
    Outbox,
    OutboxDamagedError,
    OutboxError,
    exchange,
    salvage,
)
from gateway.outbox.lock import take_lock
from gateway.outbox.room import MIB
from tests.gateway.makers import HandClock, event, reading

SMALL = DiskPolicy(budget_bytes=MIB, reserve_bytes=64 * 1024)
_CALLS = ("rename", "replace", "unlink", "fsync", "open")


def everything(outbox: Outbox) -> dict[Lane, list[Any]]:
    """As the cloud would get it."""
    found = {}
    for lane in Lane:
        batch = outbox.read(lane, 10_000, 10**9)
        found[lane] = [] if batch is None else [
            (r.seq, r.reading, r.event and r.event.event_id, r.rejected and r.rejected.reason)
            for r in batch.records
        ]  # fmt: skip
    return found


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an outbox one page of which is spoilt."""
    directory = tmp_path_factory.mktemp("damaged")
    path = directory / "outbox.sqlite3"
    outbox = Outbox(path, HandClock(), SMALL)
    for n in range(60):
        outbox.commit(Group(signals=[reading(n) for _ in range(3)], events=[event(n)]))
    outbox._damaged = True  # as after a power cut: not told to be clean
    outbox.close()
    with path.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xa5" * 4096)
    with pytest.raises(OutboxDamagedError):
        Outbox(path, HandClock(), SMALL)
    return directory


@pytest.fixture(autouse=True)
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quicker, where the last rows cannot be reached; and the leaps are walked too."""
    monkeypatch.setattr(salvage, "_ONE_BY_ONE", 3)


def counted(monkeypatch: pytest.MonkeyPatch, step: Callable[[], None]) -> None:
    """Call `step` before every call to the file system and every statement of the salvage."""

    def before(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:
            step()
            return call(*args, **kwargs)

        return stepped

    for name in _CALLS:
        monkeypatch.setattr(exchange.os, name, before(getattr(os, name)))

    def connect(path: Path) -> sqlite3.Connection:
        connection = salvage_connect(path)
        connection.set_trace_callback(lambda _: step())
        return connection

    salvage_connect = salvage.connect
    monkeypatch.setattr(salvage, "connect", connect)


def killed_at(path: Path, number: int) -> bool:
    """Open in a child that is killed before its step `number`; whether it got that far."""
    child = os.fork()
    if not child:
        left = number

        def step() -> None:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        with pytest.MonkeyPatch.context() as patches:
            counted(patches, step)
            open_outbox(path, HandClock(), SMALL)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.fixture
def copy(damaged: Path, tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        shutil.copytree(damaged, tmp_path / name)
        return tmp_path / name / "outbox.sqlite3"

    return make


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_kill_at_any_step_loses_nothing(
    copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    n_steps = 0

    def step() -> None:
        nonlocal n_steps
        n_steps += 1

    path = copy("undisturbed")
    with monkeypatch.context() as patches:
        counted(patches, step)
        outbox = open_outbox(path, HandClock(), SMALL)
    wanted = everything(outbox)
    outbox.close()
    assert len(wanted[Lane.URGENT]) == 60
    assert len(wanted[Lane.BULK]) == 180
    assert n_steps > 100
    # All of the last ones, where files change places, and some of the copying before.
    tail = 24
    for number in [*range(0, n_steps - tail, 60), *range(n_steps - tail, n_steps)]:
        path = copy(f"at-{number}")
        assert killed_at(path, number), f"step {number} of {n_steps} was not reached"
        killed_at(path, 12)  # and the next start is killed as well
        outbox = open_outbox(path, HandClock(), SMALL)
        assert everything(outbox) == wanted, f"killed at step {number} of {n_steps}"
        outbox.close()
        asides = sorted(one.name for one in path.parent.glob("outbox.damaged-*"))
        assert len([name for name in asides if "-wal" not in name and "-shm" not in name]) == 1
        assert not list(path.parent.glob("*.salvag*"))


def test_no_single_page_costs_anything_or_lets_a_repetition_in(tmp_path: Path) -> None:
    path, clock = tmp_path / "outbox.sqlite3", HandClock()
    outbox = Outbox(path, clock, SMALL)
    keys = [n.to_bytes(16, "big") for n in range(400)]
    for n in range(40):
        outbox.commit(
            Group(signals=[reading(n)], events=[event(n)], deliveries=keys[10 * n : 10 * n + 10])
        )
    name = outbox.outbox_id
    outbox._damaged = True
    outbox.close()
    whole = path.read_bytes()
    spoilt = 0
    for page in range(len(whole) // 4096):
        path.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        outbox = open_outbox(path, clock, SMALL)
        if outbox.outbox_id == name:  # else the damage was to the names and numbers themselves
            bulk, urgent = (everything(outbox)[lane] for lane in (Lane.BULK, Lane.URGENT))
            assert [row[:2] for row in bulk] == [(n + 1, reading(n)) for n in range(40)], page
            assert [row[2] for row in urgent] == [event(n).event_id for n in range(40)], page
            assert outbox.deliveries() == keys, page
            assert outbox.commit(Group(events=[event(n) for n in range(40)])).new_events == ()
            spoilt += 1
        outbox.close()
        for file in tmp_path.iterdir():
            file.unlink()
    assert spoilt > 15


def test_without_room_for_a_copy_the_gateway_begins_anew_and_keeps_the_old_file(
    copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy("full")
    content = path.read_bytes()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(exchange, "salvage", full)
    outbox = open_outbox(path, HandClock(), SMALL)
    assert everything(outbox) == {lane: [] for lane in Lane}
    outbox.close()
    (aside,) = path.parent.glob("outbox.damaged-*")
    assert aside.read_bytes() == content


def test_it_is_not_salvaged_under_another_process(copy: Callable[[str], Path]) -> None:
    path = copy("held")
    with take_lock(path), pytest.raises(OutboxError, match="in use by another"):
        open_outbox(path, HandClock(), SMALL)
    assert not list(path.parent.glob("*damaged*"))
