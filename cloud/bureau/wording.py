"""Numbers of a sheet in words, for paper and spreadsheets, in both languages."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal

from cloud.alerts.codes import CODES
from cloud.bureau.catalogue import Indicator, Shape, Words
from cloud.bureau.sheet import Figure

Language = Literal["zh", "en"]

STATES: Final = MappingProxyType(
    {
        "protected": ("正常", "watched over"), "degraded": ("部分失效", "in part"),
        "blind": ("盲区", "blind"), "unknown": ("未知", "unknown"),
        "online": ("在线", "online"), "offline": ("断线或故障", "offline"),
    }
)  # fmt: skip
_SECONDS_AN_HOUR: Final = 3600


def words_of(indicator: Indicator, language: Language) -> Words:
    """Its words."""
    return indicator.zh if language == "zh" else indicator.en


def name_of(indicator: Indicator, kind: str, language: Language) -> str:
    """With its kind."""
    name = words_of(indicator, language).name
    return name if not kind else f"{name}：{kind_name(kind, language)}"


def kind_name(kind: str, language: Language) -> str:
    """A state or an alert's code."""
    if kind in STATES:
        return STATES[kind][language == "en"]
    known = CODES.get(kind)
    if known is None:
        return kind
    return known.name_zh if language == "zh" else known.name_en


def value_of(indicator: Indicator, figure: Figure, language: Language) -> str:
    """The number first, what is behind it in brackets."""
    zh = language == "zh"
    if not figure.known:
        if not indicator.connected:
            return "未接入" if zh else "not connected"
        return "无数据" if zh else "no data"
    if figure.masked:
        return "已遮盖" if zh else "masked"
    if indicator.shape is Shape.TIMES:
        if figure.median_s is None:
            return "—"
        median, p95 = ("中位", "P95") if zh else ("median", "p95")
        return (
            f"{median} {figure.median_s} s，{p95} {figure.p95_s} s（{figure.part}/{figure.whole}）"
        )
    if indicator.shape is Shape.COUNT:
        rate = "" if figure.per_1000 is None else (
            f"（{figure.per_1000} 次/千床日）" if zh else f" ({figure.per_1000} per 1,000 bed days)"
        )  # fmt: skip
        return f"{figure.part}{rate}"
    if indicator.shape is Shape.HOURS:
        percent = "—" if figure.percent is None else f"{figure.percent} %"
        hours = "小时" if zh else "h"
        part, whole = ((n or 0) / _SECONDS_AN_HOUR for n in (figure.part, figure.whole))
        return f"{percent}（{part:,.1f}/{whole:,.1f} {hours}）"
    percent = "—" if figure.percent is None else f"{figure.percent} %"
    return f"{percent}（{figure.part}/{figure.whole}）"
