"""Made-up lists of other departments for tests; nobody has these numbers."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import httpx

from cloud.care.matching.worker import MatchingWorker
from cloud.identity.permissions import Role
from cloud.people.citizen_number import check_character
from cloud.people.record import CITIZEN_NUMBER, number_purpose
from cloud.people.service import find_elder
from cloud.places.sealing import seal
from cloud.settings import Settings
from tests.cloud.world import CHANGES, Home, World

BORN = date(1941, 3, 12)
WHERE = "/api/v1/matching-lists"
HEAD = ("姓名", "身份证号", "出生日期", "救助类别")


def number(order: int, birth: date = BORN) -> str:
    """No place has the code 990000."""
    first = f"990000{birth:%Y%m%d}{order % 1000:03d}"
    return first + check_character(first)


def as_csv(*rows: tuple[str, ...], encoding: str = "gbk") -> bytes:
    return "\r\n".join(",".join(row) for row in (HEAD, *rows)).encode(encoding)


async def give_number(world: World, elder_id: uuid.UUID, text: str) -> None:
    keyring = Settings().keyring
    async with world.database.tenant(world.home.institution_id) as scope:
        elder = await find_elder(scope, elder_id)
        elder.citizen_number_sealed = seal(keyring, text, CITIZEN_NUMBER, elder.id)
        elder.citizen_number_index = keyring.blind_index(text, number_purpose(elder.institution_id))


async def announce(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    wanted = {
        "source": "区民政局", "field": "economic_status", "purpose": "核对救助身份",
        "legal_basis": "信息共享协议", "as_of": "2026-02-28", "file_name": "低保.csv",
    } | changes  # fmt: skip
    answer = await client.post(WHERE, json=wanted, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def upload(client: httpx.AsyncClient, list_id: str, content: bytes) -> httpx.Response:
    headers = {**CHANGES, "Content-Type": "application/octet-stream"}
    return await client.put(f"{WHERE}/{list_id}/file", content=content, headers=headers)


def worker_of(world: World) -> MatchingWorker:
    return MatchingWorker(world.database, Settings().keys_text, world.clock)


async def imported(
    world: World, client: httpx.AsyncClient, content: bytes, **changes: Any
) -> dict[str, Any]:
    """A list that has been read and compared."""
    made = await announce(client, **changes)
    answer = await upload(client, made["id"], content)
    assert answer.status_code == 200, answer.text
    while await worker_of(world).once():
        pass
    return dict((await client.get(f"{WHERE}/{made['id']}")).json())


async def rows(
    client: httpx.AsyncClient, list_id: str, difference: str, **query: Any
) -> list[dict[str, Any]]:
    params = {"difference": difference, **query}
    answer = await client.get(f"{WHERE}/{list_id}/rows", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["rows"])


async def fill_lists(world: World, home: Home) -> dict[str, str]:
    """A list with a row, and an open task; the ids that routes name."""
    assessor = await world.as_role(Role.ASSESSOR, home)
    known = (await assessor.get(WHERE)).json()["lists"]
    if not known:
        content = as_csv(("王秀兰", "", "1941-03-12", "低保"), ("马无人", number(9), "", "低保"))
        made = await imported(world, assessor, content)
        (stranger,) = await rows(assessor, made["id"], "new")
        where = f"{WHERE}/{made['id']}/rows/{stranger['id']}/decision"
        answer = await assessor.post(where, json={"decision": "task"}, headers=CHANGES)
        assert answer.status_code == 200, answer.text
        known = [made]
    (row,) = await rows(assessor, known[0]["id"], "changed")
    tasks = (await assessor.get("/api/v1/discovery-clues")).json()["clues"]
    return {
        "matching_list_id": known[0]["id"],
        "matching_row_id": row["id"],
        "clue_id": tasks[0]["id"],
    }
