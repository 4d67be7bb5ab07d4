"""A watch as bytes: header with device ids, then the integers, the profile, the device arrays."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Final

import numpy as np

from edge.detector import SnapshotError
from edge.inactivity.devices import Devices
from edge.inactivity.profile import SIZE
from edge.inactivity.state import State
from edge.inactivity.watch import Watch
from edge.subject import Sensor, SensorRole

_MAGIC: Final = b"YIN1"
_LENGTH: Final = struct.Struct("<I")
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(State))
_FLOATS: Final = frozenset({"blip_weight", "weight"})


def dump(watch: Watch) -> bytes:
    """Everything but the settings."""
    header = json.dumps(
        {
            "state": [getattr(watch.state, name) for name in _FIELDS],
            "devices": list(watch.devices.ids),
        }
    ).encode()
    arrays = (watch.profile.data, watch.profile.built_from, *watch.devices.learned_arrays())
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return _MAGIC + _LENGTH.pack(len(header)) + header + body


def load(watch: Watch, snapshot: bytes) -> None:
    """Take the watch back. Raises SnapshotError and changes nothing."""
    start = len(_MAGIC) + _LENGTH.size
    if snapshot[: len(_MAGIC)] != _MAGIC or len(snapshot) < start:
        raise SnapshotError("not a snapshot of the inactivity detector")
    body = start + _LENGTH.unpack_from(snapshot, len(_MAGIC))[0]
    try:
        header = json.loads(snapshot[start:body])
        values, ids = header["state"], list(header["devices"])
        state = State()
        for name, value in zip(_FIELDS, values, strict=True):
            setattr(state, name, float(value) if name in _FLOATS else int(value))
    except (ValueError, TypeError, KeyError) as error:
        raise SnapshotError(f"damaged header: {error}") from error
    known = Devices(tuple(Sensor(str(device_id), SensorRole.MOTION) for device_id in ids))
    arrays = known.learned_arrays()
    profile_bytes = 2 * SIZE * np.dtype(np.float64).itemsize
    expected = body + profile_bytes + sum(array.nbytes for array in arrays)
    if len(snapshot) != expected:
        raise SnapshotError(f"{len(snapshot)} bytes where {expected} belong")
    at = body + profile_bytes
    counts = np.frombuffer(snapshot[body:at], dtype=np.float64).reshape(2, SIZE).copy()
    for array in arrays:
        stop = at + array.nbytes
        array[...] = np.frombuffer(snapshot[at:stop], dtype=array.dtype).reshape(array.shape)
        at = stop
    watch.profile.load(counts[0], counts[1])
    watch.resume(state, known)
