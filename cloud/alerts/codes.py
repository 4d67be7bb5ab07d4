"""The table of alert codes: name, category, default priority, and whether the cause can pass.

From the domain's alarm table, with rows of our own (mains_lost, device_fault, coverage_blind,
no_return, door_left_open, climate, flood, and what the hub says of itself); defaults, not law. New
code: one row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Priority(StrEnum):
    """How bad it is if nobody acts, and how soon."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Category(StrEnum):
    """What kind of trouble."""

    PERSON = "person"
    ENVIRONMENT = "environment"
    TECHNICAL = "technical"
    DUTY = "duty"


# Higher is more urgent.
RANK: Final = MappingProxyType(
    {Priority.INFO: 0, Priority.LOW: 1, Priority.MEDIUM: 2, Priority.HIGH: 3}
)


@dataclass(frozen=True, slots=True)
class AlertCode:
    """One row. `passes`: the cause can go away by itself (the check stays due all the same)."""

    code: str
    name_zh: str
    name_en: str
    category: Category
    priority: Priority
    passes: bool


_P, _E, _T, _D = Category.PERSON, Category.ENVIRONMENT, Category.TECHNICAL, Category.DUTY
_HIGH, _MEDIUM, _LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW

CODES: Final = MappingProxyType(
    {
        row.code: row
        for row in (
            AlertCode("sos", "紧急呼叫", "Emergency call", _P, _HIGH, False),
            AlertCode("fall_confirmed", "跌倒", "Fall", _P, _HIGH, False),
            AlertCode("fall_suspected", "疑似跌倒", "Suspected fall", _P, _MEDIUM, True),
            AlertCode("smoke", "烟雾报警", "Smoke", _E, _HIGH, False),
            AlertCode("gas", "燃气报警", "Gas", _E, _HIGH, False),
            AlertCode("water", "水浸", "Water", _E, _MEDIUM, False),
            AlertCode("vital_critical", "生命体征危急", "Vital sign critical", _P, _HIGH, False),
            AlertCode("vital_warning", "生命体征异常", "Vital sign abnormal", _P, _MEDIUM, True),
            AlertCode("inactivity", "长时间无活动", "Long inactivity", _P, _MEDIUM, True),
            AlertCode("bath_dwell", "卫生间滞留", "Long in the bathroom", _P, _MEDIUM, True),
            AlertCode("bed_exit_no_return", "离床未归", "Not back in bed", _P, _MEDIUM, True),
            AlertCode("night_exit", "夜间外出", "Out at night", _P, _MEDIUM, False),
            AlertCode("geofence", "越界/走失", "Out of zone", _P, _MEDIUM, False),
            AlertCode("no_turning", "未翻身", "Not turned", _P, _LOW, True),
            AlertCode("not_worn", "未佩戴", "Not worn", _T, _LOW, True),
            AlertCode("device_offline", "设备离线", "Device offline", _T, _LOW, True),
            AlertCode("coverage_blind", "失去监测", "Nobody can see them", _T, _MEDIUM, True),
            AlertCode("gateway_offline", "网关离线", "Gateway offline", _T, _MEDIUM, True),
            AlertCode("battery_low", "电量低", "Battery low", _T, _LOW, True),
            AlertCode("mains_lost", "市电中断", "Gateway on battery", _T, _MEDIUM, True),
            AlertCode("device_fault", "设备故障", "Device fault", _T, _LOW, True),
            AlertCode("stopgap_overdue", "故障未替代", "Nothing stands in", _T, _MEDIUM, True),
            AlertCode("no_return", "外出未归", "Not back home", _P, _MEDIUM, True),
            AlertCode("door_left_open", "门未关", "Door left open", _E, _LOW, True),
            AlertCode("climate", "室温异常", "Room too cold or hot", _E, _LOW, True),
            AlertCode("nobody_on_duty", "无人值班", "Nobody on duty", _D, _HIGH, True),
            AlertCode("console_silent", "值班屏失声", "A desk fell silent", _T, _MEDIUM, True),
            AlertCode("dead_switch", "报警链路中断", "Alert path broken", _T, _HIGH, True),
            AlertCode("flood", "警报洪峰", "Many alerts at once", _T, _MEDIUM, True),
            AlertCode("round_missed", "巡查漏检", "Round missed", _D, _MEDIUM, True),
            AlertCode("handover_missing", "未交接班", "Shift not handed over", _D, _MEDIUM, True),
            AlertCode("visit_overdue", "探访逾期", "Visit overdue", _D, _LOW, True),
        )
    }
)
