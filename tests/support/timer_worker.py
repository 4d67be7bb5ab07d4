"""A process that works timers as the cloud does, on the database it is named; until it is ended.

It says `ready` when it has loaded, and begins when it is told anything: loading takes seconds.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from sqlalchemy import make_url

from cloud.alerts.clock_steps import ClockWatch
from cloud.alerts.timers import TIMER_INTERVAL_S, work_timers
from cloud.clock import SystemClock
from cloud.database import Database
from tests.support.processes import REPOSITORY

URL_VARIABLE = "YUYUE_TEST_TIMER_DATABASE"


class TimerWorker:
    """One such process."""

    def __init__(self, url: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.support.timer_worker"], cwd=REPOSITORY,
            env={**os.environ, URL_VARIABLE: url}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def wait_ready(self) -> None:
        """Until it has loaded."""
        assert self._popen.stdout is not None
        assert self._popen.stdout.readline() == b"ready\n"

    def go(self) -> None:
        """Begin."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(b"go\n")
        self._popen.stdin.flush()

    def kill_9(self) -> None:
        """End it without a chance to say goodbye."""
        self._popen.kill()
        self._popen.wait(10)
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()


async def main() -> None:
    """Round after round, as the cloud's own task."""
    clock = SystemClock()
    database = Database(make_url(os.environ[URL_VARIABLE]), pool_size=2)
    watch = ClockWatch(database, clock)
    while True:
        await watch.look()
        await work_timers(database, clock.now())
        await asyncio.sleep(TIMER_INTERVAL_S)


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    asyncio.run(main())
