"""Whatever bytes come: a batch, or a refusal that says why. Never anything else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.errors import BadBatchError, BatchTooLargeError, ProblemError
from cloud.ingest.decode import DecodedBatch, Unusable, decode_batch, decode_heartbeat, unpack
from edge.events import EventKind
from edge.signals import Reading, Waveform
from edge.wire import RejectedFrame
from tests.cloud.world import FakeGateway, ManualClock, fall, reading, waveform

CLOCK = ManualClock()
GOOD = json.loads(
    msgspec.json.encode(
        FakeGateway(None, CLOCK).batch(  # type: ignore[arg-type]
            fall(EventKind.SOS, CLOCK), reading(CLOCK), waveform(CLOCK),
            RejectedFrame("mqtt", 1, "truncated", "", b"x"),
        )
    )
)  # fmt: skip

# Infinity and NaN are no JSON: the whole body would be refused.
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value[:4]))
    return [path, *(p for key, item in inner for p in paths(item, (*path, key)))]


PATHS = [path for path in paths(GOOD) if path]


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    for read in (decode_batch, decode_heartbeat):
        with contextlib.suppress(BadBatchError, BatchTooLargeError):
            read(content)
    for encoding in ("", "gzip", "x"):
        with contextlib.suppress(ProblemError):
            unpack(content, encoding)


@settings(max_examples=300)
@given(st.sampled_from(PATHS), junk, st.booleans())
def test_one_thing_wrong(path: tuple[Any, ...], value: Any, remove: bool) -> None:
    """A wrong frame is refused whole; a wrong record alone, and its neighbours are as they were."""
    content = json.loads(json.dumps(GOOD))
    target = content
    for key in path[:-1]:
        target = target[key]
    if remove:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    try:
        batch = decode_batch(json.dumps(content).encode())
    except (BadBatchError, BatchTooLargeError):
        in_a_record = len(path) > 2 and path[0] == "records"
        assert not in_a_record or path[2] == "seq"
        return
    check(batch, content, path)


def check(batch: DecodedBatch, content: dict[str, Any], path: tuple[Any, ...]) -> None:
    original = decode_batch(json.dumps(GOOD).encode())
    assert [entry.seq for entry in batch.entries] == [
        batch.first_seq + index for index in range(len(content["records"]))
    ]
    if path[0] == "records" and len(path) > 1 and len(content["records"]) == 4:
        for index, (entry, before) in enumerate(zip(batch.entries, original.entries, strict=True)):
            if index != path[1] and not isinstance(before.body, Waveform):
                assert entry.body == before.body
    for entry in batch.entries:
        body = entry.body
        if isinstance(body, Unusable):
            assert body.reason
            assert "\0" not in body.detail + (body.device_id or "")
        elif isinstance(body, Reading):
            assert 0 <= body.time_ns < 2**63


def test_the_good_one_is_good() -> None:
    batch = decode_batch(json.dumps(GOOD).encode())
    assert not any(isinstance(entry.body, Unusable) for entry in batch.entries)
    assert [entry.evidence_fault for entry in batch.entries] == [None] * 4
