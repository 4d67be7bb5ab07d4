"""Many alerts and timers at once, written straight into the tables: for kills and measurements."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import psycopg
from sqlalchemy.engine import URL

from cloud.database import libpq_arguments

_ALERTS = """
    INSERT INTO alert (id, institution_id, code, category, priority, state, recovered, origin,
        happened_ns, raised_at, late_s, confidence, count, updated_at, rings, step, second_due,
        suppressed, rules_version, rule)
    SELECT gen_random_uuid(), %(home)s, 'fall_suspected', 'person', 'medium', 'raised', false,
        'live', extract(epoch FROM %(at)s::timestamptz) * 1e9, %(at)s, 0, 1, 1, %(at)s, 1, 0, false,
        false, '3', 'raise'
    FROM generate_series(1, %(count)s)
    RETURNING id
"""
_MOVES = """
    INSERT INTO alert_move (institution_id, alert_id, move, at, code, priority, recovered)
    SELECT institution_id, id, 'raise', raised_at, code, priority, false FROM alert
    WHERE institution_id = %(home)s
"""
_TIMERS = """
    INSERT INTO alert_timer (id, institution_id, alert_id, kind, due_at)
    SELECT gen_random_uuid(), %(home)s, id, 'escalate_suspected_fall',
        %(first)s::timestamptz
            + make_interval(secs => %(spread)s * (n - 1.0) / greatest(%(near)s, 1))
            + make_interval(secs => CASE WHEN n > %(near)s THEN 86400 ELSE 0 END)
    FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS t (id, n)
"""


def waiting_suspicions(
    superuser_url: URL,
    institution_id: uuid.UUID,
    at: datetime,
    *,
    near: int,
    far: int,
    first_s: float,
    spread_s: float,
) -> None:
    """`near` alerts with timers due over `spread_s` from `first_s` on; `far` ones due tomorrow."""
    with psycopg.connect(**libpq_arguments(superuser_url)) as connection:
        values = {"home": institution_id, "at": at, "count": near + far}
        ids = [row[0] for row in connection.execute(_ALERTS, values)]
        connection.execute(_MOVES, {"home": institution_id})
        connection.execute(
            _TIMERS,
            {
                "home": institution_id, "ids": ids, "near": near, "spread": spread_s,
                "first": at + timedelta(seconds=first_s),
            },
        )  # fmt: skip


def how_they_fired(superuser_url: URL) -> tuple[dict[str, int], list[float]]:
    """How many fired, moved, moved `twice` and are `left` though due; seconds after they were."""
    with psycopg.connect(**libpq_arguments(superuser_url)) as connection:
        late_s = [
            float(row[0])
            for row in connection.execute(
                "SELECT extract(epoch FROM ended_at - due_at) FROM alert_timer"
                " WHERE kind = 'escalate_suspected_fall' AND outcome = 'fired'"
            )
        ]
        moves = connection.execute(
            "SELECT count(*), count(*) - count(DISTINCT alert_id) FROM alert_move"
            " WHERE move = 'escalate' AND priority = 'high'"
        ).fetchone()
        left = connection.execute(
            "SELECT count(*) FROM alert_timer WHERE kind = 'escalate_suspected_fall'"
            " AND ended_at IS NULL AND due_at <= now()"
        ).fetchone()
    assert moves is not None
    assert left is not None
    found = {"fired": len(late_s), "moves": moves[0], "twice": moves[1], "left": left[0]}
    return found, late_s
