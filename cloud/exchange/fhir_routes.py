"""The read-only FHIR endpoint: `/api/v1/fhir/r4b/...` and `/api/v1/fhir/r5/...`, the same calls.

Every search but that for people names its patient; a look at a record is guarded and written down
as everywhere else.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.errors import Problem
from cloud.exchange import resources, search
from cloud.exchange.codes import FhirVersion
from cloud.exchange.gather import MAX_READINGS, Asked, everything, gather, of_version
from cloud.exchange.resources import Resource, bundle, checked
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.search import MAX_QUERY, Wanted, find_elders
from cloud.people.service import find_elder
from cloud.state import State

Exporter = Annotated[Principal, requires(Permission.RECORDS_EXPORT)]
Count = Annotated[int, Query(alias="_count", ge=1, le=MAX_READINGS)]
Dates = Annotated[
    list[str] | None, Query(max_length=4, description="ge, gt, le, lt, eq before a date or time")
]
Code = Annotated[
    str | None, Query(max_length=120, description="of an Observation, `http://loinc.org|8867-4`")
]

MEDIA_TYPE: Final = "application/fhir+json"
# A resource of FHIR: its own definition says what is in it, not our OpenAPI document.
_ANSWERS: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": {200: {"content": {MEDIA_TYPE: {}}}},
}
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

    async def get_metadata(_principal: Exporter, state: State) -> Response:
        """What this endpoint can do (CapabilityStatement)."""
        return fhir_answer(checked(version, _capabilities(version, state.clock.now())))

    async def get_questionnaire(_principal: Exporter) -> Response:
        """The form of the ability assessment; the standard itself governs."""
        return fhir_answer(checked(version, resources.questionnaire(version)))

    async def search_patients(
        *,
        principal: Exporter,
        state: State,
        name: Annotated[str | None, Query(max_length=MAX_QUERY)] = None,
        identifier: Annotated[str | None, Query(max_length=120)] = None,
        count: Annotated[int, Query(alias="_count", ge=1, le=200)] = 50,
        after: Annotated[str | None, Query(max_length=300)] = None,
    ) -> Response:
        """People by name, pinyin or citizen number (`identifier=...`)."""
        query = (identifier or name or "").rpartition("|")[2]
        wanted = Wanted(query=query, everybody=True, after=after, limit=count)
        now = state.clock.now()
        found, following = await find_elders(principal.scope, wanted, state.keyring, now)
        if identifier is not None and name is not None:
            found = [elder for elder in found if name in elder.name]
        by = "identifier" if identifier is not None else "name"
        audit.record(
            principal.scope, principal.actor, Action.RECORDS_SEARCHED, now,
            detail={"call": f"search_patients_{version}", "by": by, "found": len(found)},
        )  # fmt: skip
        people = [checked(version, resources.patient(elder)) for elder in found]
        answer = bundle("searchset", people, at=now, total=len(people))
        if following is not None:
            link = f"/api/v1/fhir/{version}/Patient?_count={count}&after={following}"
            answer["link"] = [{"relation": "next", "url": link}]
            del answer["total"]
        return fhir_answer(checked(version, answer))

    async def get_patient(elder_id: UUID, request: Request, principal: Exporter) -> Response:
        """One elder."""
        asked = await asked_of(request, principal, elder_id, version)
        (found,) = await gather(principal.scope, asked, "Patient")
        return fhir_answer(found)

    async def get_everything(elder_id: UUID, request: Request, principal: Exporter) -> Response:
        """The whole record of an elder, newest values; who looked at it is asked for apart."""
        asked = await asked_of(request, principal, elder_id, version)
        found = await everything(principal.scope, asked)
        answer = bundle("searchset", found, at=asked.now, total=len(found))
        return fhir_answer(checked(version, answer))

    for path, call in (
        ("metadata", get_metadata),
        ("Questionnaire/gb-t-42195-2022", get_questionnaire),
        ("Patient", search_patients),
        ("Patient/{elder_id}", get_patient),
        ("Patient/{elder_id}/$everything", get_everything),
    ):
        router.add_api_route(
            f"/{version}/{path}", call, name=f"{call.__name__}_{version}", **_ANSWERS
        )
    for resource_type in of_version(version):
        if resource_type != "Patient":
            _serve_type(version, resource_type)


def _serve_type(version: FhirVersion, resource_type: str) -> None:
    async def search_type(
        *,
        patient: UUID,
        request: Request,
        principal: Exporter,
        code: Code = None,
        date: Dates = None,
        count: Count = 100,
    ) -> Response:
        begin, end = search.over(date or [])
        asked = await asked_of(
            request, principal, patient, version, quantity=search.quantity(code), from_at=begin,
            until_at=end, count=count,
        )  # fmt: skip
        found = await gather(principal.scope, asked, resource_type)
        answer = bundle("searchset", found, at=asked.now, total=len(found))
        return fhir_answer(checked(version, answer))

    router.add_api_route(
        f"/{version}/{resource_type}",
        search_type,
        name=f"search_{resource_type.lower()}_{version}",
        description=f"{resource_type} resources of one patient.",
        **_ANSWERS,
    )


def _capabilities(version: FhirVersion, now: datetime) -> Resource:
    served = [*of_version(version), "Questionnaire"]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.date().isoformat(),
        "kind": "instance",
        "software": {"name": "渝悦养老物联网中枢 Yuyue Care Hub"},
        "implementation": {"description": "read-only"},
        "fhirVersion": _VERSIONS[version],
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": resource_type,
                        "interaction": [
                            {"code": "read" if resource_type == "Questionnaire" else "search-type"}
                        ],
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
    if resource_type == "Patient":
        return [{"name": "name", "type": "string"}, {"name": "identifier", "type": "token"}]
    more = [{"name": "code", "type": "token"}, {"name": "date", "type": "date"}]
    return [
        {"name": "patient", "type": "reference"},
        *(more if resource_type == "Observation" else []),
    ]


for _version in _VERSIONS:
    _serve(_version)
