"""How much one gateway may send to one worker, and how much all may at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from cloud.errors import ProblemError, TooManyTriesError
from cloud.ingest.intervals import IntervalCache

# Bulk batches worked at a time: leaves connections and time for urgent ones.
MAX_BULK_AT_A_TIME: Final = 4
# Of one gateway: its lanes wait for each other in the database anyway.
MAX_BULK_OF_ONE: Final = 2
_BUSY_RETRY_S: Final = 1
# A token that was good is not asked about again before its batch is read; the transaction that
# takes the batch always asks.
_TOKEN_GOOD_S: Final = 60.0
# Gateways remembered; beyond it the one longest unheard of goes.
_MAX_REMEMBERED: Final = 20_000
Value = TypeVar("Value")


@dataclass(slots=True)
class _Allowance:
    records: float
    at_s: float


class IngestGate:
    """Of one worker process. `records_per_s` is what a gateway may send of bulk for long."""

    def __init__(self, records_per_s: float, burst_s: float = 10.0) -> None:
        self._rate = records_per_s
        self._burst = records_per_s * burst_s
        self._allowances: dict[str, _Allowance] = {}
        self._working: dict[str, int] = {}
        self._good_tokens: dict[str, float] = {}
        self.known = IntervalCache()

    @property
    def bulk_now(self) -> int:
        """Bulk batches being worked."""
        return sum(self._working.values())

    def is_known(self, token: str | None, now_s: float) -> bool:
        """Whether this token was good a moment ago."""
        return token is not None and now_s - self._good_tokens.get(token, -math.inf) < _TOKEN_GOOD_S

    def remember(self, token: str | None, now_s: float) -> None:
        """This token is good."""
        if token is not None:
            _put(self._good_tokens, token, now_s)

    def forget(self, token: str | None) -> None:
        """This token is not good (any more)."""
        self._good_tokens.pop(token or "", None)

    def charge(self, token: str, records: int, now_s: float) -> None:
        """Raises TooManyTriesError (429) with the time after which the batch may come again."""
        known = self._allowances.get(token)
        left = self._burst if known is None else min(
            self._burst, known.records + (now_s - known.at_s) * self._rate
        )  # fmt: skip
        # A batch larger than the burst would never pass.
        if left < min(records, self._burst):
            wait_s = (min(records, self._burst) - left) / self._rate
            raise TooManyTriesError(
                f"This gateway may send {self._rate:.0f} records a second.", math.ceil(wait_s)
            )
        _put(self._allowances, token, _Allowance(left - records, now_s))

    @contextmanager
    def bulk(self, token: str) -> Iterator[None]:
        """A place for a bulk batch. Raises ProblemError 503 `busy` where there is none."""
        mine = self._working.get(token, 0)
        if self.bulk_now >= MAX_BULK_AT_A_TIME or mine >= MAX_BULK_OF_ONE:
            retry = {"Retry-After": str(_BUSY_RETRY_S)}
            raise ProblemError(503, "busy", "Bulk is busy.", headers=retry)
        self._working[token] = mine + 1
        try:
            yield
        finally:
            self._working[token] -= 1
            if not self._working[token]:
                del self._working[token]


def _put(table: dict[str, Value], key: str, value: Value) -> None:
    table.pop(key, None)
    table[key] = value
    if len(table) > _MAX_REMEMBERED:
        del table[next(iter(table))]
