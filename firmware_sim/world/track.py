"""Readings as columns: a week of a building fits in memory and is sorted in one step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import NS_PER_S, QUANTITIES, FloatArray, Origin, Reading

QUANTITY_NAMES: Final = tuple(QUANTITIES)
QUANTITY_CODE: Final = {name: code for code, name in enumerate(QUANTITY_NAMES)}

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Track:
    """Readings in any order. `sent_s` is when it leaves the device: later than `time_s` if held.

    All arrays have one length. `device` and `quantity` are numbers into the world's names.
    """

    time_s: FloatArray
    sent_s: FloatArray
    device: IntArray
    quantity: IntArray
    value: FloatArray

    def __len__(self) -> int:
        return len(self.time_s)

    def keep(self, mask: npt.NDArray[np.bool_] | IntArray) -> Track:
        """Some of them, by mask or by order."""
        return Track(
            self.time_s[mask], self.sent_s[mask], self.device[mask],
            self.quantity[mask], self.value[mask],
        )  # fmt: skip

    def in_order(self) -> Track:
        """As they leave the devices; ties as they were made."""
        return self.keep(np.lexsort((self.time_s, self.sent_s)))

    def readings(self, device_ids: tuple[str, ...], start_ns: int) -> Iterator[Reading]:
        """As signals, marked simulated, in the order they stand."""
        for time_s, device, quantity, value in zip(
            self.time_s.tolist(), self.device.tolist(), self.quantity.tolist(),
            self.value.tolist(), strict=True,
        ):  # fmt: skip
            yield Reading(
                device_ids[device], QUANTITY_NAMES[quantity],
                start_ns + round(time_s * NS_PER_S), value, Origin.SIMULATED,
            )  # fmt: skip

    def to_bytes(self) -> bytes:
        """Every value, little endian: two runs of one seed are compared by it."""
        return b"".join(
            np.ascontiguousarray(column).astype(kind).tobytes()
            for column, kind in (
                (self.time_s, "<f8"), (self.sent_s, "<f8"), (self.device, "<i8"),
                (self.quantity, "<i8"), (self.value, "<f8"),
            )
        )  # fmt: skip


def track(device: int, quantity: str, times_s: FloatArray, values: FloatArray | float) -> Track:
    """Readings of one quantity of one device, sent when measured."""
    times = np.asarray(times_s, dtype=np.float64)
    n = len(times)
    return Track(
        times, times.copy(), np.full(n, device, dtype=np.int64),
        np.full(n, QUANTITY_CODE[quantity], dtype=np.int64),
        np.broadcast_to(np.asarray(values, dtype=np.float64), n).copy(),
    )  # fmt: skip


def joined(tracks: Iterable[Track]) -> Track:
    """All of them, one after the other."""
    parts = [part for part in tracks if len(part)]
    if not parts:
        return track(0, QUANTITY_NAMES[0], np.empty(0), 0.0)
    return Track(
        np.concatenate([part.time_s for part in parts]),
        np.concatenate([part.sent_s for part in parts]),
        np.concatenate([part.device for part in parts]),
        np.concatenate([part.quantity for part in parts]),
        np.concatenate([part.value for part in parts]),
    )
