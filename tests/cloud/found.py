"""What gateways report of strangers, for tests."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from cloud.identity.permissions import Role
from edge.found_wire import FoundDevice, FoundReport
from edge.subject import SensorRole
from tests.cloud.world import START, FakeGateway, Home, World

HEARD_NS = round(START.timestamp() * 1e9)


def heard(device_id: str, **changes: Any) -> FoundDevice:
    values: dict[str, Any] = {
        "device_id": device_id, "transport": "mqtt", "format": "zigbee2mqtt",
        "first_heard_ns": HEARD_NS - 10**9, "last_heard_ns": HEARD_NS, "messages": 3,
        "suggested_role": SensorRole.MOTION, "name": "203/bathroom", "vendor": "made up",
        "model": "RTCGQ11LM", "quantities": {"motion": 1.0, "battery_level": None},
        "link": {"mqtt_topic": "zigbee2mqtt/203/bathroom"},
    }  # fmt: skip
    return FoundDevice(**(values | changes))


async def report(gateway: FakeGateway, *devices: FoundDevice) -> httpx.Response:
    content = msgspec.json.encode(FoundReport(HEARD_NS, 1, list(devices)))
    return await gateway.client.post("/api/v1/gateway/found", content=content)


async def fill_found(world: World, home: Home) -> None:
    """One device that is found, and one that was accepted from the list."""
    answer = await report(world.gateway(home), *[heard(name) for name in found_ids(home).values()])
    assert answer.status_code == 200, answer.text
    nurse = await world.as_role(Role.HEAD_NURSE, home)
    answer = await nurse.post(
        f"/api/v1/found-devices/{found_ids(home)['device_id']}/accept",
        json={"role": "motion", "room_id": str(home.room_id)},
    )
    assert answer.status_code == 200, answer.text


def found_ids(home: Home) -> dict[str, str]:
    own = home.institution_id.hex[:12]
    return {"found_id": f"found-{own}", "device_id": f"accepted-{own}"}
