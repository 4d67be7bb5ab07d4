"""The one supervisor boundary: a fault in a driver or detector stays with its device.

Everything else that is unexpected ends the process, whose supervisor starts it again from the
outbox. A frame that ended the process would come again after every start and blind every bed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception nobody foresaw, for the log and the quarantine."""

    error: Exception

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def isolated(work: Callable[[], Result]) -> Result | Fault:
    """What `work` returns, or the fault that stopped it."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # the boundary the module is about
        return Fault(error)
