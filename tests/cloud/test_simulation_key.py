"""The key of an institution's simulators: one, sealed, told to its gateways and to who may ask."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from cloud.devices.models import RegistryState
from cloud.identity.permissions import Role
from edge.marks import key_from_text
from edge.wire import RegistryDocument
from tests.cloud.world import Home, World

PATH = "/api/v1/simulation-key"


async def told(world: World, home: Home | None = None) -> RegistryDocument:
    answer = await world.gateway(home).client.get("/api/v1/gateway/registry")
    return msgspec.json.decode(answer.content, type=RegistryDocument)


async def asked(world: World, home: Home | None = None) -> str:
    operator = await world.as_role(Role.OPERATOR, home)
    answer = await operator.get(PATH)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["key"])


async def test_gateway_and_simulator_have_the_same_key(world: World) -> None:
    document = await told(world)
    assert key_from_text(document.simulation_key) is not None
    assert await asked(world) == document.simulation_key
    again = await told(world)
    assert (again.simulation_key, again.version) == (document.simulation_key, document.version)


async def test_each_institution_has_its_own(world: World) -> None:
    assert await asked(world) != await asked(world, world.other)


async def test_gateways_learn_of_a_key_that_a_simulator_asked_for_first(world: World) -> None:
    reply = (await world.gateway().beat()).json()
    key = await asked(world)
    assert (await world.gateway().beat()).json()["registry_version"] > reply["registry_version"]
    assert (await told(world)).simulation_key == key


async def test_it_lies_sealed(world: World) -> None:
    key = await asked(world)
    async with world.database.tenant(world.home.institution_id) as scope:
        (state,) = await scope.session.scalars(scope.select(RegistryState))
        assert state.simulation_key_sealed is not None
        assert bytes.fromhex(key) not in state.simulation_key_sealed
        assert key.encode() not in state.simulation_key_sealed


async def test_asking_is_written_down_and_not_for_everybody(world: World) -> None:
    assert (await (await world.as_role(Role.DUTY)).get(PATH)).status_code == 403
    await asked(world)
    async with world.database.tenant(world.home.institution_id) as scope:
        actions = (await scope.session.scalars(text("SELECT action FROM audit_entry"))).all()
    assert actions.count("simulation.key_read") == 1
