"""The coded reasons for dismissing, Chinese and English; and how long an answer may wait."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Final

DISMISSALS: Final = MappingProxyType(
    {
        "away": ("外出探亲或旅行", "was away"),
        "short_illness": ("小病，已好转", "a short illness, over"),
        "visitors": ("家里来了客人", "visitors in the house"),
        "device": ("设备原因", "the device"),
        "habit": ("作息改变，本人安好", "habits changed, is well"),
        "cared_for": ("已有安排，正在照护", "known and cared for"),
        "other": ("其他（见说明）", "other (see note)"),
    }
)
# A month is the interval of the monthly visit, which this does not replace (D).
ASK_AGAIN_DAYS: Final = 30
LONGEST_WAIT: Final = timedelta(days=180)
# What no opinion makes untrue comes back within a week (D).
LONGEST_WAIT_HARD: Final = timedelta(days=7)
