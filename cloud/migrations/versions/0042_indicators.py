"""Oversight: what rules and levels were when, indicators by day, what a bureau reads of them."""

from __future__ import annotations

from cloud.migrations.tenancy import owner_reads, protect, run

revision = "0042"
down_revision = "0041"

# A day is counted again when late truth comes: by the rules of that day, not by today's.
HISTORY = """
CREATE TABLE round_plan_version (
    institution_id uuid NOT NULL REFERENCES institution,
    plan_id uuid NOT NULL,
    version integer NOT NULL,
    unit_id uuid,
    active boolean NOT NULL,
    levels jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    PRIMARY KEY (institution_id, plan_id, version)
);

CREATE TABLE watch_level_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    at timestamptz NOT NULL,
    level integer,
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX watch_level_change_of_elder ON watch_level_change (institution_id, elder_id, at);

CREATE TABLE coverage_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    since timestamptz NOT NULL,
    told_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('protected', 'degraded', 'blind')),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE INDEX coverage_change_of_elder ON coverage_change (institution_id, elder_id, told_at);

CREATE FUNCTION keep_round_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO round_plan_version (institution_id, plan_id, version, unit_id, active, levels,
        valid_from)
    VALUES (NEW.institution_id, NEW.id, NEW.version, NEW.unit_id, NEW.active, NEW.levels,
        NEW.updated_at)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER keep_versions AFTER INSERT OR UPDATE ON round_plan
    FOR EACH ROW EXECUTE FUNCTION keep_round_plan();

CREATE FUNCTION keep_watch_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own integer := CASE WHEN NEW.follows_assessment THEN NULL ELSE NEW.ability_level END;
BEGIN
    IF TG_OP = 'INSERT' OR own IS DISTINCT FROM
        (CASE WHEN OLD.follows_assessment THEN NULL ELSE OLD.ability_level END) THEN
        INSERT INTO watch_level_change (institution_id, elder_id, at, level)
        VALUES (NEW.institution_id, NEW.elder_id, NEW.updated_at, own);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER keep_levels AFTER INSERT OR UPDATE ON watch_plan
    FOR EACH ROW EXECUTE FUNCTION keep_watch_level();

CREATE FUNCTION keep_coverage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.state IS DISTINCT FROM OLD.state THEN
        INSERT INTO coverage_change (institution_id, elder_id, since, told_at, state)
        VALUES (NEW.institution_id, NEW.elder_id, NEW.since,
            'epoch'::timestamptz + NEW.decided_ns / 1000 * interval '1 microsecond', NEW.state);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER keep_changes AFTER INSERT OR UPDATE ON coverage_state
    FOR EACH ROW EXECUTE FUNCTION keep_coverage()
"""

# What stands now is all that is known of before.
BACKFILL = """
CREATE POLICY owner_moves ON round_plan TO CURRENT_USER USING (true);

CREATE POLICY owner_moves ON watch_plan TO CURRENT_USER USING (true);

CREATE POLICY owner_moves ON coverage_state TO CURRENT_USER USING (true);

INSERT INTO round_plan_version (institution_id, plan_id, version, unit_id, active, levels,
    valid_from)
SELECT institution_id, id, version, unit_id, active, levels, updated_at FROM round_plan;

INSERT INTO watch_level_change (institution_id, elder_id, at, level)
SELECT institution_id, elder_id, updated_at, ability_level FROM watch_plan
WHERE NOT follows_assessment;

INSERT INTO coverage_change (institution_id, elder_id, since, told_at, state)
SELECT institution_id, elder_id, since,
    'epoch'::timestamptz + decided_ns / 1000 * interval '1 microsecond', state
FROM coverage_state;

DROP POLICY owner_moves ON round_plan;

DROP POLICY owner_moves ON watch_plan;

DROP POLICY owner_moves ON coverage_state
"""

