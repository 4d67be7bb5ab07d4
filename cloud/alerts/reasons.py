"""Reasons of all detectors in words."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.events import Reason
from edge.fall.reasons import REASONS as FALL_REASONS

_OTHERS: Final = MappingProxyType(
    {"sos_pressed": ("按下了紧急呼叫", "The emergency call was pressed")}
)
_TEMPLATES: Final = MappingProxyType(
    {code: (words.zh, words.en) for code, words in FALL_REASONS.items()} | dict(_OTHERS)
)


def explain(reason: Reason, language: str) -> str:
    """The reason in `zh` or `en`. A code or value we do not know is shown as it came."""
    words = _TEMPLATES.get(reason.code)
    if words is None:
        return _plain(reason)
    try:
        return words[0 if language == "zh" else 1].format(**reason.values)
    except (KeyError, ValueError):
        return _plain(reason)


def _plain(reason: Reason) -> str:
    values = ", ".join(f"{name} {value:g}" for name, value in sorted(reason.values.items()))
    return f"{reason.code} ({values})" if values else reason.code
