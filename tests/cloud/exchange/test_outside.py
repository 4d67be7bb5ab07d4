"""Signed bundles out, and other bodies' results in: refused with reasons, decided by a person."""

from __future__ import annotations

import copy
import uuid
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from cloud.exchange.signing import SignatureError, verify
from cloud.identity.permissions import Role
from cloud.people.service import find_elder
from tests.cloud.care.assessments import BEST, a_draft
from tests.cloud.exchange.bundles import (
    NUMBER,
    THEIR_KEY,
    know_partner,
    send,
    signed,
    their_bundle,
    total_of,
    with_answers,
)
from tests.cloud.world import CHANGES, START, World


@pytest.fixture
async def nurse(world: World) -> httpx.AsyncClient:
    await know_partner(world, world.home)
    return await world.as_role(Role.ASSESSOR)


async def give_number(world: World) -> None:
    """The first elder gets the number that nobody can have."""
    head = await world.as_role(Role.HEAD_NURSE)
    path = f"/api/v1/elders/{world.home.elders[0]}"
    got = await head.get(path)
    record = {
        key: value
        for key, value in got.json().items()
        if key in ("name", "sex", "birth_date", "care_note")
    }
    record["citizen_number"] = NUMBER
    headers = CHANGES | {"If-Match": got.headers["etag"]}
    answer = await head.put(path, json=record, headers=headers)
    assert answer.status_code == 200, answer.text


async def consent(world: World) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    wanted = {
        "purpose": "district_sharing", "text_version": "2026-1", "signer": "self",
        "signer_name": "王秀兰", "valid_from": "2026-02-01T00:00:00Z",
    }  # fmt: skip
    path = f"/api/v1/elders/{world.home.elders[0]}/consents"
    assert (await head.post(path, json=wanted, headers=CHANGES)).status_code in (200, 201)


async def export(world: World, **more: Any) -> httpx.Response:
    manager = await world.as_role(Role.MANAGER)
    wanted = {"recipient": "渝中区民政局", "purpose": "评估结果互认", **more}
    path = f"/api/v1/elders/{world.home.elders[0]}/bundles"
    return await manager.post(path, json=wanted, headers=CHANGES)


@pytest.mark.parametrize("version", ["r4b", "r5"])
async def test_a_bundle_out_is_signed_and_anybody_can_check_it(world: World, version: str) -> None:
    await consent(world)
    made = (await export(world, version=version)).json()
    (key,) = (await world.client().get("/api/v1/exchange-keys")).json()["keys"]
    assert "d" not in key
    verify(made, key)
    changed = copy.deepcopy(made)
    changed["entry"][0]["resource"]["birthDate"] = "1942-03-12"
    with pytest.raises(SignatureError):
        verify(changed, key)


async def test_nothing_leaves_without_consent(world: World) -> None:
    refused = await export(world)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_consent")


async def test_an_outside_result_waits_for_a_person_and_then_counts_with_its_source(
    world: World, nurse: httpx.AsyncClient
) -> None:
    await give_number(world)
    answers = with_answers(B_1_3="0", B_1_5="0")
    unsigned = their_bundle(answers=answers, total=total_of(answers), level=2)
    took = await send(nurse, signed(unsigned))
    assert took.status_code == 200, took.text
    result = took.json()
    assert (result["matched_by"], result["accepted"], result["own_level"]) == (
        "citizen_number", None, None,
    )  # fmt: skip
    again = await send(nurse, signed(unsigned))  # the answer was lost
    assert again.json() == result
    assessments = f"/api/v1/elders/{world.home.elders[0]}/assessments"
    assert (await nurse.get(assessments)).json()["current_level"] is None
    decision = f"/api/v1/outside-results/{result['id']}/decision"
    decided = await nurse.post(decision, json={"accept": True}, headers=CHANGES)
    assert decided.json()["accepted"] is True
    found = (await nurse.get(assessments)).json()
    assert found["current_level"] == 2
    assert found["assessments"][0]["source"] == "渝东评估中心"
    whole = (await nurse.get(f"{assessments}/{found['assessments'][0]['id']}")).json()
    assert whole["report"]["final_level"] == 2
    assert whole["report"]["grounds"][0]["rule"] == "outside"
    twice = await nurse.post(decision, json={"accept": False, "note": "x"}, headers=CHANGES)
    assert twice.status_code == 409


