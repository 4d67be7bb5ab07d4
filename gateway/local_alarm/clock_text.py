"""Times as people at the gateway read them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from edge.signals import NS_PER_S


def local_time(time_ns: int, timezone: str) -> str:
    """Hour and minute and second, in the place's own time."""
    return f"{datetime.fromtimestamp(time_ns / NS_PER_S, ZoneInfo(timezone)):%H:%M:%S}"
