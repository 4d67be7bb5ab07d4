"""The part of Jinja that devices put into discovery messages, and nothing more.

Whoever may publish a discovery message writes these, so they are parsed here instead of being run:
no loops, no attributes of Python objects, no calls but the few filters below, bounded length, and
time that is linear in it. docs/decisions says why not Jinja's own sandbox.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

MAX_CHARS: Final = 512
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>'[^'\\]*'|\"[^\"\\]*\")|(?P<op>==|!=|<=|>=|[-+*/|().,\[\]<>]))"
)
_MAX_ROUND: Final = 9
# Brackets and minus signs inside each other: nobody writes three.
_MAX_DEPTH: Final = 20


class TemplateError(ValueError):
    """A template outside of the part we know; the message says where."""


class NoValueError(Exception):
    """The message does not hold what the template asks for."""


class Context:
    """One message: its text, and its JSON when somebody asks."""

    __slots__ = ("_json", "_payload", "text")

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self.text = payload.decode("utf-8", "replace")
        self._json: Any = self

    @property
    def json(self) -> Any:
        """Raises NoValueError where it is no JSON."""
        if self._json is self:
            try:
                self._json = msgspec.json.decode(self._payload)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise NoValueError(f"no JSON: {error}") from error
        return self._json


Evaluate = Callable[[Context], Any]


def rendered(value: Any) -> str:
    """As Jinja writes it: True, False and None are capital."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004
        return f"{value:.1f}"
    return str(value).strip()


@functools.lru_cache(maxsize=4096)
def compiled(text: str) -> Evaluate:
    """What gives the value of a message; '' is the message as it is. Raises TemplateError."""
    inner = text.strip()
    if not inner:
        return lambda context: context.text
    if len(inner) > MAX_CHARS:
        raise TemplateError(f"longer than {MAX_CHARS} characters")
    if not inner.startswith("{{") or not inner.endswith("}}"):
        raise TemplateError("is more than one {{ expression }}")
    inner = inner[2:-2]
    if any(mark in inner for mark in ("{{", "{%", "{#", "}}")):
        raise TemplateError("is more than one {{ expression }}")
    parser = _Parser(inner.strip("-"))
    evaluate = parser.ternary()
    parser.end()
    return evaluate


