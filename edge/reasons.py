"""What a reason says to a nurse: the form that every detector's table of words has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.events import Reason


@dataclass(frozen=True, slots=True)
class ReasonText:
    """Templates for one code; names in braces are keys of `Reason.values`."""

    zh: str
    en: str


def say(texts: Mapping[str, ReasonText], reason: Reason, language: str = "zh") -> str:
    """The reason in words. What comes from a newer detector is shown as it came, never hidden."""
    text = texts.get(reason.code)
    if text is not None:
        template = text.zh if language.startswith("zh") else text.en
        try:
            return template.format(**reason.values)
        except (KeyError, ValueError):
            pass
    values = ", ".join(f"{name} {value:g}" for name, value in sorted(reason.values.items()))
    return f"{reason.code} ({values})" if values else reason.code