# Without names, beds or words from their making on: what a bureau's functions read cannot tell.
INDICATORS = """
CREATE TABLE indicator_day (
    institution_id uuid NOT NULL REFERENCES institution,
    day date NOT NULL,
    indicator text NOT NULL,
    kind text NOT NULL,
    part bigint NOT NULL,
    whole bigint NOT NULL,
    seconds double precision[] NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (institution_id, day, indicator, kind)
);

CREATE TABLE indicator_event (
    institution_id uuid NOT NULL REFERENCES institution,
    day date NOT NULL,
    indicator text NOT NULL,
    ref uuid NOT NULL,
    at timestamptz NOT NULL,
    code text NOT NULL,
    priority text NOT NULL,
    answer_s double precision,
    arrival_s double precision,
    outcome text,
    PRIMARY KEY (institution_id, indicator, ref)
);

CREATE INDEX indicator_event_of_day ON indicator_event (institution_id, day);

CREATE TABLE indicator_run (
    institution_id uuid PRIMARY KEY REFERENCES institution,
    looked_at timestamptz NOT NULL,
    swept_on date NOT NULL
);

ALTER TABLE district_member
    ADD COLUMN district_code text CHECK (district_code ~ '^[0-9]{6}$'),
    ADD COLUMN district_name text NOT NULL DEFAULT '',
    ADD COLUMN shows_events boolean NOT NULL DEFAULT false
"""

BUREAU = """
DROP FUNCTION admit_to_district;

CREATE FUNCTION admit_to_district(bureau uuid, member uuid, code text DEFAULT NULL,
    name text DEFAULT '', events boolean DEFAULT false) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    INSERT INTO district_member (institution_id, member_id, district_code, district_name,
        shows_events)
    VALUES (bureau, member, code, name, events)
    ON CONFLICT (institution_id, member_id) DO UPDATE SET district_code = excluded.district_code,
        district_name = excluded.district_name, shows_events = excluded.shows_events
$$;

CREATE FUNCTION bureau_members()
RETURNS TABLE (member_id uuid, name text, district_code text, district_name text,
    shows_events boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT m.member_id, i.name, m.district_code, m.district_name, m.shows_events
    FROM district_member m
    JOIN institution b ON b.id = m.institution_id AND b.kind = 'bureau'
    JOIN institution i ON i.id = m.member_id
    WHERE m.institution_id = nullif(current_setting('app.institution_id', true), '')::uuid
    ORDER BY m.district_code, i.name, m.member_id
$$;

CREATE FUNCTION bureau_months(first_day date, last_day date)
RETURNS TABLE (member_id uuid, month date, indicator text, kind text, part bigint, whole bigint,
    last_part bigint, last_whole bigint, days bigint, seconds double precision[],
    computed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT d.institution_id, date_trunc('month', d.day)::date, d.indicator, d.kind,
        sum(d.part)::bigint, sum(d.whole)::bigint,
        (array_agg(d.part ORDER BY d.day DESC))[1], (array_agg(d.whole ORDER BY d.day DESC))[1],
        count(*),
        coalesce((SELECT array_agg(s ORDER BY s) FROM indicator_day e, unnest(e.seconds) s
            WHERE e.institution_id = d.institution_id AND e.indicator = d.indicator
            AND e.kind = d.kind AND e.day BETWEEN greatest(first_day, date_trunc('month',
                min(d.day))::date) AND max(d.day)), ARRAY[]::double precision[]),
        max(d.computed_at)
    FROM bureau_members() m JOIN indicator_day d ON d.institution_id = m.member_id
    WHERE d.day BETWEEN first_day AND last_day
    GROUP BY d.institution_id, date_trunc('month', d.day), d.indicator, d.kind
$$;

CREATE FUNCTION bureau_events(member uuid, wanted text, first_day date, last_day date)
RETURNS TABLE (ref text, at timestamptz, code text, priority text, answer_s double precision,
    arrival_s double precision, outcome text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT left(e.ref::text, 8), e.at, e.code, e.priority, e.answer_s, e.arrival_s, e.outcome
    FROM bureau_members() m JOIN indicator_event e ON e.institution_id = m.member_id
    WHERE m.member_id = member AND m.shows_events AND e.indicator = wanted
    AND e.day BETWEEN first_day AND last_day
    ORDER BY e.at, e.ref
$$;

REVOKE ALL ON FUNCTION admit_to_district, bureau_members, bureau_months, bureau_events FROM PUBLIC;

GRANT EXECUTE ON FUNCTION bureau_members, bureau_months, bureau_events TO yuyue_app
"""


def upgrade() -> None:
    """Forward only."""
    run(HISTORY)
    run(BACKFILL)
    run(INDICATORS)
    run(BUREAU)
    for table in ("round_plan_version", "watch_level_change", "coverage_change"):
        protect(table, "SELECT, INSERT, DELETE")
    for table in ("indicator_day", "indicator_event"):
        protect(table)
        owner_reads(table)
    protect("indicator_run", "SELECT, INSERT, UPDATE")
    run("CREATE POLICY owner_changes ON district_member FOR UPDATE TO CURRENT_USER USING (true)")
