"""Where the access tests find an institution's own ids, and values that must make sense.

A route with a new name in its path, say `{visit_id}`, needs a line in `ids_of`: the id of one that
exists. The tests then call it with the id of the other institution too.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from cloud.alerts.tuning.models import TuningProposal
from cloud.coverage.models import WatchPause
from cloud.family.models import FamilyLetter
from cloud.identity.permissions import Role
from cloud.people import family
from cloud.people.schemas import FamilyIn
from edge.events import EventKind
from tests.cloud.bureau.care_map_rows import fill_care_map
from tests.cloud.care.assessments import a_draft, assessment_id_of, save
from tests.cloud.care.homebed_rows import fill_home_beds
from tests.cloud.care.lists import fill_lists
from tests.cloud.care.order_rows import fill_orders
from tests.cloud.care.rows import fill_discovery, fill_rounds, fill_shift
from tests.cloud.care.test_rule_sets import fill_rule_sets
from tests.cloud.care.visit_rows import fill_visits
from tests.cloud.coverage_rows import fill_coverage
from tests.cloud.exchange.bundles import exchange_ids
from tests.cloud.found import fill_found, found_ids
from tests.cloud.records import KEYRING, fill_records, record_ids
from tests.cloud.world import START, Home, World, alerts, fall

# By the name of a query parameter or a field of a body.
VALUES: dict[str, Any] = {
    "quantity": "heart_rate",
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-03-02T00:00:00Z",
    "reference_date": START.date().isoformat(),
    "client_time": START.isoformat(),
    "expires_at": "2026-04-01T00:00:00Z",
    "out_at": START.isoformat(),
    "due_back_at": "2026-03-02T00:00:00Z",
    "until_at": "2026-03-02T00:00:00Z",
    "month": "2026-02-01",
    "sha256": "0" * 64,
    "read_sha256": "0" * 64,
    "snapshot_sha256": "0" * 64,
    "shift_starts_at": "2026-02-28T23:00:00Z",
    "happened_at": START.isoformat(),
    "done_on": START.date().isoformat(),
    "year": START.year,
    "indicator": "falls",
    "due_on": "2026-03-09",
    "ask_again_on": "2026-03-09",
    "reason_code": "away",
}

# What these make is new under any id; that another institution has it too must not show.
CHOSEN_BY_THE_CALLER = {
    ("PUT /api/v1/elders/{elder_id}/assessments/{assessment_id}", "assessment_id"),
}


async def fill(world: World, home: Home) -> None:
    """Make what a fresh home lacks: one of each."""
    async with world.database.tenant(home.institution_id) as scope:
        await fill_coverage(scope, home, world.clock.now())
        scope.session.add(
            TuningProposal(
                id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=home.elders[0],
                setting="threshold", made_at=world.clock.now(), detector="fall", held=0.5,
                proposed=0.6, since=world.clock.now(), judged=10, spared=2, missed=0, kept_true=1,
                cases=[], state="open",
            )
        )  # fmt: skip
    await world.gateway(home).send(fall(EventKind.SOS, world.clock))
    assessor = await world.as_role(Role.ASSESSOR, home)
    await save(assessor, home, a_draft())
    await fill_records(world, home)
    await fill_found(world, home)


async def ids_of(world: World, home: Home) -> dict[str, str]:
    """By the name of a path parameter: something of this home that is there."""
    checked = await (await world.desk(home=home)).post("/api/v1/duty/pre-flight")
    duties = (await (await world.desk(home=home)).get("/api/v1/duty/roster")).json()
    (alert,) = await alerts(await world.desk(home=home))
    async with world.database.tenant(home.institution_id) as scope:
        pauses = scope.select(WatchPause).order_by(WatchPause.from_at)  # a leave makes one too
        pause = (await scope.session.scalars(pauses)).first()
        assert pause is not None
        proposal = (await scope.session.scalars(scope.select(TuningProposal))).one()
    return {
        "alert_id": alert["id"],
        "assessment_id": str(assessment_id_of(home)),
        "duty_id": duties["duties"][0]["id"],
        "point_id": await _a_contact_point(world, home),
        "family_point_id": await _a_family_point(world, home),
        "check_id": checked.json()["id"],
        "policy_id": await _a_policy(world, home),
        "elder_id": str(home.elders[0]),
        "gateway_id": str(home.gateway_id),
        "pause_id": str(pause.id),
        "proposal_id": str(proposal.id),
        "patient": str(home.elders[0]),
        **await exchange_ids(world, home),
        **found_ids(home),
        **await fill_rounds(world, home),
        **await fill_visits(world, home),
        **await fill_home_beds(world, home),
        **await fill_care_map(world, home),
        **await fill_orders(world, home),
        **await fill_lists(world, home),
        **await fill_rule_sets(await world.as_role(Role.HEAD_NURSE, home)),
        **await fill_shift(world, home),
        **await fill_discovery(world, home),
        **await record_ids(world, home),
        "letter_id": await _a_letter(world, home),
        "run_id": await _a_simulated_run(world, home),
        **await _of_identity(world, home),
    }


async def _of_identity(world: World, home: Home) -> dict[str, str]:
    duty = await world.as_role(Role.DUTY, home)
    (*_, session) = (await duty.get("/api/v1/account/sessions")).json()["sessions"]
    admin = await world.as_role(Role.ADMIN, home)
    users = (await admin.get("/api/v1/users?role=family")).json()["users"]
    wanted = {"name": "x", "permissions": ["status_read"], "expires_at": "2026-04-01T00:00:00Z"}
    token = (await admin.post("/api/v1/tokens", json=wanted)).json()["token"]
    where = f"/api/v1/elders/{home.elders[0]}/break-glass"
    glass = (await duty.post(where, json={"reason": "夜间跌倒"})).json()
    return {
        "break_glass_id": glass["id"],
        "institution_id": str(home.institution_id),
        "session_id": session["id"],
        "token_id": token["id"],
        "user_id": users[0]["id"],
    }


async def _a_contact_point(world: World, home: Home) -> str:
    """Of the user whom the tests take where a permission is everybody's."""
    owner = await world.as_role(Role.DUTY, home)
    wanted = {"channel": "apprise", "label": "test", "address": "json://127.0.0.1:9/"}
    return str((await owner.post("/api/v1/contact-points", json=wanted)).json()["id"])


