"""What relatives are told, in plain words, Chinese and English. Pure.

No sentence here says that somebody is well: it says what was seen, and what was not. A test draws
facts at random and looks for words that would comfort where nobody could see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from types import MappingProxyType
from typing import Final

from cloud.alerts.codes import CODES

_QUARTER_MIN: Final = 15
_HOUR_MIN: Final = 60
# Seconds are how fast help was; from two minutes on nobody counts in them.
_IN_SECONDS_BELOW: Final = 120
# Words that would put a reader at ease; never in a sentence about time that nobody saw.
COMFORT: Final = (
    "平安", "安稳", "安好", "一切", "正常", "放心", "良好", "没事",
    "all is well", "calm", "fine", "normal", "safe", "good", "no problem",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """The same in both languages."""

    zh: str
    en: str

    def __add__(self, other: Told) -> Told:
        return Told(self.zh + other.zh, f"{self.en} {other.en}".strip())


@dataclass(frozen=True, slots=True)
class NightFacts:
    """A night in minutes. `watched` False: nothing watches the bed."""

    watched: bool
    in_bed_min: int = 0
    up_min: int = 0
    out_min: int = 0
    unseen_min: int = 0
    up_times: int = 0


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """One alert that is over, or that staff are at: times in seconds after it came."""

    code: str
    finding: str | None
    injury: str | None
    answered_s: float | None
    arrived_s: float | None


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """A week as one relative may know it; None: not shared with them."""

    name: str
    monday: date
    nights: Sequence[tuple[date, NightFacts]] | None
    answers: Sequence[AnswerFacts] | None
    unseen_h: float | None
    away_days: int | None
    visits: int | None = None


def quarters(minutes: int) -> int:
    """Rounded to quarters of an hour; what is there is never rounded away."""
    return max(_QUARTER_MIN, _QUARTER_MIN * round(minutes / _QUARTER_MIN)) if minutes > 0 else 0


def length_said(minutes: int) -> Told:
    """About so many hours, or minutes below one."""
    rounded = quarters(minutes)
    if rounded < _HOUR_MIN:
        return Told(f"{rounded} 分钟", f"{rounded} minutes")
    hours = f"{rounded / _HOUR_MIN:.2f}".rstrip("0").rstrip(".")
    return Told(f"{hours} 小时", f"{hours} hours")


def night_said(night: NightFacts) -> Told:
    """What was seen of a night, and how much of it was not."""
    if not night.watched:
        return Told(
            "床边没有传感器，夜里的情况我们看不见。",
            "There is no sensor at the bed: we cannot see the nights.",
        )
    seen_min = night.in_bed_min + night.up_min
    if seen_min == 0 and night.out_min > 0 and night.unseen_min == 0:
        return Told("昨夜登记外出，不在床上。", "Registered as out for the night.")
    if seen_min == 0:
        return Told(
            "昨夜我们看不见：床位没有数据，发生了什么我们不知道。",
            "We could not see the night: no data of the bed, and we do not know what happened.",
        )
    lay = length_said(night.in_bed_min)
    times = night.up_times
    text = Told(
        f"昨夜在床约 {lay.zh}，" + (f"起身 {times} 次。" if times else "没有看到起身。"),
        f"In bed about {lay.en}, "
        + (f"up {times} {'time' if times == 1 else 'times'}." if times else "not seen to get up."),
    )
    if night.in_bed_min == 0:
        text = Told("昨夜没有看到上床。", "Not seen to go to bed.")
    if night.out_min > 0:
        out = length_said(night.out_min)
        text += Told(f"其中外出约 {out.zh}。", f"Out for about {out.en}.")
    if night.unseen_min > 0:
        unseen = length_said(night.unseen_min)
        text += Told(
            f"另有约 {unseen.zh}我们看不见，那段时间的情况不知道。",
            f"For about {unseen.en} we could not see, and do not know.",
        )
    return text


_STAFF: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "acknowledged": Told("护理员已知道并在处理。", "Staff know and are dealing with it."),
        "alerted": Told(
            "值班屏已经报警，还没有人确认。",
            "The duty desk has an alert; nobody has confirmed it yet.",
        ),
        "listed": Told("值班屏上已列出。", "It stands on the duty desk."),
    }
)
_CAUSES: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "gateway_offline": Told("房间或家里的网关失联", "the gateway is offline"),
        "source_down": Told("网关收不到设备信号", "the gateway hears no device"),
        "no_gateway": Told("还没有网关负责", "no gateway is in charge yet"),
        "not_reported": Told("监测刚刚开始，还没有结果", "monitoring has only begun"),
        "no_devices": Told("没有配备监测设备", "there are no devices"),
    }
)
_MISSING: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "fall": Told("跌倒监测", "fall detection"), "inactivity": Told("活动监测", "activity"),
        "bed": Told("床位监测", "the bed sensor"), "sos": Told("呼叫按钮", "the call button"),
        "vitals": Told("生命体征监测", "vital signs"), "exit": Told("出入监测", "going out"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CoverageFacts:
    """`since`: as it is to be read, in the house's time. `staff`: listed, alerted, acknowledged."""

    state: str
    since: str | None
    cause: str | None
    missing: Sequence[tuple[str, str | None]]
    staff: str


