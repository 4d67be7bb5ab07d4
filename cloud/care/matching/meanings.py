"""What a category of a list means in the record's own values: proposed here, chosen by a person.

propose("economic_status", ["城市低保对象", "特困人员", "外星人"])
-> {"城市低保对象": "dibao", "特困人员": "tekun", "外星人": None}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from cloud.people.vocabulary import UNKNOWN, Value, fact_fields

# Longest first where one holds another: 低保边缘 is not 低保.
_WORDS: Final[Mapping[str, tuple[tuple[str, Value], ...]]] = MappingProxyType(
    {
        "economic_status": (
            ("低保边缘", "dibao_edge"), ("边缘", "dibao_edge"), ("支出型", "expenditure_poor"),
            ("特困", "tekun"), ("五保", "tekun"), ("低保", "dibao"), ("最低生活保障", "dibao"),
        ),
        "disability_card_grade": (
            ("一级", 1), ("二级", 2), ("三级", 3), ("四级", 4), ("1级", 1), ("2级", 2),
            ("3级", 3), ("4级", 4), ("无", "none"),
        ),
        "living": (
            ("独居", "alone"), ("空巢", "couple_only"), ("机构", "institution"),
        ),
        "support_mode": (("分散", "dispersed"), ("集中", "centralised")),
        "merit": (("优抚", "veteran_or_survivor"), ("退役", "veteran_or_survivor"),
                  ("劳模", "labour_model"), ("劳动模范", "labour_model")),
        "pension_scheme": (("职工", "employee"), ("城乡", "resident"), ("居民", "resident")),
    }
)  # fmt: skip
_YES: Final = frozenset({"是", "有", "已", "已享受", "true", "1", "y", "yes"})
_NO: Final = frozenset({"否", "无", "未", "没有", "false", "0", "n", "no"})


def propose(
    field: str, statuses: Iterable[str], listed: Value | None = None
) -> dict[str, Value | None]:
    """For each category what it most likely means; None: nobody can guess, a person must say.

    `listed`: what being on the list means, where it has no category.
    """
    return {status: _meaning(field, status, listed) for status in statuses}


def _meaning(field: str, status: str, listed: Value | None) -> Value | None:
    plain = "".join(status.split()).casefold()
    if not plain:
        return listed
    known = fact_fields()[field]
    for value in known.values:
        if plain == str(value).casefold() and value != UNKNOWN:
            return value
    for word, value in _WORDS.get(field, ()):
        if word in plain:
            return value
    if True in known.values and (plain in _YES or plain in _NO):
        return plain in _YES
    return listed
