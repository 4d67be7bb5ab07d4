"""What putting sensors together adds to a finding, in words."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText

REASONS: Final = MappingProxyType(
    {
        "fall_reported": ReasonText("雷达报告有人跌倒", "The radar reports a fall"),
        "also_seen_by_other": ReasonText(
            "另一传感器在 {seconds:.0f} 秒内也发现这次跌倒",
            "Another sensor saw the same fall within {seconds:.0f} s",
        ),
        "moves_in_other_room": ReasonText(
            "跌倒 {minutes:.0f} 分钟后，别的房间有活动，可能已自行起身",
            "{minutes:.0f} min after the fall there is activity in another room: may be up again",
        ),
        "fall_check_due": ReasonText("仍需到场查看", "Somebody must still go and look"),
        "silent_after_exit": ReasonText(
            "夜间离床后 {minutes:.0f} 分钟，各房间均无动静",
            "Left the bed at night, then nothing in any room for {minutes:.0f} min",
        ),
        "moving_after_exit": ReasonText("离床后又有活动", "Moving again after leaving the bed"),
        "in_bed_after_exit": ReasonText("已回到床上", "Back in bed"),
    }
)
