"""What the bed detector's reasons say to a nurse."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText

REASONS: Final = MappingProxyType(
    {
        "left_bed": ReasonText("离床", "Left the bed"),
        "empty_told_late": ReasonText(
            "雷达报告离床有延迟，实际可能早 {minutes:.0f} 分钟离床",
            "The radar tells of an empty bed late; it may have been {minutes:.0f} min earlier",
        ),
        "sat_on_edge_before": ReasonText("离床前坐在床边", "Sat on the edge of the bed before"),
        "out_of_bed_for": ReasonText(
            "夜间离床 {minutes:.0f} 分钟未归（上限 {limit_min:.0f} 分钟）",
            "Out of bed at night for {minutes:.0f} min (limit {limit_min:.0f})",
        ),
        "bed_sensor_silent": ReasonText(
            "床位传感器已无数据，无法确认是否在床",
            "The bed sensor is silent: nobody can tell whether the bed is occupied",
        ),
        "back_in_bed": ReasonText(
            "已回到床上（离床 {minutes:.0f} 分钟）", "Back in bed after {minutes:.0f} min"
        ),
        "sits_on_edge": ReasonText("坐在床边，可能要起床", "Sits on the edge, may be getting up"),
        "movement_in_hour": ReasonText(
            "最近一小时有 {percent:.0f}% 的时间有体动",
            "Movement in {percent:.0f}% of the minutes of the last hour",
        ),
        "night_is_over": ReasonText("夜间时段结束", "The night is over"),
        "no_turn_for": ReasonText(
            "{minutes:.0f} 分钟未翻身", "Has not turned over for {minutes:.0f} min"
        ),
        "moved_or_left": ReasonText("已翻身或离床", "Has turned over or left the bed"),
        "night_in_numbers": ReasonText(
            "夜间在床 {in_bed_min:.0f} 分钟，离床 {times_up:.0f} 次共 {out_min:.0f} 分钟"
            "（最长 {longest_out_min:.0f} 分钟），有体动 {movement_min:.0f} 分钟",
            "In bed {in_bed_min:.0f} min, up {times_up:.0f} times for {out_min:.0f} min in all"
            " (longest {longest_out_min:.0f}), movement in {movement_min:.0f} min",
        ),
        "night_partly_unseen": ReasonText(
            "其中 {unknown_min:.0f} 分钟无数据", "{unknown_min:.0f} min of it without data"
        ),
    }
)
