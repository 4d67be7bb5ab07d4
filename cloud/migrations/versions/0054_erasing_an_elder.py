"""Everything of an elder may go: with a proof, and only in the transaction that writes it.

Append-only tables stay so for everything else: a restrictive policy lets the application's role
delete rows of the elder named in a proof of the same transaction, and nothing more.
"""

from __future__ import annotations

from cloud.migrations.tenancy import protect, run

revision = "0054"
down_revision = "0052"

TABLES = """
CREATE TABLE elder_erasure (
    id uuid PRIMARY KEY,
    institution_id uuid NOT NULL REFERENCES institution,
    elder_id uuid NOT NULL,
    erased_at timestamptz NOT NULL,
    erased_by text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    whole boolean NOT NULL,
    counts jsonb NOT NULL,
    xact bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint
);

CREATE INDEX elder_erasure_of_elder ON elder_erasure (institution_id, elder_id);

CREATE FUNCTION erasing_elder() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
    SELECT elder_id FROM elder_erasure
    WHERE xact = pg_current_xact_id_if_assigned()::text::bigint
    LIMIT 1
$$;

CREATE OR REPLACE FUNCTION filed_assessment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.filed_at IS NOT NULL
        AND NOT (TG_OP = 'DELETE' AND OLD.elder_id IS NOT DISTINCT FROM erasing_elder()) THEN
        RAISE EXCEPTION 'a filed assessment never changes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$
"""
# Tables whose rows the application could not delete until now.
OF_ELDERS = (
    "incident", "family_letter", "consent", "family_member", "visit_followup", "visit",
    "visit_plan", "visit_request", "service_order", "home_bed", "discovery_case",
    "discovery_clue", "care_task", "entitlement_change", "outside_result", "assessed_level",
    "care_observation", "round_check", "elder_leave", "risk_history", "risk_entry",
    "coverage_gap", "watch_pause", "tuning_proposal", "escalation_policy", "elder_fact",
)  # fmt: skip
OF_THEIRS = (
    "notice_attempt", "notice", "alert_event", "incident_move", "family_invitation",
    "contact_point", "visit_correction", "service_order_move", "home_bed_move", "discovery_move",
)  # fmt: skip
CUT = {
    "alert_move": "note, injury, cause, measure, family",
    "alert_relink": "elder_id_before, reason",
}


def upgrade() -> None:
    """Forward only."""
    run(TABLES)
    protect("elder_erasure", "SELECT")
    run(
        "GRANT INSERT (id, institution_id, elder_id, erased_at, erased_by, reason, whole, counts),"
        " UPDATE (counts) ON elder_erasure TO yuyue_app;\n\n"
        "CREATE POLICY own_transaction ON elder_erasure AS RESTRICTIVE FOR UPDATE TO yuyue_app"
        " USING (xact = pg_current_xact_id_if_assigned()::text::bigint)"
    )
    for table in OF_ELDERS:
        allow(table, "DELETE", "DELETE", "elder_id = erasing_elder()")
    for table in OF_THEIRS:
        allow(table, "DELETE", "DELETE", "erasing_elder() IS NOT NULL")
    for table, columns in CUT.items():
        allow(table, "UPDATE", f"UPDATE ({columns})", "erasing_elder() IS NOT NULL")


def allow(table: str, act: str, grant: str, condition: str) -> None:
    """Only within an erasure."""
    run(
        f"GRANT {grant} ON {table} TO yuyue_app;\n\n"
        f"CREATE POLICY only_erasing ON {table} AS RESTRICTIVE FOR {act} TO yuyue_app"
        f" USING ({condition})"
    )
