"""The reasons in words a social worker would use, Chinese and English. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cloud.care.discovery.features import Feature
from cloud.care.discovery.need import Reason


class _Name(NamedTuple):
    zh: str
    en: str
    unit_zh: str
    unit_en: str
    digits: int


FEATURE_NAMES: Final[Mapping[str, _Name]] = MappingProxyType(
    {
        Feature.ACTIVITY: _Name("白天活动", "Movement by day", "次", "movements", 0),
        Feature.OUTINGS: _Name("开门出入", "Openings of the outer door", "次", "", 0),
        Feature.STEPS: _Name("步数", "Steps", "步", "steps", 0),
        Feature.PEAK_STEPS: _Name("走得最多的一小时", "Best hour of walking", "步", "steps", 0),
        Feature.TIME_IN_BED: _Name("卧床时间", "Time in bed", "小时", "h", 1),
        Feature.NIGHT_UP: _Name("夜里离床的时段", "Hours of the night with rising", "个", "", 0),
        Feature.NIGHT_STIRS: _Name("夜里体动", "Stirring at night", "次/小时", "an hour", 1),
        Feature.BATHROOM_DAY: _Name("白天用卫生间的时段", "Hours with bathroom use", "个", "", 0),
        Feature.BATHROOM_NIGHT: _Name(
            "夜里用卫生间的时段", "Hours of the night with bathroom use", "个", "", 0
        ),
        Feature.HEART_RATE: _Name("静息心率", "Heart rate at rest", "次/分", "/min", 0),
        Feature.RESPIRATION_RATE: _Name("静息呼吸", "Breathing at rest", "次/分", "/min", 1),
        Feature.SPO2: _Name("血氧", "SpO2", "%", "%", 0),
        Feature.SYSTOLIC: _Name("收缩压", "Systolic pressure", "mmHg", "mmHg", 0),
        Feature.WEIGHT: _Name("体重", "Weight", "公斤", "kg", 1),
    }
)
GROUP_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "movement": ("活动", "movement"), "night": ("夜间睡眠", "the night"),
        "bed": ("卧床", "time in bed"), "bathroom": ("卫生间", "the bathroom"),
        "vitals": ("生命体征", "vital signs"), "weight": ("体重", "weight"),
        "level": ("能力等级", "ability level"), "economic": ("经济状况", "economic status"),
    }
)  # fmt: skip
_PLAIN: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "lives_alone": ("独居", "lives alone"),
        "no_kin": ("孤寡，没有赡养人", "no spouse and no children"),
        "children_away": ("留守，子女在外", "children away"),
        "empty_nest": ("空巢", "empty nest"),
        "never_assessed": ("从未做过能力评估", "never assessed"),
    }
)
_ECONOMIC: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "tekun": ("特困", "extreme hardship"), "dibao": ("低保", "subsistence allowance"),
        "dibao_edge": ("低保边缘", "just above the allowance"),
        "expenditure_poor": ("支出型困难", "hardship by expense"),
    }
)  # fmt: skip
ALERT_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "sos": ("紧急呼叫", "emergency calls"), "fall_confirmed": ("跌倒", "falls"),
        "fall_suspected": ("疑似跌倒", "suspected falls"),
        "inactivity": ("长时间无活动", "long inactivity"),
        "bath_dwell": ("卫生间滞留", "long stays in the bathroom"),
        "bed_exit_no_return": ("离床未归", "not back in bed"),
        "night_exit": ("夜间外出", "going out at night"), "geofence": ("越界", "leaving the zone"),
        "vital_warning": ("生命体征异常", "vital signs out of range"),
        "vital_critical": ("生命体征危急", "critical vital signs"),
    }
)  # fmt: skip


def say(reason: Reason) -> tuple[str, str]:
    """The reason, Chinese and English, with what earlier answers did to its points."""
    zh, en = _say(reason)
    if reason.factor != 1.0 and reason.answered_on is not None:
        why = str(reason.values.get("answered_why", ""))
        said = f"（{why}）" if why else ""
        if reason.factor < 1.0:
            zh += f"；{reason.answered_on:%m-%d} 已排除过同类情况{said}，计分减半"
            en += f"; dismissed on {reason.answered_on:%m-%d}, counts half for a time"
        else:
            zh += f"；{reason.answered_on:%m-%d} 同类情况已核实为真，计分加四分之一"
            en += f"; confirmed on {reason.answered_on:%m-%d}, counts a quarter more for a time"
    return zh, en


def _say(reason: Reason) -> tuple[str, str]:
    if reason.kind in FEATURE_NAMES:
        return _say_change(FEATURE_NAMES[reason.kind], reason)
    if reason.kind in _PLAIN:
        return _PLAIN[reason.kind]
    if reason.kind.startswith("unseen_"):
        zh, en = GROUP_NAMES[reason.kind.removeprefix("unseen_")]
        days = _number(reason, "days")
        return (
            f"以前看得到{zh}，近 {days} 天完全看不到：请查设备",
            f"{en.capitalize()} could be seen before, not in the last {days} days: check devices",
        )
    return _OTHER[reason.kind](reason)


def _say_change(name: _Name, reason: Reason) -> tuple[str, str]:
    def shown(key: str) -> str:
        return f"{float(reason.values[key]):.{name.digits}f}"

    recent, usual = float(reason.values["recent"]), float(reason.values["usual"])
    low, high, days = shown("low"), shown("high"), _number(reason, "days")
    more = recent > usual
    zh = (
        f"{name.zh}{'增加' if more else '减少'}："
        f"近 {days} 天多为 {shown('recent')} {name.unit_zh}，"
        f"平时 {shown('usual')} {name.unit_zh}（常在 {low} 到 {high}）"
    )
    en = (
        f"{name.en} {'up' if more else 'down'}: mostly {shown('recent')} {name.unit_en}".rstrip()
        + f" in the last {days} days, usually {shown('usual')} ({low} to {high})"
    )
    share = float(reason.values.get("share", 1.0))
    if share < 1.0:
        zh += "（与上面同一类，折半计）"
        en += " (same kind as above, counts less)"
    return zh, en


def _number(reason: Reason, key: str) -> str:
    return f"{float(reason.values[key]):.0f}"


def _say_alerts(reason: Reason) -> tuple[str, str]:
    code = str(reason.values["code"])
    zh, en = ALERT_NAMES.get(code, (code, code))
    recent, usual = _number(reason, "recent"), float(reason.values["usual"])
    return (
        f"近 7 天{zh}报警 {recent} 次，平时每周 {usual:.1f} 次",
        f"{recent} alerts of {en} in 7 days, usually {usual:.1f} a week",
    )


def _say_economic(reason: Reason) -> tuple[str, str]:
    return _ECONOMIC[str(reason.values["status"])]


_OTHER: Final[Mapping[str, Callable[[Reason], tuple[str, str]]]] = MappingProxyType(
    {
        "second_fall": lambda r: (
            f"30 天内第二次确认跌倒（{r.values['on']}），还没有复评",
            f"second confirmed fall within 30 days ({r.values['on']}), not reassessed yet",
        ),
        "coverage_lost": lambda r: (
            f"已连续 {_number(r, 'days')} 天什么都看不到：不等于平安，请上门或联系，并查设备",
            f"nothing could be seen for {_number(r, 'days')} days: not a sign that all is well",
        ),
        "no_trace": lambda r: (
            (f"设备正常，但已 {_number(r, 'days')} 天没有任何活动、也没人卧床："
            "可能外出没有登记，请马上联系"),
            (f"devices work, and nobody moved or lay in bed for {_number(r, 'days')} days: "
            "away without word? call now"),
        ),
        "refused": lambda r: (
            f"近 60 天有 {_number(r, 'count')} 次上门被拒或没见到人",
            f"{_number(r, 'count')} visits of the last 60 days were refused",
        ),
        "alerts": _say_alerts,
        "economic": _say_economic,
        "level": lambda r: (
            f"能力等级 {_number(r, 'level')}", f"ability level {_number(r, 'level')}"
        ),
        "age": lambda r: (f"{_number(r, 'age')} 岁", f"{_number(r, 'age')} years old"),
        "overdue": lambda r: (
            f"能力评估已超期 {_number(r, 'days')} 天",
            f"assessment overdue by {_number(r, 'days')} days",
        ),
    }
)  # fmt: skip
