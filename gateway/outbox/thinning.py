"""What is left of old bulk data when the disk gets tight: minutes instead of moments. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from edge.signals import NS_PER_S, QUANTITIES, Reading, SignalError
from edge.wire import RejectedFrame, WaveformRecord, counts_from_bytes
from gateway.outbox.codec import Body

MINUTE_NS: Final = 60 * NS_PER_S
THINNED: Final = "thinned"
DROPPED: Final = "dropped"


def thin(bodies: Sequence[Body]) -> list[Body]:
    """Minute by minute: of a device's readings of a quantity the lowest, the highest and the last,
    as they were measured; of its blocks one row with their figures; of equal refusals the last.

    In the order in which the last one of each came.
    """
    kept: dict[int, Body] = {}
    readings: dict[tuple[str, str, str, int], list[int]] = defaultdict(list)
    blocks: dict[tuple[str, str, str, int], list[int]] = defaultdict(list)
    refusals: dict[tuple[str | None, str, int], int] = {}
    for index, body in enumerate(bodies):
        if isinstance(body, Reading):
            minute = body.time_ns // MINUTE_NS
            readings[body.device_id, body.quantity, body.origin, minute].append(index)
        elif isinstance(body, WaveformRecord):
            minute = body.start_ns // MINUTE_NS
            blocks[body.device_id, body.quantity, body.origin, minute].append(index)
        elif isinstance(body, RejectedFrame) and body.reason not in {THINNED, DROPPED}:
            refusals[body.device_id, body.reason, body.received_ns // MINUTE_NS] = index
        else:
            kept[index] = body
    for indices in readings.values():
        values = [(body.value, i) for i in indices if isinstance(body := bodies[i], Reading)]
        for index in {min(values)[1], max(values)[1], indices[-1]}:
            kept[index] = bodies[index]
    for indices in blocks.values():
        own = [body for i in indices if isinstance(body := bodies[i], WaveformRecord)]
        kept[indices[-1]] = _minute_of_blocks(own)
    for index in refusals.values():
        kept[index] = bodies[index]
    return [kept[index] for index in sorted(kept)]


def _minute_of_blocks(blocks: Sequence[WaveformRecord]) -> RejectedFrame:
    """The figures of a minute of samples, as JSON in `frame`; never passed off as a measurement."""
    first = blocks[0]
    figures: dict[str, object] = {
        "quantity": first.quantity,
        "unit": QUANTITIES[first.quantity].unit if first.quantity in QUANTITIES else None,
        "origin": first.origin,
        "from_ns": min(block.start_ns for block in blocks),
        "until_ns": max(block.start_ns for block in blocks) + NS_PER_S,
        "blocks": len(blocks),
    }
    try:
        values = np.concatenate(
            [counts_from_bytes(b.counts, b.channels).astype(np.float64) * b.scale for b in blocks]
        )
    except (SignalError, ValueError):
        figures["unreadable"] = True
    else:
        figures["samples"] = len(values)
        for name, row in (
            ("min", values.min(0)), ("max", values.max(0)),
            ("mean", values.mean(0)), ("std", values.std(0)),
        ):  # fmt: skip
            figures[name] = [round(float(value), 4) for value in row]
    return RejectedFrame(
        source="outbox",
        received_ns=blocks[-1].start_ns,
        reason=THINNED,
        detail=f"{len(blocks)} blocks of {first.quantity} became one minute's figures: "
        "the disk of the gateway was nearly full",
        frame=msgspec.json.encode(figures),
        device_id=first.device_id,
    )


def dropped_note(bodies: Iterable[Body], stored_ns: int) -> RejectedFrame:
    """One row for old data that had to go altogether."""
    n, devices = 0, set()
    for body in bodies:
        n += 1
        if body.device_id is not None:
            devices.add(body.device_id)
    return RejectedFrame(
        source="outbox",
        received_ns=stored_ns,
        reason=DROPPED,
        detail=f"{n} records of {len(devices)} devices, thinned before, were dropped: "
        "the disk of the gateway was full",
        frame=b"",
    )
