"""Reads and compares the lists that wait. A list is a row: a restart begins it anew, never half.

The file is read in a process of its own when it is large, so that nothing else of the application
waits for it; the comparison is the database's. All rows of a list come in one transaction.
"""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Final

import structlog
from sqlalchemy import or_

from cloud.care.matching.compare import compare
from cloud.care.matching.matcher import Difference
from cloud.care.matching.meanings import propose
from cloud.care.matching.models import ListState, MatchingList, file_context
from cloud.care.matching.reading import ListError
from cloud.care.matching.service import counts_of, find_list, previous_of
from cloud.care.matching.staging import Staged, stage
from cloud.clock import Clock, local_date
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope
from cloud.tasks import Beat

LOOK_S: Final = 1.0
_BEAT_S: Final = 5.0
# A process that has not said so for this long is gone: three beats and a slow disk.
SILENT_AFTER: Final = timedelta(seconds=30)
# A list that breaks its process twice breaks it a third time.
MAX_TRIES: Final = 3
# Below this a file is read within a few hundred milliseconds: no process is worth it.
_SMALL_BYTES: Final = 256 * 1024
# More categories than this are no categories: a column was taken for what it is not.
_MAX_STATUSES: Final = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Claimed:
    institution_id: uuid.UUID
    list_id: uuid.UUID
    content: bytes
    today: date


class MatchingWorker:
    """One for each process of the cloud; a list is taken by one of them. `keys`: the keyring."""

    def __init__(self, database: Database, keys: str, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._keyring = Keyring.parse(keys)
        self._clock = clock

    async def work(self, beat: Beat) -> None:
        """For ever."""
        while True:
            if not await self.once():
                await asyncio.sleep(LOOK_S)
            beat()

    async def once(self) -> bool:
        """One list, if any waits."""
        claimed = await self._claim()
        if claimed is None:
            return False
        beating = asyncio.create_task(self._beat(claimed), name=f"list {claimed.list_id}")
        try:
            await self._perform(claimed)
        except ListError as error:
            await self._fail(claimed, str(error))
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
        return True

    async def _claim(self) -> _Claimed | None:
        for institution_id in await self._database.institutions():
            async with self._database.tenant(institution_id) as scope:
                now = self._clock.now()
                row = await _next(scope, now)
                if row is None:
                    continue
                if row.tries >= MAX_TRIES:
                    _end(row, ListState.FAILED, "读取时多次中断，请检查文件后重新上传", now)
                    _log.error("list_given_up", list=str(row.id))
                    continue
                sealed = await _file_of(scope, row)
                row.state, row.beat_at, row.step = ListState.RUNNING, now, "reading"
                row.tries += 1
                content = self._keyring.decrypt_bytes(sealed, file_context(row.id))
                return _Claimed(institution_id, row.id, content, local_date(now))
        return None

    async def _perform(self, claimed: _Claimed) -> None:
        staged = await self._stage(claimed)
        async with self._database.tenant(claimed.institution_id) as scope:
            row = await find_list(scope, claimed.list_id, lock=True)
            row.step, row.done, row.total = "comparing", 0, staged.rows
        async with self._database.tenant(claimed.institution_id) as scope:
            row = await find_list(scope, claimed.list_id)
            previous = await previous_of(scope, row)
            row.previous_id = None if previous is None else previous.id
            listed = row.meanings.get("")
            row.meanings = propose(row.field, staged.statuses, listed) | (
                {} if listed is None else {"": listed}
            )
            await scope.session.flush()
            await compare(scope, row, staged.copy)
            row.done = staged.rows
            _end(row, ListState.READY, "", self._clock.now())
            counts, _ = (await counts_of(scope, [row.id]))[row.id]
        _log.info(
            "list_compared", list=str(claimed.list_id), rows=staged.rows,
            conflicts=counts.get(Difference.CONFLICT, 0),
            unreadable=counts.get(Difference.UNREADABLE, 0),
        )  # fmt: skip

    async def _stage(self, claimed: _Claimed) -> Staged:
        work = partial(stage, claimed.content, claimed.today, self._keys, claimed.institution_id)
        if len(claimed.content) <= _SMALL_BYTES:
            staged = await asyncio.to_thread(work)
        else:
            loop = asyncio.get_running_loop()
            process = _own_process()
            try:
                staged = await loop.run_in_executor(process, work)
            finally:
                process.shutdown(wait=False, cancel_futures=True)
        if len(staged.statuses) > _MAX_STATUSES:
            raise ListError(
                f"“类别”一列有 {len(staged.statuses)} 种不同的内容，不像类别；请检查表头"
            )
        return staged

    async def _beat(self, claimed: _Claimed) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            async with self._database.tenant(claimed.institution_id) as scope:
                statement = scope.select(MatchingList).where(MatchingList.id == claimed.list_id)
                # The comparison's own transaction may hold the row: then the list is alive anyway.
                held = await scope.session.scalars(statement.with_for_update(skip_locked=True))
                row = held.one_or_none()
                if row is not None:
                    row.beat_at = self._clock.now()

    async def _fail(self, claimed: _Claimed, note: str) -> None:
        async with self._database.tenant(claimed.institution_id) as scope:
            row = await find_list(scope, claimed.list_id, lock=True)
            _end(row, ListState.FAILED, note, self._clock.now())
        _log.warning("list_refused", list=str(claimed.list_id), why=note)


def _own_process() -> ProcessPoolExecutor:
    # spawn: a forked copy of a running event loop is no place to start from.
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


async def _next(scope: TenantScope, now: datetime) -> MatchingList | None:
    statement = (
        scope.select(MatchingList)
        .where(
            or_(
                MatchingList.state == ListState.QUEUED,
                (MatchingList.state == ListState.RUNNING)
                & (MatchingList.beat_at < now - SILENT_AFTER),
            )
        )
        .order_by(MatchingList.uploaded_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await scope.session.scalars(statement)).one_or_none()


async def _file_of(scope: TenantScope, row: MatchingList) -> bytes:
    statement = (
        scope.select(MatchingList)
        .where(MatchingList.id == row.id)
        .with_only_columns(MatchingList.file_sealed)
    )
    sealed = (await scope.session.execute(statement)).scalar_one()
    if sealed is None:
        raise RuntimeError("a list waits without its file")
    return bytes(sealed)


def _end(row: MatchingList, state: ListState, note: str, now: datetime) -> None:
    """Over, one way or another: the file is not kept any longer."""
    row.state, row.note, row.step, row.ended_at = state, note, "", now
    row.file_sealed = None
