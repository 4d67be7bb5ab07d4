"""What is kept per stream beside its samples, and its snapshot."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from edge.detector import SnapshotError
from edge.fall.followup import FollowUp
from edge.signals import Int16Array, Origin, Position, Waveform

SNAPSHOT_VERSION: Final = 2
# Cancels that wait for the samples of their time; more than one or two is somebody playing.
MOST_CANCELS: Final = 8
_MAGIC: Final = b"YYF1"
# Some devices tell the rate they measured for each block: within 2 % it is one and the same rate,
# and their time stamps keep the samples in place.
RATE_TOLERANCE: Final = 0.02


@dataclass(slots=True)
class Episode:
    """One suspected fall being followed. Sample indices are the bank's."""

    impact_ns: int
    decided_ns: int
    probability: float
    follow: FollowUp
    second_end: int
    start_ns: int
    start_index: int
    rate_hz: float
    scale_g: float
    samples: bytearray
    frozen: bool = False


@dataclass(slots=True)
class Counters:
    """What was not used, and why."""

    older_blocks: int = 0
    filled_samples: int = 0
    gaps: int = 0


@dataclass(slots=True)
class Stream:
    """One device. `row` is negative until its first block tells the rate."""

    device_id: str
    position: Position | None
    rate_hz: float = 0.0
    scale_g: float = 0.0
    full_scale_g: float = 0.0
    row: int = -1
    # The wearer's own limit (edge/fall/limits.py); a setting, so no part of the snapshot.
    own_decide_at: float = 0.0
    origin: Origin = Origin.LIVE
    boot_id: int = 0
    sequence_number: int = -1
    last_fall_ns: int | None = None
    episode: Episode | None = None
    # The wearer's cancels, in ns and with their origin, that wait for the samples of their time.
    cancels: list[tuple[int, Origin]] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    # The last round of `FallDetector.process` that took a block of it.
    round_number: int = -1

    @property
    def is_followed(self) -> bool:
        """Whether each new sample has to be looked at, and not only impacts."""
        return self.episode is not None or bool(self.cancels)

    def keep_cancel(self, time_ns: int, origin: Origin) -> None:
        """Remember a cancel until the samples have come to its time."""
        self.cancels = sorted({*self.cancels, (time_ns, origin)})[:MOST_CANCELS]

    @property
    def form(self) -> tuple[float, float, float, Origin]:
        """What blocks that simply go on have in common, to be compared at one stroke."""
        return self.scale_g, self.rate_hz, self.full_scale_g, self.origin

    def fits(self, block: Waveform) -> bool:
        """Whether the samples of `block` can be put behind those the stream has."""
        return (
            self.row >= 0
            and block.scale == self.scale_g
            and abs(block.rate_hz - self.rate_hz) <= RATE_TOLERANCE * self.rate_hz
            and block.full_scale == self.full_scale_g
            and block.origin is self.origin
        )


def pack(stream: Stream, bank_state: dict[str, int], samples: Int16Array) -> bytes:
    """A snapshot: magic, checksum, JSON head, episode samples, ring samples."""
    episode = stream.episode
    evidence = bytes(episode.samples) if episode else b""
    head: dict[str, Any] = {
        "version": SNAPSHOT_VERSION,
        "bank": bank_state,
        "evidence": len(evidence),
        "stream": {
            "position": stream.position,
            "rate_hz": stream.rate_hz,
            "scale_g": stream.scale_g,
            "full_scale_g": stream.full_scale_g,
            "origin": stream.origin,
            "boot_id": stream.boot_id,
            "sequence_number": stream.sequence_number,
            "last_fall_ns": stream.last_fall_ns,
            "cancels": stream.cancels,
        },
        "counters": asdict(stream.counters),
        "episode": None,
    }
    if episode:
        head["episode"] = {
            "impact_ns": episode.impact_ns,
            "decided_ns": episode.decided_ns,
            "probability": episode.probability,
            "follow": asdict(episode.follow),
            "second_end": episode.second_end,
            "start_ns": episode.start_ns,
            "start_index": episode.start_index,
            "rate_hz": episode.rate_hz,
            "scale_g": episode.scale_g,
            "frozen": episode.frozen,
        }
    text = json.dumps(head, separators=(",", ":")).encode()
    body = len(text).to_bytes(4, "little") + text + evidence + samples.astype("<i2").tobytes()
    return _MAGIC + zlib.crc32(body).to_bytes(4, "little") + body


def unpack(device_id: str, snapshot: bytes) -> tuple[Stream, dict[str, int], Int16Array]:
    """Read what `pack` wrote. Raises SnapshotError."""
    body = snapshot[8:]
    if snapshot[:4] != _MAGIC or zlib.crc32(body).to_bytes(4, "little") != snapshot[4:8]:
        raise SnapshotError("fall: not a snapshot of this detector, or damaged")
    size = int.from_bytes(body[:4], "little")
    head = json.loads(body[4 : 4 + size])
    if head["version"] != SNAPSHOT_VERSION:
        raise SnapshotError(f"fall: snapshot version {head['version']} is not {SNAPSHOT_VERSION}")
    fields = head["stream"]
    position, cancels = fields.pop("position"), fields.pop("cancels")
    stream = Stream(
        device_id=device_id,
        position=None if position is None else Position(position),
        **{**fields, "origin": Origin(fields["origin"])},
        counters=Counters(**head["counters"]),
        cancels=[(time_ns, Origin(origin)) for time_ns, origin in cancels],
    )
    evidence_end = 4 + size + head["evidence"]
    if head["episode"]:
        follow = FollowUp(**head["episode"].pop("follow"))
        stream.episode = Episode(
            follow=follow, samples=bytearray(body[4 + size : evidence_end]), **head["episode"]
        )
    samples = np.frombuffer(body[evidence_end:], dtype="<i2").reshape(-1, 3).astype(np.int16)
    return stream, head["bank"], samples
