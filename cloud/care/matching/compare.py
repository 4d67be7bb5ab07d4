"""A whole list held against all records at once, in the database.

The rules are matcher.py's; here they are joins, because 200,000 rows against a million records is
what a database is made for. The list stands in a temporary table that goes with the transaction:
names of people who are not in our care are never on disk in clear for longer.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from cloud.care.matching.clean import TRANSLATE_FROM, TRANSLATE_TO
from cloud.care.matching.models import MatchingList
from cloud.care.matching.staging import COLUMNS
from cloud.database import TenantScope

_CHUNK: Final = 1024 * 1024
_STAGE: Final = """
CREATE TEMP TABLE matching_stage (
    id uuid NOT NULL, line integer NOT NULL, difference text NOT NULL, reason text NOT NULL,
    other_lines integer[] NOT NULL, name text NOT NULL, birth_date date, numbers text NOT NULL,
    status text NOT NULL, problems text NOT NULL, person_sealed bytea NOT NULL
) ON COMMIT DROP
"""
# As clean.py's name_key() leaves the names of the list.
_NAME: Final = f"translate(e.name, '{TRANSLATE_FROM}', '{TRANSLATE_TO}')"
# A record found for a line: by its number, or by name and birth date.
_HIT: Final = """
CREATE TEMP TABLE matching_hit (
    line integer NOT NULL, elder_id uuid NOT NULL, name text NOT NULL, by_number boolean NOT NULL,
    numbered boolean NOT NULL
) ON COMMIT DROP
"""
_HITS: Final = f"""
INSERT INTO matching_hit
WITH number AS (
    SELECT DISTINCT ON (blind) line, blind FROM (
        SELECT line, decode(unnest(string_to_array(numbers, ',')), 'hex') AS blind
        FROM matching_stage WHERE numbers <> ''
    ) AS each ORDER BY blind, line
), by_number AS (
    SELECT number.line, e.id AS elder_id, {_NAME} AS name
    FROM number JOIN elder e ON e.citizen_number_index = number.blind
    WHERE e.institution_id = %(institution)s
), by_name AS (
    SELECT s.line, e.id AS elder_id, s.name, e.citizen_number_index IS NOT NULL AS numbered
    FROM matching_stage s JOIN elder e ON {_NAME} = s.name AND e.birth_date = s.birth_date
    WHERE e.institution_id = %(institution)s AND s.name <> ''
)
SELECT line, elder_id, name, true AS by_number, true AS numbered FROM by_number
UNION ALL
SELECT line, elder_id, name, false, numbered FROM by_name
WHERE NOT EXISTS (
    SELECT FROM by_number n WHERE n.line = by_name.line AND n.elder_id = by_name.elder_id
)
"""  # noqa: S608 - constants
_ROWS: Final = """
INSERT INTO matching_row (
    id, institution_id, list_id, line, difference, certainty, reason, other_lines, person_sealed,
    status, problems, elder_id, candidates, before, after, decision_note
)
WITH per AS (
    SELECT line,
        count(*) FILTER (WHERE by_number) AS numbers,
        count(*) FILTER (WHERE NOT by_number) AS names,
        bool_or(numbered) AS numbered,
        min(name) FILTER (WHERE by_number) AS recorded,
        array_agg(elder_id ORDER BY by_number DESC, elder_id) AS elders
    FROM matching_hit GROUP BY line
), judged AS (
    SELECT s.*, coalesce(per.elders, '{}') AS elders,
        CASE
            WHEN s.reason <> '' THEN s.reason
            WHEN per.line IS NULL THEN 'not_on_record'
            WHEN per.numbers >= 2 THEN 'two_records'
            WHEN per.numbers = 1 AND per.recorded <> s.name THEN 'other_name'
            WHEN per.numbers = 1 AND per.names > 0 THEN 'two_people'
            WHEN per.numbers = 1 THEN 'by_number'
            WHEN per.names >= 2 THEN 'namesakes'
            WHEN s.numbers <> '' AND per.numbered THEN 'other_number'
            ELSE 'by_name'
        END AS verdict
    FROM matching_stage s LEFT JOIN per USING (line)
), told AS (
    SELECT judged.*,
        CASE WHEN verdict IN ('by_number', 'by_name') THEN elders[1] END AS elder_id,
        nullif(%(meanings)s::jsonb -> status, 'null'::jsonb) AS after
    FROM judged
)
SELECT told.id, %(institution)s, %(list)s, line,
    CASE
        WHEN difference <> '' THEN difference
        WHEN verdict = 'not_on_record' THEN 'new'
        WHEN told.elder_id IS NULL THEN 'conflict'
        WHEN known.value = told.after THEN 'same'
        ELSE 'changed'
    END,
    CASE verdict WHEN 'by_number' THEN 'certain' WHEN 'by_name' THEN 'likely' ELSE 'none' END,
    verdict, other_lines, person_sealed, status, problems, told.elder_id,
    CASE WHEN told.reason = '' THEN elders ELSE '{}' END, known.value, told.after, ''
