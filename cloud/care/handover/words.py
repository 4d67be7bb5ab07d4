"""The lines of a handover in words, Chinese and English. Pure; nothing here depends on now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloud.alerts.codes import AlertCode
from cloud.alerts.models import Alert, Incident
from cloud.care.leave.models import ElderLeave
from cloud.care.observations.models import CareObservation
from cloud.care.rounds.models import RoundCheck
from cloud.clock import LOCAL_ZONE, datetime_from_ns
from cloud.coverage.models import WatchPause
from cloud.coverage.schemas import ElderCoverage
from cloud.people.vocabulary import RISKS


@dataclass(frozen=True, slots=True)
class Said:
    """One line in both languages."""

    zh: str
    en: str


_STATES: Final = {
    "raised": Said("还没有人接警", "nobody has answered"),
    "notified": Said("已通知，还没有人接警", "told, nobody has answered"),
    "acknowledged": Said("已接警", "acknowledged"),
    "attending": Said("正在前往", "somebody is on the way"),
    "arrived": Said("已到场，还没有处置完", "somebody is there, not resolved"),
    "resolved": Said("已处置，还没有办结", "resolved, not closed"),
    "closed": Said("已办结", "closed"),
}
_FINDINGS: Final = {
    "real_fall": Said("真实跌倒", "a real fall"),
    "lowered_self": Said("自己坐下或躺下", "lowered themselves"),
    "sat_hard": Said("坐得重", "sat down hard"),
    "device_dropped": Said("设备掉落", "the device was dropped"),
    "care_handling": Said("护理操作引起", "care handling"),
    "visitor": Said("访客引起", "a visitor"),
    "real": Said("属实", "true"),
    "false_alarm": Said("误报", "false alarm"),
    "test": Said("测试", "test"),
    "unclear": Said("无法判断", "unclear"),
    "true": Said("属实", "true"),
    "false": Said("误报", "false"),
}
INJURIES: Final = {
    "none": Said("无伤", "no injury"),
    "minor": Said("轻伤", "minor injury"),
    "serious": Said("重伤", "serious injury"),
    "hospital": Said("已送医", "taken to hospital"),
    "death": Said("死亡", "death"),
    "unknown": Said("伤情不明", "injury unknown"),
}
KINDS_EN: Final = {
    "choking": "choking", "wrong_intake": "wrong food or medicine",
    "pressure_injury": "pressure injury", "scald": "scald", "bed_fall": "fall from bed",
    "fall": "fall", "wandering": "wandering", "harm": "harm by others or self",
    "activity": "activity accident", "other": "other",
}  # fmt: skip
KINDS_ZH: Final = {**RISKS, "other": "其他"}
_PAUSES: Final = {
    "hospital": Said("住院", "in hospital"),
    "works": Said("家中施工", "works in the home"),
    "other": Said("暂停监护", "watching paused"),
}
_CAUSES: Final = {
    "no_devices": Said("没有监护设备", "no device"),
    "no_gateway": Said("没有网关", "no gateway"),
    "gateway_offline": Said("网关离线", "gateway offline"),
    "source_down": Said("网关收不到设备", "the gateway hears no device"),
    "not_reported": Said("网关还没有报告", "not reported yet"),
}
_CAPABILITIES: Final = {
    "fall": Said("跌倒", "falls"),
    "inactivity": Said("无活动", "inactivity"),
    "bed": Said("在床离床", "bed"),
    "sos": Said("呼叫", "calls"),
    "vitals": Said("生命体征", "vitals"),
    "exit": Said("出入", "exits"),
}
_POSITIONS: Final = {
    "left": Said("左侧卧", "left side"),
    "right": Said("右侧卧", "right side"),
    "back": Said("仰卧", "back"),
    "prone": Said("俯卧", "prone"),
    "sitting": Said("坐位", "sitting"),
}
_LEVELS_ZH: Final = ("能力完好", "轻度失能", "中度失能", "重度失能", "完全失能")


def clock(at: datetime) -> str:
    """`11-28 02:13`, by the clock on the wall."""
    return f"{at.astimezone(LOCAL_ZONE):%m-%d %H:%M}"


def alert(row: Alert, code: AlertCode) -> Said:
    """What it is, when it happened, where it stands."""
    at, state = clock(datetime_from_ns(row.happened_ns)), _STATES[row.state]
    who = row.resolved_by or row.arrived_by or row.attending_by or row.acknowledged_by
    zh, en = [f"{at} {code.name_zh}：{state.zh}"], [f"{at} {code.name_en}: {state.en}"]
    if who:
        zh.append(f"（{who}）")
        en.append(f" ({who})")
    found = _FINDINGS.get(row.finding or row.verdict or "")
    if found is not None:
        zh.append(f"，结论：{found.zh}")
        en.append(f", finding: {found.en}")
    if row.injury in INJURIES:
        zh.append(f"，{INJURIES[row.injury].zh}")
        en.append(f", {INJURIES[row.injury].en}")
    if row.recovered and row.state not in ("resolved", "closed"):
        zh.append("，已恢复，仍需查看")
        en.append(", passed, the check is still due")
    if row.shelved_until is not None:
        zh.append(f"，{row.shelved_by} 搁置到 {clock(row.shelved_until)}")
        en.append(f", shelved by {row.shelved_by} until {clock(row.shelved_until)}")
    elif row.suppressed and row.state not in ("resolved", "closed"):
        zh.append("，按规则暂不通知")
        en.append(", held back by rule")
    return Said("".join(zh), "".join(en))


def leave(row: ElderLeave) -> Said:
    """Who is out, with whom, until when."""
    with_whom = f"，陪同 {row.companion}" if row.companion else ""
    where = f"，去 {row.destination}" if row.destination else ""
    zh = f"请假外出，{clock(row.out_at)} 离开，应于 {clock(row.due_back_at)} 返回{with_whom}{where}"
    en = f"on leave since {clock(row.out_at)}, due back {clock(row.due_back_at)}"
    return Said(zh, en + "".join(f", {part}" for part in (row.companion, row.destination) if part))


def pause(row: WatchPause) -> Said:
    """In hospital, or not watched over routine."""
    why = _PAUSES.get(row.reason, _PAUSES["other"])
    return Said(f"{why.zh}，到 {clock(row.until_at)}", f"{why.en} until {clock(row.until_at)}")


def coverage(line: ElderCoverage) -> Said:
    """What cannot be seen of somebody, since when, why."""
    state = Said("看不见", "blind") if line.state == "blind" else Said("看不全", "seen in part")
    since = Said("", "")
    if line.since is not None:
        since = Said(f"，自 {clock(line.since)}", f" since {clock(line.since)}")
    cause = _CAUSES.get(line.cause or "")
    lacks = [_CAPABILITIES[one.capability] for one in line.lacking]
    zh = f"{state.zh}{since.zh}" + (f"：{cause.zh}" if cause else "")
    en = f"{state.en}{since.en}" + (f": {cause.en}" if cause else "")
    if lacks:
        zh += "，缺 " + "、".join(one.zh for one in lacks)
        en += ", lacking " + ", ".join(one.en for one in lacks)
    return Said(zh, en)


def round_missed(due_at: datetime) -> Said:
    """Nobody has looked in since."""
    return Said(f"巡查漏检，应于 {clock(due_at)}", f"round missed, was due {clock(due_at)}")


def turning(due_at: datetime, last: RoundCheck | None) -> Said:
    """When to turn, and how they lie."""
    lies = Said("", "")
    if last is not None and last.position in _POSITIONS:
        position = _POSITIONS[last.position]
        lies = Said(f"，现为{position.zh}", f", lies on: {position.en}")
    return Said(f"下次翻身 {clock(due_at)}{lies.zh}", f"turn at {clock(due_at)}{lies.en}")


def follow_up(row: Incident) -> Said:
    """What is still to be done after an incident."""
    day = "" if row.follow_up_on is None else f"{row.follow_up_on} "
    return Said(
        f"{KINDS_ZH[row.kind]}后续：{day}{row.follow_up}",
        f"after {KINDS_EN[row.kind]}: {day}{row.follow_up}",
    )


def reassess(count: int) -> Said:
    """Falls that no assessment knows of."""
    return Said(
        f"30 天内 {count} 次确认跌倒，应立即复评", f"{count} falls in 30 days: reassess now"
    )


def risk_reviews(risks: list[str]) -> Said:
    """Reviews of the nine risks that are due."""
    zh, en = "、".join(RISKS[one] for one in risks), ", ".join(KINDS_EN[one] for one in risks)
    return Said(f"九防复核到期：{zh}", f"risk reviews due: {en}")


def assessed(level: int) -> Said:
    """A new level: rounds and limits follow it."""
    return Said(
        f"本班完成能力评估：{level} 级 {_LEVELS_ZH[level]}", f"newly assessed: level {level}"
    )


def incident(row: Incident) -> Said:
    """What happened to somebody."""
    hurt = INJURIES.get(row.injury or "")
    zh = f"{clock(row.happened_at)} 发生{KINDS_ZH[row.kind]}" + (f"，{hurt.zh}" if hurt else "")
    en = f"{clock(row.happened_at)} {KINDS_EN[row.kind]}" + (f", {hurt.en}" if hurt else "")
    for extra in (row.description, row.measure):
        if extra:
            zh, en = f"{zh}；{extra}", f"{en}; {extra}"
    return Said(zh, en)


def admitted(since: datetime) -> Said:
    """New in this bed."""
    return Said(f"{clock(since)} 新入住或换床", f"new in this bed since {clock(since)}")


def note(row: CareObservation) -> Said:
    """In the carer's own words."""
    corrected = Said("（更正）", " (correction)") if row.corrects_id else Said("", "")
    return Said(
        f"{clock(row.at)} {row.by}{corrected.zh}：{row.text}",
        f"{clock(row.at)} {row.by}{corrected.en}: {row.text}",
    )
