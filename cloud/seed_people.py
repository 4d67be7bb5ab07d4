"""Made-up people for a demonstration: the same for the same seed. Nobody can have their numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from cloud.people.citizen_number import check_character
from cloud.people.schemas import (
    AllergyIn,
    DiagnosisIn,
    ElderIn,
    FactIn,
    RiskIn,
    RiskLevel,
    RiskName,
    Sex,
)
from cloud.people.vocabulary import RISKS, diagnoses, form_values

FAMILY_NAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"
)
GIVEN: Final[dict[str, tuple[str, ...]]] = {
    "female": ("秀兰", "桂英", "淑珍", "玉梅", "素芳", "桂芳", "玉华", "凤英", "秀英", "淑华",
               "惠芬", "国珍", "维清", "光碧", "开蓉", "世芬", "德琼", "明秀"),
    "male": ("国强", "建平", "德明", "永福", "志远", "光明", "文彬", "昌华", "世荣", "正国",
             "朝贵", "天佑", "克勤", "开福", "维国", "绍清"),
}  # fmt: skip
CARE_NOTES: Final = (
    "右髋置换术后，搀扶时走左侧", "帕金森病，起步慢，勿催促", "骨质疏松，跌倒后先不搬动",
    "听力差，靠近说话", "服用抗凝药，碰伤须查出血", "糖尿病，留意低血糖", "晚间易找门，陪伴安抚",
    "左侧偏瘫，用四脚拐杖", "吞咽慢，软食，坐直进食", "夜间起夜 2 次，开夜灯",
)  # fmt: skip
LANGUAGES: Final = ("普通话", "重庆话")
# No place has a code that begins with 99.
_PLACE: Final = "9901"
_WOMEN: Final = 0.62
_LEVELS: Final[tuple[RiskLevel, ...]] = ("not_assessed", "none", "watch", "high")
_LEVEL_WEIGHTS: Final = (15, 60, 18, 7)


@dataclass(frozen=True, slots=True)
class Person:
    """An elder with what is written down at admission."""

    record: ElderIn
    facts: tuple[FactIn, ...]
    risks: tuple[RiskIn, ...]
    child: str
    child_is: str
    phone: str
    shares_vitals: bool


def people(seed: int, today: date, *, at_home: bool) -> Iterator[Person]:
    """One after the other, without end; no number comes twice."""
    dice = random.Random(f"{seed} {at_home}")  # noqa: S311 - a demonstration, no secret
    numbers: set[str] = set()
    while True:
        sex: Sex = "female" if _chance(dice, _WOMEN) else "male"
        birth_date = today - timedelta(days=dice.randint(68 * 365, 97 * 365))
        number = _number(dice, sex, birth_date, numbers)
        family = dice.choice(FAMILY_NAMES)
        name = family + dice.choice(GIVEN[sex])
        child_is = dice.choice(("女儿", "儿子"))
        child_family = family if sex == "male" or _chance(dice, 0.2) else dice.choice(FAMILY_NAMES)
        yield Person(
            record=_record(dice, name, sex, birth_date, number),
            facts=tuple(_facts(dice, today, at_home=at_home)),
            risks=tuple(_risks(dice, today)),
            child=child_family + dice.choice(("芳", "敏", "强", "伟", "静", "勇", "丽", "涛")),
            child_is=child_is,
            phone=f"199{dice.randint(0, 99_999_999):08}",
            shares_vitals=_chance(dice, 0.9),
        )


def _chance(dice: random.Random, share: float) -> bool:
    return dice.random() < share


def _number(dice: random.Random, sex: Sex, birth_date: date, taken: set[str]) -> str:
    while True:
        order = dice.randrange(0, 999, 2) + (sex == "male")
        first17 = f"{_PLACE}{dice.randint(1, 12):02}{birth_date:%Y%m%d}{order:03}"
        number = first17 + check_character(first17)
        if number not in taken:
            taken.add(number)
            return number


def _record(dice: random.Random, name: str, sex: Sex, birth_date: date, number: str) -> ElderIn:
    answers = form_values()
    height_cm = dice.randint(148, 164) if sex == "female" else dice.randint(158, 175)
    allergic = _chance(dice, 0.15)
    return ElderIn(
        name=name,
        sex=sex,
        birth_date=birth_date,
        care_note=dice.choice(CARE_NOTES),
        citizen_number=number,
        height_cm=height_cm,
        weight_kg=round(dice.uniform(18.5, 27.0) * (height_cm / 100) ** 2, 1),
        ethnicity=dice.choice(("汉族", "汉族", "汉族", "土家族", "苗族")),
        education=dice.choice(answers["education"][:4]),
        marital=dice.choice(("已婚", "丧偶", "丧偶")),
        payment=[dice.choice(answers["payment"][:2])],
        income=[answers["income"][0]],
        languages=list(LANGUAGES[dice.randint(0, 1) :]),
        diagnoses=[DiagnosisIn(code=code) for code in _illnesses(dice)],
        allergies=[AllergyIn(substance="青霉素", severe=True)] if allergic else [],
    )


def _illnesses(dice: random.Random) -> list[str]:
    usual = ["I10-I15", "I25", "E10-E14", "M80-M82", "H25-H26", "F00-F03", "G20-G22", "I63"]
    return [code for code in dice.sample(usual, dice.randint(1, 3)) if code in diagnoses()]


def _facts(dice: random.Random, today: date, *, at_home: bool) -> Iterator[FactIn]:
    as_of = today - timedelta(days=dice.randint(10, 200))
    alone = at_home and _chance(dice, 0.5)
    couple = at_home and not alone and _chance(dice, 0.5)
    (economic,) = dice.choices(("tekun", "dibao", "ordinary"), (4, 8, 88))
    values: dict[str, bool | str] = {
        "lives_alone": alone,
        "empty_nest": couple,
        "children_away": at_home and _chance(dice, 0.3),
        "no_kin": _chance(dice, 0.03),
        "living": ("alone" if alone else "couple_only" if couple else "with_children")
        if at_home else "institution",
        "economic_status": economic,
        "pension_scheme": dice.choice(("employee", "resident")),
        "hukou_region": "500109",
        "resident_region": "500109",
    }  # fmt: skip
    for field, value in values.items():
        yield FactIn(field=field, value=value, source="入住登记", as_of=as_of)


def _risks(dice: random.Random, today: date) -> Iterator[RiskIn]:
    """Most have been assessed; some are still waiting, as in every house."""
    for risk in RISKS:
        (level,) = dice.choices(_LEVELS, _LEVEL_WEIGHTS)
        if level == "not_assessed":
            continue
        name: RiskName = risk  # type: ignore[assignment]  # the keys are the names
        if level == "none":
            yield RiskIn(risk=name, level=level, version=0)
        else:
            review_on = today + timedelta(days=dice.randint(-5, 90))
            yield RiskIn(
                risk=name, level=level, measures="班班交接，每班查看", owner="责任护士",
                review_on=review_on, version=0,
            )  # fmt: skip