def coverage_said(seen: CoverageFacts) -> Told:
    """Whether the hub can see, since when it cannot, and whether staff know."""
    if seen.state == "protected":
        return Told("需要的监测都在工作。", "All monitoring that is needed works.")
    since = Told("", "")
    if seen.since is not None:
        since = Told(f"从 {seen.since} 起，", f"since {seen.since}")
    if seen.state == "blind":
        why = _CAUSES.get(seen.cause or "")
        text = Told(
            f"{since.zh}我们看不见老人" + (f"：{why.zh}。" if why else "。"),
            f"We cannot see them{' ' + since.en if since.en else ''}"
            + (f": {why.en}." if why else "."),
        )
    else:
        parts = [
            Told(
                f"{what.zh}{f'从 {at} 起' if at else ''}没有声音或不完整",
                f"{what.en} silent or incomplete{f' since {at}' if at else ''}",
            )
            for name, at in seen.missing
            for what in (_MISSING.get(name, Told(name, name)),)
        ] or [Told(f"{since.zh}有一部分监测缺失", f"part of the monitoring is missing {since.en}")]
        text = Told(
            f"有一部分我们看不见：{'；'.join(p.zh for p in parts)}。",
            f"Part of it we cannot see: {'; '.join(p.en.strip() for p in parts)}.",
        )
    return text + _STAFF[seen.staff]


_FOUND: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "real_fall": Told("确实摔倒了", "it was a fall"),
        "lowered_self": Told("是自己慢慢坐下的", "they had lowered themselves"),
        "sat_hard": Told("是坐得重了些", "they had sat down hard"),
        "device_dropped": Told("是手环掉在地上", "the band had been dropped"),
        "care_handling": Told("是护理时的动作", "it was while being cared for"),
        "visitor": Told("是来访的人", "it was a visitor"),
        "real": Told("确有其事，已处理", "it was so, and was dealt with"),
        "false_alarm": Told("是误报", "it was a false alarm"),
        "test": Told("是测试", "it was a test"),
        "unclear": Told("原因没有查明", "the reason was not found"),
    }
)
_INJURY: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "none": Told("没有受伤", "not hurt"), "minor": Told("轻伤", "slightly hurt"),
        "serious": Told("受伤较重", "badly hurt"),
        "hospital": Told("已送医院", "taken to hospital"),
        "death": Told("请联系机构", "please call the institution"),
        "unknown": Told("伤情不明", "whether hurt is not known"),
    }
)  # fmt: skip


def seconds_said(seconds: float) -> Told:
    """Under two minutes in seconds, else in minutes."""
    if seconds < _IN_SECONDS_BELOW:
        return Told(f"{round(seconds)} 秒", f"{round(seconds)} s")
    return Told(f"{round(seconds / 60)} 分钟", f"{round(seconds / 60)} min")


