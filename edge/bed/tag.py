"""Bed exits from a batteryless tag on the chest: few readings, uneven in time, many antennas.

The tag answers only when an antenna near it powers it, so where it is heard is as telling as the
trunk's inclination. Each reading is judged by trees learned for the room (its antennas are part of
what is learned); a short average with hysteresis turns that into exits.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections import deque
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray

WEIGHTS_FILE: Final = "tag_weights.npz"
MAX_ANTENNAS: Final = 4
# Averaging over half a second or so: one odd reading is no exit, and an exit is told in time.
SMOOTH_S: Final = 0.6
# Chosen out of trial, the same in both rooms (docs/models/bed.md).
OUT_FROM: Final = 0.425
IN_BELOW: Final = 0.5 * OUT_FROM
# Sitting up looks like leaving and is told, too. Who then leaves for sure, but not at once, is told
# again: the first word may have been taken for a false alarm.
SURE_FROM: Final = 0.75
AGAIN_AFTER_S: Final = 12.0
_SHORT_S: Final = (1.0, 3.0, 8.0)
_BEFORE_S: Final = (8.0, 3.0)  # the posture before: from 8 to 3 s ago
_UPRIGHT_G: Final = 0.5  # vertical share of gravity: lying has less
_FORGOTTEN_S: Final = 60.0
_COUNT_TAU_S: Final = np.array([2.0, 8.0])
_LEVEL_TAU_S: Final = 1.0
_BASE_TAU_S: Final = 10.0
_MIN_STEP_S: Final = 0.1
_MAX_KEPT: Final = 600  # 8 s at 75 readings a second, more than a tag can give
_NO_DBM: Final = -75.0
_BASE_DBM: Final = -65.0
_TRIALS: Final = "trials"


@dataclass(frozen=True, slots=True)
class TagReading:
    """One answer of the tag: acceleration in g, the antenna (1..4) that heard it, and how loud.

    Phase (rad) and carrier (MHz) serve only to know an answer that a reader hands out twice.
    """

    time_s: float
    frontal_g: float
    vertical_g: float
    lateral_g: float
    antenna: int
    rssi_dbm: float
    phase_rad: float | None = None
    carrier_mhz: float | None = None

    def repeats(self, before: TagReading | None) -> bool:
        """Whether this is the answer `before` again: no two answers have the same phase by chance.

        Readers that are polled faster than the tag answers repeat the last answer.
        """
        if before is None or self.phase_rad is None:
            return False
        return replace(self, time_s=before.time_s) == before


class TagFeatures:
    """What the last seconds of one tag look like, reading by reading. Constant memory."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, float, float, float, float]] = deque(maxlen=_MAX_KEPT)
        self._last_s: float | None = None
        self._counts = np.zeros((MAX_ANTENNAS, 2))
        self._level = np.full(MAX_ANTENNAS, _NO_DBM)
        self._base = np.full(MAX_ANTENNAS, _BASE_DBM)
        self._age = np.full(MAX_ANTENNAS, _FORGOTTEN_S)
        self._upright_s = _FORGOTTEN_S

    def add(self, reading: TagReading) -> FloatArray:
        """Features (k,) with this reading as the newest. Readings come in the order of time."""
        step_s = 0.0 if self._last_s is None else max(0.0, reading.time_s - self._last_s)
        self._last_s = reading.time_s
        k = reading.antenna - 1
        self._counts *= np.exp(-step_s / _COUNT_TAU_S)
        self._age = np.minimum(self._age + step_s, _FORGOTTEN_S)
        jump = reading.rssi_dbm - self._base[k]
        since_s = max(float(self._age[k]), _MIN_STEP_S)
        self._base[k] += (1 - math.exp(-since_s / _BASE_TAU_S)) * jump
        change = reading.rssi_dbm - self._level[k]
        self._level[k] += (1 - math.exp(-since_s / _LEVEL_TAU_S)) * change
        self._age[k] = 0.0
        self._counts[k] += 1
        upright = reading.vertical_g > _UPRIGHT_G
        self._upright_s = min(self._upright_s + step_s, _FORGOTTEN_S) if upright else 0.0
        posture = (reading.frontal_g, reading.vertical_g, reading.lateral_g)
        self._kept.append((reading.time_s, *posture, reading.rssi_dbm))
        while self._kept[0][0] < reading.time_s - _BEFORE_S[0]:
            self._kept.popleft()
        return self._vector(reading, step_s, jump, k)

    def _vector(self, reading: TagReading, step_s: float, jump: float, k: int) -> FloatArray:
        posture = np.array([reading.frontal_g, reading.vertical_g, reading.lateral_g])
        total = self._counts.sum(axis=0)
        which = np.zeros(MAX_ANTENNAS)
        which[k] = 1.0
        parts: list[npt.ArrayLike] = [
            posture,
            [math.sqrt(float(posture @ posture)), reading.rssi_dbm, jump],
            which,
            (self._counts / total).ravel(),
            np.log1p(total),
            self._level - self._base,
            self._level,
            np.log1p(self._age),
            [math.log1p(step_s), math.log1p(self._upright_s)],
        ]
        kept = np.array(self._kept)
        for window_s in _SHORT_S:
            recent = kept[kept[:, 0] >= reading.time_s - window_s]
            axes, loud = recent[:, 1:4], recent[:, 4]
            parts += [axes.mean(axis=0), axes.min(axis=0), axes.max(axis=0)]
            parts.append([loud.max(), loud.std()])
        before = kept[kept[:, 0] < reading.time_s - _BEFORE_S[1]]
        usual = before[:, 1:4].mean(axis=0) if len(before) else kept[0, 1:4]
        parts.append(posture - usual)
        return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Probabilities of many trees, averaged. Nodes (trees, nodes); a leaf points to itself."""

    feature: npt.NDArray[np.int16]
    threshold: FloatArray
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: FloatArray
    depth: int

    def probability(self, features: FloatArray) -> FloatArray:
        """Probability (n,) of being out of bed, for features (n, k)."""
        # The trees were learned on float32 values: compare what they compared.
        narrow = features.astype(np.float32).astype(np.float64)
        trees, rows = np.arange(len(self.feature)), np.arange(len(features))[:, None]
        node = np.zeros((len(features), len(trees)), dtype=np.int16)
        for _ in range(self.depth):
            goes_left = narrow[rows, self.feature[trees, node]] <= self.threshold[trees, node]
            node = np.where(goes_left, self.left[trees, node], self.right[trees, node])
        result: FloatArray = self.value[trees, node].mean(axis=1)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class TagModel:
    """Trees for each room that was learned, and a digest that names these very weights.

    `trials`: fingerprints of the recordings they were learned from.
    """

    rooms: dict[str, Trees]
    digest: str
    trials: frozenset[str] = frozenset()

    def to_bytes(self) -> bytes:
        """The weights as an .npz file."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for room, trees in self.rooms.items():
            for name in ("feature", "left", "right"):
                arrays[f"{room}|{name}"] = getattr(trees, name)
            arrays[f"{room}|threshold"] = trees.threshold.astype(np.float32)
            arrays[f"{room}|value"] = trees.value.astype(np.float32)
            arrays[f"{room}|depth"] = np.array(trees.depth)
        arrays[_TRIALS] = np.array(sorted(self.trials), dtype=np.str_)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> TagModel:
        """Read what `to_bytes` wrote."""
        digest = hashlib.sha256()
        rooms: dict[str, Trees] = {}
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            names = sorted(name for name in arrays.files if name != _TRIALS)
            for name in names:
                digest.update(np.ascontiguousarray(arrays[name]).tobytes())
            for room in sorted({name.partition("|")[0] for name in names}):
                part = {key: arrays[f"{room}|{key}"] for key in Trees.__slots__ if key != "depth"}
                part["threshold"] = part["threshold"].astype(np.float64)
                part["value"] = part["value"].astype(np.float64)
                rooms[room] = Trees(**part, depth=int(arrays[f"{room}|depth"]))
            trials = frozenset(str(one) for one in arrays[_TRIALS])
        return TagModel(rooms, digest.hexdigest()[:12], trials)


