"""What frames cannot say about themselves: future times, boots, repetitions, floods."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deliveries import RecentDeliveries
from gateway.drivers import DriverError
from gateway.outbox.groups import MAX_DELIVERIES
from gateway.plausibility import MAX_RANGES, Plausibility, SequenceRanges
from gateway.quarantine import MAX_KEYS, Quarantine
from gateway.sources import Frame
from tests.gateway.makers import T0_NS, S, block, reading, refused


@given(st.lists(st.integers(0, 60), max_size=120))
def test_ranges_are_a_set_of_numbers(numbers: list[int]) -> None:
    ranges, model = SequenceRanges(), set()
    for number in numbers:
        assert (number in ranges) == (number in model)
        assert ranges.add(number) == (number not in model)
        model.add(number)
    bounds = ranges.bounds()
    assert bounds == sorted(bounds)
    found = [n for k in range(0, len(bounds), 2) for n in range(bounds[k], bounds[k + 1] + 1)]
    assert found == sorted(model)
    assert SequenceRanges(bounds).bounds() == bounds


@given(st.lists(st.integers(0, 2000), min_size=150, max_size=300, unique=True))
def test_ranges_are_bounded_and_never_forget_what_they_saw(numbers: list[int]) -> None:
    ranges = SequenceRanges()
    for number in numbers:
        ranges.add(number)
        assert len(ranges.bounds()) <= 2 * MAX_RANGES
    assert all(number in ranges for number in numbers)


def admit(memory: Plausibility, *blocks: object) -> int:
    return sum(len(memory.admit([b], T0_NS + 10**6 * S)) for b in blocks)  # type: ignore[list-item]


def test_a_block_is_new_once() -> None:
    memory = Plausibility({})
    assert admit(memory, block(0), block(1), block(1), block(0), block(3), block(2)) == 4
    # Numbers belong to a quantity, a boot and a device.
    assert admit(memory, block(0, quantity="angular_rate"), block(0, device_id="w-2")) == 2
    assert admit(memory, block(0, boot_id=2), block(0, boot_id=2)) == 1


def test_an_older_boot_is_refused_and_remembered_across_a_restart() -> None:
    memory = Plausibility({})
    admit(memory, block(0, boot_id=5))
    again = Plausibility(memory.take_dirty())
    assert memory.take_dirty() == {}
    with pytest.raises(DriverError, match="boot_id 4, but the device was at 5") as refusal:
        admit(again, block(9, boot_id=4))
    assert refusal.value.reason == "bad_boot_id"
    assert admit(again, block(0, boot_id=5), block(1, boot_id=5)) == 1
    again.forget("w-1")
    assert admit(again, block(9, boot_id=4)) == 1


@pytest.mark.parametrize(("ahead_ns", "refused_"), [(5 * S, False), (5 * S + 1, True)])
def test_the_future_begins_after_five_seconds(ahead_ns: int, refused_: bool) -> None:
    memory = Plausibility({})
    wave = block(0)
    for signal in (wave, reading(0)):
        if not refused_:
            assert memory.admit([signal], T0_NS - ahead_ns) == [signal]
            continue
        with pytest.raises(DriverError, match=r"5\.000 s after its receipt") as refusal:
            memory.admit([signal], T0_NS - ahead_ns)
        assert refusal.value.reason == "future_time"
    assert (memory.take_dirty() == {}) == refused_


def test_a_frame_is_refused_whole() -> None:
    memory = Plausibility({})
    with pytest.raises(DriverError):
        memory.admit([reading(0), reading(100)], T0_NS)


def frame(payload: bytes, delivery_id: int | None, redelivered: bool = True) -> Frame:
    return Frame("mqtt", "t", payload, T0_NS, delivery_id, redelivered)


def test_only_the_very_same_delivery_is_a_repetition() -> None:
    recent = RecentDeliveries()
    key = recent.add(frame(b"press", 7, redelivered=False))
    assert key is not None
    again = RecentDeliveries([key])
    assert again.is_repeated(frame(b"press", 7))
    assert not again.is_repeated(frame(b"press", 7, redelivered=False))  # a new press
    assert not again.is_repeated(frame(b"press", 8))
    assert not again.is_repeated(frame(b"other", 7))
    assert not again.is_repeated(replace(frame(b"press", 7), topic="u"))
    assert again.add(frame(b"press", None)) is None
    assert not again.is_repeated(frame(b"press", None))


def test_deliveries_are_forgotten_in_order() -> None:
    recent = RecentDeliveries()
    for number in range(MAX_DELIVERIES + 1):
        recent.add(frame(b"", number))
    assert not recent.is_repeated(frame(b"", 0))
    assert recent.is_repeated(frame(b"", 1))


def test_a_flood_writes_one_row_a_minute_and_says_how_many_it_stands_for() -> None:
    quarantine = Quarantine()
    stranger = refused("unassigned_device", "x")
    assert quarantine.admit(stranger, 0.0) == [stranger]
    for second in range(1, 60):
        assert quarantine.admit(stranger, float(second)) == []
        assert quarantine.due(float(second)) == []
    assert quarantine.admit(refused("unassigned_device", "y"), 59.0) != []
    (row,) = quarantine.due(60.0)
    assert row.detail.endswith("(this row stands for 59 frames)")
    assert row.device_id == "x"
    assert quarantine.admit(stranger, 61.0) == []
    (row,) = quarantine.flush()
    assert row.detail.endswith("(this row stands for 1 frames)")
    assert quarantine.flush() == []


def test_a_quiet_minute_ends_the_flood() -> None:
    quarantine = Quarantine()
    stranger = refused("unassigned_device", "x")
    quarantine.admit(stranger, 0.0)
    assert quarantine.due(60.0) == []
    assert quarantine.admit(stranger, 61.0) == [stranger]


def test_other_faults_show_their_pattern_first() -> None:
    quarantine = Quarantine()
    written = [quarantine.admit(refused(), 0.0) for _ in range(50)]
    assert [len(rows) for rows in written] == [1] * 20 + [0] * 30
    (row,) = quarantine.flush()
    assert "stands for 30 frames" in row.detail


def test_made_up_device_ids_cannot_fill_the_memory() -> None:
    quarantine = Quarantine()
    rows = sum(
        len(quarantine.admit(refused("unassigned_device", f"x{n}"), 0.0))
        for n in range(MAX_KEYS + 500)
    )
    assert rows == MAX_KEYS + 1
    assert len(quarantine.flush()) == 1
