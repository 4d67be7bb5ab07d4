"""The port behind which frames come in: MQTT and Bluetooth; recordings fit the same shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from edge.marks import Proof

# Why a frame with a tag of another key, or of other content, is refused; and one without.
BAD_TAG: Final = "the simulator's tag is of another key, topic or content"
NO_TAG: Final = (
    "says it is not live without the tag that proves it: give the simulator the key "
    "(`yuyue cloud simulation-key`)"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One raw message. `topic` names device and kind, `received_ns` is stamped by the source.

    `delivery_id` is the transport's own number of it, if any; `redelivered` that the transport
    says it may have sent it before; `retained` that it is a stored copy of unknown age.
    `proof`: what its simulator's tag proves, where we know the key (`edge.marks`).
    """

    source: str
    topic: str
    payload: bytes
    received_ns: int
    delivery_id: int | None = None
    redelivered: bool = False
    retained: bool = False
    proof: Proof = Proof.NONE


# Takes a group of frames; returns when they are safe on disk, and only then.
FrameHandler = Callable[[Sequence[Frame]], Awaitable[None]]


class Source(Protocol):
    """Something that yields frames."""

    @property
    def name(self) -> str:
        """Its name in the heartbeat and in the quarantine."""
        ...

    @property
    def connected(self) -> bool:
        """Whether frames can come in now."""
        ...

    @property
    def states(self) -> dict[str, bool]:
        """What the heartbeat says: itself, or its parts where it has several."""
        ...

    @property
    def details(self) -> dict[str, dict[str, float]]:
        """Figures for the heartbeat, by the names of `states` or its own."""
        ...

    async def run(self, handle: FrameHandler) -> None:
        """For ever: hand frames over in groups; acknowledge a group when `handle` returned."""
        ...
