"""The read-only FHIR endpoint: `/api/v1/fhir/r4b/...` and `/api/v1/fhir/r5/...`, the same calls.

Every search but that for people names its patient; a look at a record is guarded and written down
as everywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.errors import Problem, ProblemError
from cloud.exchange import codes, resources, search
from cloud.exchange.codes import FhirVersion
from cloud.exchange.gather import (
    MAX_READINGS,
    Asked,
    elder_of,
    everything,
    found_of,
    gather,
    of_version,
)
from cloud.exchange.resources import Resource, bundle, checked
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.citizen_number import CitizenNumberError, parse_citizen_number
from cloud.people.models import Elder
from cloud.people.reach import reach_of
from cloud.people.search import MAX_QUERY, Wanted, find_elders
from cloud.people.service import elders_by_id, find_elder
from cloud.state import AppState, State

Exporter = Annotated[Principal, requires(Permission.RECORDS_EXPORT)]
_Many = list[str] | None


def _query(alias: str, description: str, **more: Any) -> Any:
    return Query(alias=alias, description=description, max_length=20, **more)


Identifier = Annotated[str | None, Query(max_length=120)]
Patient = Annotated[list[str], _query("patient", "whose: an id, or `Patient/` and the id")]
Count = Annotated[int, Query(alias="_count", ge=1, le=MAX_READINGS)]
Dates = Annotated[_Many, _query("date", "ge, gt, le, lt, eq, ne, sa, eb, ap before a date or time")]
Code = Annotated[_Many, _query("code", "of an Observation, `http://loinc.org|8867-4`")]
Ids = Annotated[_Many, _query("_id", "ids, with commas between them")]
Changed = Annotated[_Many, _query("_lastUpdated", "prefix and date, as `date`")]

MEDIA_TYPE: Final = "application/fhir+json"
# A resource of FHIR: its own definition says what is in it, not our OpenAPI document.
_ANSWERS: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": {200: {"content": {MEDIA_TYPE: {}}}},
}
MAX_PATIENTS: Final = 200
_OVER_TIME: Final = frozenset({"Observation", "AuditEvent"})
_SEARCH: Final = ("search-type",)
_INTERACTIONS: Final = MappingProxyType(
    {
        "Questionnaire": ("read",), "Patient": ("read", "search-type"),
        "QuestionnaireResponse": ("read", "search-type"), "Consent": ("read", "search-type"),
    }
)  # fmt: skip
_EVERYTHING: Final = (
    {
        "name": "everything",
        "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
    },
)
_KINDS: Final = MappingProxyType(
    {
        "name": "string", "patient": "reference", "subject": "reference", "date": "date",
        "authored": "date", "birthdate": "date", "_lastUpdated": "date",
        "questionnaire": "reference",
    }
)  # fmt: skip
_VERSIONS: Final[dict[FhirVersion, str]] = {"r4b": "4.3.0", "r5": "5.0.0"}

router = APIRouter(
    prefix="/api/v1/fhir",
    tags=["fhir"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


def fhir_answer(resource: Resource) -> Response:
    """A resource as FHIR clients read it."""
    text = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type=MEDIA_TYPE)


async def asked_of(
    request: Request, principal: Principal, elder_id: UUID, version: FhirVersion, **more: Any
) -> Asked:
    """One elder's record: guarded, and written down. Raises NotFoundError, OutsideUnitError."""
    await request.app.state.path_guards["elder_id"](principal, elder_id)
    elder = await find_elder(principal.scope, elder_id)
    now = request.app.state.yuyue.clock.now()
    call = getattr(request.scope.get("route"), "name", request.url.path)
    audit.record_read(principal.scope, principal.actor, elder_id, call, now)
    return Asked(version, elder, now, request.app.state.series, **more)


