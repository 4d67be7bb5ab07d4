"""Raw acceleration: Polar's frames as in the tests of Polar's own SDK (AccDataTest), WitMotion's
packets as in the WT901BLECL 5.0 manual, and the clocks of both.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.signals import Waveform
from gateway.ble import polar_control
from gateway.ble.clock import STEP_NS, DeviceClock
from gateway.ble.frames import StreamBlock
from gateway.drivers import DriverError
from gateway.drivers.ble.polar import polar_device_ns
from tests.gateway.ble.frames_of import NOW_NS, decode

MS = 1_000_000
HEADER = bytes.fromhex("020094357700000000")  # acceleration, 2 s of the device's clock
# AccDataTest, compressed type 0: reference 1905 27376 -29282, 56 differences of 10 bits.
COMPRESSED_0 = bytes.fromhex(
    "7107F06A9E8D0A38BE5CBEBA2F96B3EE4BE5ADFB42B9EBBE4CFEBA2F92BFEE4BE4B1FB12B9ECBD3C3EBB2F8FD3DE4B"
    "E3B5F7D2B8EDBD307E7B2F8BE3CE8BE2BAF7A2B8EEBC20BE7B2F88F3CECBE1BDEF52F8EFBC18FE3B2F8403BFCBE0C2"
    "EF32B8F0BB044EBC2E8113AF0BE0C6EFF2F7F1B9FC7DBC2E7D279F4BDFCAEBC2F7F2B8ECCD7C2E7B378F4BDECEE392"
    "F7F3B8E00DFD2D774B7FCBDDD2DF6237F5B7D44DBD2D745B6FCBDCD7D73237F6B5C88D7D2D716B4F4BDCDCD3F236F7"
    "B4BCDDFD2C6F7B3F4BDBE0CFD236F8B2B02DBE2C6C8F1FCBDAE3C7A276F9"
)


@dataclass
class Stream:
    """A block's frame; 8 g, 50 Hz."""

    value: bytes
    rate_hz: float = 50.0
    factor: float = 1.0
    end_ns: int = NOW_NS
    sequence_number: int = 7
    boot_id: int = 3

    def encode(self) -> bytes:
        return msgspec.msgpack.encode(
            StreamBlock(self.value, self.rate_hz, 8.0, self.factor, self.end_ns, 0.01,
                        self.sequence_number, self.boot_id)
        )  # fmt: skip


def waveforms(kind: str, stream: Stream) -> list[Waveform]:
    blocks = decode(kind, stream.encode())
    assert all(isinstance(block, Waveform) for block in blocks)
    return [block for block in blocks if isinstance(block, Waveform)]


def test_polar_raw_type_1() -> None:
    body = bytes.fromhex("F7FFFFFFE703F8FFFEFFE503F9FFFFFFE503")
    (block,) = waveforms("polar", Stream(HEADER + b"\x01" + body))
    assert block.counts.tolist() == [[-9, -1, 999], [-8, -2, 997], [-7, -1, 997]]
    assert (block.quantity, block.scale, block.full_scale) == ("acceleration", 0.001, 8.0)
    assert (block.sequence_number, block.boot_id, block.clock_uncertainty_s) == (7, 3, 0.01)
    # The frame dates its last sample.
    assert NOW_NS - block.start_ns == 40 * MS


def test_polar_raw_type_0() -> None:
    (block,) = waveforms("polar", Stream(HEADER + b"\x00" + bytes([255, 0, 64])))
    assert block.counts.tolist() == [[-1, 0, 64]]


def test_polar_compressed_type_0() -> None:
    factor = 2.44e-4
    (block,) = waveforms("polar", Stream(HEADER + b"\x80" + COMPRESSED_0, factor=factor))
    assert len(block.counts) == 57
    assert block.counts[0].tolist() == [1905, 27376, -29282]
    assert block.counts[1].tolist() == [1905 + 190, 27376 - 105, -29282 - 85]
    assert block.scale == factor
    assert np.abs(block.values()).max() <= 8.0


