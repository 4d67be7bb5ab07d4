"""Frames between the radio, which does not wait, and the disk, which sometimes must."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import structlog

from gateway.sources import Frame
from gateway.sources.ble.figures import BleFigures

log = structlog.get_logger(__name__)

# A minute of 150 frames a second: longer than any commit, short of what memory would notice.
MAX_WAITING: Final = 10_000
MAX_GROUP: Final = 256


class FrameQueue:
    """Drops the oldest when full: counted, and told once until there is room again."""

    def __init__(self, figures: BleFigures) -> None:
        self._frames: deque[Frame] = deque()
        self._figures = figures
        self._arrived = asyncio.Event()
        self._is_full = False

    def put(self, frame: Frame) -> None:
        """Never waits."""
        if len(self._frames) >= MAX_WAITING:
            self._frames.popleft()
            self._figures.dropped.inc()
            if not self._is_full:
                self._is_full = True
                log.error("ble_frames_dropped", waiting=MAX_WAITING)
        self._frames.append(frame)
        self._arrived.set()

    async def next_group(self) -> list[Frame]:
        """What has come by now, at least one."""
        await self._arrived.wait()
        group = [self._frames.popleft() for _ in range(min(MAX_GROUP, len(self._frames)))]
        if not self._frames:
            self._arrived.clear()
            if self._is_full:
                self._is_full = False
                log.info("ble_frames_flow_again")
        return group
