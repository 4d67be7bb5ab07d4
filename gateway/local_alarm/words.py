"""Which findings ring here, how urgent they are, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edge.events import EventKind

RANK: Final = MappingProxyType({"low": 0, "medium": 1, "high": 2})
_OVER: Final = ("_cleared", "_eased", "_recovered", "_cancelled")


@dataclass(frozen=True, slots=True)
class Words:
    """One row. `priority` as in the alarm table of the cloud."""

    zh: str
    en: str
    priority: str


K = EventKind
# Defaults, as the cloud's: a suspected fall rings as high here, since no rule raises it later.
WORDS: Final = MappingProxyType(
    {
        K.SOS: Words("紧急呼叫", "Emergency call", "high"),
        K.FALL_CONFIRMED: Words("跌倒", "Fall", "high"),
        K.FALL_SUSPECTED: Words("疑似跌倒", "Suspected fall", "high"),
        K.SMOKE: Words("烟雾报警", "Smoke", "high"),
        K.GAS: Words("燃气报警", "Gas", "high"),
        K.WATER: Words("水浸", "Water", "medium"),
        K.VITAL_CRITICAL: Words("生命体征危急", "Vital sign critical", "high"),
        K.VITAL_WARNING: Words("生命体征异常", "Vital sign abnormal", "medium"),
        K.INACTIVITY: Words("长时间无活动", "Long inactivity", "medium"),
        K.INACTIVITY_HIGH: Words("长时间无活动", "Long inactivity", "high"),
        K.NO_RETURN: Words("外出未归", "Not back home", "medium"),
        K.NO_RETURN_HIGH: Words("外出未归", "Not back home", "high"),
        K.BATH_DWELL: Words("卫生间滞留", "Long in the bathroom", "medium"),
        K.BATH_DWELL_HIGH: Words("卫生间滞留", "Long in the bathroom", "high"),
        K.BED_EXIT_NO_RETURN: Words("离床未归", "Not back in bed", "medium"),
        K.NIGHT_EXIT: Words("夜间外出", "Out at night", "high"),
        K.GEOFENCE: Words("越界/走失", "Out of zone", "high"),
        K.COVERAGE_BLIND: Words("监测中断", "Cannot be watched over", "low"),
        K.MAINS_LOST: Words("网关市电中断", "Gateway on battery", "medium"),
        K.BATTERY_LOW: Words("电量低", "Battery low", "low"),
    }
)


def words_of(kind: EventKind) -> Words | None:
    """None: a log entry, nothing to ring for."""
    return WORDS.get(kind)


def is_over(kind: EventKind) -> bool:
    """Whether it says that the cause of an earlier finding has passed."""
    return kind.value.endswith(_OVER)