async def test_not_taken_over_needs_a_reason_and_changes_no_level(
    world: World, nurse: httpx.AsyncClient
) -> None:
    took = await send(nurse, signed(their_bundle(number=None)), world.home.elders[0])
    assert took.json()["matched_by"] == "person"
    decision = f"/api/v1/outside-results/{took.json()['id']}/decision"
    silent = await nurse.post(decision, json={"accept": False}, headers=CHANGES)
    assert [one["field"] for one in silent.json()["errors"]] == ["body.note"]
    said = {"accept": False, "note": "评估日期太早"}
    assert (await nurse.post(decision, json=said, headers=CHANGES)).json()["accepted"] is False
    path = f"/api/v1/elders/{world.home.elders[0]}/assessments"
    assert (await nurse.get(path)).json()["assessments"] == []


def foreign_code(made: dict[str, Any]) -> dict[str, Any]:
    item = made["entry"][1]["resource"]["item"][0]["item"][0]
    item["answer"][0]["valueCoding"]["system"] = "http://snomed.info/sct"
    return made


def no_level(made: dict[str, Any]) -> dict[str, Any]:
    del made["entry"][2]
    return made


def two_people(made: dict[str, Any]) -> dict[str, Any]:
    made["entry"].append(copy.deepcopy(made["entry"][0]))
    return made


def no_fhir(made: dict[str, Any]) -> dict[str, Any]:
    made["entry"][0]["resource"]["gender"] = ["female"]
    return made


def half_filled(made: dict[str, Any]) -> dict[str, Any]:
    made["entry"][1]["resource"]["item"][0]["item"].pop()
    return made


def of(made: dict[str, Any], position: int) -> dict[str, Any]:
    found: dict[str, Any] = made["entry"][position]["resource"]
    return found


def no_subject(made: dict[str, Any]) -> dict[str, Any]:
    del of(made, 1)["subject"]
    return made


def somebody_else(made: dict[str, Any]) -> dict[str, Any]:
    of(made, 2)["subject"] = {"reference": f"Patient/{uuid.uuid4()}"}
    return made


def wrong_unit(made: dict[str, Any]) -> dict[str, Any]:
    of(made, 2)["component"][0]["valueQuantity"] |= {"unit": "kg", "code": "kg"}
    return made


def half_a_point(made: dict[str, Any]) -> dict[str, Any]:
    of(made, 2)["component"][0]["valueQuantity"]["value"] = 89.5
    return made


def entered_in_error(made: dict[str, Any]) -> dict[str, Any]:
    of(made, 2)["status"] = "entered-in-error"
    return made


def half_a_birth_date(made: dict[str, Any]) -> dict[str, Any]:
    of(made, 0)["birthDate"] = "1941-03"
    return made


def foreign_level(made: dict[str, Any]) -> dict[str, Any]:
    of(made, 2)["code"]["coding"][0]["system"] = "http://snomed.info/sct"
    return made


def the_old_scale(made: dict[str, Any]) -> dict[str, Any]:
    of(made, 1)["questionnaire"] = "urn:somebody:mz-t-039-2013"
    return made


def two_levels_of_a_day(made: dict[str, Any]) -> dict[str, Any]:
    made["entry"].append(copy.deepcopy(made["entry"][2]))
    made["entry"][3]["fullUrl"] = f"urn:uuid:{uuid.uuid4()}"
    return made


