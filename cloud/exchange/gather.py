"""An elder's record as FHIR resources, read from the slices that hold it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import or_

from cloud.audit.models import AuditEntry
from cloud.care.assessment.service import find as find_assessment
from cloud.care.assessment.service import of_elder
from cloud.clock import NS_PER_S, datetime_from_ns, ns_from_datetime
from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan, elder_spans
from cloud.devices.models import Assignment, Device
from cloud.errors import NotFoundError
from cloud.exchange import observed, resources
from cloud.exchange.codes import PRESSURE, FhirVersion
from cloud.exchange.observed import Measured
from cloud.exchange.resources import Place, Resource
from cloud.exchange.search import Codes
from cloud.people.family import consents_of, contacts_of, in_force
from cloud.people.models import Consent, Elder
from cloud.people.risks import risks_of
from cloud.people.service import bed_of
from cloud.places.models import Bed, Building, Home, Room, Unit
from cloud.places.service import find_place
from cloud.series.service import Latest, SeriesStore, elder_latest
from edge.signals import QUANTITIES, Reading

# A night of one reading a second is more than a partner wants at once; `date` narrows.
MAX_READINGS: Final = 1000
_FIRST_LOOK_NS: Final = 6 * 3600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Asked:
    """Of whom, in which version, and over what time.

    `codes` None: every quantity, and the levels. `count`: the newest of each, over all pages.
    """

    version: FhirVersion
    elder: Elder
    now: datetime
    series: SeriesStore
    codes: Codes | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    count: int = 100
    citizen_number: str | None = None


Gather = Callable[[TenantScope, Asked], Coroutine[Any, Any, list[Resource]]]


async def gather(scope: TenantScope, asked: Asked, resource_type: str) -> list[Resource]:
    """All of one type, checked. Raises KeyError for a type that is not served."""
    made = await found_of(scope, asked, resource_type)
    return [resources.checked(asked.version, one) for one in made]


async def elder_of(scope: TenantScope, resource_type: str, row_id: uuid.UUID) -> uuid.UUID:
    """Whose a resource is that has a row of its own. Raises NotFoundError."""
    if resource_type == "Consent":
        consent = scope.select(Consent).where(Consent.id == row_id)
        row = (await scope.session.scalars(consent)).one_or_none()
        if row is None:
            raise NotFoundError("Consent")
        return row.elder_id
    return (await find_assessment(scope, row_id)).elder_id


async def found_of(scope: TenantScope, asked: Asked, resource_type: str) -> list[Resource]:
    """All of one type, not checked yet: a search keeps a page of them."""
    made = await OF_ELDER[resource_type](scope, asked)
    return [one for one in made if one["resourceType"] == resource_type]


async def everything(scope: TenantScope, asked: Asked) -> list[Resource]:
    """The whole record of an elder but who looked at it."""
    found: list[Resource] = []
    for resource_type in of_version(asked.version):
        if resource_type != "AuditEvent":
            found += await gather(scope, asked, resource_type)
    return found


def of_version(version: FhirVersion) -> list[str]:
    """The types that are served of an elder."""
    other = "DeviceAssociation" if version == "r4b" else "DeviceUseStatement"
    return [resource_type for resource_type in OF_ELDER if resource_type != other]


async def _patient(scope: TenantScope, asked: Asked) -> list[Resource]:
    contacts = await contacts_of(scope, asked.elder.id)
    more = resources.PatientMore(asked.citizen_number, contacts)
    return [resources.patient(asked.elder, more)]


async def _locations(scope: TenantScope, asked: Asked) -> list[Resource]:
    """The elder's bed now, and all that it is part of."""
    bed_id = await bed_of(scope, asked.elder.id, asked.now)
    if bed_id is None:
        return []
    bed = await find_place(scope, Bed, bed_id)
    room = await find_place(scope, Room, bed.room_id)
    places = [
        Place(bed.id, bed.name, "bd", room.id, bed.closed_at is not None),
        Place(room.id, room.name, "ro", room.unit_id or room.home_id, room.closed_at is not None),
    ]
    if room.home_id is not None:
        home = await find_place(scope, Home, room.home_id)
        places.append(Place(home.id, home.name, "ho", None, home.closed_at is not None))
    elif room.unit_id is not None:
        unit = await find_place(scope, Unit, room.unit_id)
        closed = unit.closed_at is not None
        places.append(Place(unit.id, unit.name, "wa", unit.building_id, closed))
        if unit.building_id is not None:
            building = await find_place(scope, Building, unit.building_id)
            closed = building.closed_at is not None
            places.append(Place(building.id, building.name, "bu", None, closed))
    return [resources.location(asked.version, place) for place in places]


async def _assignments(scope: TenantScope, asked: Asked) -> list[Assignment]:
    """Of the elder, and of the bed where they are."""
    bed_id = await bed_of(scope, asked.elder.id, asked.now)
    statement = (
        scope.select(Assignment)
        .where(
            or_(
                Assignment.elder_id == asked.elder.id,
                (Assignment.bed_id == bed_id) & Assignment.valid_until.is_(None),
            )
        )
        .order_by(Assignment.valid_from)
    )
    return list(await scope.session.scalars(statement))


