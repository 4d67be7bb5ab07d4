"""An elder's entitlements follow their record and their assessment, and say what is missing."""

from __future__ import annotations

from typing import Any

from cloud.identity.permissions import Role
from tests.cloud.care.assessments import BEST, a_draft, file, save
from tests.cloud.world import CHANGES, World


async def standings(world: World) -> dict[str, dict[str, Any]]:
    nurse = await world.as_role(Role.ASSESSOR)
    answer = await nurse.get(f"/api/v1/elders/{world.home.elders[0]}/entitlements")
    assert answer.status_code == 200
    return {service["key"]: service for service in answer.json()["services"]}


async def test_what_is_not_known_is_to_be_confirmed_and_never_no(world: World) -> None:
    found = await standings(world)
    assert found["old_age_allowance"]["standing"] == "met"  # born 1941
    nursing = found["nursing_subsidy"]
    assert nursing["standing"] == "unknown"
    assert nursing["missing"] == ["economic_status", "ability_level"]
    assert nursing["draft"] is True


async def test_they_follow_the_record_and_the_assessment(world: World) -> None:
    nurse = await world.as_role(Role.ASSESSOR)
    for field, value in (("economic_status", "dibao"), ("living", "alone")):
        fact = {"field": field, "value": value, "source": "低保证", "as_of": "2026-01-05"}
        path = f"/api/v1/elders/{world.home.elders[0]}/facts"
        assert (await nurse.post(path, json=fact, headers=CHANGES)).status_code == 200
    worse = {code: "0" for code in BEST if code.startswith("B.1")}
    await save(nurse, world.home, a_draft(answers=BEST | worse))
    await file(nurse, world.home)
    nursing = (await standings(world))["nursing_subsidy"]
    assert nursing["standing"] == "met"
    by_field = {row["field"]: row for row in nursing["evidence"]}
    assert (by_field["economic_status"]["source"], by_field["economic_status"]["as_of"]) == (
        "低保证", "2026-01-05",
    )  # fmt: skip
    assert (by_field["ability_level"]["found"], by_field["ability_level"]["source"]) == (
        2, "能力评估",
    )  # fmt: skip
