"""A file of another department made ready for the database: read, cleaned, hashed, sealed.

Runs in a process of its own for large files (worker.py): a list of 200,000 people takes a
processor for many seconds, and whoever waits at the desk must not notice. What comes out is text
for COPY; names stand in it in clear only on their way into a temporary table.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from cloud.care.matching.clean import name_key
from cloud.care.matching.matcher import judge_alone
from cloud.care.matching.models import person_context
from cloud.care.matching.reading import ListRow, read_list
from cloud.crypto import Keyring
from cloud.people.record import masked_number, number_purpose

COLUMNS: Final = (
    "id", "line", "difference", "reason", "other_lines", "name", "birth_date", "numbers", "status",
    "problems", "person_sealed",
)  # fmt: skip
# Lines of one finding that are told: a list that repeats one number a thousand times is broken.
_LINES_TOLD: Final = 20
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})


@dataclass(frozen=True, slots=True)
class Staged:
    """What a file holds. `copy`: rows for COPY in the order of COLUMNS; `statuses` as found."""

    rows: int
    statuses: tuple[str, ...]
    copy: bytes


def stage(content: bytes, today: date, keys: str, institution_id: uuid.UUID) -> Staged:
    """Everything that can be done to a file without the records. Raises ListError."""
    rows = read_list(content, today)
    keyring, purpose = Keyring.parse(keys), number_purpose(institution_id)
    lines = "".join(_lines(rows, keyring, purpose))
    return Staged(
        len(rows), tuple(dict.fromkeys(row.status for row in rows)), lines.encode("utf-8")
    )


def _lines(rows: Sequence[ListRow], keyring: Keyring, purpose: str) -> Iterator[str]:
    own = judge_alone(rows)
    for row in rows:
        row_id = uuid.uuid4()
        alone = own.get(row.line)
        indexes = [] if row.number is None else keyring.blind_indexes(row.number, purpose)
        cells = (
            str(row_id),
            str(row.line),
            "" if alone is None else alone.difference.value,
            "" if alone is None else alone.reason.value,
            _array(() if alone is None else alone.lines[:_LINES_TOLD]),
            _text(name_key(row.name)),
            r"\N" if row.birth_date is None else row.birth_date.isoformat(),
            ",".join(index.hex() for index in indexes),
            _text(row.status),
            _text("；".join(row.problems)),
            rf"\\x{_sealed(row, row_id, keyring).hex()}",
        )
        yield "\t".join(cells) + "\n"


def _sealed(row: ListRow, row_id: uuid.UUID, keyring: Keyring) -> bytes:
    person = {
        "name": row.name,
        "birth_date": None if row.birth_date is None else row.birth_date.isoformat(),
        "number": None if row.number is None else masked_number(row.number),
    }
    return keyring.encrypt(json.dumps(person, ensure_ascii=False), person_context(row_id))


def _array(lines: Sequence[int]) -> str:
    return "{" + ",".join(map(str, lines)) + "}"


def _text(text: str) -> str:
    return text.translate(_ESCAPES)
