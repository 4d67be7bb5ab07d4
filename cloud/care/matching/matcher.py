"""A list held against the records: new, gone, changed, the same, conflicting. Changes nothing.

Numbers are compared by keyed hash, so that neither side's numbers stand in clear in memory longer
than it takes to hash them. Name and birth date without a number are likely, never certain.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from cloud.care.matching.reading import ListRow


class Difference(StrEnum):
    """What a list says of a person."""

    SAME = "same"
    NEW = "new"  # in the list, not in the records
    GONE = "gone"  # had this status from the last list, is not in this one
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
    """A person of the records. `status`: as last taken from a list of this kind, None: never."""

    elder_id: uuid.UUID
    name: str
    birth_date: date
    number_index: bytes | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `rows`: lines of the list; `elders`: records; `why` in words."""

    difference: Difference
    certainty: Certainty
    rows: tuple[int, ...]
    elders: tuple[uuid.UUID, ...]
    before: str | None
    after: str | None
    why: str


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
    by_index, by_name, findings = _index_rows(rows, indexes_of)
    found: dict[int, list[tuple[Known, bool]]] = defaultdict(list)  # line -> (who, by number)
    gone: list[Known] = []
    for count, person in enumerate(known, 1):
        line = by_index.get(person.number_index) if person.number_index is not None else None
        if line is not None:
            found[line].append((person, True))
        lines = by_name.get((person.name, person.birth_date), ())
        for other in lines:
            if other != line:
                found[other].append((person, False))
        if line is None and not lines and person.status:
            gone.append(person)
        if progress is not None and count % 10_000 == 0:
            progress(count)
    taken = {finding.rows[0] for finding in findings if finding.rows}
    findings += [_judge(row, found.get(row.line, [])) for row in rows if row.line not in taken]
    findings.sort(key=lambda finding: finding.rows)
    findings += [
        Finding(Difference.GONE, Certainty.CERTAIN, (), (person.elder_id,), person.status, None,
                "上次名单里有，这次没有")
        for person in gone
    ]  # fmt: skip
    return findings


def _index_rows(
    rows: Sequence[ListRow], indexes_of: Callable[[str], Sequence[bytes]]
) -> tuple[dict[bytes, int], dict[_NameKey, list[int]], list[Finding]]:
    """The list by number and by name, and what is wrong within the list itself."""
    by_number: dict[str, list[ListRow]] = defaultdict(list)
    by_name: dict[_NameKey, list[int]] = defaultdict(list)
    findings: list[Finding] = []
    usable: list[ListRow] = []
    for row in rows:
        if row.problems and (not row.name or (row.number is None and row.birth_date is None)):
            findings.append(_of_row(Difference.UNREADABLE, row, "；".join(row.problems)))
            continue
        if row.number is None and row.birth_date is None:
            findings.append(
                _of_row(Difference.UNREADABLE, row, "既没有身份证号也没有出生日期，无法比对")
            )
            continue
        usable.append(row)
        if row.number is not None:
            by_number[row.number].append(row)
    by_index: dict[bytes, int] = {}
    twice: set[int] = set()
    for number, sharing in by_number.items():
        for blind in indexes_of(number):
            by_index[blind] = sharing[0].line
        if len(sharing) >= _TWO:
            findings += _shared_number(sharing)
            twice.update(row.line for row in sharing)
    for row in usable:
        if row.birth_date is not None and row.line not in twice:
            by_name[row.name, row.birth_date].append(row.line)
    return by_index, by_name, findings


def _shared_number(sharing: Sequence[ListRow]) -> list[Finding]:
    """Rows of one number: the same person twice, or two persons with one number."""
    lines = "、".join(str(row.line) for row in sharing)
    names = {row.name for row in sharing}
    if len(names) == 1 and len({row.status for row in sharing}) == 1:
        why = f"名单里重复（第 {lines} 行），按一个人计"
        return [_of_row(Difference.CONFLICT, row, why) for row in sharing[1:]]
    what = "不同姓名" if len(names) > 1 else "不同类别"
    why = f"第 {lines} 行是同一个身份证号、{what}，请核对"
    return [_of_row(Difference.CONFLICT, row, why) for row in sharing]


def _judge(row: ListRow, candidates: list[tuple[Known, bool]]) -> Finding:
    by_number = [person for person, certain in candidates if certain]
    by_name = [person for person, certain in candidates if not certain]
    everyone = tuple(dict.fromkeys(person.elder_id for person, _ in candidates))
    if len(by_number) >= _TWO:
        return _conflict(row, everyone, "档案里有两位老人登记了同一个身份证号")
    if by_number:
        (person,) = by_number
        if person.name != row.name:
            return _conflict(
                row, everyone, f"身份证号相同而姓名不同（档案：{person.name}，名单：{row.name}）"
            )
        if by_name:
            return _conflict(row, everyone, "身份证号指向一位老人，姓名和生日指向另一位")
        return _compared(row, person, Certainty.CERTAIN)
    if len(by_name) >= _TWO:
        return _conflict(row, everyone, f"档案里有 {len(by_name)} 位同名同生日的老人")
    if by_name:
        (person,) = by_name
        if row.number is not None and person.number_index is not None:
            return _conflict(row, everyone, "同名同生日，但身份证号不同")
        return _compared(row, person, Certainty.LIKELY)
    why = "；".join(("档案里没有这个人", *row.problems))
    return Finding(Difference.NEW, Certainty.NONE, (row.line,), (), None, row.status, why)


def _compared(row: ListRow, person: Known, certainty: Certainty) -> Finding:
    same = (person.status or "") == row.status
    by = "身份证号和姓名" if certainty is Certainty.CERTAIN else "姓名和出生日期"
    why = "；".join((f"按{by}比对", *row.problems))
    return Finding(
        Difference.SAME if same else Difference.CHANGED,
        certainty,
        (row.line,),
        (person.elder_id,),
        person.status,
        row.status,
        why,
    )


def _conflict(row: ListRow, elders: tuple[uuid.UUID, ...], why: str) -> Finding:
    return Finding(Difference.CONFLICT, Certainty.NONE, (row.line,), elders, None, row.status, why)


def _of_row(difference: Difference, row: ListRow, why: str) -> Finding:
    return Finding(difference, Certainty.NONE, (row.line,), (), None, row.status, why)
