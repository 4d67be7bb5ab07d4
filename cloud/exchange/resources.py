"""FHIR resources of the hub's records: pure, and each checked against its version's definition.

Source: domain page on records, section 1 (which resource stands for what); HL7 FHIR R4B and R5 as
`fhir.resources` has them. Where the two differ, the difference stands in one place here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cloud.audit.models import AuditEntry
from cloud.care.assessment.form import Item, load_form
from cloud.care.assessment.models import Assessment
from cloud.clock import local_date
from cloud.devices.models import Assignment, Device
from cloud.exchange import codes
from cloud.exchange.codes import FhirVersion
from cloud.people.models import Consent, Elder, ElderContact, RiskEntry
from cloud.people.vocabulary import RISKS
from cloud.schema_types import iso_ms

Resource = dict[str, Any]

# Only for what the hub does not number itself: the same thing has the same id each time.
_IDS: Final = uuid.UUID("9a4f6a1c-6d0f-5f0b-8d3a-6c1f5f0b2e77")
_FLAG_RISKS: Final = frozenset({"watch", "high"})


class ResourceError(ValueError):
    """What we made is not what FHIR says it must be: a fault of ours, never sent."""


def checked(version: FhirVersion, resource: Mapping[str, Any]) -> Resource:
    """The resource as its version defines it. Raises ResourceError."""
    model = model_of(version, resource["resourceType"])
    try:
        return _plain(model.model_validate(_without_empty(dict(resource))))
    except ValueError as error:
        raise ResourceError(f"{resource['resourceType']}: {error}") from error


def model_of(version: FhirVersion, resource_type: str) -> Any:
    """The class of a resource. Raises KeyError where the version has none of that name."""
    # 0.3 s to import, and few processes ever need it.
    if version == "r4b":
        from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415
    else:
        from fhir.resources import get_fhir_model_class  # noqa: PLC0415
    return get_fhir_model_class(resource_type)


def _plain(model: Any) -> Resource:
    plain: Resource = json.loads(model.model_dump_json(exclude_none=True))
    return plain


def _without_empty(value: Any) -> Any:
    """FHIR has no empty lists, objects or nulls."""
    if isinstance(value, dict):
        full = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in full.items() if item not in (None, [], {}, "")}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value


def id_of(*parts: object) -> str:
    """A stable id of something that has none of FHIR's form."""
    return str(uuid.uuid5(_IDS, "|".join(map(str, parts))))


def device_id_of(device_id: str) -> str:
    """The resource id of a device; the device's own id is its identifier."""
    return id_of("device", device_id)


def coding_of(system: str, code: str, display: str = "") -> Resource:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


def concept(system: str, code: str, display: str = "") -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [coding_of(system, code, display)], "text": display}


def patient_ref(elder_id: uuid.UUID) -> Resource:
    """Whose it is."""
    return {"reference": f"Patient/{elder_id}"}


def _period(begin: datetime | None, end: datetime | None) -> Resource:
    return {
        "start": None if begin is None else iso_ms(begin),
        "end": None if end is None else iso_ms(end),
    }


@dataclass(frozen=True, slots=True)
class PatientMore:
    """Of an elder's record, what is not in its row: opened only where it is asked for."""

    citizen_number: str | None = None
    contacts: Sequence[ElderContact] = ()


def patient(elder: Elder, more: PatientMore = PatientMore()) -> Resource:
    """An elder. The citizen number only where a partner needs it; never a contact's phone."""
    identifiers = [{"system": codes.ELDER_ID, "value": str(elder.id)}]
    if more.citizen_number is not None:
        identifiers.append(
            {"use": "official", "system": codes.CITIZEN_NUMBER, "value": more.citizen_number}
        )
    return {
        "resourceType": "Patient",
        "id": str(elder.id),
        "meta": {"versionId": str(elder.version), "lastUpdated": moment(elder.updated_at)},
        "identifier": identifiers,
        "active": elder.archived_at is None,
        "name": [{"use": "official", "text": elder.name}],
        "gender": elder.sex,
        "birthDate": elder.birth_date.isoformat(),
        "contact": [
            {
                "relationship": [{"text": contact.relationship}],
                "name": {"text": contact.name},
            }
            for contact in more.contacts
        ],
    }


def moment(at: datetime | None) -> str | None:
    """An instant, where there is one."""
    return None if at is None else iso_ms(at)


