"""Steps of the machine's clock; thresholds proposed from verdicts; who sends the hourly proof."""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0027"
down_revision = "0026"

# One machine keeps the time that timers are due by: the one whose workers wrote here last. All its
# processes share one clock since boot, so that each step is taken in once, whoever sees it first.
# A shelf ends at a time that a person chose by the clock on the wall: it is not moved.
CLOCK = """
CREATE TABLE clock_mark (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    boot_id text NOT NULL,
    offset_ns bigint NOT NULL,
    boot_ns bigint NOT NULL
);

CREATE POLICY owner_shifts ON alert_timer FOR UPDATE TO CURRENT_USER USING (true);

CREATE POLICY owner_shifts ON notice FOR UPDATE TO CURRENT_USER USING (true);

CREATE FUNCTION note_clock(p_boot_id text, p_offset_ns bigint, p_boot_ns bigint, p_wall timestamptz)
RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    held clock_mark;
    step_s double precision;
BEGIN
    INSERT INTO clock_mark (boot_id, offset_ns, boot_ns)
        VALUES (p_boot_id, p_offset_ns, p_boot_ns) ON CONFLICT DO NOTHING;
    SELECT * INTO held FROM clock_mark FOR UPDATE;
    IF held.boot_id <> p_boot_id THEN
        IF abs(extract(epoch FROM p_wall) * 1e9 - (held.offset_ns + held.boot_ns)) > 60e9 THEN
            UPDATE clock_mark SET boot_id = p_boot_id, offset_ns = p_offset_ns, boot_ns = p_boot_ns;
        END IF;
        RETURN 0;
    END IF;
    step_s := (p_offset_ns - held.offset_ns) / 1e9;
    IF abs(step_s) >= 1 THEN
        UPDATE alert_timer SET due_at = due_at + make_interval(secs => step_s)
            WHERE ended_at IS NULL AND kind <> 'shelf';
        UPDATE notice SET due_at = due_at + make_interval(secs => step_s) WHERE state = 'pending';
    ELSE
        step_s := 0;
    END IF;
    UPDATE clock_mark SET offset_ns = p_offset_ns, boot_ns = greatest(boot_ns, p_boot_ns);
    RETURN step_s;
END
$$;

REVOKE ALL ON FUNCTION note_clock FROM PUBLIC;

GRANT EXECUTE ON FUNCTION note_clock TO yuyue_app
"""

TUNING = """
CREATE TABLE tuning_proposal (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL,
    elder_id uuid NOT NULL,
    setting text NOT NULL,
    made_at timestamptz NOT NULL,
    detector text NOT NULL,
    held double precision NOT NULL,
    proposed double precision NOT NULL,
    since timestamptz NOT NULL,
    judged integer NOT NULL,
    spared integer NOT NULL,
    missed integer NOT NULL,
    kept_true integer NOT NULL,
    cases jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'approved', 'refused', 'withdrawn', 'undone')),
    decided_at timestamptz,
    decided_by text,
    note text,
    UNIQUE (institution_id, id),
    FOREIGN KEY (institution_id, elder_id) REFERENCES elder (institution_id, id)
);

CREATE UNIQUE INDEX tuning_proposal_open ON tuning_proposal (institution_id, elder_id, setting)
    WHERE state = 'open';

CREATE INDEX ON tuning_proposal (institution_id, elder_id, made_at);

ALTER TABLE dead_switch ADD COLUMN gateway_id uuid,
    ADD FOREIGN KEY (institution_id, gateway_id) REFERENCES gateway (institution_id, id)
"""


def upgrade() -> None:
    """Forward only."""
    run(CLOCK)
    run(TUNING)
    protect("tuning_proposal", "SELECT, INSERT, UPDATE")
