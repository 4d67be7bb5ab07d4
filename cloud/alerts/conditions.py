"""Rows in the terms of the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final

from cloud.alerts.codes import Priority
from cloud.alerts.findings import Finding, Injury, Verdict
from cloud.alerts.machine import Condition, Move, MoveKind, State
from cloud.alerts.models import Alert, AlertMove

_CONDITION_FIELDS: Final = tuple(field.name for field in fields(Condition))
_MOVE_FIELDS: Final = tuple(field.name for field in fields(Move) if field.name != "kind")
_TYPES: Final[Mapping[str, Callable[[Any], object]]] = MappingProxyType(
    {
        "state": State, "priority": Priority, "verdict": Verdict, "finding": Finding,
        "injury": Injury,
    }
)  # fmt: skip


def _typed(name: str, value: Any) -> Any:
    make = _TYPES.get(name)
    return value if make is None or value is None else make(value)


def condition_of(alert: Alert) -> Condition:
    """The cached condition of an alert."""
    return Condition(**{name: _typed(name, getattr(alert, name)) for name in _CONDITION_FIELDS})


def move_of(row: AlertMove) -> Move:
    """A stored move, for the machine."""
    values = {name: _typed(name, getattr(row, name)) for name in _MOVE_FIELDS}
    return Move(kind=MoveKind(row.move), **values)
