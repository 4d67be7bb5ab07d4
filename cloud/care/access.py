"""Who may read and change what the care slices hold."""

from __future__ import annotations

from typing import Annotated

from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal

CareReader = Annotated[Principal, requires(Permission.CARE_READ)]
CareWriter = Annotated[Principal, requires(Permission.CARE_WRITE)]
IncidentReviewer = Annotated[Principal, requires(Permission.INCIDENTS_REVIEW)]
RuleKeeper = Annotated[Principal, requires(Permission.ALERT_RULES_MANAGE)]
Relative = Annotated[Principal, requires(Permission.FAMILY_READ)]
