"""The wearable's firmware: bytes as docs/devices.md says, numbers that never go back."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.devices.wearable import (
    Block,
    DeviceMemory,
    DeviceStateError,
    Wearable,
    encode_block,
    quantise,
    scale_nano_of,
)

# Two samples at 50 Hz, +-4 g, boot 3, block 7, put together by hand from the table in
# docs/devices.md. start_ns 1_700_000_000_000_000_000 = 0x17979CFE362A0000.
TWO_SAMPLES = bytes.fromhex(
    "5957"              # magic YW
    "01"                # version 1
    "05"                # flags: simulated, clock set
    "01"                # acceleration
    "03"                # channels
    "0200"              # two samples
    "03000000"          # boot_id 3
    "07000000"          # sequence_number 7
    "00002a36fe9c9717"  # start_ns
    "50c30000"          # 50,000 mHz
    "d6dc0100"          # 122,070 nano g a count
    "a00f0000"          # 4,000 milli g
    "1400"              # 20 ms
    "0000"              # reserved
    "0100feff0020"      # 1, -2, 8192
    "ff7f00800000"      # 32767, -32768, 0
)  # fmt: skip

# One drill sample of a device whose clock is not set and whose uncertainty is unknown.
CLOCKLESS_DRILL = bytes.fromhex(
    "5957"              # magic YW
    "01"                # version 1
    "03"                # flags: simulated, drill; no clock
    "01"                # acceleration
    "03"                # channels
    "0100"              # one sample
    "01000000"          # boot_id 1
    "00000000"          # sequence_number 0
    "0000000000000000"  # start_ns is void
    "204e0000"          # 20,000 mHz
    "48e80100"          # 125,000 nano: any scale may be said
    "803e0000"          # 16,000 milli g
    "ffff"              # uncertainty unknown
    "0000"              # reserved
    "000000000000"
)  # fmt: skip


@pytest.mark.parametrize(
    ("block", "body"),
    [
        pytest.param(
            Block(
                boot_id=3,
                sequence_number=7,
                start_ns=1_700_000_000_000_000_000,
                rate_mhz=50_000,
                scale_nano=122_070,
                full_scale_milli=4_000,
                counts=np.array([[1, -2, 8192], [32767, -32768, 0]], dtype=np.int16),
                clock_uncertainty_ms=20,
            ),
            TWO_SAMPLES,
            id="two-samples",
        ),
        pytest.param(
            Block(
                boot_id=1,
                sequence_number=0,
                start_ns=0,
                rate_mhz=20_000,
                scale_nano=125_000,
                full_scale_milli=16_000,
                counts=np.zeros((1, 3), dtype=np.int16),
                flags=0x03,
            ),
            CLOCKLESS_DRILL,
            id="clockless-drill",
        ),
    ],
)
def test_bytes_on_the_wire(block: Block, body: bytes) -> None:
    message = encode_block(block)
    assert message[:-4] == body
    assert message[-4:] == zlib.crc32(body).to_bytes(4, "little")


def test_one_count_of_a_4_g_sensor_is_what_the_document_says() -> None:
    assert scale_nano_of(4.0) == 122_070


@given(
    counts=st.lists(st.tuples(*[st.integers(-32768, 32767)] * 3), min_size=1, max_size=60),
    boot_id=st.integers(1, 2**32 - 1),
    sequence_number=st.integers(0, 2**32 - 1),
    start_ns=st.integers(-(2**63), 2**63 - 1),
    rate_mhz=st.integers(1_000, 1_000_000),
    scale_nano=st.integers(1, 2**32 - 1),
)
def test_whatever_is_encoded_can_be_read_back_by_the_table(
    *,
    counts: list[tuple[int, int, int]],
    boot_id: int,
    sequence_number: int,
    start_ns: int,
    rate_mhz: int,
    scale_nano: int,
) -> None:
    block = Block(
        boot_id, sequence_number, start_ns, rate_mhz, scale_nano, 8_000,
        np.array(counts, dtype=np.int16),
    )  # fmt: skip
    message = encode_block(block)
    # field by field at the offsets of the table, not through the encoder's own layout
    assert message[:4] == b"YW\x01\x05"
    assert struct.unpack_from("<H", message, 6) == (len(counts),)
    assert struct.unpack_from("<I", message, 8) == (boot_id,)
    assert struct.unpack_from("<I", message, 12) == (sequence_number,)
    assert struct.unpack_from("<q", message, 16) == (start_ns,)
    assert struct.unpack_from("<I", message, 24) == (rate_mhz,)
    assert struct.unpack_from("<I", message, 28) == (scale_nano,)
    assert np.frombuffer(message[40:-4], "<i2").reshape(-1, 3).tolist() == [
        list(row) for row in counts
    ]
    assert struct.unpack("<I", message[-4:]) == (zlib.crc32(message[:-4]),)


@given(st.floats(-40.0, 40.0), st.sampled_from([2.0, 4.0, 8.0, 16.0]))
def test_quantising_is_right_to_half_a_count_and_clips_at_the_range(
    value_g: float, full_scale_g: float
) -> None:
    (count,) = quantise(np.array([value_g]), full_scale_g)
    scale_g = scale_nano_of(full_scale_g) * 1e-9
    clipped_g = min(max(value_g, -32768 * scale_g), 32767 * scale_g)
    assert abs(count * scale_g - clipped_g) <= scale_g / 2 + 1e-12


@pytest.mark.parametrize("rate_hz", [20.0, 34.0, 50.0, 200.0])
@given(chunks=st.lists(st.integers(0, 130), min_size=1, max_size=12))
def test_blocks_are_the_stream_whatever_the_chunks(rate_hz: float, chunks: list[int]) -> None:
    device = Wearable("wearable-0001", 1, 10**18, rate_hz, 8.0)
    n = sum(chunks)
    samples_g = np.arange(3 * n).reshape(n, 3) % 7 - 3.0
    blocks = []
    at = 0
    for chunk in chunks:
        blocks += device.take(samples_g[at : at + chunk])
        at += chunk
    blocks += device.flush()
    assert sum(len(block.counts) for block in blocks) == n == device.samples_n
    assert [block.sequence_number for block in blocks] == list(range(len(blocks)))
    at = 0
    for block in blocks:
        # sample k is at start + k / rate, without the rounding of earlier blocks
        assert block.start_ns == 10**18 + round(at * 10**9 / rate_hz)
        at += len(block.counts)
    if n:
        whole = np.concatenate([block.counts for block in blocks])
        assert (whole == quantise(samples_g, 8.0)).all()


@pytest.mark.parametrize(
    "samples_g",
    [np.zeros((4, 2)), np.zeros(3), np.array([[0.0, np.nan, 1.0]])],
    ids=["two axes", "flat", "nan"],
)
def test_impossible_samples_are_refused(samples_g: np.ndarray) -> None:
    with pytest.raises(ValueError, match="samples"):
        Wearable("wearable-0001", 1, 0, 50.0, 8.0).take(samples_g)


def test_boot_counter_survives_and_never_goes_back(tmp_path: Path) -> None:
    seen = []
    for _ in range(3):
        with DeviceMemory(tmp_path, "wearable-0001") as memory:
            seen.append(memory.boot_id)
    with DeviceMemory(tmp_path, "wearable-0002") as other:
        assert other.boot_id == 1
    assert seen == [1, 2, 3]


def test_start_is_counted_on_disk_before_it_is_used(tmp_path: Path) -> None:
    with DeviceMemory(tmp_path, "wearable-0001"):
        assert (tmp_path / "wearable-0001.json").read_text() == '{"boot_id": 1}'


def test_one_device_is_one_process(tmp_path: Path) -> None:
    with (
        DeviceMemory(tmp_path, "wearable-0001"),
        pytest.raises(DeviceStateError, match="another process"),
        DeviceMemory(tmp_path, "wearable-0001"),
    ):
        pass
    with DeviceMemory(tmp_path, "wearable-0001") as again:
        assert again.boot_id == 2


@pytest.mark.parametrize("content", ["", "[]", '{"boot_id": "x"}', '{"boot_id": -1}', "{}"])
def test_damaged_memory_is_said_and_not_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "wearable-0001.json"
    path.write_text(content)
    with (
        pytest.raises(DeviceStateError, match=r"wearable-0001\.json"),
        DeviceMemory(tmp_path, "wearable-0001"),
    ):
        pass
    assert path.read_text() == content