@dataclass(frozen=True, slots=True)
class Place:
    """A building, unit, home, room or bed, and what it is part of."""

    id: uuid.UUID
    name: str
    form: str
    part_of: uuid.UUID | None
    closed: bool


def location(version: FhirVersion, place: Place) -> Resource:
    """A place; `form` is bu, lvl, wa, ho, ro or bd (mark U)."""
    form = concept(codes.PLACE_FORM, place.form)
    return {
        "resourceType": "Location",
        "id": str(place.id),
        "status": "inactive" if place.closed else "active",
        "name": place.name,
        "mode": "instance",
        ("physicalType" if version == "r4b" else "form"): form,
        "partOf": None if place.part_of is None else {"reference": f"Location/{place.part_of}"},
    }


def device(version: FhirVersion, row: Device, patient_id: uuid.UUID | None) -> Resource:
    """A sensor. R4 names the person here, R5 in a DeviceAssociation."""
    name = row.label or row.model or row.device_id
    named = (
        {"deviceName": [{"name": name, "type": "user-friendly-name"}]}
        if version == "r4b"
        else {"name": [{"value": name, "type": "user-friendly-name"}]}
    )
    whose = (
        {"patient": patient_ref(patient_id)} if version == "r4b" and patient_id is not None else {}
    )
    return {
        "resourceType": "Device",
        "id": device_id_of(row.device_id),
        "meta": {"lastUpdated": moment(row.retired_at or row.created_at)},
        "identifier": [{"system": codes.DEVICE_ID, "value": row.device_id}],
        "status": "inactive" if row.retired_at is not None else "active",
        "modelNumber": row.model,
        "serialNumber": row.serial,
        **named,
        **whose,
    }


def association(version: FhirVersion, row: Assignment, elder_id: uuid.UUID) -> Resource:
    """That a device was a person's: DeviceAssociation, in R4 DeviceUseStatement."""
    common = {
        "id": str(row.id),
        "meta": {"lastUpdated": iso_ms(row.valid_until or row.valid_from)},
        "subject": patient_ref(elder_id),
        "device": {"reference": f"Device/{device_id_of(row.device_id)}"},
    }
    period = _period(row.valid_from, row.valid_until)
    if version == "r4b":
        return {
            "resourceType": "DeviceUseStatement",
            **common,
            "status": "active" if row.valid_until is None else "completed",
            "timingPeriod": period,
        }
    status = "attached" if row.valid_until is None else "unassociated"
    return {
        "resourceType": "DeviceAssociation",
        **common,
        "status": concept(codes.ASSOCIATION_STATUS, status),
        "period": period,
    }


def questionnaire(version: FhirVersion) -> Resource:
    """The form: items and options by their codes; the standard itself governs, not this."""
    form = load_form()
    return {
        "resourceType": "Questionnaire",
        "id": "gb-t-42195-2022",
        "url": codes.QUESTIONNAIRE,
        "name": "AbilityAssessment",
        "title": f"老年人能力评估（{form.standard}）",
        "status": "active",
        "subjectType": ["Patient"],
        "item": [
            {
                "linkId": domain.code,
                "text": domain.zh,
                "type": "group",
                "item": [_question(version, item) for item in domain.items],
            }
            for domain in form.domains
        ],
    }


def _question(version: FhirVersion, item: Item) -> Resource:
    return {
        "linkId": item.code,
        "text": item.zh,
        "type": "choice" if version == "r4b" else "coding",
        "answerOption": [
            {"valueCoding": coding_of(codes.OWN_FORM, _answer_code(item, option.code), option.zh)}
            for option in item.options
        ],
    }


def _answer_code(item: Item, option: str) -> str:
    return f"{item.code}:{option}"


def questionnaire_response(row: Assessment) -> Resource:
    """The answers of a filed assessment."""
    items = load_form().items
    return {
        "resourceType": "QuestionnaireResponse",
        "id": str(row.id),
        "meta": {"lastUpdated": moment(row.filed_at)},
        "questionnaire": codes.QUESTIONNAIRE,
        "status": "completed",
        "subject": patient_ref(row.elder_id),
        "authored": moment(row.filed_at),
        "author": {"display": row.source} if row.source else None,
        "item": [
            {
                "linkId": domain.code,
                "text": domain.zh,
                "item": [
                    _answered(items[item.code], row.answers[item.code]) for item in domain.items
                ],
            }
            for domain in load_form().domains
        ],
    }


