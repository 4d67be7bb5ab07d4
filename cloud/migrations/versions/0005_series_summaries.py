"""Readings under a short key, their minute and hour summaries, retention with proof."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0005"
down_revision = "0004"

# The owner is bound by forced row-level security too: lift it for the copy.
KEEP_OLD = """
ALTER TABLE series_reading NO FORCE ROW LEVEL SECURITY;

CREATE TEMPORARY TABLE old_reading ON COMMIT DROP AS SELECT * FROM series_reading;

DROP TABLE series_reading
"""

# A summary holds where its extremes were: a chart made of summaries draws them at their own time.
SUMMARY_COLUMNS = """
    count integer NOT NULL,
    first_ns bigint NOT NULL,
    last_ns bigint NOT NULL,
    min_ns bigint NOT NULL,
    max_ns bigint NOT NULL,
    first_value double precision NOT NULL,
    last_value double precision NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    sum_value double precision NOT NULL,
"""

TABLES = f"""
CREATE TABLE series_key (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    device_id text NOT NULL,
    quantity text NOT NULL,
    origin text NOT NULL,
    UNIQUE (institution_id, device_id, quantity, origin)
);

CREATE TABLE series_reading (
    institution_id uuid NOT NULL,
    series_id integer NOT NULL,
    time_ns bigint NOT NULL,
    value double precision NOT NULL,
    clock_uncertainty_s double precision,
    PRIMARY KEY (series_id, time_ns)
) PARTITION BY RANGE (time_ns);

CREATE TABLE series_reading_rest PARTITION OF series_reading DEFAULT;

CREATE TABLE series_minute (
    institution_id uuid NOT NULL,
    series_id integer NOT NULL,
    slot integer NOT NULL,
    {SUMMARY_COLUMNS}
    PRIMARY KEY (series_id, slot)
) PARTITION BY RANGE (slot);

CREATE TABLE series_minute_rest PARTITION OF series_minute DEFAULT WITH (fillfactor = 90);

CREATE TABLE series_hour (
    institution_id uuid NOT NULL,
    series_id integer NOT NULL,
    slot integer NOT NULL,
    {SUMMARY_COLUMNS}
    PRIMARY KEY (series_id, slot)
) WITH (fillfactor = 70);

CREATE TABLE series_deletion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('waveform', 'reading', 'minute')),
    partition_name text NOT NULL,
    until_ns bigint NOT NULL,
    row_count bigint NOT NULL,
    deleted_at timestamptz NOT NULL
);

GRANT SELECT ON series_deletion TO yuyue_app
"""

# Raw data by day, minutes by four weeks.
PARTITIONS = """
CREATE OR REPLACE FUNCTION ensure_series_partitions(day_number integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    day_ns CONSTANT bigint := 86400000000000;
    first_day integer;
    name text;
    kind record;
BEGIN
    IF day_number NOT BETWEEN 0 AND 106750 THEN
        RAISE EXCEPTION 'day % cannot be', day_number;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_series_partitions'));
    FOR kind IN SELECT * FROM (VALUES
        ('series_waveform', 1, day_ns), ('series_reading', 1, day_ns), ('series_minute', 28, 1440)
    ) AS k (parent, days, per_day) LOOP
        first_day := day_number - day_number % kind.days;
        name := kind.parent || '_' || to_char(date '1970-01-01' + first_day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(format('public.%I', name)) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%s) TO (%s)',
                name, kind.parent,
                first_day * kind.per_day, (first_day + kind.days) * kind.per_day);
        EXCEPTION WHEN check_violation THEN
            NULL;
        END;
    END LOOP;