@pytest.mark.parametrize(
    ("spoil", "field", "words"),
    [
        (no_subject, "QuestionnaireResponse.subject", "缺 subject"),
        (somebody_else, "Observation.subject", "不是来文里的这位老人"),
        (wrong_unit, "Observation.component", "单位"),
        (half_a_point, "Observation.component", "整数"),
        (entered_in_error, "Observation.status", "不是最终结果"),
        (half_a_birth_date, "Patient.birthDate", "出生日期不全"),
        (foreign_level, "Observation", "http://snomed.info/sct"),
        (the_old_scale, "questionnaire", "旧量表"),
        (two_levels_of_a_day, "Observation", "不知道以哪个为准"),
        (foreign_code, "B.1.1", "编码系统不认识"),
        (no_level, "Observation", "等级结果"),
        (two_people, "Patient", "应有且只有一个"),
        (no_fhir, "Bundle", "不符合 FHIR"),
        (half_filled, "B.1.8", "没有答案"),
    ],
)
async def test_a_wrong_bundle_is_refused_with_its_reason(
    world: World, nurse: httpx.AsyncClient, spoil: Any, field: str, words: str
) -> None:
    made = signed(spoil(their_bundle(number=None)))
    refused = await send(nurse, made, world.home.elders[0])
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_bundle")
    assert field in [one["field"] for one in refused.json()["errors"]]
    assert words in refused.json()["detail"]
    listed = (await nurse.get("/api/v1/outside-results")).json()
    assert listed["results"] == []


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (their_bundle(number=None, total=89), "总分对不上"),
        (their_bundle(number=None, answers=with_answers(B_1_1="0"), total=86), "等级对不上"),
        (their_bundle(number=None, day=date(2026, 3, 9)), "日期还没有到"),
        (their_bundle(number=None, name="王秀"), "不符"),
        (their_bundle(number=NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2")), "号码有误"),
        (their_bundle(), "没有这位老人"),
    ],
)
async def test_what_does_not_add_up_is_refused(
    world: World, nurse: httpx.AsyncClient, bundle: dict[str, Any], words: str
) -> None:
    refused = await send(nurse, signed(bundle), world.home.elders[0])
    assert refused.status_code == 422
    assert words in refused.json()["detail"]


async def test_a_level_that_no_rule_can_give_is_refused(
    world: World, nurse: httpx.AsyncClient
) -> None:
    """Two grounds raise it by two, a coma makes it the last: three from the first is neither."""
    answers = with_answers(B_3_9="coma")
    for bundle, words in (
        (their_bundle(number=None, level=3), "最多加 2 级"),
        (their_bundle(number=None, answers=answers, total=total_of(answers), level=1), "至少 4 级"),
    ):
        refused = await send(nurse, signed(bundle), world.home.elders[0])
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "level")
        assert words in refused.json()["detail"]
    taken = their_bundle(number=None, answers=answers, total=total_of(answers), level=4)
    assert (await send(nurse, signed(taken), world.home.elders[0])).status_code == 200


async def test_another_result_under_a_known_number_is_not_the_known_one(
    world: World, nurse: httpx.AsyncClient
) -> None:
    first = their_bundle(number=None)
    assert (await send(nurse, signed(first), world.home.elders[0])).status_code == 200
    second = copy.deepcopy(first)
    answers = with_answers(B_1_1="3")
    changed = their_bundle(number=None, answers=answers, total=89, level=1)
    second["entry"][1:] = changed["entry"][1:]
    for position in (1, 2):
        of(second, position)["subject"] = {"reference": f"Patient/{of(first, 0)['id']}"}
    of(second, 2)["derivedFrom"] = of(first, 2)["derivedFrom"]
    of(second, 1)["id"] = of(first, 1)["id"]
    refused = await send(nurse, signed(second), world.home.elders[0])
    assert "已收到过，内容不同" in refused.json()["detail"]


async def test_results_without_a_number_of_their_own_are_told_apart(
    world: World, nurse: httpx.AsyncClient
) -> None:
    ids = []
    for day in (START.date() - timedelta(days=9), START.date()):
        made = their_bundle(number=None, day=day)
        del of(made, 1)["id"]
        del of(made, 2)["derivedFrom"]
        took = await send(nurse, signed(made), world.home.elders[0])
        assert took.status_code == 200, took.text
        ids.append(took.json()["id"])
    assert len(set(ids)) == 2


