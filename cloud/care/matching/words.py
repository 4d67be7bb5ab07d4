"""Why a row stands where it stands: reasons as codes, and as sentences for a person. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """What led to a finding. The web has the same in its own words."""

    BY_NUMBER = "by_number"
    BY_NAME = "by_name"
    NOT_ON_RECORD = "not_on_record"
    GONE = "gone"
    TWO_RECORDS = "two_records"  # one number in two records
    OTHER_NAME = "other_name"  # number the same, name not
    TWO_PEOPLE = "two_people"  # number says one, name and birth date another
    NAMESAKES = "namesakes"
    OTHER_NUMBER = "other_number"  # name and birth date the same, number not
    TWICE = "twice"
    SHARED_NAMES = "shared_names"  # two people of the list with one number
    SHARED_STATUS = "shared_status"
    UNREADABLE = "unreadable"
    NO_KEY = "no_key"


_SENTENCES: Final = MappingProxyType(
    {
        Reason.BY_NUMBER: "按身份证号和姓名比对",
        Reason.BY_NAME: "按姓名和出生日期比对",
        Reason.NOT_ON_RECORD: "档案里没有这个人",
        Reason.GONE: "上次名单里有，这次没有",
        Reason.TWO_RECORDS: "档案里有两位老人登记了同一个身份证号",
        Reason.OTHER_NAME: "身份证号相同而姓名不同{both}",
        Reason.TWO_PEOPLE: "身份证号指向一位老人，姓名和生日指向另一位",
        Reason.NAMESAKES: "档案里有 {count} 位同名同生日的老人",
        Reason.OTHER_NUMBER: "同名同生日，但身份证号不同",
        Reason.TWICE: "名单里重复（第 {lines} 行），按一个人计",
        Reason.SHARED_NAMES: "第 {lines} 行是同一个身份证号、不同姓名，请核对",
        Reason.SHARED_STATUS: "第 {lines} 行是同一个身份证号、不同类别，请核对",
        Reason.UNREADABLE: "",
        Reason.NO_KEY: "既没有身份证号也没有出生日期，无法比对",
    }
)


def sentence(
    reason: Reason,
    *,
    problems: Sequence[str] = (),
    lines: Sequence[int] = (),
    count: int = 0,
    recorded: str = "",
    listed: str = "",
) -> str:
    """For a person. `recorded` and `listed`: the two names, where the reader may see them."""
    both = f"（档案：{recorded}，名单：{listed}）" if recorded and listed else ""
    said = _SENTENCES[reason].format(lines="、".join(map(str, lines)), count=count, both=both)
    return "；".join(part for part in (said, *problems) if part)