def _serve(version: FhirVersion) -> None:
    """All calls of one version."""

    async def get_metadata(request: Request, _principal: Exporter, state: State) -> Response:
        """What this endpoint can do (CapabilityStatement)."""
        said = _capabilities(version, state.clock.now(), base_of(request, version))
        return fhir_answer(checked(version, said))

    async def get_questionnaire(_principal: Exporter) -> Response:
        """The form of the ability assessment; the standard itself governs."""
        return fhir_answer(checked(version, resources.questionnaire(version)))

    async def search_patients(
        *,
        request: Request,
        principal: Exporter,
        state: State,
        name: Annotated[str | None, Query(max_length=MAX_QUERY)] = None,
        identifier: Identifier = None,
        _ids: Ids = None,
        _birthdate: Annotated[_Many, _query("birthdate", "prefix and date")] = None,
        _changed: Changed = None,
        _count: Annotated[int, Query(alias="_count", ge=1, le=MAX_PATIENTS)] = 50,
        after: Annotated[str | None, Query(max_length=300)] = None,
    ) -> Response:
        """People by name or pinyin, citizen number or id (`identifier`, `_id`), page by page."""
        values = _values(request)
        asked = search.read_search("Patient", _without(values, "after"), MAX_PATIENTS)
        now = state.clock.now()
        people, following = await _people(
            principal, state, name=name, identifier=identifier, asked=asked, after=after
        )
        found = [one for one in map(resources.patient, people) if asked.keeps(one)]
        by = "identifier" if identifier is not None else "name"
        audit.record(
            principal.scope, principal.actor, Action.RECORDS_SEARCHED, now,
            detail={"call": f"search_patients_{version}", "by": by, "found": len(found)},
        )  # fmt: skip
        links: list[tuple[str, dict[str, object]]] = [("self", {})]
        if following is not None:
            links.append(("next", {"after": following}))
        whole = following is None and after is None
        return _searchset(
            request, version, "Patient", found, at=now, total=len(found) if whole else None,
            links=links,
        )  # fmt: skip

    async def get_patient(elder_id: UUID, request: Request, principal: Exporter) -> Response:
        """One elder."""
        asked = await asked_of(request, principal, elder_id, version)
        (found,) = await gather(principal.scope, asked, "Patient")
        return fhir_answer(found)

    async def get_response(assessment_id: UUID, request: Request, principal: Exporter) -> Response:
        """The answers of one filed assessment."""
        return await _one(request, principal, version, "QuestionnaireResponse", assessment_id)

    async def get_consent(consent_id: UUID, request: Request, principal: Exporter) -> Response:
        """One consent."""
        return await _one(request, principal, version, "Consent", consent_id)

    async def get_everything(elder_id: UUID, request: Request, principal: Exporter) -> Response:
        """The whole record of an elder, newest values; who looked at it is asked for apart."""
        asked = await asked_of(request, principal, elder_id, version)
        found = await everything(principal.scope, asked)
        base = base_of(request, version)
        answer = bundle("searchset", found, at=asked.now, total=len(found), base=base)
        return fhir_answer(checked(version, answer))

    for path, call in (
        ("metadata", get_metadata),
        ("Questionnaire/gb-t-42195-2022", get_questionnaire),
        ("Patient", search_patients),
        ("Patient/{elder_id}", get_patient),
        ("Patient/{elder_id}/$everything", get_everything),
        ("QuestionnaireResponse/{assessment_id}", get_response),
        ("Consent/{consent_id}", get_consent),
    ):
        router.add_api_route(
            f"/{version}/{path}", call, name=f"{call.__name__}_{version}", **_ANSWERS
        )
    for resource_type in of_version(version):
        if resource_type != "Patient":
            _serve_type(version, resource_type)


async def _one(
    request: Request, principal: Principal, version: FhirVersion, resource_type: str, row_id: UUID
) -> Response:
    """One resource by its id. Raises NotFoundError, OutsideUnitError, ProblemError (409)."""
    elder_id = await elder_of(principal.scope, resource_type, row_id)
    asked = await asked_of(request, principal, elder_id, version)
    made = await found_of(principal.scope, asked, resource_type)
    found = next((one for one in made if one["id"] == str(row_id)), None)
    if found is None:
        raise ProblemError(409, "not_filed", "草稿没有等级，还不能提供；请先提交。")
    return fhir_answer(checked(version, found))


def _serve_type(version: FhirVersion, resource_type: str) -> None:
    async def search_type(
        *,
        request: Request,
        principal: Exporter,
        _patient: Patient = [],  # noqa: B006 - read from the address, with `subject`
        _ids: Ids = None,
        _changed: Changed = None,
        _code: Code = None,
        _date: Dates = None,
        _count: Count = 100,
    ) -> Response:
        values = _values(request)
        wanted = search.read_search(resource_type, values, MAX_READINGS)
        whose = [*values.get("patient", []), *values.get("subject", [])]
        if not whose:
            raise search.wrong("patient", "every search names whose record it is")
        begin, end = search.over(wanted.dates if resource_type in _OVER_TIME else ())
        last = wanted.offset + wanted.count
        asked = await asked_of(
            request, principal, search.patient_of(whose), version, codes=wanted.codes,
            from_at=begin, until_at=end, count=last + 1,
        )  # fmt: skip
        made = await found_of(principal.scope, asked, resource_type)
        found = [one for one in made if wanted.keeps(one)]
        # Readings are told by time, and a page holds the newest of them.
        newest_last = resource_type == "Observation"
        if newest_last:
            first = max(0, len(found) - last)
            page = found[first : len(found) - wanted.offset]
        else:
            page = found[wanted.offset : last]
        more = len(found) > last
        links: list[tuple[str, dict[str, object]]] = [("self", {})]
        if more:
            links.append(("next", {"_offset": last, "_count": wanted.count}))
        return _searchset(
            request, version, resource_type, page, at=asked.now,
            total=None if more and resource_type in _OVER_TIME else len(found), links=links,
        )  # fmt: skip

    router.add_api_route(
        f"/{version}/{resource_type}",
        search_type,
        name=f"search_{resource_type.lower()}_{version}",
        description=f"{resource_type} resources of one patient.",
        **_ANSWERS,
    )


