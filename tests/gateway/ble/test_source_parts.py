"""The parts of the source that need no radio, and the watchdog on a simulated one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from edge.wire import RegisteredDevice
from gateway.ble import uuids
from gateway.ble.folding import FOLD_MOMENTARY_S, FOLD_S, MAX_ADDRESSES, Folding
from gateway.ble.intervals import MIN_GAPS, Intervals
from gateway.clock import SystemClock
from gateway.drivers import match_topic
from gateway.settings import Settings, SettingsError, load_settings
from gateway.sources import Frame
from gateway.sources.ble import BleOptions, BleSource, profiles
from gateway.sources.ble import queue as frame_queue
from gateway.sources.ble.figures import BleFigures
from gateway.sources.ble.memory import BleMemory
from gateway.sources.ble.options import AddressBook
from gateway.sources.ble.queue import FrameQueue

ADDRESS = "02:00:00:00:00:01"
PLAIN = bytes.fromhex("4002ca0903bf13")
DATA = {uuids.BTHOME: PLAIN}


# -- folding and intervals -------------------------------------------------------------------


def test_repetitions_fold_but_life_is_told() -> None:
    folding = Folding()
    passed = [t / 10 for t in range(200) if folding.is_news(ADDRESS, DATA, t / 10, momentary=False)]
    assert passed == [0.0, FOLD_S, 2 * FOLD_S, 3 * FOLD_S]
    assert folding.folded == 196
    assert folding.is_news(ADDRESS, {uuids.BTHOME: b"\x40\x01\x10"}, 20.0, momentary=False)
    assert folding.is_news("02:00:00:00:00:02", DATA, 20.0, momentary=False)


def test_a_press_repeated_for_long_is_one_press() -> None:
    folding = Folding()
    passed = sum(folding.is_news(ADDRESS, DATA, t / 10, momentary=True) for t in range(600))
    assert passed == 1
    assert folding.is_news(ADDRESS, DATA, 60.0 + FOLD_MOMENTARY_S, momentary=True)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0, 30)), max_size=60))
def test_news_is_never_folded(heard: list[tuple[int, int, float]]) -> None:
    """Whatever differs from what the address said last goes through."""
    folding = Folding()
    last: dict[int, int] = {}
    now_s = 0.0
    for address, content, gap_s in heard:
        now_s += gap_s
        is_news = folding.is_news(str(address), {"u": bytes([content])}, now_s, momentary=False)
        if last.get(address) != content:
            assert is_news
        last[address] = content


def test_made_up_addresses_do_not_fill_the_memory() -> None:
    folding, intervals = Folding(), Intervals()
    for number in range(2 * MAX_ADDRESSES):
        folding.is_news(str(number), DATA, 0.0, momentary=False)
        intervals.heard(str(number), 0.0)
    assert len(folding._seen) == MAX_ADDRESSES
    assert intervals.heard_within(60.0, 0.0) == MAX_ADDRESSES


def test_an_interval_is_learned_and_then_missed() -> None:
    intervals = Intervals()
    for number in range(MIN_GAPS):
        intervals.heard(ADDRESS, number * 10.0)
        assert intervals.interval_s(ADDRESS) is None
        assert not intervals.is_missing(ADDRESS, 10_000.0)
    intervals.heard(ADDRESS, 90.0)  # one advertisement was lost: 20 s
    assert intervals.interval_s(ADDRESS) == 20.0
    assert not intervals.is_missing(ADDRESS, 150.0)
    assert intervals.is_missing(ADDRESS, 150.1)


# -- queue and memory ------------------------------------------------------------------------


def frame(number: int) -> Frame:
    return Frame("ble", "ble/v1/d-1/battery", number.to_bytes(4, "little"), number)


async def test_a_full_queue_drops_the_oldest_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_queue, "MAX_WAITING", 300)
    registry = CollectorRegistry()
    queue = FrameQueue(BleFigures(registry))
    for number in range(305):
        queue.put(frame(number))
    first, second = await queue.next_group(), await queue.next_group()
    assert [f.received_ns for f in first + second] == list(range(5, 305))
    assert registry.get_sample_value("yuyue_gateway_ble_dropped_frames_total") == 5
    waiting = asyncio.create_task(queue.next_group())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(frame(1))
    assert len(await waiting) == 1


def test_memory_survives_and_boots_only_grow(tmp_path: Path) -> None:
    path = tmp_path / "ble.json"
    memory = BleMemory(path)
    assert memory.counters.admit(ADDRESS, 700, 0.0)
    assert memory.next_boot("d-1", 1_790_000_000 * 10**9) == 1_790_000_000
    # The clock was set back by an hour: the next connection is still above the last.
    assert memory.next_boot("d-1", 1_789_996_400 * 10**9) == 1_790_000_001
    memory.records["meter"] = 12
    memory.save()
    again = BleMemory(path)
    assert again.counters.snapshot() == {ADDRESS: 700}
    assert again.next_boot("d-1", 0) == 1_790_000_002
    assert again.records == {"meter": 12}


def test_a_damaged_memory_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "ble.json"
    path.write_bytes(b'{"counters": {"a')
    memory = BleMemory(path)
    assert memory.counters.snapshot() == {}
    memory.save()
    assert BleMemory(path).records == {}


# -- registry and settings -------------------------------------------------------------------


class Book:
    """A registry that changes when told."""

    def __init__(self, **links: dict[str, str]) -> None:
        self.version = 1
        self.simulation_key: bytes | None = None
        self.links = links

    def assigned(self) -> dict[str, RegisteredDevice]:
        return {
            name: RegisteredDevice(name.replace("_", ":"), "m", None, "e", "试用甲", None, 0, link)
            for name, link in self.links.items()
        }


def test_the_address_book_knows_who_is_reached_how() -> None:
    book = Book(
        scale={"ble_address": ADDRESS.lower(), "ble_profiles": " weight, battery"},
        AA_BB_CC_DD_EE_FF={},
        bad_key={"ble_address": "02:00:00:00:00:02", "ble_key": "xyz"},
        bad_address={"ble_address": "here"},
        wearable={},
    )
    devices = AddressBook(book).devices()
    assert devices[ADDRESS].profiles == ("weight", "battery")
    assert devices["AA:BB:CC:DD:EE:FF"].device_id == "AA:BB:CC:DD:EE:FF"
    assert devices["02:00:00:00:00:02"].fault
    assert len(devices) == 3


def test_a_newer_registry_is_taken() -> None:
    registry = Book(scale={"ble_address": ADDRESS})
    book = AddressBook(registry)
    assert set(book.devices()) == {ADDRESS}
    registry.links = {}
    assert set(book.devices()) == {ADDRESS}
    registry.version = 2
    assert not book.devices()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ADAPTERS", "hci0,usb1"), ("SCAN", "loud"), ("SLOTS", "0"), ("TIMEZONE", "Mars/Olympus")],
)
def test_bad_settings_name_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUYUE_GATEWAY_CLOUD_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("YUYUE_GATEWAY_TOKEN", "made-up-gateway-token")
    assert load_settings().ble_adapter_names == ()
    monkeypatch.setenv(f"YUYUE_GATEWAY_BLE_{name}", value)
    with pytest.raises(SettingsError, match=f"YUYUE_GATEWAY_BLE_{name}"):
        load_settings()


def test_adapters_are_named_once() -> None:
    settings = Settings(
        cloud_url="http://127.0.0.1:1",
        token="made-up-gateway-token",
        ble_adapters="hci1, hci0,,hci1",
    )
    assert settings.ble_adapter_names == ("hci1", "hci0")


# -- what is heard ---------------------------------------------------------------------------


def source_of(book: Book, tmp_path: Path) -> BleSource:
    options = BleOptions(("hci0",), True, 2, ZoneInfo("Asia/Shanghai"), tmp_path / "ble.json")
    return BleSource(options, book, SystemClock(), CollectorRegistry())


def hear(source: BleSource, address: str, data: dict[str, bytes]) -> None:
    heard = AdvertisementData("n", {}, data, [], None, -60, ())
    source._heard("hci0", BLEDevice(address, "n", None), heard)


def topics(source: BleSource) -> list[str]:
    return [f.topic for f in source._queue._frames]


def test_two_adapters_hear_one_advertisement_once(tmp_path: Path) -> None:
    source = source_of(Book(t={"ble_address": ADDRESS}), tmp_path)
    for _ in range(5):
        hear(source, ADDRESS, DATA)
    assert topics(source) == ["ble/v1/t/advertisement"]


def test_strangers_are_found_once_and_phones_never(tmp_path: Path) -> None:
    source = source_of(Book(), tmp_path)
    for number in range(1000):
        hear(source, f"02:00:00:01:{number // 256:02X}:{number % 256:02X}", DATA)
        hear(source, ADDRESS, {uuids.BTHOME: b"\x40\x01" + bytes([number % 100])})
        hear(source, "02:00:00:00:00:09", {uuids.uuid16(0xFD6F): b"phone"})
    assert len(topics(source)) == 256
    assert topics(source).count(f"ble/v1/{ADDRESS}/advertisement") == 1


def test_no_key_is_ever_in_a_frame(tmp_path: Path) -> None:
    key = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
    source = source_of(Book(t={"ble_address": ADDRESS, "ble_key": key.hex()}), tmp_path)
    hear(source, ADDRESS, DATA)
    (got,) = source._queue._frames
    assert key not in got.payload
    assert key.hex().encode() not in got.payload
    assert b"not_encrypted" in got.payload


def test_a_device_whose_key_is_none_is_not_heard(tmp_path: Path) -> None:
    source = source_of(Book(t={"ble_address": ADDRESS, "ble_key": "no"}), tmp_path)
    hear(source, ADDRESS, DATA)
    (got,) = source._queue._frames
    device_id, driver = match_topic(got.topic)
    with pytest.raises(ValueError, match="bad_key"):
        driver(device_id, got.payload, got.received_ns)


def test_every_profile_has_a_driver() -> None:
    for name in profiles.PROFILES:
        assert match_topic(f"ble/v1/d-1/{name}")
