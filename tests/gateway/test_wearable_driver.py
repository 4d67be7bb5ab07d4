"""The wearable's block: bytes written by hand give exactly this block, or this refusal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.signals import Origin, Waveform
from gateway.drivers import DriverError, match_topic
from gateway.drivers.wearable import decode_waveform
from tests.gateway.blocks import Block, with_crc

RECEIVED_NS = 1_790_000_100_000_000_000

# Two samples at 50 Hz, 4 g full scale, boot 3, block 7, 2026-09-21T13:46:40Z, uncertain by 20 ms.
HAND_MADE = bytes.fromhex(
    "59570104"  # YW, version 1, clock is set
    "01030200"  # acceleration, 3 channels, 2 samples
    "0300000007000000"  # boot_id 3, sequence_number 7
    "0000f323845bd718"  # 1_790_000_000_000_000_000
    "50c30000"  # 50,000 mHz
    "d6dc0100"  # 122,070 nano-g a count
    "a00f0000"  # 4,000 milli-g
    "14000000"  # 20 ms, reserved
    "0100ffff0020ff7f0080f0e0"  # 1 -1 8192, 32767 -32768 -7952
)  # fmt: skip


def decode(payload: bytes) -> Waveform:
    (signal,) = decode_waveform("w-1", payload, RECEIVED_NS)
    assert isinstance(signal, Waveform)
    return signal


def test_bytes_written_by_hand_give_this_block() -> None:
    block = decode(with_crc(HAND_MADE))
    assert block.device_id == "w-1"
    assert block.quantity == "acceleration"
    assert (block.boot_id, block.sequence_number) == (3, 7)
    assert block.start_ns == 1_790_000_000_000_000_000
    assert (block.rate_hz, block.scale, block.full_scale) == (50.0, 0.00012207, 4.0)
    assert block.counts.tolist() == [[1, -1, 8192], [32767, -32768, -7952]]
    assert block.clock_uncertainty_s == 0.02
    assert block.origin is Origin.LIVE


GOOD = Block(start_ns=RECEIVED_NS - 1_000_000_000)


@pytest.mark.parametrize(
    ("payload", "reason", "words"),
    [
        (b"", "truncated", "0 bytes"),
        (b"Y", "truncated", "1 bytes"),
        (with_crc(HAND_MADE)[:43], "truncated", "43 bytes"),
        (with_crc(HAND_MADE)[:-1], "truncated", "2 samples of 3 channels are 56"),
        (with_crc(HAND_MADE) + b"\0", "trailing_bytes", "1 bytes after"),
        (replace(GOOD, magic=b"XW").encode(), "bad_magic", "5857"),
        (replace(GOOD, version=2).encode(), "bad_version", "version 2"),
        (replace(GOOD, flags=0x84).encode(), "bad_flags", "0x80"),
        (replace(GOOD, reserved=1).encode(), "bad_flags", "reserved"),
        (replace(GOOD, quantity=9).encode(), "bad_quantity", "code 9"),
        (with_crc(HAND_MADE)[:-1] + b"\0", "bad_crc", "stated"),
        (replace(GOOD, rate_mhz=999).encode(), "bad_rate_hz", "0.999 Hz"),
        (replace(GOOD, rate_mhz=1_000_001).encode(), "bad_rate_hz", "1000.001 Hz"),
        (replace(GOOD, rate_mhz=0).encode(), "bad_rate_hz", "0.0 Hz"),
        (replace(GOOD, scale_nano=0).encode(), "bad_scale", "0.0"),
        (replace(GOOD, scale_nano=2**32 - 1).encode(), "bad_scale", "4.29"),
        (replace(GOOD, full_scale_milli=0).encode(), "bad_full_scale", "0.0"),
        (replace(GOOD, full_scale_milli=17_000).encode(), "bad_full_scale", "17.0"),
        (replace(GOOD, channels=1, counts=(1,)).encode(), "bad_counts", "3 channels, got 1"),
        (replace(GOOD, channels=0, n_samples=0, counts=()).encode(), "bad_counts", "got 0"),
        (replace(GOOD, counts=(), n_samples=0).encode(), "bad_counts", "0 samples"),
        (replace(GOOD, rate_mhz=1000, counts=(0,) * 183).encode(), "bad_counts", "61 samples"),
        (replace(GOOD, boot_id=0).encode(), "bad_boot_id", "1 or more"),
    ],
)
def test_a_block_that_cannot_be_is_refused_by_name(payload: bytes, reason: str, words: str) -> None:
    with pytest.raises(DriverError) as refusal:
        decode_waveform("w-1", payload, RECEIVED_NS)
    assert refusal.value.reason == reason
    assert words in refusal.value.detail


@pytest.mark.parametrize(
    ("flags", "origin"),
    [(4, Origin.LIVE), (5, Origin.SIMULATED), (6, Origin.DRILL), (7, Origin.DRILL)],
)
def test_origin_is_marked_at_the_source(flags: int, origin: Origin) -> None:
    assert decode(replace(GOOD, flags=flags).encode()).origin is origin


def test_a_device_without_a_clock_is_stamped_on_receipt() -> None:
    block = decode(
        replace(GOOD, flags=0, start_ns=-5, counts=(0,) * 150, clock_uncertainty_ms=3).encode()
    )
    assert block.end_ns == RECEIVED_NS
    assert block.clock_uncertainty_s is None


def test_unknown_uncertainty_is_none() -> None:
    assert decode(GOOD.encode()).clock_uncertainty_s is None


int16 = st.integers(-32768, 32767)


@given(
    rows=st.lists(st.tuples(int16, int16, int16), min_size=1, max_size=60),
    boot_id=st.integers(1, 2**32 - 1),
    sequence_number=st.integers(0, 2**32 - 1),
    start_ns=st.integers(-(2**63), 2**63 - 1),
    rate_mhz=st.integers(1_000, 1_000_000),
    uncertainty_ms=st.integers(0, 65_534),
    quantity=st.sampled_from([1, 2]),
)
def test_what_an_encoder_writes_is_read_back(
    *,
    rows: list[tuple[int, int, int]],
    boot_id: int,
    sequence_number: int,
    start_ns: int,
    rate_mhz: int,
    uncertainty_ms: int,
    quantity: int,
) -> None:
    counts = tuple(value for row in rows for value in row)
    block = decode(
        Block(
            quantity=quantity, boot_id=boot_id, sequence_number=sequence_number, start_ns=start_ns,
            rate_mhz=rate_mhz, clock_uncertainty_ms=uncertainty_ms, counts=counts,
        ).encode()
    )  # fmt: skip
    assert (block.boot_id, block.sequence_number) == (boot_id, sequence_number)
    assert (block.start_ns, block.rate_hz) == (start_ns, rate_mhz / 1000)
    assert block.clock_uncertainty_s == uncertainty_ms / 1000
    assert np.array_equal(block.counts, np.array(rows))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(payload: bytes) -> None:
    for candidate in (payload, b"YW\x01\x04" + payload, with_crc(b"YW\x01\x04" + payload)):
        try:
            decode_waveform("w-1", candidate, RECEIVED_NS)
        except DriverError:
            continue


@given(st.integers(0, len(HAND_MADE) + 3), st.integers(1, 255))
def test_a_flipped_byte_is_never_believed(position: int, flip: int) -> None:
    damaged = bytearray(with_crc(HAND_MADE))
    damaged[position] ^= flip
    with pytest.raises(DriverError):
        decode_waveform("w-1", bytes(damaged), RECEIVED_NS)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_no_header_with_a_right_crc_raises_anything_but_a_refusal(
    rate_mhz: int, scale_nano: int, full_scale_milli: int
) -> None:
    block = replace(
        GOOD, rate_mhz=rate_mhz, scale_nano=scale_nano, full_scale_milli=full_scale_milli
    )
    try:
        decoded = decode(block.encode())
    except DriverError:
        return
    assert 1.0 <= decoded.rate_hz <= 1000.0


@pytest.mark.parametrize(
    "topic",
    [
        "yuyue/v1/w-1/other", "yuyue/v1//waveform", "yuyue/v1/w 1/waveform",
        "yuyue/v2/w-1/waveform",
        "yuyue/v1/" + "x" * 65 + "/waveform", "yuyue/v1/w-1/waveform/more", "waveform", "",
    ],
)  # fmt: skip
def test_a_strange_topic_is_refused(topic: str) -> None:
    with pytest.raises(DriverError) as refusal:
        match_topic(topic)
    assert refusal.value.reason == "bad_topic"


def test_the_topic_names_device_and_driver() -> None:
    assert match_topic("yuyue/v1/AA:bb_0.1-2/waveform") == ("AA:bb_0.1-2", decode_waveform)
