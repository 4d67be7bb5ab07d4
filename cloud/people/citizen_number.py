"""The citizen number (公民身份号码, GB 11643): 6 place, 8 birth date, 3 sequence, 1 check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

_FORM: Final = re.compile(r"[0-9]{17}[0-9X]")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
# First two digits of the places there are (GB/T 2260): provinces and the like.
_REGIONS: Final = frozenset(
    (
        *(11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37),
        *(41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83),
    )
)
_OLDEST: Final = date(1880, 1, 1)


class CitizenNumberError(ValueError):
    """Not a citizen number; says what is wrong without repeating it."""


@dataclass(frozen=True, slots=True)
class CitizenNumber:
    """A number whose check character is right."""

    text: str
    birth_date: date
    sex: str

    @property
    def is_impossible(self) -> bool:
        """Nobody can have it: its place code is none. Such numbers are for demonstrations."""
        return int(self.text[:2]) not in _REGIONS


def check_character(first17: str) -> str:
    """The 18th character of a number."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first17, strict=True))
    return _CHECKS[total % 11]


def parse_citizen_number(text: str, today: date) -> CitizenNumber:
    """Spaces and a small x are forgiven. Raises CitizenNumberError."""
    number = re.sub(r"\s", "", text).upper()
    if not _FORM.fullmatch(number):
        raise CitizenNumberError("must be 17 digits and a digit or X")
    try:
        birth_date = datetime.strptime(number[6:14], "%Y%m%d").date()  # noqa: DTZ007 - a date
    except ValueError:
        raise CitizenNumberError("characters 7 to 14 are not a date") from None
    if not _OLDEST <= birth_date <= today:
        raise CitizenNumberError("the birth date in it is not possible")
    if check_character(number[:17]) != number[17]:
        raise CitizenNumberError("the last character does not match the others: a typing error")
    return CitizenNumber(number, birth_date, "male" if int(number[16]) % 2 else "female")