END
$$
"""

# The app's role may drop whole partitions that are over, and nothing younger than a day; each
# leaves a row that says what went. A reader in the way is waited for shortly; the next round tries
# again.
RETENTION = """
CREATE FUNCTION drop_series_partitions(wanted text, before_ns bigint, at timestamptz)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '5s' AS $$
DECLARE
    day_ns CONSTANT bigint := 86400000000000;
    parent CONSTANT text := 'series_' || wanted;
    days CONSTANT integer := CASE wanted WHEN 'minute' THEN 28 ELSE 1 END;
    part record;
    until bigint;
    gone bigint;
    dropped integer := 0;
BEGIN
    IF wanted NOT IN ('waveform', 'reading', 'minute') THEN
        RAISE EXCEPTION 'no such kind of series: %', wanted;
    END IF;
    IF before_ns > (extract(epoch FROM now())::bigint - 86400) * 1000000000 THEN
        RAISE EXCEPTION 'the last day is never dropped';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_series_partitions'));
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = parent::regclass AND c.relname ~ (parent || '_[0-9]{8}$')
        ORDER BY c.relname
    LOOP
        until := (to_date(right(part.relname, 8), 'YYYYMMDD') - date '1970-01-01' + days) * day_ns;
        CONTINUE WHEN until > before_ns;
        EXECUTE format('SELECT count(*) FROM public.%I', part.relname) INTO gone;
        EXECUTE format('DROP TABLE public.%I', part.relname);
        INSERT INTO series_deletion (kind, partition_name, until_ns, row_count, deleted_at)
        VALUES (wanted, part.relname, until, gone, at);
        dropped := dropped + 1;
    END LOOP;
    until := before_ns - before_ns % day_ns;
    EXECUTE format('DELETE FROM public.%I WHERE %I < %s', parent || '_rest',
        CASE wanted WHEN 'reading' THEN 'time_ns' WHEN 'waveform' THEN 'start_ns' ELSE 'slot' END,
        CASE wanted WHEN 'minute' THEN until / 60000000000 ELSE until END);
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone > 0 THEN
        INSERT INTO series_deletion (kind, partition_name, until_ns, row_count, deleted_at)
        VALUES (wanted, parent || '_rest', until, gone, at);
        dropped := dropped + 1;
    END IF;
    RETURN dropped;
END
$$;

REVOKE ALL ON FUNCTION drop_series_partitions FROM PUBLIC;

GRANT EXECUTE ON FUNCTION drop_series_partitions TO yuyue_app
"""

FILL = """
INSERT INTO series_key (institution_id, device_id, quantity, origin)
SELECT DISTINCT institution_id, device_id, quantity, origin FROM old_reading;

SELECT ensure_series_partitions(d::integer) FROM (
    SELECT DISTINCT time_ns / 86400000000000 AS d FROM old_reading
    WHERE time_ns / 86400000000000 >= current_date - 400 - date '1970-01-01'
) AS days;

INSERT INTO series_reading
SELECT o.institution_id, k.id, o.time_ns, o.value, o.clock_uncertainty_s
FROM old_reading o JOIN series_key k USING (institution_id, device_id, quantity, origin)
"""

SUMMARISE = """
INSERT INTO {table}
SELECT institution_id, series_id, time_ns / {unit_ns}, count(*), min(time_ns), max(time_ns),
    (array_agg(time_ns ORDER BY value, time_ns))[1],
    (array_agg(time_ns ORDER BY value DESC, time_ns))[1],
    (array_agg(value ORDER BY time_ns))[1], (array_agg(value ORDER BY time_ns DESC))[1],
    min(value), max(value), sum(value)
FROM series_reading GROUP BY 1, 2, 3
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    for script in (KEEP_OLD, TABLES, PARTITIONS, RETENTION, FILL):
        run(script)
    run(SUMMARISE.format(table="series_minute", unit_ns=60_000_000_000))
    run(SUMMARISE.format(table="series_hour", unit_ns=3_600_000_000_000))
    protect("series_key", "SELECT, INSERT")
    protect("series_reading", "SELECT, INSERT, DELETE")
    for table in ("series_minute", "series_hour"):
        protect(table)
