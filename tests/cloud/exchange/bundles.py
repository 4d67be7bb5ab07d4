"""Another body of made-up people: its key, and bundles as it would send them."""

from __future__ import annotations

import copy
import uuid
from datetime import date
from typing import Any

import httpx
from joserfc.jwk import ECKey

from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.exchange import codes
from cloud.exchange.observed import level_observation
from cloud.exchange.resources import (
    bundle,
    checked,
    patient,
    questionnaire_response,
)
from cloud.exchange.signing import public_jwk, sign
from cloud.identity.permissions import Role
from cloud.people.citizen_number import check_character
from cloud.people.models import Elder
from tests.cloud.care.assessments import BEST
from tests.cloud.world import CHANGES, START, Home, World

THEIR_KEY = ECKey.generate_key("P-256")
THEIR_NAME = "渝东评估中心"
# Nobody's: 99 is no place.
NUMBER = "99000019410312002" + check_character("99000019410312002")


def their_bundle(
    *, number: str | None = NUMBER, level: int = 0, total: int = 90, day: date | None = None,
    answers: dict[str, str] | None = None, name: str = "王秀兰", version: codes.FhirVersion = "r5",
) -> dict[str, Any]:  # fmt: skip
    """Not signed yet."""
    day = day or START.date()
    elder = Elder(
        id=uuid.uuid4(), name=name, sex="female", birth_date=date(1941, 3, 12), version=1,
        updated_at=START, archived_at=None,
    )  # fmt: skip
    row = Assessment(
        id=uuid.uuid5(elder.id, "assessment"), elder_id=elder.id, reference_date=day,
        answers=answers or BEST, total=total, first_level=level, final_level=level,
        filed_at=START,
    )  # fmt: skip
    who = patient(elder)
    if number is not None:
        who["identifier"].append({"system": codes.CITIZEN_NUMBER, "value": number})
    parts = [who, questionnaire_response(row), level_observation(row)]
    found = [checked(version, one) for one in parts]
    return checked(version, bundle("collection", found, at=START, total=3))


def signed(unsigned: dict[str, Any], key: ECKey = THEIR_KEY) -> dict[str, Any]:
    """As it comes."""
    return sign(copy.deepcopy(unsigned), key, THEIR_NAME, START)


def with_answers(**changes: str) -> dict[str, str]:
    """The best answers but for these; `B_1_1="0"` for B.1.1."""
    return BEST | {name.replace("_", "."): answer for name, answer in changes.items()}


def total_of(answers: dict[str, str]) -> int:
    items = load_form().items
    return sum(
        option.score
        for code, answer in answers.items()
        if (option := items[code].option(answer)) is not None
    )


async def know_partner(world: World, home: Home) -> str:
    """The id under which a home knows this body."""
    manager = await world.as_role(Role.MANAGER, home)
    known = (await manager.get("/api/v1/exchange-partners")).json()["partners"]
    held = [one["id"] for one in known if one["ended_at"] is None]
    if held:
        return str(held[0])
    wanted = {"name": THEIR_NAME, "jwk": public_jwk(THEIR_KEY)}
    answer = await manager.post("/api/v1/exchange-partners", json=wanted, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def send(
    client: httpx.AsyncClient, made: dict[str, Any], elder_id: uuid.UUID | None = None
) -> httpx.Response:
    body = {"bundle": made, "elder_id": None if elder_id is None else str(elder_id)}
    return await client.post("/api/v1/outside-results", json=body, headers=CHANGES)


async def exchange_ids(world: World, home: Home) -> dict[str, str]:
    """For the access tests: one partner, one result that waits."""
    partner_id = await know_partner(world, home)
    nurse = await world.as_role(Role.ASSESSOR, home)
    took = await send(nurse, signed(their_bundle(number=None)), home.elders[0])
    assert took.status_code == 200, took.text
    return {"partner_id": partner_id, "result_id": took.json()["id"]}
