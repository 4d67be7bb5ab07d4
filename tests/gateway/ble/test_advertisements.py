"""Advertisements: literal packets of BTHome's documentation and of xiaomi-ble's tests."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ble.bthome_objects import is_momentary
from gateway.ble.frames import advertisement_frame
from gateway.ble.seal import ReplayCounters, SealError, key_from_text, open_sealed
from gateway.ble.uuids import BTHOME, XIAOMI, XIAOMI_SCALE_1
from gateway.drivers import DriverError
from tests.gateway.ble.frames_of import decode, values

ADDRESS = "A4:C1:38:8D:18:B2"
# https://bthome.io/encryption/: address, bind key and packet of the worked example.
SEALED_ADDRESS = "54:48:E6:8F:80:A5"
SEALED_KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
SEALED = bytes.fromhex("41a47266c95f730011223378237214")
# xiaomi-ble tests/test_parser.py: LYWSD03MMC, MiBeacon v5 encrypted.
MI_ADDRESS = "A4:C1:38:02:83:F4"
MI_KEY = bytes.fromhex("e9ea895fac7cca6d30532432a516f3a8")
MI_SEALED = b"XX[\x05P\xf4\x83\x028\xc1\xa4\x95\xefXv<&\x00\x00\x97\xe2\xab\xb5"


def frame(uuid: str, body: bytes, address: str = ADDRESS) -> bytes:
    return advertisement_frame(address, "a device", {uuid: body})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # https://bthome.io/format/: temperature 25.06, humidity 50.55
        ("4002ca0903bf13", {"air_temperature": 25.06, "relative_humidity": 50.55}),
        # with packet id and battery
        ("4000090161024509", {"battery_level": 97, "air_temperature": 23.73}),
        ("44000a21013a01", {"motion": 1, "sos": 1}),
        ("401a01", {"door_open": 1}),
        ("402001", {"water": 1}),
        ("402901", {"smoke": 1}),
        ("401c00", {"gas": 0}),
        ("4017011c00", {"gas": 1}),  # carbon monoxide on, gas off
        ("402501", {"presence": 1}),
        ("402600", {"device_fault": 0}),
        ("4002ca09023412", {"air_temperature": 25.06}),  # two thermometers: the first
        ("443a04", {"sos": 1}),  # long press
        ("4002ca09ee", {"air_temperature": 25.06}),  # an object of the future ends the frame
    ],
)
def test_bthome(body: str, expected: dict[str, float]) -> None:
    assert values(decode("advertisement", frame(BTHOME, bytes.fromhex(body)))) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "truncated"),
        ("4002ca", "truncated"),
        ("4002ca0903bf", "truncated"),  # whole or not at all
        ("2002ca09", "bad_version"),
        ("41a47266c95f730011223378237214", "no_bind_key"),
        ("4005138a14", "unknown_quantity"),  # only light
        ("40020080", "bad_value"),  # -327.68 Cel
    ],
)
def test_bthome_refused(body: str, reason: str) -> None:
    with pytest.raises(DriverError) as caught:
        decode("advertisement", frame(BTHOME, bytes.fromhex(body)))
    assert caught.value.reason == reason


def test_a_button_that_is_not_pressed_calls_nobody() -> None:
    with pytest.raises(DriverError, match="unknown_quantity"):
        decode("advertisement", frame(BTHOME, bytes.fromhex("40053a13003a00")))
    assert values(decode("advertisement", frame(BTHOME, bytes.fromhex("4001643a00")))) == {
        "battery_level": 100
    }


@pytest.mark.parametrize(
    ("uuid", "body", "address", "expected"),
    [
        (
            XIAOMI,
            b"P \xaa\x01\xda!\x9354-X\r\x10\x04\xfe\x00H\x02",
            "58:2D:34:35:93:21",
            {"air_temperature": 25.4, "relative_humidity": 58.4},
        ),
        # Mi Smart Scale, 0x22: settled, kg; 14500 / 200 kg
        (XIAOMI_SCALE_1, bytes.fromhex("22a438e607060f0b1402"), ADDRESS, {"body_weight": 72.5}),
    ],
)
def test_xiaomi(uuid: str, body: bytes, address: str, expected: dict[str, float]) -> None:
    assert values(decode("advertisement", frame(uuid, body, address))) == expected


def test_a_beacon_without_an_object_says_nothing() -> None:
    beacon = b"0X[\x05\x02H<\xd48\xc1\xa4\x08"
    assert decode("advertisement", frame(XIAOMI, beacon, "A4:C1:38:D4:3C:48")) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"P ", "truncated"),
        (MI_SEALED, "no_bind_key"),
        (b"P \xff\xff\xda!\x9354-X\r\x10\x04\xfe\x00H\x02", "unknown_advertisement"),
    ],
)
def test_xiaomi_refused(body: bytes, reason: str) -> None:
    with pytest.raises(DriverError) as caught:
        decode("advertisement", frame(XIAOMI, body, "58:2D:34:35:93:21"))
    assert caught.value.reason == reason


def test_other_service_data_is_refused() -> None:
    with pytest.raises(DriverError, match="unknown_advertisement"):
        decode("advertisement", frame("0000feaa-0000-1000-8000-00805f9b34fb", b"\0"))


def test_why_it_stayed_closed_reaches_the_quarantine() -> None:
    payload = advertisement_frame(ADDRESS, "", {BTHOME: SEALED}, ("wrong_bind_key", "the tag"))
    with pytest.raises(DriverError) as caught:
        decode("advertisement", payload)
    assert (caught.value.reason, caught.value.detail) == ("wrong_bind_key", "the tag")


def test_sealed_bthome_is_opened_with_its_key() -> None:
    opened = open_sealed(SEALED_ADDRESS, {BTHOME: SEALED}, SEALED_KEY)
    assert opened.service_data[BTHOME] == bytes.fromhex("4002ca0903bf13")
    assert opened.counter == 0x33221100
    assert open_sealed(SEALED_ADDRESS.lower(), {BTHOME: SEALED}, SEALED_KEY) == opened


def test_sealed_mibeacon_is_opened_with_its_key() -> None:
    opened = open_sealed(MI_ADDRESS, {XIAOMI: MI_SEALED}, MI_KEY)
    assert opened.counter == 0x26 << 8 | 0x50
    payload = advertisement_frame(MI_ADDRESS, "", opened.service_data)
    assert values(decode("advertisement", payload)) == {"relative_humidity": 46}


@pytest.mark.parametrize(
    ("address", "body", "key", "reason"),
    [
        (SEALED_ADDRESS, SEALED, None, "no_bind_key"),
        (SEALED_ADDRESS, SEALED, bytes(16), "wrong_bind_key"),
        (ADDRESS, SEALED, SEALED_KEY, "wrong_bind_key"),  # another device's address
        (SEALED_ADDRESS, SEALED[:-1] + b"\0", SEALED_KEY, "wrong_bind_key"),
        (SEALED_ADDRESS, SEALED[:6], SEALED_KEY, "truncated"),
        (SEALED_ADDRESS, b"", SEALED_KEY, "truncated"),
        # Anybody can send a plain one: a device with a key is not heard without.
        (SEALED_ADDRESS, bytes.fromhex("4002ca0903bf13"), SEALED_KEY, "not_encrypted"),
    ],
)
def test_sealed_stays_closed(address: str, body: bytes, key: bytes | None, reason: str) -> None:
    with pytest.raises(SealError) as caught:
        open_sealed(address, {BTHOME: body}, key)
    assert caught.value.reason == reason


def test_old_mibeacon_encryption_is_not_trusted() -> None:
    legacy = b"X0\xb6\x03\xd2\x8b\x98\xc5A$\xf8\xc3I\x14vu~\x00\x00\x00\x99"
    with pytest.raises(SealError, match="unsupported_encryption"):
        open_sealed("F8:24:41:C5:98:8B", {XIAOMI: legacy}, MI_KEY)


@pytest.mark.parametrize("text", ["", "00", "zz" * 16, "00" * 17])
def test_bad_keys_are_told(text: str) -> None:
    with pytest.raises(SealError, match="bad_key"):
        key_from_text(text)


def test_counters_only_grow() -> None:
    counters = ReplayCounters()
    assert counters.admit(ADDRESS, 500, now_s=0.0)
    assert not counters.admit(ADDRESS, 500, now_s=1.0)
    with pytest.raises(SealError, match="replayed"):
        counters.admit(ADDRESS, 499, now_s=2.0)
    assert counters.admit(ADDRESS, 501, now_s=3.0)
    # Kept over a restart of the gateway.
    again = ReplayCounters(counters.snapshot())
    with pytest.raises(SealError, match="replayed"):
        again.admit(ADDRESS, 500, now_s=0.0)


def test_a_changed_battery_begins_anew_but_only_after_a_silence() -> None:
    counters = ReplayCounters()
    counters.admit(ADDRESS, 50_000, now_s=0.0)
    with pytest.raises(SealError, match="replayed"):
        counters.admit(ADDRESS, 3, now_s=30.0)
    with pytest.raises(SealError, match="replayed"):
        counters.admit(ADDRESS, 49_000, now_s=1000.0)
    assert counters.admit(ADDRESS, 3, now_s=1000.0)


def test_buttons_are_momentary() -> None:
    assert is_momentary(bytes.fromhex("44000a3a01"))
    assert not is_momentary(bytes.fromhex("4002ca0903bf13"))


@settings(max_examples=300, deadline=None)
@given(uuid=st.sampled_from([BTHOME, XIAOMI, XIAOMI_SCALE_1]), body=st.binary(max_size=31))
def test_any_service_data_gives_signals_or_a_driver_error(uuid: str, body: bytes) -> None:
    with suppress(DriverError):
        decode("advertisement", frame(uuid, body))


@settings(max_examples=300, deadline=None)
@given(tail=st.binary(max_size=24), product=st.sampled_from([0x01AA, 0x055B, 0x0A8D, 0x0997]))
def test_any_mibeacon_object_gives_signals_or_a_driver_error(tail: bytes, product: int) -> None:
    body = b"\x40\x50" + product.to_bytes(2, "little") + b"\x01" + tail
    with suppress(DriverError):
        decode("advertisement", frame(XIAOMI, body))


@given(body=st.binary(max_size=31), key=st.one_of(st.none(), st.binary(min_size=16, max_size=16)))
def test_any_sealed_data_opens_or_says_why_not(body: bytes, key: bytes | None) -> None:
    for uuid in (BTHOME, XIAOMI):
        with suppress(SealError):
            open_sealed(ADDRESS, {uuid: body}, key)
