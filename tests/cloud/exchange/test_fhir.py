"""What the FHIR endpoint answers: valid in both versions, coded, marked, guarded, written down."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fhir.resources import get_fhir_model_class as r5_class
from fhir.resources.R4B import get_fhir_model_class as r4b_class
from hypothesis import given
from hypothesis import strategies as st

from cloud.clock import LOCAL_ZONE, local_date, ns_from_datetime
from cloud.exchange.codes import coded, quantity_of
from cloud.exchange.search import PREFIXES, date_test, over
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


async def told_at_once(world: World, **values: float) -> None:
    """Several quantities of the first elder's wearable, now."""
    now_ns, device = ns_from_datetime(world.clock.now()), world.home.devices[0]
    readings = [Reading(device, name, now_ns, value) for name, value in values.items()]
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
        ({"date": "ge2026-13-01"}, "query.date"), ({"date": "xx2026-03-01"}, "query.date"),
        ({"value-quantity": "gt100"}, "query.value-quantity"), ({"_offset": "-1"}, "query._offset"),
        ({"patient": "Patient/7"}, "query.patient"), ({"_count": "0"}, "query._count"),
        ({"_lastUpdated": "yesterday"}, "query._lastUpdated"),
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
    rest = await get(manager, following(first))
    assert {one["id"] for one in entries(first)} & {one["id"] for one in entries(rest)} == set()
    # A page of a search by name is followed by a page of that search.
    named = await get(manager, "r5/Patient", name="w", _count=1)
    while named is not None:
        link = following(named)
        assert link == "" or "name=w" in link
        named = await get(manager, link) if link else None


def following(found: dict[str, Any]) -> str:
    """Where the next page is; empty: there is none."""
    links = {one["relation"]: one["url"] for one in found["link"]}
    return str(links.get("next", "")).partition("/api/v1/fhir/")[2]


async def test_people_by_id_and_identifier(world: World, manager: httpx.AsyncClient) -> None:
    elder = str(world.home.elders[0])
    own = "urn:yuyue-care-hub:elder"
    for query in ({"_id": elder}, {"identifier": elder}, {"identifier": f"{own}|{elder}"}):
        assert [one["id"] for one in entries(await get(manager, "r4b/Patient", **query))] == [elder]
    nobody = (
        {"_id": str(uuid.uuid4())}, {"identifier": "王秀兰"}, {"identifier": f"urn:other|{elder}"},
        {"_id": str(world.other.elders[0])}, {"_id": elder, "gender": "male"},
        {"_id": elder, "birthdate": "lt1930"}, {"_id": elder, "_lastUpdated": "ge2999"},
    )  # fmt: skip
    for query in nobody:
        assert entries(await get(manager, "r4b/Patient", **query)) == []
    born = entries(await get(manager, "r5/Patient", _id=elder))[0]["birthDate"]
    for query in ({"birthdate": born}, {"birthdate": f"ge{born[:4]}"}, {"gender": "female"}):
        assert len(entries(await get(manager, "r5/Patient", _id=elder, **query))) == 1


@BOTH
async def test_every_type_answers_in_its_version(
    world: World, manager: httpx.AsyncClient, version: str
) -> None:
    await a_full_record(world)
    await measured(world, "heart_rate", [70.0])
    patient = str(world.home.elders[0])
    said = await get(manager, f"{version}/metadata")
    served = {one["type"]: one for one in said["rest"][0]["resource"]}
    for resource_type, one in served.items():
        if resource_type in ("Patient", "Questionnaire"):
            continue
        found = await get(manager, f"{version}/{resource_type}", patient=f"Patient/{patient}")
        assert {each["resourceType"] for each in entries(found)} == {resource_type}
        for each in entries(found):
            CLASSES[version](resource_type).model_validate(each)
        chosen = entries(found)[0]["id"]
        by_id = await get(manager, f"{version}/{resource_type}", patient=patient, _id=chosen)
        assert [each["id"] for each in entries(by_id)] == [chosen]
        names = {each["name"] for each in one["searchParam"]}
        if "_lastUpdated" in names:
            later = {"patient": patient, "_lastUpdated": "gt2999"}
            assert entries(await get(manager, f"{version}/{resource_type}", **later)) == []
            sooner = {"patient": patient, "_lastUpdated": "le2999"}
            assert entries(await get(manager, f"{version}/{resource_type}", **sooner))
        if "subject" in names:
            assert entries(await get(manager, f"{version}/{resource_type}", subject=patient))


@BOTH
async def test_blood_pressure_is_one_observation_with_two_components(
    world: World, manager: httpx.AsyncClient, version: str
) -> None:
    await told_at_once(world, systolic_pressure=131.0, diastolic_pressure=82.0)
    patient = str(world.home.elders[0])
    code = "http://loinc.org|85354-9"
    for query in ({}, {"code": code}, {"date": "ge2026-01-01"}):
        (one,) = entries(await get(manager, f"{version}/Observation", patient=patient, **query))
        assert one["code"]["coding"][0]["code"] == "85354-9"
        assert [
            (part["code"]["coding"][0]["code"], part["valueQuantity"]["value"],
             part["valueQuantity"]["code"])
            for part in one["component"]
        ] == [("8480-6", 131.0, "mm[Hg]"), ("8462-4", 82.0, "mm[Hg]")]  # fmt: skip
    alone = entries(await get(manager, f"{version}/Observation", patient=patient, code="8480-6"))
    assert [each["valueQuantity"]["value"] for each in alone] == [131.0]


