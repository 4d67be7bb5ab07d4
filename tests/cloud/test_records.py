"""Places, elders, stays, family, consents and risks through the API, as people use them."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cloud.identity.permissions import Role
from cloud.people.citizen_number import (
    CitizenNumberError,
    check_character,
    parse_citizen_number,
)
from cloud.people.search_keys import name_pinyin, search_keys
from cloud.people.vocabulary import LIVING_FLAGS, diagnoses, fact_fields
from cloud.places.pictures import FACE_PX
from cloud.settings import Environment
from tests.cloud.records import family_login, picture
from tests.cloud.world import START, World

TODAY = date(2026, 3, 1)
NUMBER = "99010119410312002" + check_character("99010119410312002")
ELDER = {"name": "张桂芳", "sex": "female", "birth_date": "1941-03-12", "care_note": "走左侧"}


def at(**ago: float) -> str:
    return (START - timedelta(**ago)).isoformat()


async def ok(answering: Any) -> Any:
    answer: httpx.Response = await answering
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, field: str) -> None:
    assert answer.status_code == status, answer.text
    assert [item["field"] for item in answer.json()["errors"]] == [f"body.{field}"]


@pytest.fixture
async def nurse(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.HEAD_NURSE)


@pytest.fixture
async def manager(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.MANAGER)


async def test_an_institution_is_built_from_nothing(manager: httpx.AsyncClient) -> None:
    building = await ok(manager.post("/api/v1/buildings", json={"name": "主楼"}))
    unit = await ok(
        manager.post("/api/v1/units", json={"name": "5 楼", "building_id": building["id"]})
    )
    room = await ok(manager.post("/api/v1/rooms", json={"name": "501", "unit_id": unit["id"]}))
    for name in ("1", "2"):
        body = {"name": name, "room_id": room["id"], "kind": "nursing"}
        await ok(manager.post("/api/v1/beds", json=body))
    taken = await manager.post("/api/v1/beds", json={"name": "1", "room_id": room["id"]})
    refused(taken, 409, "name")
    nowhere = {"name": "3", "room_id": building["id"]}
    refused(await manager.post("/api/v1/beds", json=nowhere), 422, "room_id")
    tree = await ok(manager.get("/api/v1/places"))
    (made,) = [node for node in tree["units"] if node["name"] == "5 楼"]
    assert [bed["occupancy"] for bed in made["rooms"][0]["beds"]] == ["free", "free"]
    assert tree["counts"] == {
        "beds": 4, "occupied": 2, "free": 2, "home_beds": 0, "home_beds_occupied": 0,
    }  # fmt: skip


async def test_a_place_is_changed_by_who_read_it_last(manager: httpx.AsyncClient) -> None:
    made = await manager.post("/api/v1/units", json={"name": "5 楼"})
    unit, tag = made.json(), made.headers["ETag"]
    path = f"/api/v1/units/{unit['id']}"
    blind = await manager.put(path, json={"name": "6 楼"})
    assert (blind.status_code, blind.json()["code"]) == (428, "version_needed")
    renamed = await manager.put(path, json={"name": "6 楼"}, headers={"If-Match": tag})
    assert (renamed.json()["name"], renamed.headers["ETag"]) == ("6 楼", '"2"')
    late = await manager.put(path, json={"name": "7 楼"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    room = await ok(manager.post("/api/v1/rooms", json={"name": "601", "unit_id": unit["id"]}))
    still = await manager.delete(path, headers={"If-Match": '"2"'})
    refused(still, 409, "closed_at")
    await ok(manager.delete(f"/api/v1/rooms/{room['id']}", headers={"If-Match": '"1"'}))
    closed = await ok(manager.delete(path, headers={"If-Match": '"2"'}))
    assert closed["closed_at"] is not None
    refused(
        await manager.post("/api/v1/rooms", json={"name": "602", "unit_id": unit["id"]}),
        422, "unit_id",
    )  # fmt: skip


async def test_a_bed_somebody_has_stays_open(world: World, manager: httpx.AsyncClient) -> None:
    path = f"/api/v1/beds/{world.home.beds[0]}"
    refused(await manager.delete(path, headers={"If-Match": '"1"'}), 409, "closed_at")


async def test_the_technical_side_sees_beds_but_no_names(world: World) -> None:
    operator = await world.as_role(Role.OPERATOR)
    tree = await ok(operator.get("/api/v1/places"))
    beds = tree["units"][0]["rooms"][0]["beds"]
    assert [bed["occupancy"] for bed in beds] == ["occupied", "occupied"]
    assert "王秀兰" not in str(tree)
    assert (await operator.get("/api/v1/elders")).status_code == 403


async def test_a_home_bed_from_application_to_acceptance(
    world: World, manager: httpx.AsyncClient
) -> None:
    body = {
        "name": "李家",
        "district_code": "500109",
        "address": "某街 3 号",
        "entry": "钥匙：王芳",
    }
    home = await ok(manager.post("/api/v1/homes", json=body))
    path = f"/api/v1/homes/{home['id']}"
    assert {"button", "wearable", "bed", "gateway"} <= {item["kind"] for item in home["kit"]}
    room = await ok(manager.post("/api/v1/rooms", json={"name": "卧室", "home_id": home["id"]}))
    bed = {"name": "1", "room_id": room["id"], "kind": "home"}
    bed = await ok(manager.post("/api/v1/beds", json=bed))
    (button,) = [item for item in home["kit"] if item["kind"] == "button"]
    fitted = {"kind": "button", "spot": "床头", "device_id": "wearable-1", "fitted": True}
    home = await ok(manager.put(f"{path}/kit/{button['id']}", json=fitted))
    assert [i["spot"] for i in home["kit"] if i["fitted_at"]] == ["床头"]
    strange = {"kind": "button", "device_id": "nobody-knows"}
    refused(await manager.post(f"{path}/kit", json=strange), 422, "device_id")
    acceptance = {"accepted_by": "李国强", "warranty_until": "2027-03-01"}
    early = await manager.post(f"{path}/acceptance", json=acceptance)
    refused(early, 409, "accepted_by")
    assert "call_tested" in early.json()["detail"]
    for check in home["checks"]:
        await ok(manager.put(f"{path}/checks/{check['id']}", json={"done": True}))
    photo = await ok(
        manager.post(f"{path}/checks/{home['checks'][0]['id']}/photos", content=picture())
    )
    home = await ok(manager.post(f"{path}/acceptance", json=acceptance))
    assert (home["state"], home["warranty_until"]) == ("in_service", "2027-03-01")
    assert home["checks"][0]["photos"] == [photo["id"]]
    seen = await manager.get(f"{path}/photos/{photo['id']}")
    assert seen.headers["Content-Type"] == "image/jpeg"
    move_in = {"bed_id": bed["id"], "at": at(hours=1)}
    nurse = await world.as_role(Role.HEAD_NURSE)
    stay = await ok(nurse.post(f"/api/v1/elders/{world.home.elders[0]}/stays", json=move_in))
    assert stay["stay"]["place"] == "李家 卧室"
    tree = await ok(manager.get("/api/v1/places"))
    assert tree["counts"]["home_beds_occupied"] == 1
    async with world.database.tenant(world.home.institution_id) as scope:
        connection = await scope.session.connection()
        kept = await connection.exec_driver_sql("SELECT address_sealed, entry_sealed FROM home")
        assert all("某街".encode() not in column for column in kept.one())


async def test_a_record_is_made_changed_and_found(world: World, nurse: httpx.AsyncClient) -> None:
    body = {
        **ELDER, "citizen_number": NUMBER, "phone": "023-63000000", "education": "小学",
        "living": ["独居"], "languages": ["重庆话"], "height_cm": 155,
        "diagnoses": [{"code": "I10-I15"}, {"code": "F00-F03", "note": "轻度"}],
        "allergies": [{"substance": "青霉素", "severe": True}],
    }  # fmt: skip
    made = await nurse.post("/api/v1/elders", json=body)
    assert made.status_code == 200, made.text
    elder, tag = made.json(), made.headers["ETag"]
    path = f"/api/v1/elders/{elder['id']}"
    assert (elder["citizen_number"], elder["age"]) == (NUMBER, 84)
    read = await nurse.get(path)
    assert (read.json(), read.headers["ETag"]) == (elder, tag)
    carer = await world.desk()
    assert (await ok(carer.get(path)))["citizen_number"] == f"99{'*' * 12}{NUMBER[-4:]}"
    for query in ("张桂", "桂芳", "芳", "zhanggui", "zgf", "guif", "ZGF", NUMBER, NUMBER.lower()):
        found = await ok(nurse.get("/api/v1/elders", params={"q": query}))
        assert [line["id"] for line in found["elders"]] == [elder["id"]], query
    renamed = {**body, "name": "章桂芳", "citizen_number": None}
    changed = await nurse.put(path, json=renamed, headers={"If-Match": tag})
    assert changed.json()["citizen_number"] == NUMBER
    assert (await ok(nurse.get("/api/v1/elders?q=张桂")))["elders"] == []
    stale = await nurse.put(path, json=renamed, headers={"If-Match": tag})
    assert stale.status_code == 412
    twice = {**body, "name": "同号"}
    refused(await nurse.post("/api/v1/elders", json=twice), 409, "citizen_number")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"citizen_number": NUMBER[:-1] + "0"}, "citizen_number"),
        ({"citizen_number": "12345"}, "citizen_number"),
        ({"citizen_number": NUMBER, "sex": "male"}, "citizen_number"),
        ({"citizen_number": NUMBER, "birth_date": "1941-03-13"}, "citizen_number"),
        ({"birth_date": "2030-01-01"}, "birth_date"),
        ({"birth_date": "1700-01-01"}, "birth_date"),
        ({"birth_date": "1941-02-30"}, "birth_date"),
        ({"education": "博士后"}, "education"),
        ({"living": ["独居", "在船上"]}, "living.1"),
        ({"diagnoses": [{"code": "Z99"}]}, "diagnoses.0.code"),
        ({"height_cm": 1.6}, "height_cm"),
        ({"phone": "call me"}, "phone.constrained-str"),
        ({"name": "   "}, "name"),
        ({"nickname": "芳芳"}, "nickname"),
    ],
)
async def test_a_wrong_record_names_the_field(
    nurse: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await nurse.post("/api/v1/elders", json={**ELDER, **change})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == f"body.{field}"
    assert "constrained" in field or len(answer.json()["errors"]) == 1
    assert NUMBER not in answer.text
    assert (await ok(nurse.get("/api/v1/elders?q=张桂芳")))["elders"] == []


async def test_impossible_numbers_are_for_demonstrations(
    world: World, nurse: httpx.AsyncClient
) -> None:
    world.app.state.yuyue.settings.environment = Environment.PRODUCTION
    answer = await nurse.post("/api/v1/elders", json={**ELDER, "citizen_number": NUMBER})
    refused(answer, 422, "citizen_number")


async def test_elders_page_by_page(world: World, nurse: httpx.AsyncClient) -> None:
    for number in range(7):
        await ok(nurse.post("/api/v1/elders", json={**ELDER, "name": f"陈{number}"}))
    seen, after = [], None
    while True:
        query: dict[str, Any] = {"limit": 3, "q": "chen", **({"after": after} if after else {})}
        page = await ok(nurse.get("/api/v1/elders", params=query))
        seen += [line["name"] for line in page["elders"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [f"陈{number}" for number in range(7)]
    broken = await nurse.get("/api/v1/elders", params={"after": "%%%"})
    assert (broken.status_code, broken.json()["errors"][0]["field"]) == (422, "query.after")
    (line,) = (await ok(nurse.get("/api/v1/elders", params={"q": "203-1"})))["elders"]
    assert (line["name"], line["place"]["label"]) == ("王秀兰", "2 楼 护理一区 203-1 床")
    both = await ok(nurse.get("/api/v1/elders", params={"q": "203"}))
    assert len(both["elders"]) == 2
    odd = ("';--", "\\", "%", "_", "' | '", "()&|!:*", "\u0000", "🙂")
    for query_text in odd:
        answer = await nurse.get("/api/v1/elders", params={"q": query_text})
        assert answer.status_code == 200, query_text
        assert answer.json()["elders"] == []


async def test_facts_keep_their_source_and_their_past(
    world: World, nurse: httpx.AsyncClient
) -> None:
    path = f"/api/v1/elders/{world.home.elders[0]}"
    fact = {
        "field": "economic_status",
        "value": "ordinary",
        "source": "本人",
        "as_of": "2026-01-05",
    }
    await ok(nurse.post(f"{path}/facts", json=fact))
    newer = {**fact, "value": "dibao", "source": "街道 2026-12 号", "as_of": "2026-02-01"}
    await ok(nurse.post(f"{path}/facts", json=newer))
    older = {**fact, "value": "unknown", "as_of": "2025-01-01"}
    await ok(nurse.post(f"{path}/facts", json=older))
    for flag in LIVING_FLAGS:
        told = {"field": flag, "value": flag == "no_kin", "source": "社区", "as_of": "2026-02-01"}
        await ok(nurse.post(f"{path}/facts", json=told))
    record = await ok(nurse.get(path))
    facts = {item["field"]: (item["value"], item["source"]) for item in record["facts"]}
    assert facts["economic_status"] == ("dibao", "街道 2026-12 号")
    assert record["living_flags"] == {
        "lives_alone": False, "empty_nest": False, "children_away": False, "no_kin": True,
    }  # fmt: skip
    history = await ok(nurse.get(f"{path}/facts", params={"field": "economic_status"}))
    assert [item["value"] for item in history["facts"]] == ["dibao", "ordinary", "unknown"]
    for change, field in (
        ({"field": "shoe_size"}, "field"), ({"value": "rich"}, "value"), ({"value": 1}, "value"),
        ({"as_of": "2027-01-01"}, "as_of"),
    ):  # fmt: skip
        refused(await nurse.post(f"{path}/facts", json={**fact, **change}), 422, field)


def test_every_field_of_the_service_list_has_its_place() -> None:
    assert {"economic_status", "living", "ltci_insured", "merit", "hukou_region"} <= set(
        fact_fields()
    )
    assert set(LIVING_FLAGS) <= set(fact_fields())
    assert len(diagnoses()) == 23
    grade = fact_fields()["disability_card_grade"]
    assert [grade.problem_of(value) for value in (1, 4, "none", "unknown")] == [None] * 4
    assert all(grade.problem_of(value) for value in (True, 0, 5, "1", ""))
    region = fact_fields()["hukou_region"]
    assert region.problem_of("500109") is None
    assert all(region.problem_of(value) for value in ("5001", "重庆", True, 500109))


async def test_a_photo_loses_what_the_camera_added(world: World, nurse: httpx.AsyncClient) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera of the daughter", 6
    Image.new("RGB", (1200, 800), "teal").save(file, "JPEG", exif=exif)
    path = f"/api/v1/elders/{world.home.elders[0]}/photo"
    assert (await nurse.get(path)).status_code == 404
    await ok(nurse.put(path, content=file.getvalue()))
    held = (await nurse.get(path)).content
    assert b"Camera" not in held
    with Image.open(io.BytesIO(held)) as image:
        assert (image.format, image.size) == ("JPEG", (FACE_PX * 2 // 3 + 1, FACE_PX))
        assert not image.getexif()
    for content, status in (
        (b"not a picture", 415), (file.getvalue()[:2000], 422), (b"", 415),
        (b"GIF89a" + b"\0" * 50, 415), (b"<svg onload=alert(1)>", 415), (b"\xff" * 13_000_000, 413),
    ):  # fmt: skip
        answer = await nurse.put(path, content=content)
        assert answer.status_code == status, answer.text
    assert (await nurse.get(path)).content == held


async def test_stays_begin_move_and_end(world: World, nurse: httpx.AsyncClient) -> None:
    first, second = world.home.elders
    path = f"/api/v1/elders/{first}"
    there = {"bed_id": str(world.home.beds[1]), "at": at(hours=2)}
    refused(await nurse.post(f"{path}/stays", json=there), 409, "bed_id")
    left = {"at": at(hours=3), "reason": "hospital"}
    await ok(nurse.post(f"/api/v1/elders/{second}/leave", json=left))
    moved = await ok(nurse.post(f"{path}/stays", json=there))
    assert moved["stay"]["place"].endswith("203-2 床")
    stays = (await ok(nurse.get(f"{path}/stays")))["stays"]
    assert [(s["end_reason"], s["valid_until"] is None) for s in stays] == [
        (None, True), ("moved", False),
    ]  # fmt: skip
    for body, field in (
        ({**there, "at": (START + timedelta(days=1)).isoformat()}, "at"),
        ({**there, "bed_id": str(first), "at": at(hours=1)}, "bed_id"),
    ):
        refused(await nurse.post(f"{path}/stays", json=body), 422, field)
    again = {"bed_id": there["bed_id"], "at": at(hours=1)}
    refused(await nurse.post(f"{path}/stays", json=again), 409, "bed_id")
    wrong = {
        "bed_id": there["bed_id"], "valid_from": at(hours=5), "reason": "晚登记",
    }  # fmt: skip
    refused(await nurse.put(f"/api/v1/stays/{stays[0]['id']}", json=wrong), 409, "valid_from")


async def test_what_family_sees_rests_on_consent(world: World, nurse: httpx.AsyncClient) -> None:
    elder_id = world.home.elders[0]
    path = f"/api/v1/elders/{elder_id}"
    await family_login(world, world.home, "wangfang")
    body = {"name": "王芳", "relationship": "女儿", "username": "wangfang",
            "may_see": ["presence", "vitals"]}  # fmt: skip
    refused(await nurse.post(f"{path}/family", json={**body, "username": "x"}), 422, "username")
    (member,) = (await ok(nurse.post(f"{path}/family", json=body)))["family"]
    assert (member["username"], member["sees_now"]) == ("wangfang", [])
    consent = {
        "purpose": "family_sharing", "family_member_id": member["id"], "kinds": ["presence"],
        "text_version": "2026-1", "signer": "self", "signer_name": "王秀兰",
        "valid_from": at(days=1),
    }  # fmt: skip
    refused(
        await nurse.post(f"{path}/consents", json={**consent, "signer": "guardian"}), 422, "proof"
    )
    given_ = await ok(nurse.post(f"{path}/consents", json=consent))
    assert "vitals" in given_["missing"]
    assert "family_sharing" not in given_["missing"]
    assert (await ok(nurse.get(f"{path}/family")))["family"][0]["sees_now"] == ["presence"]
    consent_id = given_["consents"][0]["id"]
    withdrawal = {"withdrawn_by": "王秀兰"}
    after = await ok(nurse.post(f"{path}/consents/{consent_id}/withdrawal", json=withdrawal))
    assert (after["consents"][0]["in_force"], "family_sharing" in after["missing"]) == (False, True)
    assert (await ok(nurse.get(f"{path}/family")))["family"][0]["sees_now"] == []
    again = await nurse.post(f"{path}/consents/{consent_id}/withdrawal", json=withdrawal)
    refused(again, 409, "withdrawn_at")
    ended = await ok(nurse.delete(f"{path}/family/{member['id']}", headers={"If-Match": '"1"'}))
    assert ended["family"][0]["ended_at"] is not None


async def test_contacts_keep_their_order(world: World, nurse: httpx.AsyncClient) -> None:
    path = f"/api/v1/elders/{world.home.elders[0]}/contacts"
    people = [
        {"name": name, "relationship": "子女", "phone": f"1380000000{number}"}
        for number, name in enumerate(("王芳", "王强", "李婶"))
    ]
    for order in (people, people[::-1], people[:1]):
        put = await ok(nurse.put(path, json={"contacts": order}))
        assert put == await ok(nurse.get(path))
        assert [(c["rank"], c["name"]) for c in put["contacts"]] == [
            (rank, person["name"]) for rank, person in enumerate(order, start=1)
        ]


async def test_nine_risks_wait_until_somebody_has_looked(
    world: World, nurse: httpx.AsyncClient
) -> None:
    path = f"/api/v1/elders/{world.home.elders[0]}/risks"
    risks = (await ok(nurse.get(path)))["risks"]
    assert [(r["level"], r["is_due"]) for r in risks] == [("not_assessed", True)] * 9
    bare = {"risk": "fall", "level": "high", "version": 0}
    refused(await nurse.put(path, json=bare), 422, "measures")
    known = {**bare, "measures": "床栏、陪走", "owner": "周敏", "review_on": "2026-03-15"}
    await ok(nurse.put(path, json=known))
    assert (await nurse.put(path, json=known)).status_code == 412
    for risk in risks:
        if risk["risk"] != "fall":
            await ok(nurse.put(path, json={"risk": risk["risk"], "level": "none", "version": 0}))
    todo = (await ok(nurse.get("/api/v1/risks/open")))["elders"]
    assert [(t["elder_id"], len(t["not_assessed"])) for t in todo] == [
        (str(world.home.elders[1]), 9)
    ]
    world.clock.advance(15 * 86_400)
    nurse = await world.as_role(Role.HEAD_NURSE)
    todo = (await ok(nurse.get("/api/v1/risks/open")))["elders"]
    assert [t["reviews_due"] for t in todo if t["elder_id"] == str(world.home.elders[0])] == [
        ["fall"]
    ]


def test_the_example_of_the_standard_holds() -> None:
    assert check_character("34052419800101001") == "X"
    number = parse_citizen_number(" 34052419800101001x ", TODAY)
    assert (number.birth_date, number.sex, number.is_impossible) == (
        date(1980, 1, 1),
        "male",
        False,
    )
    assert parse_citizen_number(NUMBER, TODAY).is_impossible


@given(st.integers(0, 16), st.integers(0, 9))
def test_one_wrong_digit_is_noticed(place: int, digit: int) -> None:
    if NUMBER[place] == str(digit):
        return
    wrong = NUMBER[:place] + str(digit) + NUMBER[place + 1 :]
    with pytest.raises(CitizenNumberError):
        parse_citizen_number(wrong, TODAY)


@given(st.text(max_size=30))
def test_nothing_else_is_a_number_and_no_name_breaks_the_keys(text: str) -> None:
    try:
        number = parse_citizen_number(text, TODAY)
        assert len(number.text) == 18
    except CitizenNumberError:
        pass
    keys = search_keys(text)
    assert all(key and key.isalnum() for key in keys)
    assert isinstance(name_pinyin(text), str)


@pytest.mark.parametrize(
    ("name", "found_by", "sorts_as"),
    [
        ("单桂英", ["shangui", "sgy", "桂英"], "shan gui ying"),
        ("曾国藩", ["zeng", "zgf", "cgf"], "zeng guo fan"),
        ("欧阳修", ["ouyang", "oyx", "yangxiu"], "ou yang xiu"),
        ("吕布", ["lvbu", "lb"], "lv bu"),
        ("Anna 李", ["anna", "李"], "anna li"),
    ],
)
def test_how_a_name_is_found(name: str, found_by: list[str], sorts_as: str) -> None:
    keys = search_keys(name)
    assert all(any(key.startswith(query) for key in keys) for query in found_by)
    assert name_pinyin(name).split() == sorts_as.split()
