"""The fast way and the careful way agree; the fast one leaves everything odd to the other."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import ProblemError
from cloud.ingest.decode import Unusable, decode_batch
from cloud.ingest.fast import decode_fast
from cloud.series.columns import columns_of
from edge.signals import Reading

GOOD: dict[str, Any] = {
    "device_id": "wearable-1", "quantity": "heart_rate", "time_ns": 5, "value": 70.5,
}  # fmt: skip
odd = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(),
    st.sampled_from(["wearable-2", "spo2", "live", "drill", "mood", -0.0, 350, 351, 2**63, ""]),
)  # fmt: skip
fields = st.sampled_from([*GOOD, "origin", "clock_uncertainty_s", "more"])
readings = st.dictionaries(fields, odd, max_size=2).map(lambda changes: GOOD | changes)
bodies = st.one_of(
    st.just({"reading": GOOD}),
    readings.map(lambda reading: {"reading": reading}),
    st.dictionaries(
        st.sampled_from(["event", "rejected", "waveform", "reading", "stored_ns", "seq"]), odd,
        max_size=2,
    ).map(lambda more: {"reading": GOOD} | more),
)  # fmt: skip
frames = st.dictionaries(
    st.sampled_from(["version", "outbox_id", "lane", "first_seq", "sent_ns", "more"]), odd,
    max_size=1,
)  # fmt: skip


@given(st.lists(bodies, min_size=1, max_size=4), frames)
def test_both_ways_agree(bodies: list[dict[str, Any]], frame: dict[str, Any]) -> None:
    content = json.dumps({
        "version": 1, "outbox_id": "o", "lane": "bulk", "first_seq": 7, "sent_ns": 1,
        "records": [{"seq": 7 + n, "stored_ns": 1, **body} for n, body in enumerate(bodies)],
        **frame,
    }).encode()  # fmt: skip
    fast = decode_fast(content)
    if fast is None:
        return
    slow = decode_batch(content)
    assert (fast.outbox_id, fast.lane, fast.first_seq) == (
        slow.outbox_id, slow.lane, slow.first_seq,
    )  # fmt: skip
    found = [entry.body for entry in slow.entries]
    assert not any(isinstance(body, Unusable) for body in found)
    wanted = columns_of([body for body in found if isinstance(body, Reading)])
    columns = fast.readings
    assert columns is not None
    assert len(columns) == len(found)
    assert [columns.keys[k] for k in columns.key] == [wanted.keys[k] for k in wanted.key]
    for name in ("time_ns", "value", "uncertainty_s"):
        assert np.array_equal(getattr(columns, name), getattr(wanted, name), equal_nan=True)
    assert fast.raw(7) == slow.entries[0].raw


def test_the_usual_batch_is_decoded_fast() -> None:
    """Else the test above would say nothing."""
    records = [
        {"seq": 1 + n, "stored_ns": 1, "event": None,
         "reading": GOOD | {"time_ns": n, "clock_uncertainty_s": None, "origin": "drill"}}
        for n in range(3)
    ]  # fmt: skip
    frame = {"version": 1, "outbox_id": "o", "lane": "urgent", "first_seq": 1, "sent_ns": 1}
    fast = decode_fast(json.dumps(frame | {"records": records}).encode())
    assert fast is not None
    assert fast.readings is not None
    assert fast.readings.keys == [("wearable-1", "heart_rate", "drill")]


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 351.0}, {"value": -1}, {"value": None}, {"quantity": "mood"},
        {"device_id": "a b"}, {"device_id": "x\0"}, {"time_ns": -1}, {"time_ns": 2**70},
        {"origin": "real"}, {"clock_uncertainty_s": -1.0},
    ],
)  # fmt: skip
def test_what_is_wrong_is_left_to_the_careful_way(changes: dict[str, Any]) -> None:
    frame = {"version": 1, "outbox_id": "o", "lane": "bulk", "first_seq": 1, "sent_ns": 1}
    good = {"seq": 1, "stored_ns": 1, "reading": GOOD}
    bad = {"seq": 2, "stored_ns": 1, "reading": GOOD | changes}
    content = json.dumps(frame | {"records": [good, bad]}).encode()
    assert decode_fast(content) is None
    first, second = decode_batch(content).entries
    assert isinstance(first.body, Reading)
    assert isinstance(second.body, Unusable)
    with pytest.raises(ProblemError):
        decode_batch(json.dumps(frame | {"records": [bad]}).encode())