async def test_one_hub_reads_what_another_sends_however_many_assessments_there_were(
    world: World, nurse: httpx.AsyncClient
) -> None:
    """Mutual recognition end to end: two assessments here, the newer one is taken over there."""
    await consent(world)
    day = START.date() - timedelta(days=30)
    for reference_date, answers in ((day, BEST), (START.date(), BEST | {"B.1.3": "0"})):
        assessment = f"/api/v1/elders/{world.home.elders[0]}/assessments/{uuid.uuid4()}"
        draft = a_draft(answers=answers, reference_date=reference_date.isoformat())
        await nurse.put(assessment, json=draft, headers=CHANGES)
        filed = await nurse.post(f"{assessment}/file", json={"version": 1}, headers=CHANGES)
        assert filed.status_code == 200, filed.text
    made = (await export(world)).json()
    held = [entry["resource"] for entry in made["entry"]]
    assert [one["resourceType"] for one in held].count("QuestionnaireResponse") == 2
    (key,) = (await world.client().get("/api/v1/exchange-keys")).json()["keys"]
    there = await world.as_role(Role.MANAGER, world.other)
    partner = {"name": "渝悦一院", "jwk": key}
    added = await there.post("/api/v1/exchange-partners", json=partner, headers=CHANGES)
    assert added.status_code == 200, added.text
    async with world.database.tenant(world.other.institution_id) as scope:
        elder = await find_elder(scope, world.other.elders[0])
        patient = next(one for one in held if one["resourceType"] == "Patient")
        elder.name, elder.birth_date = "王秀兰", date.fromisoformat(patient["birthDate"])
    assessor = await world.as_role(Role.ASSESSOR, world.other)
    took = await send(assessor, made, world.other.elders[0])
    assert took.status_code == 200, took.text
    assert (took.json()["total"], took.json()["level"]) == (86, 1)
    assert took.json()["reference_date"] == START.date().isoformat()


async def test_a_signature_that_nobody_knows(world: World, nurse: httpx.AsyncClient) -> None:
    stranger = signed(their_bundle(number=None), ECKey.generate_key("P-256"))
    unsigned = their_bundle(number=None)
    for made in (stranger, unsigned):
        refused = await send(nurse, made, world.home.elders[0])
        assert refused.json()["errors"][0]["field"] == "signature"


async def test_a_partner_that_has_ended_is_heard_no_more(world: World) -> None:
    partner_id = await know_partner(world, world.home)
    manager = await world.as_role(Role.MANAGER)
    ended = await manager.post(f"/api/v1/exchange-partners/{partner_id}/end", headers=CHANGES)
    assert ended.status_code == 204
    nurse = await world.as_role(Role.ASSESSOR)
    refused = await send(nurse, signed(their_bundle(number=None)), world.home.elders[0])
    assert refused.json()["errors"][0]["field"] == "signature"
    await know_partner(world, world.home)  # the same key may come back under a new row
    assert (
        await send(nurse, signed(their_bundle(number=None)), world.home.elders[0])
    ).status_code == 200


@pytest.mark.parametrize(
    ("jwk", "words"),
    [
        ({"kty": "RSA", "n": "x", "e": "AQAB"}, "kty EC"),
        (THEIR_KEY.as_dict(private=True), "private key"),
        (ECKey.generate_key("P-384").as_dict(private=False), "P-256"),
        ({}, "kty EC"),
    ],
)
async def test_a_key_that_is_none(world: World, jwk: dict[str, Any], words: str) -> None:
    manager = await world.as_role(Role.MANAGER)
    wanted = {"name": "x", "jwk": jwk}
    refused = await manager.post("/api/v1/exchange-partners", json=wanted, headers=CHANGES)
    assert refused.status_code == 422
    assert words in refused.json()["detail"]