async def test_readings_page_by_page_newest_first(world: World, manager: httpx.AsyncClient) -> None:
    await measured(world, "heart_rate", [60.0, 61.0, 62.0, 63.0, 64.0])
    patient = str(world.home.elders[0])
    page = await get(manager, "r5/Observation", patient=patient, code="8867-4", _count=2)
    values = []
    while True:
        values.append([one["valueQuantity"]["value"] for one in entries(page)])
        link = following(page)
        if not link:
            break
        page = await get(manager, link)
    assert values == [[63.0, 64.0], [61.0, 62.0], [60.0]]


async def test_several_codes_a_category_and_the_level(
    world: World, manager: httpx.AsyncClient
) -> None:
    await a_full_record(world)
    await told_at_once(world, heart_rate=70.0, spo2=97.0)
    patient = str(world.home.elders[0])

    async def codes_found(**query: str) -> set[str]:
        found = entries(await get(manager, "r5/Observation", patient=patient, **query))
        return {one["code"]["coding"][0]["code"] for one in found}

    assert await codes_found(code="8867-4,2708-6") == {"8867-4", "2708-6"}
    assert await codes_found(code="urn:yuyue-care-hub:ability-level|level") == {"level"}
    assert await codes_found(category="survey") == {"level"}
    assert await codes_found(category="vital-signs") == {"8867-4", "2708-6"}
    day = local_date(world.clock.now()).isoformat()
    assert await codes_found(date=day) == {"8867-4", "2708-6", "level"}
    assert await codes_found(date=f"lt{day}") == set()
    assert await codes_found(date=f"sa{day}") == set()


async def test_what_is_found_can_be_followed(world: World, manager: httpx.AsyncClient) -> None:
    """`Patient/1` in a resource is found under the address that its entry has."""
    await a_full_record(world)
    found = await get(manager, f"r5/Patient/{world.home.elders[0]}/$everything")
    addresses = {entry["fullUrl"] for entry in found["entry"]}
    base = next(iter(addresses)).partition("/api/v1/fhir/r5/")[0] + "/api/v1/fhir/r5/"
    for one in entries(found):
        subject = one.get("subject")
        assert subject is None or f"{base}{subject['reference']}" in addresses


@BOTH
async def test_one_resource_by_its_id(
    world: World, manager: httpx.AsyncClient, version: str
) -> None:
    await a_full_record(world)
    patient = str(world.home.elders[0])
    for resource_type in ("QuestionnaireResponse", "Consent"):
        (held,) = entries(await get(manager, f"{version}/{resource_type}", patient=patient))
        assert await get(manager, f"{version}/{resource_type}/{held['id']}") == held
        nobody = f"/api/v1/fhir/{version}/{resource_type}/{uuid.uuid4()}"
        assert (await manager.get(nobody)).status_code == 404


async def test_a_client_of_fhir_is_told_in_its_own_form(
    world: World, manager: httpx.AsyncClient
) -> None:
    accept = {"Accept": "application/fhir+json"}
    where = "/api/v1/fhir/r5/Observation"
    answer = await manager.get(where, params={"code": "8867-4"}, headers=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/fhir+json")
    r5_class("OperationOutcome").model_validate(answer.json())
    assert "patient" in answer.json()["issue"][0]["diagnostics"]
    gone = await manager.get(f"/api/v1/fhir/r5/Patient/{uuid.uuid4()}", headers=accept)
    assert gone.json()["issue"][0]["code"] == "not-found"


NOON = datetime(2026, 3, 1, 12, tzinfo=LOCAL_ZONE)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "moment", "holds"),
    [
        # A day without a zone is a day in China: it begins at 16:00 UTC.
        ("2026-03-01", datetime(2026, 2, 28, 16, tzinfo=UTC), True),
        ("2026-03-01", datetime(2026, 3, 1, 16, tzinfo=UTC), False),
        ("2026", NOON, True), ("2026-03", NOON, True), ("2025", NOON, False),
        ("ne2026-03-01", NOON, False), ("ne2026-03-02", NOON, True),
        ("gt2026-03-01", NOON, False), ("gt2026-02-28", NOON, True),
        ("ge2026-03-01", NOON, True), ("lt2026-03-01", NOON, False), ("le2026-03-01", NOON, True),
        ("sa2026-03-01", NOON, False), ("sa2026-02", NOON, True), ("eb2026-03-02", NOON, True),
        ("eb2026-03-01", NOON, False), ("ap2026-03-01", NOON, True),
        ("2026-03-01T12:00", NOON + 59 * SECOND, True),
        ("2026-03-01T12:00:00", NOON + SECOND, False),
        ("2026-03-01T04:00:00Z", NOON, True), ("2026-03-01T12:00:00+08:00", NOON, True),
        ("2026-03-01T12:00:00 08:00", NOON, True),  # a plus that nobody encoded
        ("2026-12", datetime(2026, 12, 31, 23, tzinfo=LOCAL_ZONE), True),
    ],
)  # fmt: skip
def test_dates_as_fhir_means_them(text: str, moment: datetime, holds: bool) -> None:
    assert date_test(text, "date").holds(moment, moment + timedelta(microseconds=1)) is holds


@given(
    st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=3),
    st.lists(st.integers(-72, 72), min_size=3, max_size=3),
    st.integers(-90, 90),
)
def test_what_is_fetched_holds_all_that_is_kept(
    prefixes: list[str], hours: list[int], at: int
) -> None:
    """The bounds that a store is asked with never leave out what the tests would keep."""
    tests = [
        date_test(f"{prefix}{(NOON + timedelta(hours=hour)).isoformat()}", "date")
        for prefix, hour in zip(prefixes, hours, strict=False)
    ]
    moment = NOON + timedelta(hours=at)
    if all(test.holds(moment, moment + timedelta(microseconds=1)) for test in tests):
        begin, end = over(tests)
        assert begin is None or begin <= moment
        assert end is None or moment < end


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