def test_polar_compressed_type_1() -> None:
    body = bytes.fromhex("F1FF1400F00306017B0F08")
    (block,) = waveforms("polar", Stream(HEADER + b"\x81" + body))
    assert block.counts.tolist() == [[-15, 20, 1008], [-20, 17, 1008]]
    assert block.scale == 0.001


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "truncated"),
        (HEADER, "truncated"),
        (b"\x00" + HEADER[1:] + b"\x01" + bytes(6), "bad_quantity"),  # ECG
        (HEADER + b"\x05" + bytes(6), "bad_version"),
        (HEADER + b"\x83" + bytes(6), "bad_version"),
        (HEADER + b"\x01", "bad_counts"),
        (HEADER + b"\x01" + bytes(7), "bad_counts"),
        (HEADER + b"\x80" + bytes(5), "truncated"),
        (HEADER + b"\x80" + COMPRESSED_0[:7], "truncated"),
        (HEADER + b"\x80" + COMPRESSED_0[:-1], "bad_counts"),
        (HEADER + b"\x80" + bytes(6) + b"\x00\x01", "bad_counts"),
        (HEADER + b"\x80" + b"\xff\x7f" * 3 + b"\x03\x01\xdb\x00", "bad_counts"),  # over 16 bits
        (HEADER + b"\x02" + b"\x00\x00\x01" * 3, "bad_counts"),
    ],
)
def test_polar_refused(value: bytes, reason: str) -> None:
    with pytest.raises(DriverError) as caught:
        decode("polar", Stream(value).encode())
    assert caught.value.reason == reason


def test_impossible_streams_are_refused() -> None:
    good = HEADER + b"\x01" + bytes(6)
    for stream, reason in (
        (Stream(good, rate_hz=0.0), "bad_rate_hz"),
        (Stream(good, rate_hz=float("nan")), "bad_rate_hz"),
        (Stream(good, rate_hz=5000.0), "bad_rate_hz"),
        (Stream(good, end_ns=-1), "bad_time"),
        (Stream(good, boot_id=0), "bad_boot_id"),
        (Stream(HEADER + b"\x80" + COMPRESSED_0, factor=0.0), "bad_scale"),
    ):
        with pytest.raises(DriverError) as caught:
            decode("polar", stream.encode())
        assert caught.value.reason == reason


def packet(*words: int) -> bytes:
    return b"\x55\x61" + struct.pack("<9h", *words)


def test_witmotion() -> None:
    value = packet(0, 0, 2048, 16384, 0, -16384, 1, 2, 3) + packet(-32768, 0, 0, 0, 0, 0, 0, 0, 0)
    acceleration, rate = waveforms("witmotion", Stream(value))
    assert acceleration.values().tolist() == [[0, 0, 1.0], [-16.0, 0, 0]]
    assert rate.values()[0].tolist() == [1000.0, 0, -1000.0]
    assert (acceleration.quantity, rate.quantity) == ("acceleration", "angular_rate")
    assert acceleration.start_ns == rate.start_ns == NOW_NS - 20 * MS


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "truncated"),
        (packet(*range(9))[:-1], "truncated"),
        (b"\x55\x71" + bytes(18), "bad_magic"),
        (packet(*range(9)) + bytes(20), "bad_magic"),
    ],
)
def test_witmotion_refused(value: bytes, reason: str) -> None:
    with pytest.raises(DriverError) as caught:
        decode("witmotion", Stream(value).encode())
    assert caught.value.reason == reason