@lru_cache(maxsize=1)
def committed_model() -> TagModel:
    """The weights that come with the program."""
    return TagModel.from_bytes(files("edge.bed").joinpath(WEIGHTS_FILE).read_bytes())


class ExitDecision:
    """Exits from probabilities of being out, with a short average and hysteresis."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._last_s = 0.0
        self._told_s = -math.inf
        self._out = False
        self._sure = False

    def add(self, time_s: float, probability: float) -> bool:
        """Whether the person has just left the bed."""
        if self._mean is None:
            self._mean = probability
            # Out from the start: nobody has left.
            self._out = self._sure = probability > OUT_FROM
        else:
            step_s = max(time_s - self._last_s, 0.05)
            self._mean += (1 - math.exp(-step_s / SMOOTH_S)) * (probability - self._mean)
        self._last_s = time_s
        if not self._out:
            return self._mean > OUT_FROM and self._leaves(time_s)
        if self._mean < IN_BELOW:
            self._out = False
        elif not self._sure and self._mean > SURE_FROM:
            self._sure = True
            return time_s - self._told_s > AGAIN_AFTER_S and self._leaves(time_s)
        return False

    def _leaves(self, time_s: float) -> bool:
        self._out, self._told_s = True, time_s
        self._sure = self._mean is not None and self._mean > SURE_FROM
        return True


class TagBedExit:
    """One tag in one room, reading by reading."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._features = TagFeatures()
        self._decision = ExitDecision()
        self._before: TagReading | None = None

    def add(self, reading: TagReading) -> bool:
        """Take a reading; whether it tells of a bed exit."""
        if reading.repeats(self._before):
            return False
        self._before = reading
        features = self._features.add(reading)
        probability = float(self._trees.probability(features[None, :])[0])
        return self._decision.add(reading.time_s, probability)
