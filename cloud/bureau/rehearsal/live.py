"""Living a diary: each house its month, one transaction a day, several houses at a time."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from cloud.bureau.job import follow
from cloud.bureau.rehearsal.care_acts import CareActs
from cloud.bureau.rehearsal.diary import DiaryError, House, Line, Month
from cloud.bureau.rehearsal.figures import figures_of, rows_of, sheet_for
from cloud.bureau.rehearsal.settle import settle
from cloud.bureau.rehearsal.watch_acts import WatchActs
from cloud.database import Database, normal_url
from cloud.errors import ProblemError
from cloud.identity.models import User
from cloud.identity.service import Principal
from cloud.series.choose import series_store
from cloud.settings import Settings

# Move in so long before the month; count so long after it, when late truth has come.
_BEFORE: Final = timedelta(days=10)
_AFTER: Final = timedelta(days=3, hours=9)
# Phones send what they hold: checks of so many hours together.
_BUNDLE_H: Final = 8
# Half of a house's time is the database's: more houses at a time than there are cores.
JOBS: Final = min(8, 2 * (os.cpu_count() or 1))
Progress = Callable[[int, int], None]
Lived = Callable[[int], None]
# Who is there, and what happens to them.
Work = tuple[Line, Sequence[Line]]


@dataclass(slots=True)
class Rehearsal:
    """Lives a diary. `jobs`: so many processes, each a house at a time; 1: in this one.

    Afterwards `houses`, and `rows`: how many there are, by table.
    """

    database: Database
    settings: Settings
    jobs: int = 1
    houses: list[House] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)

    async def live(
        self, lines: Sequence[Line], progress: Progress | None = None
    ) -> list[dict[str, Any]]:
        """All of it; the figures of the month by the names of nodes. Raises DiaryError."""
        setting, events = lines[0], lines[1:]
        month = Month.of(setting)
        of_house: dict[int, list[Line]] = defaultdict(list)
        for line in events:
            of_house[int(line["house"])].append(line)
        work = [(told, of_house[number]) for number, told in enumerate(setting["houses"])]
        done = 0

        def lived(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(done, len(events))

        if self.jobs > 1:
            found = await asyncio.to_thread(self._apart, work, month, lived)
        else:
            found = [await _live(self.database, self.settings, one, month, lived) for one in work]
        for house, rows in found:
            self.houses.append(house)
            self.rows.update(rows)
        return figures_of(await sheet_for(self.database, self.houses, month))

    def _apart(
        self, work: Sequence[Work], month: Month, lived: Lived
    ) -> list[tuple[House, dict[str, int]]]:
        """Houses are tenants: nothing that one does is seen or waited for by another."""
        context = multiprocessing.get_context("spawn")
        told = context.SimpleQueue()
        url = self.database.app_url.render_as_string(hide_password=False)

        def listen() -> None:
            while (count := told.get()) is not None:
                lived(count)

        listener = threading.Thread(target=listen, name="rehearsal-progress")
        listener.start()
        try:
            with ProcessPoolExecutor(
                self.jobs, context, initializer=_begin, initargs=(told,)
            ) as pool:
                futures = [pool.submit(_live_apart, url, self.settings, one, month) for one in work]
                return [future.result() for future in futures]
        finally:
            told.put(None)
            listener.join()


_told: Any = None


def _begin(told: Any) -> None:
    global _told  # noqa: PLW0603 - a queue reaches a process at its start only
    _told = told


def _live_apart(
    url: str, settings: Settings, work: Work, month: Month
) -> tuple[House, dict[str, int]]:
    async def run() -> tuple[House, dict[str, int]]:
        database = Database(normal_url(url), pool_size=2)
        try:
            return await _live(database, settings, work, month, _told.put)
        finally:
            await database.close()

    return asyncio.run(run())


async def _live(
    database: Database, settings: Settings, work: Work, month: Month, lived: Lived
) -> tuple[House, dict[str, int]]:
    """One house: settles, lives day by day, counts as the job does at night."""
    (told, lines), series = work, series_store(settings, database)
    house = await settle(database, settings.keyring, told, month.begins - _BEFORE)
    care = CareActs(settings.keyring, series)
    acts = {**WatchActs(series).acts, **care.acts}
    for _, day in groupby(lines, key=lambda line: line["at"][:10]):
        theirs = list(day)
        async with database.tenant(house.institution_id) as scope:
            user = await scope.session.get_one(User, house.user_id)
            for bundle in _bundles(theirs):
                at, do = datetime.fromisoformat(bundle[-1]["at"]), bundle[0]["do"]
                who = Principal(scope, user, None, at)
                try:
                    if do == "check":
                        await care.checks(house, who, bundle, at)
                    elif do in acts:
                        await acts[do](house, who, bundle[0], at)
                    else:
                        raise DiaryError(f"{do}: nothing that happens here")
                except ProblemError as error:  # as a route would say it
                    raise DiaryError(f"{house.name}, {at}, {do}: {error}") from error
                await scope.session.flush()
        lived(len(theirs))
    async with database.tenant(house.institution_id) as scope:
        await follow(scope, month.ends + _AFTER)
        return house, await rows_of(scope)


def _bundles(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Each line alone, in order; checks of some hours together, behind the last of them."""
    held: list[Line] = []
    for line in lines:
        if held and int(held[0]["at"][11:13]) // _BUNDLE_H != int(line["at"][11:13]) // _BUNDLE_H:
            yield held
            held = []
        if line["do"] == "check":
            held.append(line)
        else:
            yield [line]
    if held:
        yield held
