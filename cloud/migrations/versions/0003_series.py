"""Time series by device, one partition a day."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0003"
down_revision = "0002"

SERIES = """
CREATE TABLE series_waveform (
    institution_id uuid NOT NULL,
    device_id text NOT NULL,
    quantity text NOT NULL,
    start_ns bigint NOT NULL,
    boot_id bigint NOT NULL,
    sequence_number bigint NOT NULL,
    end_ns bigint NOT NULL,
    rate_hz double precision NOT NULL,
    scale double precision NOT NULL,
    full_scale double precision NOT NULL,
    channels smallint NOT NULL,
    counts bytea NOT NULL,
    origin text NOT NULL,
    clock_uncertainty_s double precision,
    PRIMARY KEY (institution_id, device_id, quantity, start_ns, boot_id, sequence_number)
) PARTITION BY RANGE (start_ns);

CREATE TABLE series_reading (
    institution_id uuid NOT NULL,
    device_id text NOT NULL,
    quantity text NOT NULL,
    time_ns bigint NOT NULL,
    origin text NOT NULL,
    value double precision NOT NULL,
    clock_uncertainty_s double precision,
    PRIMARY KEY (institution_id, device_id, quantity, time_ns, origin)
) PARTITION BY RANGE (time_ns);

CREATE TABLE series_waveform_rest PARTITION OF series_waveform DEFAULT;

CREATE TABLE series_reading_rest PARTITION OF series_reading DEFAULT
"""

# The app's role may not create tables; it may ask for the partition of one day. A partition that
# was not asked for in time does no harm: its rows go to the rest, and that day stays there.
PARTITIONS = """
CREATE FUNCTION ensure_series_partitions(day_number integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    day_ns CONSTANT bigint := 86400000000000;
    from_ns CONSTANT bigint := day_number * day_ns;
    suffix CONSTANT text := to_char(date '1970-01-01' + day_number, 'YYYYMMDD');
    parent text;
BEGIN
    IF day_number NOT BETWEEN 0 AND 106750 THEN
        RAISE EXCEPTION 'day % cannot be', day_number;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_series_partitions'));
    FOREACH parent IN ARRAY ARRAY['series_waveform', 'series_reading'] LOOP
        CONTINUE WHEN to_regclass(format('public.%I', parent || '_' || suffix)) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%s) TO (%s)',
                parent || '_' || suffix, parent, from_ns, from_ns + day_ns);
        EXCEPTION WHEN check_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ensure_series_partitions FROM PUBLIC;

GRANT EXECUTE ON FUNCTION ensure_series_partitions TO yuyue_app
"""


def upgrade() -> None:
    """Forward only: data of people is never migrated back."""
    run(SERIES)
    run(PARTITIONS)
    # Rights and policies are the parents'; a partition by its own name is out of reach.
    protect("series_waveform", "SELECT, INSERT, DELETE")
    protect("series_reading", "SELECT, INSERT, DELETE")