async def _a_family_point(world: World, home: Home) -> str:
    member_id = (await record_ids(world, home))["family_member_id"]
    head = await world.as_role(Role.HEAD_NURSE, home)
    where = f"/api/v1/elders/{home.elders[0]}/family/{member_id}/contact-points"
    wanted = {"label": "短信", "address": "json://127.0.0.1:9/"}
    return str((await head.post(where, json=wanted)).json()["points"][0]["id"])


async def _a_letter(world: World, home: Home) -> str:
    """Of the relative whom the tests take, about the other elder; they are the first's as well."""
    now, letter_id = world.clock.now(), uuid.uuid4()
    async with world.database.tenant(home.institution_id) as scope:
        held = (await scope.session.scalars(scope.select(FamilyLetter))).first()
        if held is not None:
            return str(held.id)
        wanted = FamilyIn(name="李芳", relationship="女儿", username=home.username(Role.FAMILY))
        for elder_id in home.elders[:2]:
            member = await family.put_family_member(
                scope, elder_id, None, wanted, keyring=KEYRING, now=now
            )
        scope.session.add(
            FamilyLetter(
                id=letter_id, institution_id=scope.institution_id, elder_id=home.elders[1],
                family_id=member.id, week=date(2026, 2, 16), made_at=now, shares=[], text_zh="信",
                text_en="letter",
            )
        )  # fmt: skip
    return str(letter_id)


async def _a_simulated_run(world: World, home: Home) -> str:
    """One that has ended: the stream of what it told then ends too."""
    operator = await world.as_role(Role.OPERATOR, home)
    made = (await operator.post("/api/v1/simulations", json={})).json()["id"]
    await operator.post(f"/api/v1/simulations/{made}/stop")
    return str(made)


async def _a_policy(world: World, home: Home) -> str:
    head = await world.as_role(Role.HEAD_NURSE, home)
    wanted = {"name": "test", "priority": "low", "body": {"steps": []}}
    return str((await head.post("/api/v1/duty/policies", json=wanted)).json()["id"])
