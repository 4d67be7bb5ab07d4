"""Made-up assessments for tests."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from cloud.care.assessment.form import load_form
from tests.cloud.world import CHANGES, START, Home

BEST = {code: item.options[0].code for code, item in load_form().items.items()}


def assessment_id_of(home: Home) -> uuid.UUID:
    """The id that a home's first assessment has in tests."""
    return uuid.uuid5(home.institution_id, "assessment")


def a_draft(version: int = 0, **changes: Any) -> dict[str, Any]:
    """Full and signed, but for what `changes` says."""
    return {
        "version": version,
        "reason": 1,
        "reference_date": START.date().isoformat(),
        "answers": BEST,
        "circumstances": {"risk_events": {"fall": 0}},
        "informant": {"name": "王小明", "relationship": "子女", "signed": True},
        "assessors": ["陈评", "林估"],
    } | changes


async def save(
    client: httpx.AsyncClient, home: Home, draft: dict[str, Any], number: int = 0
) -> httpx.Response:
    path = f"/api/v1/elders/{home.elders[number]}/assessments/{assessment_id_of(home)}"
    return await client.put(path, json=draft, headers=CHANGES)


async def file(client: httpx.AsyncClient, home: Home, version: int = 1) -> httpx.Response:
    path = f"/api/v1/elders/{home.elders[0]}/assessments/{assessment_id_of(home)}/file"
    return await client.post(path, json={"version": version}, headers=CHANGES)
