"""What a call for help says to a nurse."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from edge.reasons import ReasonText

REASONS: Final = MappingProxyType(
    {"sos_pressed": ReasonText("按下了紧急呼叫", "The emergency call was pressed")}
)