def _answered(item: Item, answer: str) -> Resource:
    option = item.option(answer)
    display = "" if option is None else option.zh
    return {
        "linkId": item.code,
        "text": item.zh,
        "answer": [{"valueCoding": coding_of(codes.OWN_FORM, _answer_code(item, answer), display)}],
    }


def flags(entries: Mapping[str, RiskEntry]) -> list[Resource]:
    """The nine risks that somebody has found: those assessed as none are no warning."""
    return [
        {
            "resourceType": "Flag",
            "id": id_of("risk", entry.elder_id, risk),
            "meta": {"lastUpdated": moment(entry.assessed_at)},
            "status": "active",
            "category": [{"text": "九防"}],
            "code": concept(codes.OWN_RISK, risk, RISKS[risk]),
            "subject": patient_ref(entry.elder_id),
            "period": _period(entry.assessed_at, None),
        }
        for risk, entry in sorted(entries.items())
        if entry.level in _FLAG_RISKS
    ]


def consent(version: FhirVersion, row: Consent, *, holds: bool) -> Resource:
    """Who agreed to what. A withdrawn or ended one is `inactive` and stays to be seen."""
    purpose = coding_of(codes.OWN_PURPOSE, row.purpose)
    period = _period(row.valid_from, row.withdrawn_at or row.valid_until)
    category = [concept(codes.CONSENT_CATEGORY, "59284-0", "Consent Document")]
    common = {
        "resourceType": "Consent",
        "id": str(row.id),
        "meta": {"lastUpdated": iso_ms(row.withdrawn_at or row.recorded_at)},
        "status": "active" if holds else "inactive",
        "category": category,
    }
    if version == "r4b":
        return {
            **common,
            "scope": concept(codes.CONSENT_SCOPE, "patient-privacy"),
            "patient": patient_ref(row.elder_id),
            "dateTime": iso_ms(row.recorded_at),
            "policyRule": {"text": row.text_version},
            "provision": {"type": "permit", "period": period, "purpose": [purpose]},
        }
    return {
        **common,
        "subject": patient_ref(row.elder_id),
        "date": local_date(row.recorded_at).isoformat(),
        "period": period,
        "policyText": [{"display": row.text_version}],
        "decision": "permit",
        "provision": [{"period": period, "purpose": [purpose]}],
    }


def audit_event(version: FhirVersion, row: AuditEntry) -> Resource:
    """Who saw or changed what of a record."""
    body = json.loads(row.body)
    actor = body["actor"]
    who = {"display": actor["name"], "identifier": {"value": str(actor["id"] or actor["kind"])}}
    code = coding_of(codes.OWN_AUDIT, row.action)
    return {
        "resourceType": "AuditEvent",
        "id": id_of("audit", row.institution_id, row.seq),
        "meta": {"lastUpdated": iso_ms(row.at)},
        **({"type": code} if version == "r4b" else {"code": {"coding": [code]}}),
        "action": _audit_action(row.action),
        "recorded": iso_ms(row.at),
        "agent": [{"who": who, "requestor": True}],
        "source": {"observer": {"display": "渝悦养老物联网中枢"}},
        "entity": [] if row.elder_id is None else [{"what": patient_ref(row.elder_id)}],
    }


def _audit_action(action: str) -> str:
    """C, R, U, D or E, by the end of our action's name."""
    done = action.rpartition(".")[2]
    known = {"created": "C", "read": "R", "searched": "R", "exported": "R", "deleted": "D"}
    return known.get(done, "U" if action.startswith(("record", "consent", "family")) else "E")


def bundle(
    kind: str, resources: Sequence[Resource], *, at: datetime, total: int | None, base: str = ""
) -> Resource:
    """A bundle of checked resources: `searchset` or `collection`.

    `base`: the endpoint they are of, so that `Patient/1` in one finds the other; without it they
    have names of their own.
    """
    return {
        "resourceType": "Bundle",
        "id": str(uuid.uuid4()),
        "type": kind,
        "timestamp": iso_ms(at),
        "total": total if kind == "searchset" else None,
        "entry": [
            {
                "fullUrl": (
                    f"{base}/{one['resourceType']}/{one['id']}"
                    if base
                    else f"urn:uuid:{id_of(one['resourceType'], one['id'])}"
                ),
                "resource": one,
                **({"search": {"mode": "match"}} if kind == "searchset" else {}),
            }
            for one in resources
        ],
    }
