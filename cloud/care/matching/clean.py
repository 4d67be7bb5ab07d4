"""Names, dates and numbers as other departments write them, made comparable. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from typing import Final

from cloud.care.matching.variants import VARIANTS
from cloud.people.citizen_number import (
    CitizenNumberError,
    check_character,
    parse_citizen_number,
)

# Excel counts days from here (its year 1900 has a leap day that never was).
_EXCEL_EPOCH: Final = date(1899, 12, 30)
_EXCEL_DAYS: Final = range(1, 60_000)
_SEPARATED: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0)?")
# What a spreadsheet writes behind a date that nobody gave a time.
_TIME: Final = re.compile(r"[ T]\s*0{1,2}:00(:00(\.0+)?)?$")
# A bare year would be an Excel day of 1902 to 1908, which nobody on a list was born on.
_YEAR: Final = re.compile(r"(1[89]|20)\d{2}(\.0)?年?")
_MONTH: Final = re.compile(r"\d{4}\s*[-/.年]\s*\d{1,2}\s*月?|(?:1[89]|20)\d{2}(?:0[1-9]|1[0-2])")
# The dot inside names of minorities is written in a dozen ways.
_DOTS: Final = re.compile(r"[·•‧・․∙⋅˙.]")
# What cloud/people/citizen_number.py finds wrong, in the words of who keeps a list.
_NUMBER_WORDS: Final = (
    ("17 digits", "应为 18 位（末位可为 X）或旧的 15 位"),
    ("not a date", "第 7 到 14 位不是日期"),
    ("not possible", "里面的出生日期不可能"),
    ("does not match", "校验位对不上，可能输错了"),
)
_TITLES: Final = re.compile(r"(先生|女士|同志|老人|大爷|大妈|[((【\[].*?[))】\]])$")


class UncleanError(ValueError):
    """A value that cannot be made sense of; the message says what is wrong with it."""


def clean_name(text: str) -> str:
    """A name for comparing: no blanks, one kind of dot, no title, no note in brackets.

    Raises UncleanError.
    """
    name = unicodedata.normalize("NFKC", text)
    name = _DOTS.sub("·", "".join(name.split()))
    name = _TITLES.sub("", name).strip("·*")
    if not name:
        raise UncleanError("姓名是空的")
    if "*" in name or "?" in name or "\ufffd" in name:
        raise UncleanError("姓名不完整（含 * 或乱码）")
    if any(character.isdigit() for character in name):
        raise UncleanError("姓名里有数字")
    return name


# Beside variants, what is left out for comparing: a name with its dot and without it is one name.
_LEFT_OUT: Final = "·•‧・․∙⋅˙. \u3000"
# For SQL's translate(): the variants, then what has no counterpart and falls out.
TRANSLATE_FROM: Final = "".join(VARIANTS) + _LEFT_OUT
TRANSLATE_TO: Final = "".join(VARIANTS.values())
_KEY: Final = str.maketrans(
    {**dict(zip(TRANSLATE_FROM, TRANSLATE_TO, strict=False)), **dict.fromkeys(_LEFT_OUT, None)}
)


def name_key(name: str) -> str:
    """A clean name as names are compared: variants of a character are one, dots do not count."""
    return name.translate(_KEY)


def clean_date(text: str, today: date) -> date | None:
    """A birth date in any of the usual forms; None where the field is empty.

    Raises UncleanError. Chinese, compact and Excel's own numbers are understood.
    """
    plain = _TIME.sub("", unicodedata.normalize("NFKC", text).strip().lstrip("'’`")).strip()
    if not plain:
        return None
    if _YEAR.fullmatch(plain) or _MONTH.fullmatch(plain):
        raise UncleanError(f"出生日期不全（{plain[:20]}），需要年月日")
    found = _SEPARATED.fullmatch(plain) or _COMPACT.fullmatch(plain)
    try:
        if found is not None:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        elif plain.removesuffix(".0").isdigit() and int(float(plain)) in _EXCEL_DAYS:
            day = _EXCEL_EPOCH + timedelta(days=int(float(plain)))
        else:
            raise UncleanError(f"看不懂的日期 {plain[:20]}")
    except ValueError as error:
        if isinstance(error, UncleanError):
            raise
        raise UncleanError(f"没有这一天 {plain[:20]}") from None
    if day > today:
        raise UncleanError("出生日期还没有到")
    return day


def from_fifteen(plain: str) -> str | None:
    """A number of the first generation (15 digits, years 19xx) in 18 characters; None: it is none.

    GB 11643-1999: the century goes in, the check character is worked out.
    """
    if re.fullmatch(r"[0-9]{15}", plain) is None:
        return None
    longer = f"{plain[:6]}19{plain[6:]}"
    return longer + check_character(longer)


def clean_number(text: str, today: date) -> str | None:
    """A citizen number whose check character is right; None where the field is empty.

    Full-width digits, blanks and a leading apostrophe (Excel's mark of a text) are forgiven; one of
    15 digits is written in 18.
    Raises UncleanError, which does not repeat the number.
    """
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("'’`")
    plain = "".join(plain.split())
    if not plain:
        return None
    if re.search(r"\d[eE][+-]?\d", plain):
        raise UncleanError("身份证号被表格软件改成了科学计数法，后几位已经丢失")
    try:
        return parse_citizen_number(from_fifteen(plain) or plain, today).text
    except CitizenNumberError as error:
        said = str(error)
        words = next((zh for en, zh in _NUMBER_WORDS if en in said), said)
        raise UncleanError(f"身份证号不对：{words}") from None
