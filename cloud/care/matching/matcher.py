"""A list held against the records: new, gone, changed, the same, conflicting. Changes nothing.

Numbers are compared by keyed hash, so that neither side's numbers stand in clear in memory longer
than it takes to hash them. Name and birth date without a number are likely, never certain.

This is the rule, row by row. The same over a whole district is done by the database in one go
(compare.py); a test holds the two against each other.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from cloud.care.matching.clean import name_key
from cloud.care.matching.reading import ListRow
from cloud.care.matching.words import Reason, sentence


class Difference(StrEnum):
    """What a list says of a person."""

    SAME = "same"
    NEW = "new"  # in the list, not in the records
    GONE = "gone"  # was in the last list of this source, is not in this one
    CHANGED = "changed"
    CONFLICT = "conflict"
    UNREADABLE = "unreadable"


class Certainty(StrEnum):
    """How sure it is that the two are one person."""

    CERTAIN = "certain"  # citizen number and name
    LIKELY = "likely"  # name and birth date, one on either side
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Known:
    """A person of the records. `status`: what the record says now; `listed`: in the last list."""

    elder_id: uuid.UUID
    name: str
    birth_date: date
    number_index: bytes | None
    status: str | None
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `rows`: lines of the list; `elders`: records; `why` in words."""

    difference: Difference
    certainty: Certainty
    rows: tuple[int, ...]
    elders: tuple[uuid.UUID, ...]
    before: str | None
    after: str | None
    reason: Reason
    why: str


@dataclass(frozen=True, slots=True)
class Own:
    """What is wrong with a row by the list alone. `lines`: all that share its number."""

    difference: Difference
    reason: Reason
    lines: tuple[int, ...] = ()


# A record per row of the list, keyed by what it can be found by.
_NameKey = tuple[str, date]
_TWO: Final = 2


def match(
    rows: Sequence[ListRow],
    known: Iterable[Known],
    indexes_of: Callable[[str], Sequence[bytes]],
    progress: Callable[[int], None] | None = None,
) -> list[Finding]:
    """All findings, in the order of the list; those of the records alone last.

    `indexes_of`: the blind indexes of a number under every key in use. `progress`: records read.
    """
    own = judge_alone(rows)
    by_index, by_name = _index_rows(rows, indexes_of)
    found: dict[int, list[tuple[Known, bool]]] = defaultdict(list)  # line -> (who, by number)
    gone: list[Known] = []
    for count, person in enumerate(known, 1):
        line = by_index.get(person.number_index) if person.number_index is not None else None
        if line is not None:
            found[line].append((person, True))
        lines = by_name.get((name_key(person.name), person.birth_date), ())
        for other in lines:
            if other != line:
                found[other].append((person, False))
        if line is None and not lines and person.listed:
            gone.append(person)
        if progress is not None and count % 10_000 == 0:
            progress(count)
    findings = [
        _alone(row, own[row.line]) if row.line in own else _judge(row, found.get(row.line, []))
        for row in rows
    ]
    return findings + [
        Finding(
            Difference.GONE, Certainty.CERTAIN, (), (person.elder_id,), person.status, None,
            Reason.GONE, sentence(Reason.GONE),
        )
        for person in gone
    ]  # fmt: skip


def judge_alone(rows: Sequence[ListRow]) -> Mapping[int, Own]:
    """By line: rows that cannot be read, and rows that share one citizen number."""
    own: dict[int, Own] = {}
    by_number: dict[str, list[ListRow]] = defaultdict(list)
    for row in rows:
        if row.problems and (not row.name or (row.number is None and row.birth_date is None)):
            own[row.line] = Own(Difference.UNREADABLE, Reason.UNREADABLE)
        elif row.number is None and row.birth_date is None:
            own[row.line] = Own(Difference.UNREADABLE, Reason.NO_KEY)
        elif row.number is not None:
            by_number[row.number].append(row)
    for sharing in by_number.values():
        if len(sharing) >= _TWO:
            own |= _shared_number(sharing)
    return own


def _shared_number(sharing: Sequence[ListRow]) -> dict[int, Own]:
    """Rows of one number: the same person twice, or two persons with one number."""
    lines = tuple(row.line for row in sharing)
    names = {name_key(row.name) for row in sharing}
    if len(names) == 1 and len({row.status for row in sharing}) == 1:
        twice = Own(Difference.CONFLICT, Reason.TWICE, lines)
        return dict.fromkeys(lines[1:], twice)
    reason = Reason.SHARED_NAMES if len(names) > 1 else Reason.SHARED_STATUS
    return dict.fromkeys(lines, Own(Difference.CONFLICT, reason, lines))


def _index_rows(
    rows: Sequence[ListRow], indexes_of: Callable[[str], Sequence[bytes]]
) -> tuple[dict[bytes, int], dict[_NameKey, list[int]]]:
    """The list by number and by name; of rows that share a number the first."""
    by_index: dict[bytes, int] = {}
    by_name: dict[_NameKey, list[int]] = defaultdict(list)
    for row in rows:
        if row.number is not None:
            for blind in indexes_of(row.number):
                by_index.setdefault(blind, row.line)
        if row.name and row.birth_date is not None:
            by_name[name_key(row.name), row.birth_date].append(row.line)
    return by_index, by_name


def _judge(row: ListRow, candidates: list[tuple[Known, bool]]) -> Finding:
    by_number = [person for person, certain in candidates if certain]
    by_name = [person for person, certain in candidates if not certain]
    everyone = tuple(dict.fromkeys(person.elder_id for person, _ in candidates))
    if len(by_number) >= _TWO:
        return _conflict(row, everyone, Reason.TWO_RECORDS)
    if by_number:
        (person,) = by_number
        if name_key(person.name) != name_key(row.name):
            return _conflict(row, everyone, Reason.OTHER_NAME, recorded=person.name)
        if by_name:
            return _conflict(row, everyone, Reason.TWO_PEOPLE)
        return _compared(row, person, Certainty.CERTAIN)
    if len(by_name) >= _TWO:
        return _conflict(row, everyone, Reason.NAMESAKES)
    if by_name:
        (person,) = by_name
        if row.number is not None and person.number_index is not None:
            return _conflict(row, everyone, Reason.OTHER_NUMBER)
        return _compared(row, person, Certainty.LIKELY)
    return Finding(
        Difference.NEW, Certainty.NONE, (row.line,), (), None, row.status, Reason.NOT_ON_RECORD,
        sentence(Reason.NOT_ON_RECORD, problems=row.problems),
    )  # fmt: skip


def _compared(row: ListRow, person: Known, certainty: Certainty) -> Finding:
    same = (person.status or "") == row.status
    reason = Reason.BY_NUMBER if certainty is Certainty.CERTAIN else Reason.BY_NAME
    return Finding(
        Difference.SAME if same else Difference.CHANGED,
        certainty,
        (row.line,),
        (person.elder_id,),
        person.status,
        row.status,
        reason,
        sentence(reason, problems=row.problems),
    )


def _conflict(
    row: ListRow, elders: tuple[uuid.UUID, ...], reason: Reason, *, recorded: str = ""
) -> Finding:
    why = sentence(
        reason, problems=row.problems, count=len(elders), recorded=recorded, listed=row.name
    )
    return Finding(
        Difference.CONFLICT, Certainty.NONE, (row.line,), elders, None, row.status, reason, why
    )


def _alone(row: ListRow, own: Own) -> Finding:
    return Finding(
        own.difference, Certainty.NONE, (row.line,), (), None, row.status, own.reason,
        sentence(own.reason, problems=row.problems, lines=own.lines),
    )  # fmt: skip