class _Parser:
    """Recursive descent; precedence as in Jinja (filters bind closest)."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise TemplateError(f"{text[at : at + 20]!r} is not known here")
            self._tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            at = match.end()
        self._at = 0
        self._depth = 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise TemplateError(f"{self._tokens[self._at][1][:20]!r} is not known here")

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> bool:
        if self._peek() in wanted and self._tokens[self._at][0] != "string":
            self._at += 1
            return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise TemplateError(f"{wanted!r} is missing")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise TemplateError("ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def ternary(self) -> Evaluate:
        value = self._comparison()
        if not self._take("if"):
            return value
        condition = self._comparison()
        other: Evaluate = _nothing
        if self._take("else"):
            other = self.ternary()
        return lambda context: value(context) if condition(context) else other(context)

    def _comparison(self) -> Evaluate:
        left = self._sum()
        if self._take("is"):
            wants = not self._take("not")
            self._expect("defined")
            return lambda context: _is_defined(left, context) is wants
        for sign, compare in _COMPARISONS.items():
            if self._take(sign):
                right = self._sum()
                return functools.partial(_compare, left, right, compare)
        return left

    def _sum(self) -> Evaluate:
        value = self._product()
        while self._peek() in ("+", "-"):
            sign = 1.0 if self._next()[1] == "+" else -1.0
            value = functools.partial(_added, value, self._product(), sign)
        return value

    def _product(self) -> Evaluate:
        value = self._filtered()
        while self._peek() in ("*", "/"):
            divides = self._next()[1] == "/"
            value = functools.partial(_multiplied, value, self._filtered(), divides)
        return value

    def _filtered(self) -> Evaluate:
        value = self._primary()
        while self._take("|"):
            name = self._next()[1]
            arguments = self._constants() if self._take("(") else []
            make = _FILTERS.get(name)
            if make is None or len(arguments) > 1:
                raise TemplateError(f"filter {name[:20]!r} is not known here")
            value = functools.partial(make, value, arguments)
        return value

    def _constants(self) -> list[Any]:
        """Arguments, up to the bracket that ends them."""
        found: list[Any] = []
        while not self._take(")"):
            kind, text = self._next()
            if kind == "op" and text == "-":
                kind, text = self._next()
                text = f"-{text}"
            found.append(_constant(kind, text))
            self._take(",")
        return found

    def _primary(self) -> Evaluate:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TemplateError("brackets inside brackets inside brackets")
        try:
            return self._value()
        finally:
            self._depth -= 1

    def _value(self) -> Evaluate:
        if self._take("("):
            value = self.ternary()
            self._expect(")")
            return value
        if self._take("-"):
            return functools.partial(_multiplied, self._primary(), lambda _: -1.0, False)
        kind, text = self._next()
        if kind == "name" and text == "value_json":
            return self._path()
        if kind == "name" and text == "value":
            return lambda context: context.text
        if kind == "name" and text in ("float", "int") and self._take("("):
            value = self.ternary()
            self._expect(")")
            return functools.partial(_FILTERS[text], value, [])
        constant = _constant(kind, text)
        return lambda _: constant

    def _path(self) -> Evaluate:
        steps: list[str | int] = []
        while True:
            if self._take("."):
                kind, text = self._next()
                if kind != "name":
                    raise TemplateError(f"{text[:20]!r} is no name")
                if text == "get" and self._take("("):
                    arguments = self._constants()
                    if len(arguments) != 1 or not isinstance(arguments[0], str):
                        raise TemplateError("get takes one name")
                    text = arguments[0]
                steps.append(text)
            elif self._take("["):
                kind, text = self._next()
                key = _constant(kind, text)
                if not isinstance(key, str | float):
                    raise TemplateError(f"{text[:20]!r} is no key")
                steps.append(key if isinstance(key, str) else int(key))
                self._expect("]")
            else:
                return functools.partial(_followed, tuple(steps))


def _constant(kind: str, text: str) -> Any:
    if kind == "number" or (kind == "op" and text[1:].replace(".", "", 1).isdigit()):
        return float(text)
    if kind == "string":
        return text[1:-1]
    if text.lstrip("-").replace(".", "", 1).isdigit():
        return float(text)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    raise TemplateError(f"{text[:20]!r} is not known here")


_WORDS: Final[Mapping[str, Any]] = MappingProxyType({"true": True, "false": False, "none": None})


def _followed(steps: tuple[str | int, ...], context: Context) -> Any:
    value = context.json
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise NoValueError(f"no {step!r} in it") from None
    return value


def _nothing(_context: Context) -> Any:
    raise NoValueError("the condition is not met")


def _is_defined(value: Evaluate, context: Context) -> bool:
    try:
        value(context)
    except NoValueError:
        return False
    return True


def _number(value: Any) -> float:
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(str(value))
    except ValueError:
        raise NoValueError(f"{str(value)[:40]!r} is no number") from None


def _compare(
    left: Evaluate, right: Evaluate, compare: Callable[[Any, Any], bool], context: Context
) -> bool:
    one, other = left(context), right(context)
    try:
        return bool(compare(one, other))
    except TypeError:
        raise NoValueError(f"{str(one)[:20]!r} cannot be compared") from None


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<=": lambda a, b: a <= b,
        ">=": lambda a, b: a >= b,
        "<": lambda a, b: a < b,
        ">": lambda a, b: a > b,
    }
)


def _added(left: Evaluate, right: Evaluate, sign: float, context: Context) -> float:
    return _number(left(context)) + sign * _number(right(context))


def _multiplied(left: Evaluate, right: Evaluate, divides: bool, context: Context) -> float:
    one, other = _number(left(context)), _number(right(context))
    if not divides:
        return one * other
    if other == 0:
        raise NoValueError("a division by zero")
    return one / other


# -- filters: (value, arguments, context) ----------------------------------------------------


def _float(value: Evaluate, arguments: list[Any], context: Context) -> float:
    try:
        return _number(value(context))
    except NoValueError:
        if not arguments:
            raise
        return _number(arguments[0])


def _int(value: Evaluate, arguments: list[Any], context: Context) -> float:
    return float(int(_float(value, arguments, context)))


def _round(value: Evaluate, arguments: list[Any], context: Context) -> float:
    digits = int(_number(arguments[0])) if arguments else 0
    return round(_number(value(context)), max(-_MAX_ROUND, min(_MAX_ROUND, digits)))


def _default(value: Evaluate, arguments: list[Any], context: Context) -> Any:
    try:
        return value(context)
    except NoValueError:
        if not arguments:
            raise
        return arguments[0]


def _text(change: Callable[[str], str]) -> Callable[[Evaluate, list[Any], Context], Any]:
    return lambda value, _, context: change(rendered(value(context)))


_FILTERS: Final[Mapping[str, Callable[[Evaluate, list[Any], Context], Any]]] = MappingProxyType(
    {
        "float": _float,
        "int": _int,
        "round": _round,
        "abs": lambda value, _, context: abs(_number(value(context))),
        "default": _default,
        "is_defined": lambda value, _, context: value(context),
        "lower": _text(str.lower),
        "upper": _text(str.upper),
        "trim": _text(str.strip),
        "string": _text(str),
    }
)
