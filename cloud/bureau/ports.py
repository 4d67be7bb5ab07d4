"""What other slices bring to the indicators: each counts its own on a tally."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from cloud.bureau.of_people import People
from cloud.bureau.tally import Span, Tally
from cloud.database import TenantScope

Source = Callable[[TenantScope, Span, Tally, People], Awaitable[None]]

# Code of the indicator (`cloud/bureau/catalogue.py`, where it is then `connected`) to its source.
MORE_SOURCES: Final[dict[str, Source]] = {}