async def _devices(scope: TenantScope, asked: Asked) -> list[Resource]:
    held = {row.device_id: row for row in await _assignments(scope, asked)}
    rows = await scope.session.scalars(
        scope.select(Device).where(Device.device_id.in_(held)).order_by(Device.device_id)
    )
    return [
        resources.device(
            asked.version, row,
            asked.elder.id if held[row.device_id].valid_until is None else None,
        )
        for row in rows
    ]  # fmt: skip


async def _associations(scope: TenantScope, asked: Asked) -> list[Resource]:
    rows = await _assignments(scope, asked)
    return [resources.association(asked.version, row, asked.elder.id) for row in rows]


async def _observations(scope: TenantScope, asked: Asked) -> list[Resource]:
    wanted = asked.codes
    levels = [
        observed.level_observation(row)
        for row in await of_elder(scope, asked.elder.id)
        if row.filed_at is not None and (wanted is None or wanted.levels)
    ]
    if wanted is None and (asked.from_at, asked.until_at) == (None, None):
        measured = await _newest(scope, asked)
        return observed.observations(asked.elder.id, measured) + levels
    if wanted is None:  # of any kind, over a time
        kinds = [name for name, one in QUANTITIES.items() if one.channels == 1]
        measured = await _over(scope, asked, kinds)
        return observed.observations(asked.elder.id, measured) + levels
    found = [
        observed.observation(asked.elder.id, one)
        for one in await _over(scope, asked, wanted.quantities)
    ]
    if wanted.panel:
        both = observed.observations(asked.elder.id, await _over(scope, asked, PRESSURE))
        found += [one for one in both if "component" in one]
    return sorted(found, key=lambda one: str(one["effectiveDateTime"])) + levels


async def _newest(scope: TenantScope, asked: Asked) -> list[Measured]:
    until_ns = ns_from_datetime(asked.now) + NS_PER_S  # a reading of this very moment counts
    latest = await elder_latest(scope, asked.series, asked.elder.id, until_ns)
    return [_measured(one) for one in latest if QUANTITIES[one.quantity].channels == 1]


def _measured(one: Latest | Reading) -> Measured:
    return Measured(
        one.device_id, one.quantity, one.time_ns, datetime_from_ns(one.time_ns), one.value,
        one.origin,
    )  # fmt: skip


async def _over(scope: TenantScope, asked: Asked, quantities: Sequence[str]) -> list[Measured]:
    """The newest `count` readings of each of some quantities within the time asked for."""
    from_ns = 0 if asked.from_at is None else max(0, ns_from_datetime(asked.from_at))
    until_ns = ns_from_datetime(asked.until_at or asked.now + timedelta(seconds=1))
    spans = await elder_spans(scope, asked.elder.id, from_ns, until_ns)
    found: list[Measured] = []
    for quantity in dict.fromkeys(quantities):
        for span in spans:
            found += [_measured(one) for one in await _newest_of(scope, asked, span, quantity)]
    # Of each kind the newest: a pulse each second must not push a weight each month off the page.
    kept: dict[str, list[Measured]] = defaultdict(list)
    for one in sorted(found, key=lambda one: one.time_ns):
        kept[one.quantity].append(one)
    newest = [one for many in kept.values() for one in many[-asked.count :]]
    return sorted(newest, key=lambda one: one.time_ns)


async def _newest_of(
    scope: TenantScope, asked: Asked, span: DeviceSpan, quantity: str
) -> list[Reading]:
    """The newest `count` of one device, without reading the years before them."""
    found: list[Reading] = []
    until_ns, step_ns = span.until_ns, _FIRST_LOOK_NS
    while until_ns > span.from_ns and len(found) < asked.count:
        from_ns = max(span.from_ns, until_ns - step_ns)
        held = await asked.series.readings(scope, span.device_id, quantity, from_ns, until_ns)
        found = held + found
        until_ns, step_ns = from_ns, 2 * step_ns
    return found[-asked.count :]


async def _responses(scope: TenantScope, asked: Asked) -> list[Resource]:
    rows = await of_elder(scope, asked.elder.id)
    return [resources.questionnaire_response(row) for row in rows if row.filed_at is not None]


async def _flags(scope: TenantScope, asked: Asked) -> list[Resource]:
    return resources.flags((await risks_of(scope, [asked.elder.id]))[asked.elder.id])


async def _consents(scope: TenantScope, asked: Asked) -> list[Resource]:
    return [
        resources.consent(asked.version, row, holds=in_force(row, asked.now))
        for row in await consents_of(scope, asked.elder.id)
    ]


async def _audit(scope: TenantScope, asked: Asked) -> list[Resource]:
    rows = await scope.session.scalars(
        scope.select(AuditEntry)
        .where(AuditEntry.elder_id == asked.elder.id)
        .order_by(AuditEntry.seq.desc())
        .limit(asked.count)
    )
    return [resources.audit_event(asked.version, row) for row in rows]


OF_ELDER: Final[Mapping[str, Gather]] = MappingProxyType(
    {
        "Patient": _patient,
        "Location": _locations,
        "Device": _devices,
        "DeviceAssociation": _associations,
        "DeviceUseStatement": _associations,
        "Observation": _observations,
        "QuestionnaireResponse": _responses,
        "Flag": _flags,
        "Consent": _consents,
        "AuditEvent": _audit,
    }
)
