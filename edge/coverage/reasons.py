"""Findings of coverage in words."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText
from edge.subject import Capability

CAPABILITY_NAMES: Final = MappingProxyType(
    {
        Capability.FALL: ("跌倒监测", "fall detection"),
        Capability.INACTIVITY: ("活动监测", "activity monitoring"),
        Capability.BED: ("在床监测", "bed monitoring"),
        Capability.SOS: ("紧急呼叫", "the emergency call"),
        Capability.VITALS: ("生命体征监测", "vital signs"),
        Capability.EXIT: ("出入监测", "exit monitoring"),
    }
)

REASONS: Final = MappingProxyType(
    {
        "silent": ReasonText(
            "设备已 {elapsed_h:.1f} 小时没有上报，平时最长 {usual_h:.1f} 小时",
            "No report for {elapsed_h:.1f} h; its longest usual interval is {usual_h:.1f} h",
        ),
        "never_heard": ReasonText("设备从未上报", "The device has never reported"),
        "sees_nothing": ReasonText(
            "家中活动照常（{bouts:.0f} 次），此传感器却毫无反应，平时最多隔 {usual_bouts:.0f} 次",
            "Life goes on in the home ({bouts:.0f} bouts) and this sensor sees none of it; "
            "usually {usual_bouts:.0f} at most",
        ),
        "alarm_device": ReasonText(
            "此设备负责跌倒或呼叫报警", "This device watches for falls or calls for help"
        ),
        "battery": ReasonText("最后电量 {percent:.0f}%", "Last battery level {percent:.0f}%"),
        "everything_silent": ReasonText(
            "该老人的其他设备也没有上报：可能是网关、供电或网络故障",
            "No other device of this elder reports either: gateway, power or network",
        ),
        "reporting_again": ReasonText(
            "恢复上报，中断 {elapsed_h:.1f} 小时", "Reports again after {elapsed_h:.1f} h"
        ),
        "all_working": ReasonText("所需设备全部正常", "Everything the care plan needs works"),
        **{
            f"lost_{capability}": ReasonText(
                f"{zh}已失效 {{elapsed_h:.1f}} 小时", f"No {en} for {{elapsed_h:.1f}} h"
            )
            for capability, (zh, en) in CAPABILITY_NAMES.items()
        },
        **{
            f"partial_{capability}": ReasonText(
                f"{zh}不完整已 {{elapsed_h:.1f}} 小时（{{missing:.0f}} 个设备异常）",
                f"{en[0].upper()}{en[1:]} is incomplete for {{elapsed_h:.1f}} h "
                f"({{missing:.0f}} devices)",
            )
            for capability, (zh, en) in CAPABILITY_NAMES.items()
        },
    }
)