def _values(request: Request) -> dict[str, list[str]]:
    """The parameters as they stand in the address; one may stand there more than once."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _without(values: Mapping[str, list[str]], name: str) -> dict[str, list[str]]:
    return {key: many for key, many in values.items() if key != name}


def base_of(request: Request, version: FhirVersion) -> str:
    """Where this endpoint is, as its clients know it."""
    public = request.app.state.yuyue.settings.public_url or str(request.base_url)
    return f"{public.rstrip('/')}/api/v1/fhir/{version}"


def _searchset(
    request: Request, version: FhirVersion, resource_type: str, found: Sequence[Resource], *,
    at: datetime, total: int | None, links: Sequence[tuple[str, Mapping[str, object]]],
) -> Response:  # fmt: skip
    base, values = base_of(request, version), _values(request)
    page = [checked(version, one) for one in found]
    answer = bundle("searchset", page, at=at, total=total, base=base)
    answer["link"] = [
        {"relation": relation, "url": search.address(base, resource_type, values, **more)}
        for relation, more in links
    ]
    return fhir_answer(checked(version, answer))


async def _people(
    principal: Principal, state: AppState, *, name: str | None, identifier: str | None,
    asked: search.Search, after: str | None,
) -> tuple[list[Elder], str | None]:  # fmt: skip
    """Who is within reach and asked for, and where the next page begins."""
    scope, reach = principal.scope, await reach_of(principal)
    ids = _ids_of(identifier) if asked.ids is None else asked.ids
    query = name or ""
    if identifier is not None and not ids:
        system, bar, query = identifier.rpartition("|")
        if bar and system not in ("", codes.CITIZEN_NUMBER):
            return [], None
        try:
            query = parse_citizen_number(query, state.clock.now().date()).text
        except CitizenNumberError:
            return [], None  # nobody has it
    if ids:
        known = {one for text in ids if (one := _uuid(text)) is not None}
        hidden = await reach.hidden()
        held = await elders_by_id(scope, known - hidden)
        return [one for one in held.values() if name is None or name in one.name], None
    wanted = Wanted(query=query, everybody=True, after=after, limit=asked.count)
    found, following = await find_elders(scope, wanted, state.keyring, state.clock.now(), reach)
    if identifier is not None and name is not None:
        found = [elder for elder in found if name in elder.name]
    return found, following


def _ids_of(identifier: str | None) -> frozenset[str]:
    """Where an identifier is our own id of an elder."""
    system, _, value = (identifier or "").rpartition("|")
    return frozenset({value}) if system in ("", codes.ELDER_ID) and _uuid(value) else frozenset()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _capabilities(version: FhirVersion, now: datetime, base: str) -> Resource:
    served = [*of_version(version), "Questionnaire"]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.date().isoformat(),
        "kind": "instance",
        "software": {"name": "渝悦养老物联网中枢 Yuyue Care Hub"},
        "implementation": {"description": "read-only", "url": base},
        "fhirVersion": _VERSIONS[version],
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": resource_type,
                        "interaction": [
                            {"code": code} for code in _INTERACTIONS.get(resource_type, _SEARCH)
                        ],
                        "operation": _EVERYTHING if resource_type == "Patient" else [],
                        "searchParam": _parameters(resource_type),
                    }
                    for resource_type in served
                ],
            }
        ],
    }


def _parameters(resource_type: str) -> list[dict[str, str]]:
    if resource_type == "Questionnaire":
        return []
    return [
        {"name": name, "type": _KINDS.get(name, "token")}
        for name in search.parameters_of(resource_type)
    ]


for _version in _VERSIONS:
    _serve(_version)
