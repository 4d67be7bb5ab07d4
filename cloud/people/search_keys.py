"""How a name is found: its characters, its pinyin in full and by initials, from any of them on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from pypinyin import Style, pinyin

# 重, 行, 乐: a character may sound in several ways. Names have few of them; more is not a name.
_MAX_READINGS: Final = 8
# As a family name these sound otherwise than in a sentence.
_FAMILY_NAMES: Final = {
    "单": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "区": "ou", "查": "zha", "任": "ren",
    "盖": "ge", "朴": "piao", "翟": "zhai", "召": "shao", "乐": "yue", "万": "wan", "秘": "bi",
    "繁": "po", "种": "chong", "员": "yun", "黑": "he", "牟": "mu", "缪": "miao", "隗": "wei",
}  # fmt: skip


def readings(name: str) -> list[tuple[str, ...]]:
    """The ways a name may sound, each as syllables without tones, the usual one first."""
    usual = [options[0] for options in pinyin(name, style=Style.NORMAL)]
    if usual and name[0] in _FAMILY_NAMES:
        usual[0] = _FAMILY_NAMES[name[0]]
    all_ways = pinyin(name, style=Style.NORMAL, heteronym=True)
    if len(all_ways) != len(usual):  # latin letters are grouped otherwise
        return [tuple(_plain(syllable) for syllable in usual)]
    ways = itertools.product(
        *(dict.fromkeys((first, *more)) for first, more in zip(usual, all_ways, strict=True))
    )
    found = dict.fromkeys(tuple(_plain(s) for s in way) for way in ways)
    return list(itertools.islice(found, _MAX_READINGS))


def _plain(syllable: str) -> str:
    return "".join(c for c in syllable.casefold().replace("ü", "v") if c.isalnum())


def name_pinyin(name: str) -> str:
    """For sorting: `wang xiu lan`."""
    return " ".join(readings(name)[0]) if name else ""


def search_keys(name: str) -> list[str]:
    """Everything whose beginning finds the name."""
    return sorted(set(_keys(name)) - {""})


def _keys(name: str) -> Iterator[str]:
    plain = _plain(name)
    yield from (plain[start:] for start in range(len(plain)))
    for syllables in readings(name):
        for start in range(len(syllables)):
            yield "".join(syllables[start:])
            yield "".join(syllable[:1] for syllable in syllables[start:])


def query_key(text: str) -> str:
    """What somebody typed, as the keys are written."""
    return _plain(text)
