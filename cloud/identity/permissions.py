"""Who may do what: roles, capabilities, and which role has which.

A route names the capability it needs (`requires` in cloud/identity/auth.py); this table is the
only place that says who has it. docs/security.md shows it, and a test keeps the two the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What someone is in their institution."""

    DUTY = "duty"
    HEAD_NURSE = "head_nurse"
    MANAGER = "manager"
    ASSESSOR = "assessor"
    OPERATOR = "operator"
    FAMILY = "family"
    DISTRICT_VIEWER = "district_viewer"
    ADMIN = "admin"


class Permission(StrEnum):
    """One capability each. Reading and changing are apart."""

    # One's own session, password and settings: everybody who can log in.
    OWN_ACCOUNT = "own_account"

    # The desk: alerts, the live stream, what is covered and what is blind.
    ALERTS_READ = "alerts_read"
    ALERTS_ACT = "alerts_act"
    ALERT_RULES_MANAGE = "alert_rules_manage"
    COVERAGE_READ = "coverage_read"
    STATUS_READ = "status_read"

    # Records of elders, and their measurements.
    RECORDS_READ = "records_read"
    RECORDS_WRITE = "records_write"
    RECORDS_ALL_UNITS = "records_all_units"  # without: those of one's own units, or break-glass
    BREAK_GLASS = "break_glass"
    BREAK_GLASS_REVIEW = "break_glass_review"
    SERIES_READ = "series_read"
    CARE_READ = "care_read"
    CARE_WRITE = "care_write"
    INCIDENTS_REVIEW = "incidents_review"  # the register: review, close, void, export
    CONSENTS_MANAGE = "consents_manage"
    RECORDS_EXPORT = "records_export"
    SERIES_ERASE = "series_erase"  # all that may go of one elder, for good

    # The house and what hangs in it.
    PLACES_READ = "places_read"
    PLACES_MANAGE = "places_manage"
    DEVICES_READ = "devices_read"
    DEVICES_MANAGE = "devices_manage"
    GATEWAYS_MANAGE = "gateways_manage"
    SIMULATION_RUN = "simulation_run"
    DRILLS_RUN = "drills_run"

    # People who work here, and what they did.
    ROSTER_READ = "roster_read"
    ROSTER_MANAGE = "roster_manage"
    USERS_MANAGE = "users_manage"
    AUDIT_READ = "audit_read"
    REPORTS_READ = "reports_read"
    CARE_MAP_MANAGE = "care_map_manage"  # what the house says of itself to its district

    # Outside views, each through its own narrow functions.
    FAMILY_READ = "family_read"
    BUREAU_READ = "bureau_read"


_P = Permission

# Reading with these shows something of an elder's health.
HEALTH_READS: Final = frozenset(
    {_P.RECORDS_READ, _P.SERIES_READ, _P.CARE_READ, _P.FAMILY_READ, _P.RECORDS_EXPORT}
)

# Of one elder's record: those of one's own units, or break-glass (cloud/oversight/access.py).
OF_RECORDS: Final = HEALTH_READS | {_P.RECORDS_WRITE, _P.CARE_WRITE, _P.CONSENTS_MANAGE}

_EVERYBODY: Final = frozenset({_P.OWN_ACCOUNT})

_DUTY: Final = _EVERYBODY | {
    _P.ALERTS_READ,
    _P.ALERTS_ACT,
    _P.COVERAGE_READ,
    _P.STATUS_READ,
    _P.RECORDS_READ,
    _P.BREAK_GLASS,
    _P.SERIES_READ,
    _P.CARE_READ,
    _P.CARE_WRITE,
    _P.PLACES_READ,
    _P.DEVICES_READ,
    _P.ROSTER_READ,
}
_HEAD_NURSE: Final = _DUTY | {
    _P.ALERT_RULES_MANAGE,
    _P.RECORDS_WRITE,
    _P.RECORDS_ALL_UNITS,
    _P.BREAK_GLASS_REVIEW,
    _P.INCIDENTS_REVIEW,
    _P.CONSENTS_MANAGE,
    _P.DEVICES_MANAGE,
    _P.DRILLS_RUN,
    _P.ROSTER_MANAGE,
    _P.REPORTS_READ,
}
_OPERATOR: Final = _EVERYBODY | {  # the technical side: places and devices, no health data
    _P.COVERAGE_READ,
    _P.STATUS_READ,
    _P.PLACES_READ,
    _P.PLACES_MANAGE,
    _P.DEVICES_READ,
    _P.DEVICES_MANAGE,
    _P.GATEWAYS_MANAGE,
    _P.SIMULATION_RUN,
    _P.DRILLS_RUN,
    _P.REPORTS_READ,
}

GRANTS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.DUTY: frozenset(_DUTY),
        Role.HEAD_NURSE: frozenset(_HEAD_NURSE),
        # The head of the house: everything in it, but not the administrators' accounts.
        Role.MANAGER: frozenset(
            _HEAD_NURSE
            | _OPERATOR
            | {_P.RECORDS_EXPORT, _P.SERIES_ERASE, _P.USERS_MANAGE, _P.AUDIT_READ, _P.REPORTS_READ}
            | {_P.CARE_MAP_MANAGE}
        ),
        Role.ASSESSOR: frozenset(
            _EVERYBODY
            | {
                _P.RECORDS_READ,
                _P.RECORDS_WRITE,
                _P.RECORDS_ALL_UNITS,
                _P.SERIES_READ,
                _P.CARE_READ,
                _P.CARE_WRITE,
                _P.CONSENTS_MANAGE,
                _P.RECORDS_EXPORT,
                _P.PLACES_READ,
            }
        ),
        Role.OPERATOR: frozenset(_OPERATOR),
        Role.FAMILY: frozenset(_EVERYBODY | {_P.FAMILY_READ}),
        Role.DISTRICT_VIEWER: frozenset(_EVERYBODY | {_P.BUREAU_READ}),
        # Runs the system and its users; sees the alerts to help there, but no records.
        Role.ADMIN: frozenset(
            _OPERATOR
            | {
                _P.ALERTS_READ,
                _P.ALERT_RULES_MANAGE,
                _P.ROSTER_READ,
                _P.ROSTER_MANAGE,
                _P.USERS_MANAGE,
                _P.AUDIT_READ,
                _P.BREAK_GLASS_REVIEW,
            }
        ),
    }
)
