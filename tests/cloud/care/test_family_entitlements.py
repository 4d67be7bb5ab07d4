"""A relative reads what the elder may have and what is missing, where the elder shares it."""

from __future__ import annotations

import httpx

from cloud.identity.permissions import Role
from cloud.people import family
from cloud.people.schemas import ConsentIn, FamilyIn, FamilyKind
from tests.cloud.care.test_rule_sets import write_fact
from tests.cloud.records import KEYRING
from tests.cloud.world import World


async def daughter(world: World, *shares: FamilyKind) -> httpx.AsyncClient:
    home, now = world.home, world.clock.now()
    async with world.database.tenant(home.institution_id) as scope:
        wanted = FamilyIn(
            name="王芳", relationship="女儿", may_see=["presence", "entitlements"],
            username=home.username(Role.FAMILY),
        )  # fmt: skip
        member = await family.put_family_member(
            scope, home.elders[0], None, wanted, keyring=KEYRING, now=now
        )
        consent = ConsentIn(
            purpose="family_sharing", family_member_id=member.id, kinds=list(shares),
            text_version="1", signer="self", signer_name="王秀兰", valid_from=now,
        )  # fmt: skip
        await family.add_consent(scope, home.elders[0], consent, None, now)
    return await world.as_role(Role.FAMILY)


async def test_she_reads_how_it_stands_and_what_is_missing_and_no_record(world: World) -> None:
    await write_fact(await world.as_role(Role.ASSESSOR), world, "economic_status", "dibao")
    client = await daughter(world, "entitlements")
    answer = await client.get(f"/api/v1/family/elders/{world.home.elders[0]}/entitlements")
    assert answer.status_code == 200, answer.text
    found = {one["key"]: one for one in answer.json()["services"]}
    assert found["old_age_allowance"]["standing"] == "met"
    assert (found["nursing_subsidy"]["standing"], found["nursing_subsidy"]["missing"]) == (
        "unknown", ["ability_level"],
    )  # fmt: skip
    # Conditions and their standing, never what the record holds or who said so.
    assert "低保证" not in answer.text
    assert '"found"' not in answer.text


async def test_without_her_mother_s_consent_she_is_told_that_it_is_not_shared(world: World) -> None:
    client = await daughter(world, "presence")
    answer = await client.get(f"/api/v1/family/elders/{world.home.elders[0]}/entitlements")
    assert (answer.json()["shared"], answer.json()["services"]) == (False, [])


async def test_of_somebody_else_there_is_nothing(world: World) -> None:
    client = await daughter(world, "entitlements")
    for other in (world.home.elders[1], world.other.elders[0]):
        answer = await client.get(f"/api/v1/family/elders/{other}/entitlements")
        assert answer.status_code == 404
