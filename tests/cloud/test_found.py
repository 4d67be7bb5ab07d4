"""Found devices: reported, shown, ignored, accepted; and how a device is reached."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text

from cloud.devices.found import KEPT_FOR, SHOWN_FOR, forget_found
from cloud.devices.service import add_gateway, issue_gateway_token
from cloud.identity.permissions import Role
from edge.subject import SensorRole
from edge.wire import RegisteredDevice, RegistryDocument
from tests.cloud.found import HEARD_NS, heard, report
from tests.cloud.world import FakeGateway, World

LIST = "/api/v1/found-devices"
PIR = "0x00158d0001234567"
BLE = "A4:C1:38:8D:18:B2"
KEY = "231d39c1d7cc1ab1aee224cd096db932"


async def found(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(LIST, params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["devices"])


async def accept(client: httpx.AsyncClient, device_id: str, **wanted: Any) -> httpx.Response:
    return await client.post(f"{LIST}/{device_id}/accept", json={"role": "motion"} | wanted)


async def registry(gateway: FakeGateway) -> dict[str, RegisteredDevice]:
    answer = await gateway.client.get("/api/v1/gateway/registry")
    assert answer.status_code == 200, answer.text
    document = msgspec.json.decode(answer.content, type=RegistryDocument)
    return {device.device_id: device for device in document.devices}


async def test_what_a_gateway_hears_is_shown_with_what_it_measures(world: World) -> None:
    nurse = await world.as_role(Role.HEAD_NURSE)
    assert await found(nurse) == []
    answer = await report(world.gateway(), heard(PIR, link_quality=80), heard(BLE, rssi_dbm=-61))
    assert (answer.status_code, answer.json()) == (200, {"kept": 2})
    first, second = sorted(await found(nurse), key=lambda one: str(one["id"]))
    assert (first["id"], second["id"]) == (PIR, BLE)
    assert first["quantities"] == {"motion": 1.0, "battery_level": None}
    assert (first["suggested_role"], first["model"]) == ("motion", "RTCGQ11LM")
    assert first["heard_by"][0]["link_quality"] == 80
    assert second["heard_by"] == [
        {"gateway_id": str(world.home.gateway_id), "gateway": "网关-1", "rssi_dbm": -61,
         "link_quality": None, "last_heard_at": "2026-03-01T02:13:00.000Z", "messages": 3}
    ]  # fmt: skip
    assert await found(await world.as_role(Role.HEAD_NURSE, world.other)) == []


async def test_the_nearest_of_several_gateways_comes_first(world: World) -> None:
    async with world.database.tenant(world.home.institution_id) as scope:
        other = await add_gateway(scope, "网关-2", world.clock.now())
        token = await issue_gateway_token(scope, other, world.clock.now())
    await report(world.gateway(), heard(BLE, transport="ble", rssi_dbm=-80, name="far"))
    second = FakeGateway(world.client(Authorization=f"Bearer {token}"), world.clock)
    await report(second, heard(BLE, transport="ble", rssi_dbm=-45, name="near"))
    (one,) = await found(await world.desk())
    assert [by["gateway"] for by in one["heard_by"]] == ["网关-2", "网关-1"]
    assert one["name"] == "near"


async def test_a_report_says_all_there_is(world: World) -> None:
    nurse = await world.as_role(Role.HEAD_NURSE)
    await report(world.gateway(), heard(PIR), heard(BLE))
    await report(world.gateway(), heard(BLE, messages=9))
    assert [(one["id"], one["heard_by"][0]["messages"]) for one in await found(nurse)] == [(BLE, 9)]
    await report(world.gateway())
    assert await found(nurse) == []


async def test_accepted_it_is_the_gateways_at_once_with_its_link(world: World) -> None:
    nurse, gateway = await world.as_role(Role.HEAD_NURSE), world.gateway()
    await report(
        gateway, heard(BLE, transport="ble", format="bthome", problem="no_bind_key",
                       link={"ble_address": BLE}, model="", suggested_role=SensorRole.DOOR)
    )  # fmt: skip
    before = (await gateway.beat()).json()["registry_version"]
    refused = await accept(nurse, BLE, role="door", room_id=str(world.home.room_id))
    assert refused.status_code == 422
    assert "ble_key" in refused.json()["detail"]
    answer = await accept(
        nurse, BLE, role="outer_door", room_id=str(world.home.room_id), model="门磁",
        link={"ble_key": KEY},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["place"], made["model"]) == ("2 楼 护理一区 203 室", "门磁")
    assert made["registry_version"] > before
    assert (await gateway.beat()).json()["registry_version"] == made["registry_version"]
    device = (await registry(gateway))[BLE]
    assert device.link == {"ble_address": BLE, "ble_key": KEY}
    assert device.place == "2 楼 护理一区 203 室"
    assert await found(nurse) == []
    # A report that was on its way does not bring it back.
    assert (await report(gateway, heard(BLE))).json() == {"kept": 0}
    shown = (await nurse.get(f"/api/v1/devices/{BLE}/link")).json()
    assert shown == {
        "device_id": BLE, "role": "outer_door", "link": {"ble_address": BLE, "ble_key": "***"}
    }  # fmt: skip
    stored = str(await _everything(world))
    assert KEY not in stored
    assert KEY.encode().hex() not in stored


async def _everything(world: World) -> list[Any]:
    """Devices and audit as they lie in the database."""
    async with world.database.tenant(world.home.institution_id) as scope:
        rows = [
            *(await scope.session.execute(text("SELECT d::text FROM device d"))).all(),
            *(await scope.session.execute(text("SELECT a::text FROM audit_entry a"))).all(),
        ]
    assert len(rows) > len(world.home.devices) + 1
    return rows


async def test_a_lost_acceptance_is_told_and_two_people_cannot_both_win(world: World) -> None:
    one, two = await world.as_role(Role.HEAD_NURSE), await world.as_role(Role.OPERATOR)
    await report(world.gateway(), heard(PIR))
    elders = [str(elder) for elder in world.home.elders]
    answers = await asyncio.gather(
        accept(one, PIR, elder_id=elders[0]), accept(two, PIR, elder_id=elders[1])
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 404], [200, 409])


@pytest.mark.parametrize(
    ("wanted", "status", "field"),
    [
        ({}, 422, "elder_id"),
        ({"elder_id": "own", "room_id": "own"}, 422, "elder_id"),
        ({"elder_id": str(uuid.uuid4())}, 404, "elder"),
        ({"bed_id": str(uuid.uuid4())}, 404, "bed"),
        ({"room_id": "theirs"}, 404, "room"),
        ({"room_id": "own", "role": "wizard"}, 422, "role"),
        ({"room_id": "own", "link": {"ble_key": "abc"}}, 422, "ble_key"),
        ({"room_id": "own", "link": {"ble_address": "x"}}, 422, "ble_address"),
        ({"room_id": "own", "link": {"ble_profiles": "toaster"}}, 422, "ble_profiles"),
        ({"room_id": "own", "link": {"mqtt_password": "x"}}, 422, "mqtt_password"),
        ({"room_id": "own", "position": "hat"}, 422, "position"),
    ],
)
async def test_what_cannot_be_accepted_changes_nothing(
    world: World, wanted: dict[str, Any], status: int, field: str
) -> None:
    nurse = await world.as_role(Role.HEAD_NURSE)
    await report(world.gateway(), heard(PIR))
    ids = {"own": {"elder_id": str(world.home.elders[0]), "room_id": str(world.home.room_id)},
           "theirs": {"room_id": str(world.other.room_id)}}  # fmt: skip
    body = {
        name: ids[value][name] if isinstance(value, str) and value in ids else value
        for name, value in wanted.items()
    }
    answer = await accept(nurse, PIR, **body)
    assert answer.status_code == status, answer.text
    assert field in answer.text
    assert [one["id"] for one in await found(nurse)] == [PIR]
    assert PIR not in await registry(world.gateway())


async def test_the_role_says_what_occupancy_is(world: World) -> None:
    nurse = await world.as_role(Role.HEAD_NURSE)
    await report(world.gateway(), heard(PIR), heard(BLE))
    room = str(world.home.room_id)
    await accept(nurse, PIR, role="radar", room_id=room)
    await accept(nurse, BLE, role="radar", room_id=room, link={"mqtt_occupancy": "motion"})
    devices = await registry(world.gateway())
    assert devices[PIR].link == {"mqtt_occupancy": "presence"}
    assert devices[BLE].link == {"mqtt_occupancy": "motion"}


async def test_ignored_until_somebody_wants_it_back(world: World) -> None:
    nurse = await world.as_role(Role.HEAD_NURSE)
    await report(world.gateway(), heard(PIR), heard(BLE))
    answer = await nurse.post(f"{LIST}/{BLE}/ignore")
    assert answer.status_code == 200, answer.text
    assert answer.json()["ignored"] == 1
    await report(world.gateway(), heard(PIR), heard(BLE, messages=9))
    assert [one["id"] for one in await found(nurse)] == [PIR]
    (one,) = await found(nurse, ignored=True)
    assert (one["id"], one["ignored_by"]) == (BLE, "head_nurse 测试")
    assert (await nurse.delete(f"{LIST}/{BLE}/ignore")).status_code == 200
    assert len(await found(nurse)) == 2


async def test_a_device_that_is_nobodys_any_more_can_be_accepted_again(world: World) -> None:
    nurse, gateway = await world.as_role(Role.HEAD_NURSE), world.gateway()
    await report(gateway, heard(PIR))
    await accept(nurse, PIR, elder_id=str(world.home.elders[0]))
    world.clock.advance(60)
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE assignment SET valid_until = :now WHERE device_id = :id"),
            {"now": world.clock.now(), "id": PIR},
        )
    world.clock.advance(1)
    await report(gateway, heard(PIR))
    (one,) = await found(nurse)
    assert one["is_known"] is True
    answer = await accept(nurse, PIR, bed_id=str(world.home.beds[1]), role="bed")
    assert answer.status_code == 200, answer.text
    assert answer.json()["elder_name"] == "李国强"


async def test_a_link_can_be_changed_and_a_key_is_never_shown(world: World) -> None:
    nurse, gateway = await world.as_role(Role.HEAD_NURSE), world.gateway()
    path = "/api/v1/devices/wearable-1/link"
    version = (await gateway.beat()).json()["registry_version"]
    answer = await nurse.put(path, json={"ble_address": BLE, "ble_key": KEY})
    assert answer.json()["link"] == {"ble_address": BLE, "ble_key": "***"}
    assert (await gateway.beat()).json()["registry_version"] > version
    answer = await nurse.put(path, json={"ble_profiles": "polar,battery"})
    assert (await registry(gateway))["wearable-1"].link == {
        "ble_address": BLE, "ble_key": KEY, "ble_profiles": "polar,battery"
    }  # fmt: skip
    version = (await gateway.beat()).json()["registry_version"]
    await nurse.put(path, json={"ble_profiles": "polar,battery"})  # nothing new
    assert (await gateway.beat()).json()["registry_version"] == version
    answer = await nurse.put(path, json={"ble_key": "", "ble_profiles": ""})
    assert answer.json()["link"] == {"ble_address": BLE}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"device_id": "a b"}, "device_id"),
        ({"device_id": ""}, "device_id"),
        ({"transport": "pigeon"}, "transport"),
        ({"last_heard_ns": -1}, "last_heard_ns"),
        ({"rssi_dbm": 9999}, "rssi_dbm"),
        ({"messages": -1}, "messages"),
        ({"suggested_role": "wizard"}, "suggested_role"),
        ({"quantities": {"motion": "much"}}, "quantities"),
    ],
)
async def test_a_report_that_is_none_is_refused_whole(
    world: World, changes: dict[str, Any], field: str
) -> None:
    await report(world.gateway(), heard(PIR))
    answer = await report(world.gateway(), heard(BLE), heard(**{"device_id": "x-1"} | changes))
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["detail"]
    assert [one["id"] for one in await found(await world.desk())] == [PIR]


async def test_texts_and_times_of_a_gateway_are_not_believed_blindly(world: World) -> None:
    later_ns = HEARD_NS + 10**18
    await report(
        world.gateway(),
        heard(PIR, name="a\0" + "b" * 500, last_heard_ns=later_ns, quantities={"mood": 1.0}),
    )
    (one,) = await found(await world.desk())
    assert one["name"].startswith("a\N{REPLACEMENT CHARACTER}b")
    assert len(one["name"]) == 100
    assert one["quantities"] == {}
    assert one["last_heard_at"] == "2026-03-01T02:13:00.000Z"


async def test_what_is_gone_is_forgotten(world: World) -> None:
    await report(world.gateway(), heard(PIR))
    world.clock.advance(SHOWN_FOR.total_seconds() + 1)
    assert await found(await world.desk()) == []
    world.clock.advance((KEPT_FOR - SHOWN_FOR + timedelta(hours=1)).total_seconds())
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await forget_found(scope, world.clock.now()) == 1


async def test_a_heartbeat_carries_what_the_sources_had_to_do(world: World) -> None:
    details = {"ble:hci0": {"scanner_restarts": 2.0, "adapter_recoveries": 1.0},
               "ble:intervals_s": {BLE: 2.5}}  # fmt: skip
    assert (await world.gateway().beat(source_details=details)).status_code == 200
    status = (await (await world.desk()).get("/api/v1/status")).json()
    assert status["gateways"][0]["source_details"] == details
    too_many = {"ble": {str(n): 0.0 for n in range(700)}}
    answer = await world.gateway().beat(source_details=too_many)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_batch")
