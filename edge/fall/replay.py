"""Take a decision again from an event's own evidence."""

from __future__ import annotations

import numpy as np

from edge.events import Event, EventKind
from edge.fall.detector import CANCEL, FallDetector
from edge.fall.model import FallModel
from edge.signals import NS_PER_S, Position, Reading, Signal, Waveform


class ReplayError(ValueError):
    """An event that cannot be replayed here: no evidence, or decided by other weights."""


def replay(event: Event, model: FallModel | None = None) -> list[Event]:
    """What this detector says about the evidence of `event`, fed as one-second blocks."""
    evidence, settings = event.evidence, event.detector.settings
    if evidence is None:
        raise ReplayError(f"event {event.event_id} carries no evidence")
    detector = FallDetector(model)
    if settings.get("weights") != detector.info.settings["weights"]:
        raise ReplayError(
            f"event {event.event_id} was decided by weights {settings.get('weights')}, "
            f"these are {detector.info.settings['weights']}"
        )
    position = str(settings.get("position", ""))
    detector.open(event.device_id, Position(position) if position else None)
    detector.set_limit(event.device_id, float(settings.get("own_decide_at", 0.0)))
    counts = np.frombuffer(evidence.counts, dtype="<i2").reshape(-1, evidence.channels)
    size = max(1, round(evidence.rate_hz))
    blocks: list[Signal] = [
        Waveform(
            device_id=event.device_id,
            quantity=evidence.quantity,
            start_ns=evidence.start_ns + round(at * NS_PER_S / evidence.rate_hz),
            rate_hz=evidence.rate_hz,
            scale=evidence.scale,
            full_scale=float(settings.get("full_scale_g", 16.0)),
            counts=counts[at : at + size].astype(np.int16),
            sequence_number=at // size,
            boot_id=1,
            origin=event.origin,
        )
        for at in range(0, len(counts), size)
    ]
    if event.kind is EventKind.FALL_CANCELLED:
        # The press is known by its event alone: the evidence is what the sensor measured.
        blocks.append(Reading(event.device_id, CANCEL, event.decided_ns, 1.0, event.origin))
    return detector.process(blocks)
