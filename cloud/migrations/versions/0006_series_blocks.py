"""Readings in segments and packed days, minutes packed by day; hours stay rows."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0006"
down_revision = "0005"

# The owner is bound by forced row-level security too: lift it for the copy.
KEEP_OLD = """
ALTER TABLE series_reading NO FORCE ROW LEVEL SECURITY;

ALTER TABLE series_minute NO FORCE ROW LEVEL SECURITY;

CREATE TEMPORARY TABLE kept_reading ON COMMIT DROP AS SELECT * FROM series_reading;

CREATE TEMPORARY TABLE kept_minute ON COMMIT DROP AS SELECT * FROM series_minute;

DROP TABLE series_reading;

DROP TABLE series_minute
"""

# A segment is what one batch brought of one series and hour: points of 16 bytes, big-endian time
# (ns) and value. A day that is over is packed (cloud/series/packing.py) with its minutes.
# EXTERNAL: it is packed already, or soon will be; PostgreSQL shall not spend time on it.
TABLES = """
CREATE TABLE series_segment (
    institution_id uuid NOT NULL,
    series_id integer NOT NULL,
    first_ns bigint NOT NULL,
    points bytea STORAGE EXTERNAL NOT NULL,
    uncertainty bytea STORAGE EXTERNAL,
    PRIMARY KEY (series_id, first_ns)
) PARTITION BY RANGE (first_ns);

CREATE TABLE series_segment_rest PARTITION OF series_segment DEFAULT;

CREATE TABLE series_day (
    institution_id uuid NOT NULL,
    series_id integer NOT NULL,
    day integer NOT NULL,
    count integer NOT NULL,
    points bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (series_id, day)
) PARTITION BY RANGE (day);

CREATE TABLE series_day_rest PARTITION OF series_day DEFAULT;

CREATE TABLE series_minute (
    institution_id uuid NOT NULL,
    series_id integer NOT NULL,
    day integer NOT NULL,
    count integer NOT NULL,
    slots bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (series_id, day)
) PARTITION BY RANGE (day);

CREATE TABLE series_minute_rest PARTITION OF series_minute DEFAULT
"""

# Readings by day, minutes by four weeks.
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
        ('series_waveform', 1, day_ns), ('series_segment', 1, day_ns),
        ('series_day', 1, 1), ('series_minute', 28, 1)
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

# As before (0005); a reading's day goes with its segments, and only once it is packed: its minutes
# are made then. `row_count` counts readings and minutes, not blocks.
RETENTION = """
CREATE OR REPLACE FUNCTION drop_series_partitions(wanted text, before_ns bigint, at timestamptz)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '5s' AS $$
DECLARE
    day_ns CONSTANT bigint := 86400000000000;
    parent CONSTANT text := 'series_' || CASE wanted WHEN 'reading' THEN 'day' ELSE wanted END;
    counted CONSTANT text := CASE wanted WHEN 'waveform' THEN 'count(*)'
        ELSE 'coalesce(sum(count), 0)' END;
    days CONSTANT integer := CASE wanted WHEN 'minute' THEN 28 ELSE 1 END;
    part record;
    segment text;
    until bigint;
    gone bigint;
    unpacked boolean;
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
        IF wanted = 'reading' THEN
            segment := 'series_segment' || right(part.relname, 9);
            IF to_regclass(format('public.%I', segment)) IS NOT NULL THEN
                EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', segment);
                EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', segment) INTO unpacked;
                CONTINUE WHEN unpacked;
                EXECUTE format('DROP TABLE public.%I', segment);
            END IF;
        END IF;
        EXECUTE format('SELECT %s FROM public.%I', counted, part.relname) INTO gone;
        EXECUTE format('DROP TABLE public.%I', part.relname);
        INSERT INTO series_deletion (kind, partition_name, until_ns, row_count, deleted_at)
        VALUES (wanted, part.relname, until, gone, at);
        dropped := dropped + 1;
    END LOOP;
    until := before_ns - before_ns % day_ns;
    EXECUTE format('WITH old AS (DELETE FROM public.%I WHERE %I < %s RETURNING *)'
        ' SELECT %s FROM old', parent || '_rest',
        CASE wanted WHEN 'waveform' THEN 'start_ns' ELSE 'day' END,
        CASE wanted WHEN 'waveform' THEN until ELSE until / day_ns END, counted) INTO gone;
    IF gone > 0 THEN
        INSERT INTO series_deletion (kind, partition_name, until_ns, row_count, deleted_at)
        VALUES (wanted, parent || '_rest', until, gone, at);
        dropped := dropped + 1;
    END IF;
    RETURN dropped;
END
$$;

-- Days that are packed leave empty segments behind: give their space back.
CREATE FUNCTION trim_series_segments(before_day integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $$
DECLARE
    part record;
    filled boolean;
    trimmed integer := 0;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'series_segment'::regclass AND pg_relation_size(c.oid) > 0
            AND c.relname ~ 'series_segment_[0-9]{8}$'
            AND to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01' < before_day
    LOOP
        BEGIN
            EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', part.relname);
            EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', part.relname) INTO filled;
            CONTINUE WHEN filled;
            EXECUTE format('TRUNCATE public.%I', part.relname);
            trimmed := trimmed + 1;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
    RETURN trimmed;
END
$$;

REVOKE ALL ON FUNCTION trim_series_segments FROM PUBLIC;

GRANT EXECUTE ON FUNCTION trim_series_segments TO yuyue_app
"""

# Proof of what was taken away of one person on request; it outlives the record of the elder.
ERASURE = """
CREATE TABLE series_erasure (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    elder_id uuid NOT NULL,
    erased_at timestamptz NOT NULL,
    erased_by text NOT NULL,
    readings bigint NOT NULL,
    minutes bigint NOT NULL,
    hours bigint NOT NULL,
    waveforms bigint NOT NULL
)
"""

COPY = """
SELECT ensure_series_partitions(d::integer) FROM (
    SELECT DISTINCT time_ns / 86400000000000 AS d FROM kept_reading
    WHERE time_ns / 86400000000000 >= current_date - 400 - date '1970-01-01'
) AS days;

INSERT INTO series_segment (institution_id, series_id, first_ns, points, uncertainty)
SELECT institution_id, series_id, min(time_ns),
    string_agg(int8send(time_ns) || float8send(value), '' ORDER BY time_ns),
    CASE WHEN count(clock_uncertainty_s) > 0 THEN string_agg(
        float8send(coalesce(clock_uncertainty_s, 'NaN')), '' ORDER BY time_ns) END
FROM kept_reading GROUP BY institution_id, series_id, time_ns / 3600000000000;

INSERT INTO series_minute (institution_id, series_id, day, count, slots)
SELECT institution_id, series_id, slot / 1440, count(*), decode('00', 'hex') || string_agg(
    int8send(slot::bigint) || int8send(count::bigint) || int8send(first_ns) || int8send(last_ns)
    || int8send(min_ns) || int8send(max_ns) || float8send(first_value) || float8send(last_value)
    || float8send(min_value) || float8send(max_value) || float8send(sum_value),
    '' ORDER BY slot)
FROM kept_minute GROUP BY institution_id, series_id, slot / 1440
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    for script in (KEEP_OLD, TABLES, PARTITIONS, RETENTION, COPY, ERASURE):
        run(script)
    for table in ("series_segment", "series_day", "series_minute"):
        protect(table)
    protect("series_erasure", "SELECT, INSERT")
