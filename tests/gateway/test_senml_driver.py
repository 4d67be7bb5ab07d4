"""SenML packs: resolution as in RFC 8428, and refusal as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.signals import QUANTITIES, Origin, Reading
from gateway.drivers import DriverError
from gateway.drivers.senml import decode_senml

NOW_NS = 1_790_000_000_000_000_000
S = 1_000_000_000


def decode(pack: Any, device_id: str = "dev-1") -> list[Reading]:
    payload = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    signals = decode_senml(device_id, payload, NOW_NS)
    assert all(isinstance(signal, Reading) for signal in signals)
    return [signal for signal in signals if isinstance(signal, Reading)]


@pytest.mark.parametrize(
    ("pack", "expected"),
    [
        ([{"n": "heart_rate", "u": "1/min", "v": 72}], [("heart_rate", NOW_NS, 72.0)]),
        ([{"n": "heart_rate", "u": "beat/min", "v": 72}], [("heart_rate", NOW_NS, 72.0)]),
        ([{"n": "dev-1/spo2", "u": "/", "v": 0.97}], [("spo2", NOW_NS, 97.0)]),
        ([{"n": "dev-1:spo2", "u": "%", "v": 97}], [("spo2", NOW_NS, 97.0)]),
        ([{"n": "sos", "vb": True}], [("sos", NOW_NS, 1.0)]),
        ([{"n": "fall_cancel", "vb": True}], [("fall_cancel", NOW_NS, 1.0)]),
        ([{"n": "door_open", "vb": False}], [("door_open", NOW_NS, 0.0)]),
        ([{"n": "steps", "v": 12}], [("steps", NOW_NS, 12.0)]),
        # RFC 8428 5.1.2 and 5.1.3 in our vocabulary: base name, time, unit; own fields win.
        (
            [
                {"bn": "dev-1/", "bt": 1_789_999_000.5, "bu": "Cel", "n": "body_temperature",
                 "v": 36.5},
                {"n": "air_temperature", "t": -5, "v": 21.25},
                {"n": "heart_rate", "u": "1/min", "t": 2.25, "v": 80},
            ],
            [
                ("body_temperature", 1_789_999_000_500_000_000, 36.5),
                ("air_temperature", 1_789_998_995_500_000_000, 21.25),
                ("heart_rate", 1_789_999_002_750_000_000, 80.0),
            ],
        ),
        # a record of base fields only, then others; a later base replaces an earlier one
        (
            [{"bn": "dev-1:", "bu": "1/min", "bver": 10}, {"n": "heart_rate", "v": 1},
             {"bn": "dev-1/", "n": "respiration_rate", "v": 2}],
            [("heart_rate", NOW_NS, 1.0), ("respiration_rate", NOW_NS, 2.0)],
        ),
        # base value is added
        ([{"bv": 30.0, "n": "body_temperature", "u": "Cel", "v": 6.5}],
         [("body_temperature", NOW_NS, 36.5)]),
        # relative times, as far as the limit of the RFC
        ([{"n": "motion", "t": -120, "v": 1}], [("motion", NOW_NS - 120 * S, 1.0)]),
        ([{"n": "motion", "t": 268_435_455, "v": 1}], [("motion", NOW_NS + 268_435_455 * S, 1.0)]),
        ([{"n": "motion", "t": 268_435_456, "v": 1}], [("motion", 268_435_456 * S, 1.0)]),
        # an unknown label may be ignored unless it ends in an underscore; sum and update time too
        ([{"n": "motion", "v": 1, "colour": "red", "ut": 5, "s": 9}], [("motion", NOW_NS, 1.0)]),
    ],
)  # fmt: skip
def test_packs_are_resolved(pack: Any, expected: list[tuple[str, int, float]]) -> None:
    readings = decode(pack)
    assert [(r.quantity, r.time_ns, r.value) for r in readings] == expected
    assert {r.origin for r in readings} == {Origin.LIVE}


@pytest.mark.parametrize("origin", list(Origin))
def test_origin_marks_the_whole_pack(origin: Origin) -> None:
    pack = [{"n": "motion", "v": 1}, {"n": "presence", "v": 1, "origin": origin.value}]
    assert {reading.origin for reading in decode(pack)} == {origin}


GOOD = {"n": "heart_rate", "u": "1/min", "v": 72}


@pytest.mark.parametrize(
    ("pack", "reason", "words"),
    [
        (b"", "not_senml", ""),
        (b"hello", "not_senml", "malformed"),
        (b"\xff\xfe[]", "not_senml", ""),
        (b'{"n": "heart_rate"}', "not_senml", "array"),
        (b'[{"n":"heart_rate","u":"1/min","v":NaN}]', "not_senml", "malformed"),
        (b'[{"n":"heart_rate","u":"1/min","v":1e999}]', "not_senml", "range"),
        (b"[]", "not_senml", "0 records"),
        ([1, 2], "not_senml", ""),
        (b'[{"bn": "dev-1/"}]', "not_senml", "no value"),
        ([GOOD] * 1001, "not_senml", "1001 records"),
        ([{**GOOD, "v": "72"}], "not_senml", ".v"),
        ([{**GOOD, "bver": 11}], "not_senml", "version 11"),
        ([{"n": "mood", "v": 1}], "unknown_quantity", "'mood'"),
        ([{"n": "dev-1/mood", "v": 1}], "unknown_quantity", "'mood'"),
        ([{"n": "acceleration", "u": "g", "v": 1}], "unknown_quantity", "waveform"),
        ([GOOD, {"v": 1}], "unknown_quantity", "record 1"),
        ([{"n": "dev-2/heart_rate", "u": "1/min", "v": 1}], "wrong_device", "topic of dev-1"),
        ([{"n": "heart_rate", "v": 72}], "bad_unit", "no unit"),
        ([{"n": "body_temperature", "u": "degF", "v": 98}], "bad_unit", "'degF'"),
        ([{"n": "heart_rate", "u": "1/min", "v": 351}], "bad_value", "351"),
        ([{"n": "heart_rate", "u": "1/min", "v": -1}], "bad_value", "-1"),
        ([{"n": "spo2", "u": "/", "v": 97}], "bad_value", "9700"),
        ([{"n": "heart_rate", "u": "1/min", "vs": "fast"}], "bad_value", "vs"),
        ([{"n": "heart_rate", "u": "1/min"}], "bad_value", "none"),
        ([{"n": "heart_rate", "u": "1/min", "s": 3}], "bad_value", "none"),
        ([{"n": "sos", "v": 1, "vb": True}], "bad_value", "v, vb"),
        ([{"n": "steps", "bv": 1.7e308, "v": 1.7e308}], "bad_value", "finite"),
        ([{**GOOD, "t": 1e300}], "bad_value", "not a time"),
        ([{**GOOD, "t": -268_435_456}], "bad_value", "not a time"),
        ([{**GOOD, "bt": 1e308, "t": 1e308}], "bad_value", "not a time"),
        ([{**GOOD, "origin": "prank"}], "bad_value", "prank"),
        ([{**GOOD, "origin": "drill"}, {**GOOD, "origin": "live"}], "bad_value", "2 different"),
        ([{**GOOD, "valid_": 1}], "must_understand", "'valid_'"),
    ],
)
def test_a_pack_is_refused_whole(pack: Any, reason: str, words: str) -> None:
    with pytest.raises(DriverError) as refusal:
        decode([GOOD, *pack] if isinstance(pack, list) and 0 < len(pack) < 9 else pack)
    assert refusal.value.reason == reason
    assert words in refusal.value.detail.replace("record 2", "record 1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
labels = st.sampled_from(
    [
        "n",
        "bn",
        "bt",
        "bu",
        "bv",
        "bs",
        "bver",
        "u",
        "v",
        "vs",
        "vb",
        "vd",
        "s",
        "t",
        "origin",
        "x_",
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=60)
    | st.lists(st.dictionaries(labels, json_values), max_size=4).map(
        lambda pack: json.dumps(pack).encode()
    )
)
def test_no_payload_raises_anything_but_a_refusal(payload: bytes) -> None:
    try:
        readings = decode(payload)
    except DriverError:
        return
    assert readings


SINGLE = sorted(name for name, row in QUANTITIES.items() if row.channels == 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SINGLE),
            st.floats(0, 1),
            st.integers(2**28, 4_000_000_000),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(-1_000_000, 1_000_000),
)
def test_base_fields_change_nothing_in_what_is_said(
    rows: list[tuple[str, float, int]], shift_s: int
) -> None:
    values = [
        (name, QUANTITIES[name].low + x * (QUANTITIES[name].high - QUANTITIES[name].low), t_s)
        for name, x, t_s in rows
    ]
    plain = [{"n": n, "u": QUANTITIES[n].unit, "v": v, "t": t} for n, v, t in values]
    based = [{"n": n, "u": QUANTITIES[n].unit, "v": v, "t": t - values[0][2] + shift_s}
             for n, v, t in values]  # fmt: skip
    based[0] |= {"bn": "dev-1/", "bt": values[0][2] - shift_s}
    assert decode(based) == decode(plain)
