"""Names, dates and numbers as other departments write them, made comparable. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from typing import Final

from cloud.people.citizen_number import CitizenNumberError, parse_citizen_number

# Excel counts days from here (its year 1900 has a leap day that never was).
_EXCEL_EPOCH: Final = date(1899, 12, 30)
_EXCEL_DAYS: Final = range(1, 60_000)
_SEPARATED: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
# The dot inside names of minorities is written in a dozen ways.
_DOTS: Final = re.compile(r"[·•‧・․∙⋅˙.]")
# What cloud/people/citizen_number.py finds wrong, in the words of who keeps a list.
_NUMBER_WORDS: Final = (
    ("17 digits", "应为 18 位（末位可为 X）"),
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


def clean_date(text: str, today: date) -> date | None:
    """A birth date in any of the usual forms; None where the field is empty.

    Raises UncleanError. Chinese, compact and Excel's own numbers are understood.
    """
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix(" 00:00:00")
    if not plain:
        return None
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


def clean_number(text: str, today: date) -> str | None:
    """A citizen number whose check character is right; None where the field is empty.

    Full-width digits, blanks and a leading apostrophe (Excel's mark of a text) are forgiven.
    Raises UncleanError, which does not repeat the number.
    """
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("'’`")
    plain = "".join(plain.split())
    if not plain:
        return None
    if re.search(r"\d[eE][+-]?\d", plain):
        raise UncleanError("身份证号被表格软件改成了科学计数法，后几位已经丢失")
    try:
        return parse_citizen_number(plain, today).text
    except CitizenNumberError as error:
        said = str(error)
        words = next((zh for en, zh in _NUMBER_WORDS if en in said), said)
        raise UncleanError(f"身份证号不对：{words}") from None
