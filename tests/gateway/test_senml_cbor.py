"""SenML in CBOR: the standard's own example, and the JSON driver's rules."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.signals import Origin, Reading
from gateway.drivers import DriverError, match_topic
from gateway.drivers.senml_cbor import decode_senml_cbor

NOW_NS = 1_784_859_330 * 10**9
# RFC 8428 section 6, the CBOR encoding of the example in 5.1.3, as far as it is quantities of ours:
# base name, base time and base unit, numbers as labels.
BASE = {-2: "w-1/", -3: 1.320067464e9, -4: "1/min"}


def decode(content: Any) -> list[Reading]:
    signals = decode_senml_cbor("w-1", cbor2.dumps(content), NOW_NS)
    return [signal for signal in signals if isinstance(signal, Reading)]


def test_a_pack_with_base_fields() -> None:
    pack = [
        {**BASE, 0: "heart_rate", 2: 61},
        {0: "heart_rate", 2: 62.5, 6: 1},
        {0: "worn", 1: "1", 4: True, 6: -2.0},
    ]
    found = decode(pack)
    assert [(r.quantity, r.value) for r in found] == [
        ("heart_rate", 61), ("heart_rate", 62.5), ("worn", 1)
    ]  # fmt: skip
    start_ns = 1_320_067_464 * 10**9
    assert [r.time_ns - start_ns for r in found] == [0, 10**9, -2 * 10**9]


def test_bytes_as_the_standard_lays_them_out() -> None:
    """RFC 8428 section 6: 81 a1 ... an array of maps with small integers as labels."""
    assert bytes.fromhex("81a2006573746570730218e2") == cbor2.dumps([{0: "steps", 2: 226}])
    signals = decode_senml_cbor("w-1", bytes.fromhex("81a2006573746570730218e2"), NOW_NS)
    assert signals == [Reading("w-1", "steps", NOW_NS, 226.0)]


def test_labels_of_others_are_passed_over_and_origin_counts() -> None:
    (reading,) = decode([{0: "steps", 2: 3, -24: 0, "origin": "simulated"}])
    assert reading.origin is Origin.SIMULATED


def test_it_is_a_kind_of_topic() -> None:
    device_id, driver = match_topic("yuyue/v1/w-1/senmlc")
    assert (device_id, driver) == ("w-1", decode_senml_cbor)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_senml"),
        (b"\xff", "not_senml"),
        (cbor2.dumps({}), "not_senml"),
        (cbor2.dumps([]), "not_senml"),
        (cbor2.dumps([1]), "not_senml"),
        (cbor2.dumps([{0: "steps", 2: 1}]) + b"\x00", "not_senml"),
        (cbor2.dumps([{0: "steps", 2: "many"}]), "not_senml"),
        (cbor2.dumps([{True: "steps"}]), "not_senml"),
        (cbor2.dumps([{0: "mood", 2: 1}]), "unknown_quantity"),
        (cbor2.dumps([{0: "heart_rate", 2: 60}]), "bad_unit"),
        (cbor2.dumps([{0: "steps", 2: float("nan")}]), "bad_value"),
        (cbor2.dumps([{0: "steps", 2: 1, "x_": 1}]), "must_understand"),
        (cbor2.dumps([{-1: 11, 0: "steps", 2: 1}]), "not_senml"),
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "not_senml"),  # an array of 2^64 - 1
        (b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", "not_senml"),  # a text of 2^63 - 1 bytes
        (b"\x81" * 5000 + b"\x80", "not_senml"),  # arrays inside arrays
        (cbor2.dumps([{0: "steps", 2: 2**4000}]), "not_senml"),
    ],
)
def test_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(DriverError) as caught:
        decode_senml_cbor("w-1", payload, NOW_NS)
    assert caught.value.reason == reason


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60))
def test_any_bytes_are_readings_or_a_refusal(payload: bytes) -> None:
    for start in (b"", b"\x81", b"\x81\xa2\x00\x65steps\x02"):
        with suppress(DriverError):
            decode_senml_cbor("w-1", start + payload, NOW_NS)
