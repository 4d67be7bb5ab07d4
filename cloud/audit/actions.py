"""What can be written down: one name each, `what.happened`. The web shows them in words."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """Everything that is audited. Add yours here, and its words in the web's oversight texts."""

    # Getting in, and one's own account.
    LOGGED_IN = "login.done"
    LOGIN_FAILED = "login.failed"
    LOGGED_OUT = "login.ended"
    SESSION_REVOKED = "session.revoked"
    INSTITUTION_ENTERED = "session.institution_entered"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    PASSWORD_RESET = "password.reset"  # noqa: S105 - a name
    TOTP_ENABLED = "totp.enabled"
    TOTP_REMOVED = "totp.removed"
    RECOVERY_CODE_USED = "totp.recovery_code_used"
    TOKEN_ISSUED = "token.issued"  # noqa: S105 - a name
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - a name

    # Users.
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"

    # Records of elders.
    RECORD_READ = "record.read"
    RECORD_CREATED = "record.created"
    RECORD_CHANGED = "record.changed"
    RECORD_DELETED = "record.deleted"
    RECORD_EXPORTED = "record.exported"
    RECORDS_SEARCHED = "record.searched"
    BROKE_GLASS = "record.broke_glass"
    GLASS_REVIEWED = "record.break_glass_reviewed"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    FAMILY_LINKED = "family.linked"
    FAMILY_UNLINKED = "family.unlinked"

    # Lists of other departments held against the records.
    LIST_IMPORTED = "list.imported"
    LIST_DECIDED = "list.decided"
    LIST_ERASED = "list.erased"

    # The house.
    PLACE_CHANGED = "place.changed"
    DEVICE_CHANGED = "device.changed"
    ASSIGNMENT_CHANGED = "assignment.changed"
    GATEWAY_CHANGED = "gateway.changed"
    SIMULATION_KEY_READ = "simulation.key_read"
    RULES_CHANGED = "rules.changed"
    ROSTER_CHANGED = "roster.changed"

    # Oversight.
    INDICATORS_READ = "indicators.events_read"
    INDICATORS_EXPORTED = "indicators.exported"
    CARE_MAP_MATCHED = "care_map.matched"

    # The audit itself.
    AUDIT_EXPORTED = "audit.exported"
