"""What the room detector's reasons say to a nurse."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText

REASONS: Final = MappingProxyType(
    {
        "in_bathroom_for": ReasonText(
            "在卫生间已 {minutes:.0f} 分钟", "In the bathroom for {minutes:.0f} min"
        ),
        "no_sign_of_leaving": ReasonText(
            "进入后没有离开的迹象，也未在别处活动",
            "No sign of leaving, and none of the person elsewhere",
        ),
        "bathroom_empty": ReasonText(
            "卫生间已无人（停留约 {minutes:.0f} 分钟）",
            "The bathroom is empty (stay of about {minutes:.0f} min)",
        ),
        "seen_elsewhere": ReasonText(
            "已在别处活动（停留约 {minutes:.0f} 分钟）",
            "Seen elsewhere (stay of about {minutes:.0f} min)",
        ),
        "door_open_for": ReasonText(
            "门已开 {minutes:.0f} 分钟", "The door has been open for {minutes:.0f} min"
        ),
        "door_closed": ReasonText("门已关", "The door is closed"),
        "door_opened_at_night": ReasonText(
            "夜间禁止外出时段大门被打开", "The outer door was opened in forbidden hours"
        ),
        "seen_inside": ReasonText("关门后室内有活动", "Activity inside after the door was shut"),
        "needs_company": ReasonText(
            "能力等级或失智情况需有人陪同外出",
            "Must not be outside alone (ability level, dementia)",
        ),
        "left_zone": ReasonText("离开允许的区域", "Left the permitted zone"),
        "back_in_zone": ReasonText("已回到区域内", "Back in the zone"),
        "too_cold": ReasonText("室温过低（{cel:.1f} ℃）", "The room is too cold ({cel:.1f} °C)"),
        "too_hot": ReasonText("室温过高（{cel:.1f} ℃）", "The room is too hot ({cel:.1f} °C)"),
        "climate_back": ReasonText("室温恢复（{cel:.1f} ℃）", "Back to {cel:.1f} °C"),
        "smoke_reported": ReasonText("烟雾报警", "Smoke alarm"),
        "smoke_over": ReasonText("烟雾报警解除", "Smoke alarm over"),
        "gas_reported": ReasonText("燃气报警", "Gas alarm"),
        "gas_over": ReasonText("燃气报警解除", "Gas alarm over"),
        "water_reported": ReasonText("水浸报警", "Water leak"),
        "water_over": ReasonText("水浸报警解除", "Water leak over"),
        "device_fault_reported": ReasonText(
            "设备自报故障，可能无法报警", "The device reports a fault and may not alarm"
        ),
        "device_fault_over": ReasonText("设备故障解除", "The device's fault is over"),
    }
)
