"""What the reasons about vital signs say to a nurse."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText

_WORDS: Final = MappingProxyType(
    {
        "heart_rate": ("心率", "次/分", "Heart rate", "/min"),
        "respiration_rate": ("呼吸频率", "次/分", "Breathing", "/min"),
        "spo2": ("血氧", "%", "SpO2", "%"),
        "body_temperature": ("体温", "℃", "Temperature", "°C"),
        "systolic_pressure": ("收缩压", "mmHg", "Systolic pressure", "mmHg"),
        "diastolic_pressure": ("舒张压", "mmHg", "Diastolic pressure", "mmHg"),
        "blood_glucose": ("血糖", "mmol/L", "Blood glucose", "mmol/L"),
        "body_weight": ("体重", "kg", "Weight", "kg"),
    }
)


def _texts() -> dict[str, ReasonText]:
    texts = {}
    for quantity, (zh, unit_zh, en, unit) in _WORDS.items():
        for side, side_zh, side_en in (("low", "低于", "below"), ("high", "高于", "above")):
            texts[f"{quantity}_{side}"] = ReasonText(
                f"{zh} {{value:.1f}} {unit_zh}，{side_zh}限值 {{limit:.1f}}",
                f"{en} {{value:.1f}} {unit}, {side_en} the limit {{limit:.1f}}",
            )
        texts[f"{quantity}_back"] = ReasonText(
            f"{zh}恢复到 {{value:.1f}} {unit_zh}", f"{en} back at {{value:.1f}} {unit}"
        )
        texts[f"{quantity}_trend"] = ReasonText(
            f"{zh}近 {{days:.0f}} 天为 {{value:.1f}}，平时为 {{usual:.1f}} {unit_zh}",
            f"{en} {{value:.1f}} over {{days:.0f}} days, usually {{usual:.1f}} {unit}",
        )
        texts[f"{quantity}_impossible"] = ReasonText(
            f"{zh}读数 {{value:.1f}} 不可能，请检查设备",
            f"{en} reads {{value:.1f}}, which cannot be: check the device",
        )
        texts[f"{quantity}_plausible_again"] = ReasonText(
            f"{zh}读数恢复合理（{{value:.1f}}）",
            f"{en} reads plausible values again ({{value:.1f}})",
        )
    return texts


REASONS: Final = MappingProxyType(
    _texts()
    | {
        "held": ReasonText("已持续 {seconds:.0f} 秒", "For {seconds:.0f} s"),
        "repeat_asked": ReasonText("单次测量，请复测", "One measurement: please repeat it"),
        "then_no_value": ReasonText("之后没有新的读数", "No further value came after it"),
        "check_still_due": ReasonText("仍需查看老人", "The person must still be checked"),
    }
)