def answer_said(answer: AnswerFacts) -> Told:
    """What it was, how fast staff answered, and what they found."""
    code = CODES.get(answer.code)
    text = Told("有一次提醒", "An alert") if code is None else Told(code.name_zh, code.name_en)
    if answer.answered_s is not None:
        told = seconds_said(answer.answered_s)
        text = Told(f"{text.zh}，护理员 {told.zh}后应答", f"{text.en}, answered after {told.en}")
    if answer.arrived_s is not None:
        told = seconds_said(answer.arrived_s)
        text = Told(f"{text.zh}，{told.zh}后到场", f"{text.en}, there after {told.en}")
    found = _FOUND.get(answer.finding or "")
    if found is not None:
        text = Told(f"{text.zh}：{found.zh}", f"{text.en}: {found.en}")
    hurt = _INJURY.get(answer.injury or "")
    if hurt is not None:
        text = Told(f"{text.zh}，{hurt.zh}", f"{text.en}, {hurt.en}")
    return Told(f"{text.zh}。", f"{text.en}.")


def answers_said(answers: Sequence[AnswerFacts]) -> Told:
    """How many there were, and the middle of the times."""
    if not answers:
        return Told("没有提醒。", "There were no alerts.")
    text = Told(f"有 {len(answers)} 次提醒", f"{len(answers)} alerts")
    for zh, en, times in (
        ("应答", "answered after", [a.answered_s for a in answers if a.answered_s is not None]),
        ("到场", "somebody there after", [a.arrived_s for a in answers if a.arrived_s is not None]),
    ):
        if times:
            middle = seconds_said(median(times))
            text = Told(f"{text.zh}，一般 {middle.zh}{zh}", f"{text.en}, usually {en} {middle.en}")
    return Told(f"{text.zh}。", f"{text.en}.")


def week_said(week: WeekFacts) -> Told:
    """A letter: the facts of a week in a few sentences, and what they do not say."""
    sunday = week.monday + timedelta(days=6)
    parts = [
        Told(
            f"{week.name}，{week.monday:%m 月 %d 日}到 {sunday:%m 月 %d 日}这一周：",
            f"{week.name}, the week from {week.monday} to {sunday}:",
        )
    ]
    if week.nights is not None:
        parts += _nights_said(week.nights)
    if week.answers is not None:
        parts.append(answers_said(week.answers))
        hurt = [a for a in week.answers if a.finding in ("real_fall", "real")]
        parts += [answer_said(answer) for answer in hurt[:5]]
    if week.unseen_h is not None and week.unseen_h > 0:
        hours = f"{week.unseen_h:.1f}".rstrip("0").rstrip(".")
        parts.append(
            Told(
                f"这一周有 {hours} 小时监测不完整，那些时间里我们看不见或看不全。",
                f"For {hours} hours of the week the monitoring was incomplete: what happened then"
                " we saw in part, or not at all.",
            )
        )
    if week.away_days:
        parts.append(
            Told(
                f"登记外出或住院 {week.away_days} 天。",
                f"Registered as out or in hospital on {week.away_days} days.",
            )
        )
    if week.visits is not None:
        parts.append(Told(f"有 {week.visits} 次探访。", f"There were {week.visits} visits."))
    if len(parts) == 1:
        parts.append(Told("没有同意与您分享近况。", "Nothing is shared with you at present."))
    parts.append(
        Told(
            "这封信只说看到的事；想知道得更多，请打电话或来看看。",
            "This letter tells only what was seen; for more, please call or come.",
        )
    )
    return Told("\n".join(p.zh for p in parts), "\n".join(p.en for p in parts))


def _nights_said(nights: Sequence[tuple[date, NightFacts]]) -> list[Told]:
    known = [
        (day, night) for day, night in nights
        if night.watched and night.in_bed_min > 0 and night.unseen_min < _QUARTER_MIN
    ]  # fmt: skip
    unseen = [
        day for day, night in nights
        if not night.watched or (night.unseen_min >= _QUARTER_MIN)
    ]  # fmt: skip
    parts: list[Told] = []
    if known:
        lay = length_said(round(median(night.in_bed_min for _, night in known)))
        times = round(median(night.up_times for _, night in known))
        parts.append(
            Told(
                f"看得完整的 {len(known)} 个夜里，一般在床约 {lay.zh}，起身 {times} 次。",
                f"In the {len(known)} nights that we saw whole: usually in bed about {lay.en},"
                f" up {times} times.",
            )
        )
    if unseen:
        parts.append(
            Told(
                f"有 {len(unseen)} 个夜里我们看不见或看不全。",
                f"In {len(unseen)} nights we could not see, or saw only part.",
            )
        )
    return parts
