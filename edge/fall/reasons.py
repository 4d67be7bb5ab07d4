"""Why the detector decided: codes, and what a nurse reads."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText

REASONS: Final = MappingProxyType(
    {
        "impact": ReasonText(
            "身体受到撞击，最大 {peak_g:.1f} g",
            "The body hit something: peak {peak_g:.1f} g",
        ),
        "impact_beyond_range": ReasonText(
            "撞击超出传感器量程（{range_g:.0f} g），实际可能更强",
            "The impact went beyond the sensor's range ({range_g:.0f} g); it may have been harder",
        ),
        "low_support": ReasonText(
            "撞击前失去支撑，身体下坠（最低 {low_g:.2f} g）",
            "Support was lost just before the impact (down to {low_g:.2f} g)",
        ),
        "posture_change": ReasonText(
            "姿势前后改变约 {angle_deg:.0f} 度",
            "Posture changed by about {angle_deg:.0f} degrees",
        ),
        "settled": ReasonText(
            "撞击后动作明显减少",
            "Movement nearly stopped after the impact",
        ),
        "movement_pattern": ReasonText(
            "整体动作与跌倒相符（把握 {percent:.0f}%）",
            "The whole movement looks like a fall ({percent:.0f}% sure)",
        ),
        "stillness": ReasonText(
            "之后 {window_s:.0f} 秒中有 {still_s:.0f} 秒基本不动",
            "Mostly still afterwards: {still_s:.0f} of {window_s:.0f} s",
        ),
        "no_recovery": ReasonText(
            "{elapsed_s:.0f} 秒内没有起身",
            "Has not got up within {elapsed_s:.0f} s",
        ),
        "upright_again": ReasonText(
            "身体已恢复直立（与跌倒前相差 {angle_deg:.0f} 度）",
            "Upright again ({angle_deg:.0f} degrees from before the fall)",
        ),
        "active_again": ReasonText(
            "最近 {window_s:.0f} 秒中有 {active_s:.0f} 秒在活动",
            "Moving again: {active_s:.0f} of the last {window_s:.0f} s",
        ),
        "cancelled_by_wearer": ReasonText(
            "佩戴者本人在 {after_s:.0f} 秒后取消了报警",
            "The wearer cancelled the alarm after {after_s:.0f} s",
        ),
    }
)