@given(
    kind=st.sampled_from(["polar", "witmotion"]),
    value=st.binary(max_size=80) | st.binary(max_size=60).map(lambda b: HEADER + b"\x80" + b),
    rate_hz=st.floats(),
    factor=st.floats(),
    numbers=st.tuples(st.integers(-(2**63), 2**64 - 1), st.integers(-5, 2**40)),
)
def test_any_block_gives_waveforms_or_a_driver_error(
    kind: str, value: bytes, rate_hz: float, factor: float, numbers: tuple[int, int]
) -> None:
    end_ns, number = numbers
    stream = Stream(value, rate_hz, factor, end_ns, number, number)
    with suppress(DriverError):
        assert waveforms(kind, stream)


def test_the_polar_control_point() -> None:
    # What an H10 answers: rates 200 100 50 25, resolution 16, ranges 8 4 2 (Polar SDK, PmdSetting).
    answer = bytes.fromhex("f0010200000004c800640032001900010110000203080004000200")
    operation, status, offered = polar_control.parse_response(answer)
    assert (operation, status) == (1, 0)
    chosen = polar_control.choose(offered)
    assert (chosen.rate_hz, chosen.resolution_bits, chosen.range_g) == (50, 16, 8)
    request = polar_control.start_request(chosen)
    assert request == bytes.fromhex("0202000132000101100002010800")
    # A Verity Sense states channels, and in the start's response the factor.
    answer = bytes.fromhex("f001020000000134000101100002010800040103")
    _, _, offered = polar_control.parse_response(answer)
    chosen = polar_control.choose(offered)
    assert (chosen.rate_hz, chosen.channels) == (52, 3)
    start = bytes.fromhex("f00202000005 01") + struct.pack("<f", 2.44e-4)
    assert polar_control.factor_of(polar_control.parse_response(start)[2]) == pytest.approx(2.44e-4)


@given(st.binary(max_size=40))
def test_any_control_response_is_read_or_refused(value: bytes) -> None:
    for prefix in (b"", b"\xf0\x01\x02\x00\x00"):
        with suppress(polar_control.PolarError):
            polar_control.choose(polar_control.parse_response(prefix + value)[2])


def test_device_time_of_a_frame() -> None:
    assert polar_device_ns(HEADER + b"\x01") == 2_000_000_000
    assert polar_device_ns(HEADER) is None


def test_the_clock_takes_the_least_late() -> None:
    clock = DeviceClock()
    lateness_ms = [80, 20, 130, 20, 45] * 40
    times = [
        clock.utc_ns(k * 1000 * MS, NOW_NS + (k * 1000 + late) * MS)
        for k, late in enumerate(lateness_ms)
    ]
    steps_ms = np.diff(times) / MS
    # Blocks neither overlap nor gap by more than a tenth of a sample at 50 Hz.
    assert np.abs(steps_ms - 1000).max() <= 2.0
    assert times[-1] - NOW_NS - 199_000 * MS == 20 * MS
    assert 0.1 <= clock.uncertainty_s <= 0.12


def test_a_stalled_radio_does_not_move_the_clock() -> None:
    clock = DeviceClock()
    for k in range(20):
        clock.utc_ns(k * 1000 * MS, NOW_NS + k * 1000 * MS)
    # Four blocks held back and delivered together, then in time again.
    for k in range(20, 24):
        at = clock.utc_ns(k * 1000 * MS, NOW_NS + 24_000 * MS)
        assert at == NOW_NS + k * 1000 * MS
    assert clock.utc_ns(24_000 * MS, NOW_NS + 24_000 * MS) == NOW_NS + 24_000 * MS


def test_a_device_that_began_anew_is_mapped_anew() -> None:
    clock = DeviceClock()
    for k in range(5):
        clock.utc_ns((1000 + k) * 1000 * MS, NOW_NS + k * 1000 * MS)
    late = [clock.utc_ns(k * 1000 * MS, NOW_NS + (5 + k) * 1000 * MS) for k in range(15)]
    assert late[-1] == NOW_NS + 19_000 * MS
    early = clock.utc_ns(15_000 * MS, NOW_NS + 20_000 * MS - 2 * STEP_NS)
    assert early == NOW_NS + 20_000 * MS - 2 * STEP_NS
