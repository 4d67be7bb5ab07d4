"""What a password must be: long, and not what anybody would try first.

Length and lists instead of "one capital, one digit": those rules give `Password1!` (NIST SP
800-63B, 5.1.1.2, says the same). Guessing at the door is slowed down as well (service.py).
"""

from __future__ import annotations

import re
from typing import Final

MIN_CHARS: Final = 10
MAX_CHARS: Final = 128  # argon2 takes any length; a megabyte is no password
_MIN_DIFFERENT: Final = 5
_SEQUENCES: Final = (
    "01234567890123456789",
    "98765432109876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn",
)
# What leaked lists of Chinese and English passwords begin with, once digits at the end are cut.
_COMMON: Final = frozenset(
    [
        "password",
        "passw0rd",
        "password1",
        "p@ssw0rd",
        "letmein",
        "welcome",
        "iloveyou",
        "admin",
        "administrator",
        "root",
        "guest",
        "test",
        "user",
        "login",
        "master",
        "dragon",
        "monkey",
        "sunshine",
        "princess",
        "football",
        "qwerty",
        "qwertyuiop",
        "asdfgh",
        "asdfghjkl",
        "zxcvbnm",
        "woaini",
        "woaini1314",
        "iloveyou1314",
        "5201314",
        "woaiwojia",
        "wodemima",
        "mima",
        "nihao",
        "woshishui",
        "zhang",
        "wang",
        "li",
        "chen",
        "liu",
        "yang",
        "huang",
        "zhao",
        "zhou",
        "wu",
        "hushi",
        "yanglao",
        "yanglaoyuan",
        "yuyue",
        "zhiban",
        "laoren",
        "huli",
        "changeme",
        "default",
        "secret",
    ]
)


def weakness(password: str, known_words: tuple[str, ...] = ()) -> str | None:
    """What is wrong with it, for a person; None: nothing. `known_words`: names of its owner."""
    if len(password) < MIN_CHARS:
        return f"至少 {MIN_CHARS} 个字符 at least {MIN_CHARS} characters"
    if len(password) > MAX_CHARS:
        return f"最多 {MAX_CHARS} 个字符 at most {MAX_CHARS} characters"
    plain = password.casefold()
    if len(set(plain)) < _MIN_DIFFERENT:
        return f"至少 {_MIN_DIFFERENT} 种不同的字符 at least {_MIN_DIFFERENT} different characters"
    if any(word.casefold() in plain for word in known_words if len(word) > 1):
        return "不能含自己的用户名或姓名 must not hold your user name or name"
    if _is_common(plain):
        return "太常见，容易被猜到 too common, easily guessed"
    return None


def _is_common(plain: str) -> bool:
    # Words with digits and signs around them, as everybody puts them there.
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    undone = core.translate(str.maketrans("@013$5", "aoiess"))
    return (
        plain in _COMMON
        or core in _COMMON
        or undone in _COMMON
        or any(plain in sequence for sequence in _SEQUENCES)
        or _repeats(plain)
        or _sequence_with_letters(plain)
        or (core == "" and plain.isdigit() and len(plain) <= len("20260301") + 4)
    )


def _sequence_with_letters(plain: str) -> bool:
    """`a123456789`, `123456abc`."""
    digits = re.sub(r"\D", "", plain)
    few_others = len(plain) - len(digits) < _MIN_DIFFERENT
    return few_others and any(digits in sequence for sequence in _SEQUENCES[:2])


def _repeats(plain: str) -> bool:
    """`abc123abc123`: one short piece over and over."""
    return any(
        len(plain) % size == 0 and plain == plain[:size] * (len(plain) // size)
        for size in range(1, len(plain) // 2 + 1)
    )
