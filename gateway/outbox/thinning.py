"""What is left of old bulk data when the disk gets tight: minutes instead of moments. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from edge.events import Event, stable_id
from edge.gateway_wire import Gap, GapCause, LocalAction
from edge.signals import NS_PER_S, QUANTITIES, Reading, SignalError
from edge.wire import RejectedFrame, WaveformRecord, counts_from_bytes
from gateway.outbox.codec import Body

MINUTE_NS: Final = 60 * NS_PER_S
THINNED: Final = "thinned"
# A gap that names more devices than this says "all".
_MAX_DEVICES: Final = 200


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
        elif isinstance(body, RejectedFrame) and body.reason != THINNED:
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


def gap_of(cause: GapCause, bodies: Sequence[Body], given_up: int) -> Gap:
    """What nobody can read any more of `bodies`: when, whose, how many records of them."""
    times_ns: list[int] = []
    devices: set[str] = set()
    is_all, records = False, given_up
    for body in bodies:
        if isinstance(body, Gap):
            times_ns += [body.from_ns, body.until_ns]
            devices.update(body.device_ids)
            is_all = is_all or not body.device_ids
            records += body.records
        elif not isinstance(body, LocalAction):
            times_ns.append(_time_ns(body))
            if body.device_id is not None:
                devices.add(body.device_id)
    is_all = is_all or len(devices) > _MAX_DEVICES
    from_ns, until_ns = min(times_ns, default=0), max(times_ns, default=0) + 1
    return Gap(
        gap_id=stable_id("gap", cause, from_ns, until_ns, records, *sorted(devices)),
        cause=cause,
        from_ns=from_ns,
        until_ns=until_ns,
        device_ids=() if is_all else tuple(sorted(devices)),
        records=records,
    )


def _time_ns(body: Event | Reading | WaveformRecord | RejectedFrame) -> int:
    if isinstance(body, WaveformRecord):
        return body.start_ns
    return body.received_ns if isinstance(body, RejectedFrame) else body.time_ns
