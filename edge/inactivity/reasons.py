"""Why a silence became an alarm: codes, and what a nurse reads."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText
from edge.subject import RoomKind

ROOM_NAMES: Final = MappingProxyType(
    {
        RoomKind.BEDROOM: ("卧室", "the bedroom"),
        RoomKind.BATHROOM: ("卫生间", "the bathroom"),
        RoomKind.KITCHEN: ("厨房", "the kitchen"),
        RoomKind.LIVING: ("起居室", "the living room"),
        RoomKind.HALL: ("走廊", "the hall"),
        RoomKind.ENTRANCE: ("门口", "the entrance"),
        RoomKind.OTHER: ("家中", "the home"),
    }
)

REASONS: Final = MappingProxyType(
    {
        "silent_since": ReasonText(
            "{hour:02.0f}:{minute:02.0f} 以来没有活动，已 {elapsed_h:.1f} 小时",
            "Nothing since {hour:02.0f}:{minute:02.0f}, {elapsed_h:.1f} h ago",
        ),
        **{
            f"usually_{kind}": ReasonText(
                f"平时最迟 {{hour:02.0f}}:{{minute:02.0f}} 会在{zh}有活动",
                f"Usually in {en} by {{hour:02.0f}}:{{minute:02.0f}}",
            )
            for kind, (zh, en) in ROOM_NAMES.items()
        },
        **{
            f"last_{kind}": ReasonText(f"最后一次活动在{zh}", f"Last seen in {en}")
            for kind, (zh, en) in ROOM_NAMES.items()
        },
        "in_bed": ReasonText("床垫显示仍在床上", "The bed sensor says: still in bed"),
        "on_seat": ReasonText("座椅显示仍坐着", "The seat sensor says: still sitting"),
        "door_unused": ReasonText(
            "此后外门没有动过，人应在家中", "The outer door has not moved since: still at home"
        ),
        "maybe_out": ReasonText(
            "最后一个时段外门动过，也可能已外出",
            "The outer door moved in the last period: may have gone out",
        ),
        "out_since": ReasonText(
            "{hour:02.0f}:{minute:02.0f} 出门，已 {elapsed_h:.1f} 小时未归",
            "Went out at {hour:02.0f}:{minute:02.0f}, {elapsed_h:.1f} h ago, and has not come back",
        ),
        "usually_back": ReasonText(
            "平时最迟 {hour:02.0f}:{minute:02.0f} 回家",
            "Usually back by {hour:02.0f}:{minute:02.0f}",
        ),
        "stirred_while_out": ReasonText(
            "期间家中传感器有零星触发，不像有人回来",
            "Single sensors blinked meanwhile; it does not look like somebody came back",
        ),
        "still_learning": ReasonText(
            "仍在学习作息（第 {days:.0f} 天），暂按固定 {limit_h:.0f} 小时提醒",
            "Still learning the routine (day {days:.0f}): fixed limit of {limit_h:.0f} h",
        ),
        "sensors_missing": ReasonText(
            "有 {count:.0f} 个传感器异常无声，已放宽时限",
            "{count:.0f} sensors are unusually silent: the limit was widened",
        ),
        "beyond_limit": ReasonText(
            "已达到时限的 {factor:.1f} 倍", "{factor:.1f} times the limit has passed"
        ),
        "active_again": ReasonText(
            "{hour:02.0f}:{minute:02.0f} 又有活动", "Active again at {hour:02.0f}:{minute:02.0f}"
        ),
    }
)
