"""What the FHIR endpoint answers: valid in both versions, coded, marked, guarded, written down."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from fhir.resources import get_fhir_model_class as r5_class
from fhir.resources.R4B import get_fhir_model_class as r4b_class

from cloud.clock import ns_from_datetime
from cloud.exchange.codes import coded, quantity_of
from cloud.identity.permissions import Role
from edge.signals import NS_PER_S, QUANTITIES, Origin, Reading
from edge.wire import Lane
from tests.cloud.care.assessments import a_draft, file, save
from tests.cloud.world import CHANGES, World

CLASSES = {"r4b": r4b_class, "r5": r5_class}
BOTH = pytest.mark.parametrize("version", ["r4b", "r5"])


@pytest.fixture
async def manager(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.MANAGER)


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/fhir/{path}", params=query or None)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    found: dict[str, Any] = answer.json()
    return found


def entries(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in found.get("entry", [])]


async def measured(
    world: World, quantity: str, values: list[float], origin: Origin = Origin.LIVE
) -> None:
    """One value a second of the first elder's wearable, the last one now."""
    now_ns = ns_from_datetime(world.clock.now())
    last = len(values) - 1
    readings = [
        Reading(world.home.devices[0], quantity, now_ns - (last - n) * NS_PER_S, value, origin)
        for n, value in enumerate(values)
    ]
    await world.gateway().send(*readings, lane=Lane.BULK)


async def a_full_record(world: World) -> None:
    elder = f"/api/v1/elders/{world.home.elders[0]}"
    nurse = await world.as_role(Role.HEAD_NURSE)
    consent = {
        "purpose": "district_sharing", "text_version": "2026-1", "signer": "self",
        "signer_name": "王秀兰", "valid_from": "2026-02-01T00:00:00Z",
    }  # fmt: skip
    made = await nurse.post(f"{elder}/consents", json=consent, headers=CHANGES)
    assert made.status_code in (200, 201), made.text
    risk = {
        "risk": "fall", "level": "high", "measures": "夜间陪同", "owner": "何静",
        "review_on": "2026-04-01", "version": 0,
    }  # fmt: skip
    made = await nurse.put(f"{elder}/risks", json=risk, headers=CHANGES)
    assert made.status_code == 200, made.text
    assessor = await world.as_role(Role.ASSESSOR)
    await save(assessor, world.home, a_draft())
    assert (await file(assessor, world.home)).status_code == 200


@BOTH
async def test_the_whole_record_is_valid_in_its_version(
    world: World, manager: httpx.AsyncClient, version: str
) -> None:
    await a_full_record(world)
    await measured(world, "heart_rate", [70.0, 72.0])
    found = await get(manager, f"{version}/Patient/{world.home.elders[0]}/$everything")
    CLASSES[version]("Bundle").model_validate(found)
    held = {one["resourceType"] for one in entries(found)}
    use = "DeviceUseStatement" if version == "r4b" else "DeviceAssociation"
    assert held == {
        "Patient", "Location", "Device", use, "Observation", "QuestionnaireResponse", "Flag",
        "Consent",
    }  # fmt: skip
    forms = {one["resourceType"]: one for one in entries(found)}
    assert forms["Patient"]["name"] == [{"use": "official", "text": "王秀兰"}]
    assert "identifier" in forms["Patient"]
    assert all(one["system"] != "urn:yuyue-care-hub:citizen-number"
               for one in forms["Patient"]["identifier"])  # fmt: skip
    assert forms["Flag"]["code"]["text"] == "跌倒"
    assert forms["Consent"]["status"] == "active"
    assert len(forms["QuestionnaireResponse"]["item"]) == 4


@BOTH
async def test_metadata_and_the_form(manager: httpx.AsyncClient, version: str) -> None:
    said = await get(manager, f"{version}/metadata")
    CLASSES[version]("CapabilityStatement").model_validate(said)
    form = await get(manager, f"{version}/Questionnaire/gb-t-42195-2022")
    CLASSES[version]("Questionnaire").model_validate(form)
    assert sum(len(domain["item"]) for domain in form["item"]) == 26


async def test_readings_by_code_and_time(world: World, manager: httpx.AsyncClient) -> None:
    await measured(world, "heart_rate", [60.0, 61.0, 62.0, 63.0])
    patient = str(world.home.elders[0])
    code = "http://loinc.org|8867-4"
    found = entries(await get(manager, "r5/Observation", patient=patient, code=code))
    assert [one["valueQuantity"]["value"] for one in found] == [60.0, 61.0, 62.0, 63.0]
    assert found[0]["valueQuantity"]["code"] == "/min"
    last_two = await get(manager, "r5/Observation", patient=patient, code="8867-4", _count=2)
    assert [one["valueQuantity"]["value"] for one in entries(last_two)] == [62.0, 63.0]
    since = found[2]["effectiveDateTime"]
    later = await get(manager, "r5/Observation", patient=patient, code=code, date=f"gt{since}")
    assert [one["valueQuantity"]["value"] for one in entries(later)] == [63.0]
    newest = entries(await get(manager, "r5/Observation", patient=patient))
    assert [one["valueQuantity"]["value"] for one in newest] == [63.0]


async def test_what_no_person_made_says_so(world: World, manager: httpx.AsyncClient) -> None:
    await measured(world, "heart_rate", [88.0], origin=Origin.SIMULATED)
    (one,) = entries(await get(manager, "r4b/Observation", patient=str(world.home.elders[0])))
    assert [label["code"] for label in one["meta"]["security"]] == ["HTEST"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"code": "8867"}, "query.code"), ({"code": "urn:x|8867-4"}, "query.code"),
        ({"date": "ge2026-13-01"}, "query.date"), ({"date": "2026-03-01T10:00:00"}, "query.date"),
    ],
)  # fmt: skip
async def test_a_search_that_cannot_be_names_its_parameter(
    world: World, manager: httpx.AsyncClient, query: dict[str, str], field: str
) -> None:
    where = "/api/v1/fhir/r5/Observation"
    answer = await manager.get(where, params={"patient": str(world.home.elders[0]), **query})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_people_by_name_and_page_by_page(manager: httpx.AsyncClient) -> None:
    found = await get(manager, "r5/Patient", name="wangxiulan")
    assert [one["name"][0]["text"] for one in entries(found)] == ["王秀兰"]
    first = await get(manager, "r5/Patient", _count=1)
    (link,) = first["link"]
    rest = await get(manager, link["url"].removeprefix("/api/v1/fhir/"))
    assert {one["id"] for one in entries(first)} & {one["id"] for one in entries(rest)} == set()


async def test_a_look_is_written_down(world: World, manager: httpx.AsyncClient) -> None:
    patient = str(world.home.elders[0])
    await get(manager, "r5/Consent", patient=patient)
    seen = entries(await get(manager, "r5/AuditEvent", patient=patient))
    assert "record.read" in {one["code"]["coding"][0]["code"] for one in seen}


async def test_another_institutions_elder_is_not_there(
    world: World, manager: httpx.AsyncClient
) -> None:
    for path in (f"r5/Patient/{world.other.elders[0]}", f"r5/Patient/{uuid.uuid4()}"):
        assert (await manager.get(f"/api/v1/fhir/{path}")).status_code == 404
    theirs = {"patient": str(world.other.elders[0])}
    assert (await manager.get("/api/v1/fhir/r5/Flag", params=theirs)).status_code == 404


def test_every_quantity_has_one_code_that_leads_back() -> None:
    for quantity in QUANTITIES:
        for system, code, _ in coded(quantity).codings:
            assert quantity_of(f"{system}|{code}") == quantity