FROM told LEFT JOIN LATERAL (
    SELECT nullif(f.value, '"unknown"'::jsonb) AS value FROM elder_fact f
    WHERE f.institution_id = %(institution)s AND f.elder_id = told.elder_id
        AND f.field = %(field)s
    ORDER BY f.as_of DESC, f.id DESC LIMIT 1
) AS known ON true
"""
_GONE: Final = """
INSERT INTO matching_row (
    id, institution_id, list_id, line, difference, certainty, reason, other_lines, status,
    problems, elder_id, candidates, before, after, decision_note
)
SELECT gen_random_uuid(), %(institution)s, %(list)s, NULL, 'gone', was.certainty, 'gone', '{}',
    was.status, '', was.elder_id, ARRAY[was.elder_id], known.value, '"unknown"', ''
FROM (
    SELECT DISTINCT ON (elder_id) elder_id, certainty, status FROM matching_row
    WHERE institution_id = %(institution)s AND list_id = %(previous)s
        AND elder_id IS NOT NULL AND difference <> 'gone'
    ORDER BY elder_id, certainty
) AS was LEFT JOIN LATERAL (
    SELECT nullif(f.value, '"unknown"'::jsonb) AS value FROM elder_fact f
    WHERE f.institution_id = %(institution)s AND f.elder_id = was.elder_id
        AND f.field = %(field)s
    ORDER BY f.as_of DESC, f.id DESC LIMIT 1
) AS known ON true
WHERE NOT EXISTS (SELECT FROM matching_hit WHERE matching_hit.elder_id = was.elder_id)
"""
# After somebody said what a category means; what is decided stays as it was decided.
_AGAIN: Final = """
UPDATE matching_row SET after = told.value,
    difference = CASE WHEN before = told.value THEN 'same' ELSE 'changed' END
FROM (
    SELECT id, nullif(%(meanings)s::jsonb -> status, 'null'::jsonb) AS value FROM matching_row
    WHERE institution_id = %(institution)s AND list_id = %(list)s
        AND difference IN ('same', 'changed') AND elder_id IS NOT NULL
        AND (decision IS NULL OR undone_at IS NOT NULL)
) AS told
WHERE matching_row.institution_id = %(institution)s AND matching_row.id = told.id
"""


async def compare(scope: TenantScope, one: MatchingList, copy: bytes) -> None:
    """Make the rows of a list, in this transaction."""
    values = _values(scope, one)
    async with scope.driver_cursor() as cursor:
        await cursor.execute(_STAGE)
        columns = ", ".join(COLUMNS)
        async with cursor.copy(f"COPY matching_stage ({columns}) FROM STDIN") as out:
            for start in range(0, len(copy), _CHUNK):
                await out.write(copy[start : start + _CHUNK])
        await cursor.execute("ANALYZE matching_stage")
        await cursor.execute(_HIT)
        await cursor.execute(_HITS, values)
        await cursor.execute("ANALYZE matching_hit")
        await cursor.execute(_ROWS, values)
        if one.previous_id is not None:
            await cursor.execute(_GONE, values)


async def compare_again(scope: TenantScope, one: MatchingList) -> None:
    """The same rows by other meanings."""
    async with scope.driver_cursor() as cursor:
        await cursor.execute(_AGAIN, _values(scope, one))


def _values(scope: TenantScope, one: MatchingList) -> Mapping[str, Any]:
    previous: uuid.UUID | None = one.previous_id
    return {
        "institution": scope.institution_id, "list": one.id, "previous": previous,
        "field": one.field, "meanings": json.dumps(one.meanings),
    }  # fmt: skip
