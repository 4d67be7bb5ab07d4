"""The cloud's application: slices put together, tasks started and stopped."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from cloud.alerts.clock_steps import ClockWatch
from cloud.alerts.consoles.routes import router as consoles_router
from cloud.alerts.consoles.service import watch_consoles
from cloud.alerts.drills.plan_routes import router as drill_plans_router
from cloud.alerts.drills.routes import router as drills_router
from cloud.alerts.drills.service import watch_switches
from cloud.alerts.escalation.routes import router as duty_router
from cloud.alerts.figures.night import router as night_router
from cloud.alerts.figures.routes import router as figures_router
from cloud.alerts.late_stopgaps import follow_late_stopgaps
from cloud.alerts.lost_gateways import follow_lost_gateways
from cloud.alerts.notify.deliver import Deliverer
from cloud.alerts.notify.family_routes import router as family_points_router
from cloud.alerts.notify.routes import router as notices_router
from cloud.alerts.notify.senders import Senders, load_vapid
from cloud.alerts.reach import guard_alert, who_sees
from cloud.alerts.routes import router as alerts_router
from cloud.alerts.rule_routes import router as rules_router
from cloud.alerts.service import note_pushed
from cloud.alerts.timers import TIMER_INTERVAL_S, work_timers
from cloud.alerts.tuning.routes import router as tuning_router
from cloud.alerts.tuning.service import propose_for_all
from cloud.bureau.caremap.count import follow_counts
from cloud.bureau.caremap.routes import router as care_map_router
from cloud.bureau.job import follow as follow_indicators
from cloud.bureau.routes import router as bureau_router
from cloud.care.assessment.routes import router as assessment_router
from cloud.care.clues.routes import router as clues_router
from cloud.care.discovery.nightly import run_nightly
from cloud.care.discovery.routes import router as discovery_router
from cloud.care.handover.routes import router as handover_router
from cloud.care.handover.watch import follow_handovers
from cloud.care.homebed.routes import router as homebed_router
from cloud.care.incidents.routes import router as incidents_router
from cloud.care.leave.routes import router as leave_router
from cloud.care.leave.service import follow_leaves
from cloud.care.matching.routes import router as matching_router
from cloud.care.matching.service import forget_expired
from cloud.care.matching.worker import MatchingWorker
from cloud.care.observations.routes import router as observations_router
from cloud.care.orders.routes import router as orders_router
from cloud.care.rounds.routes import router as rounds_router
from cloud.care.rounds.watch import follow_rounds
from cloud.care.service_list.follow import follow_entitlements
from cloud.care.service_list.routes import router as service_list_router
from cloud.care.statement.routes import router as statement_router
from cloud.care.tasks.routes import router as care_tasks_router
from cloud.care.visits.activity import follow_activity
from cloud.care.visits.routes import router as visits_router
from cloud.clock import LOCAL_ZONE, Clock, SystemClock, ns_from_datetime
from cloud.coverage.routes import router as coverage_router
from cloud.coverage.watch import CoverageWatch
from cloud.database import Database, TenantScope
from cloud.devices.found import forget_found
from cloud.devices.found_routes import machine_router as found_machine_router
from cloud.devices.found_routes import router as found_router
from cloud.devices.gateway_bell import GatewayBell
from cloud.devices.gateway_routes import machine_router, operator_router, simulation_key_router
from cloud.devices.gateways import announce_gateway_states
from cloud.devices.register_routes import router as device_register_router
from cloud.election import Leadership
from cloud.errors import Problem, install_error_handlers
from cloud.examples import install_examples
from cloud.exchange.fhir_errors import operation_outcome
from cloud.exchange.fhir_routes import router as fhir_router
from cloud.exchange.routes import router as exchange_router
from cloud.exchange.signing import load_key
from cloud.family.letters import write_all
from cloud.family.routes import router as relatives_router
from cloud.identity.auth import rules_of
from cloud.identity.oidc import Provider
from cloud.identity.oidc_routes import router as oidc_router
from cloud.identity.permissions import Permission
from cloud.identity.routes import account_router
from cloud.identity.routes import router as session_router
from cloud.identity.standing import still_standing
from cloud.identity.user_routes import router as users_router
from cloud.ingest.limits import IngestGate
from cloud.ingest.routes import gateway_router, status_router
from cloud.ingest.status import status_of
from cloud.limits import BodyLimit
from cloud.live.doors import Visitor
from cloud.live.hub import Asks, LiveHub
from cloud.live.routes import router as live_router
from cloud.live.service import forget_old
from cloud.metrics import Metrics
from cloud.operations import RequestMetrics, install_operations
from cloud.oversight.access import guard_home, guard_record
from cloud.oversight.routes import router as oversight_router
from cloud.people.family_routes import router as family_router
from cloud.people.invitation_routes import router as invitation_router
from cloud.people.reach import Reach, reaches_of
from cloud.people.routes import router as people_router
from cloud.places.routes import router as places_router
from cloud.records.day_routes import router as day_router
from cloud.records.floor_routes import router as floor_router
from cloud.records.routes import router as records_router
from cloud.rights.routes import router as rights_router
from cloud.series.choose import series_store
from cloud.series.elder_routes import router as elder_series_router
from cloud.series.routes import router as series_router
from cloud.series.service import SeriesStore
from cloud.settings import Environment, Settings
from cloud.simulation.routes import router as simulation_router
from cloud.simulation.runner import Runner
from cloud.state import AppState
from cloud.tasks import Supervisor, every
from cloud.web_files import DIST, SecurityHeaders, install_web

# A gateway counts as lost after 90 s; these are the seconds on top until a desk knows.
WATCH_INTERVAL_S: Final = 2.0
NOTICE_INTERVAL_S: Final = 0.25
# A round is minutes late before it is missed; half a minute more matters to nobody.
ROUND_INTERVAL_S: Final = 30.0
# Somebody who has just written a fact down looks at the list within a minute.
ENTITLEMENT_INTERVAL_S: Final = 15.0
# Numbers of a month need not be of this minute.
INDICATOR_INTERVAL_S: Final = 600.0
# A bed given away is off the map within a minute; older than 15 of them nobody is sent there.
CARE_MAP_INTERVAL_S: Final = 60.0
# Asked this often whether the night's list is due (from six in the morning): one question.
DISCOVERY_INTERVAL_S: Final = 300.0
HOUSEKEEPING_INTERVAL_S: Final = 3600.0
# Local time. A round an hour: the job runs once in it, and running twice changes nothing.
TUNING_HOUR: Final = 4
ACTIVITY_HOUR: Final = 6  # the day of steps ends at six (cloud.care.discovery)
# Another worker leads this long after the one that led was killed.
LEADER_INTERVAL_S: Final = 5.0


class DemoDataError(RuntimeError):
    """Production on the demo's database."""


@dataclass(frozen=True, slots=True)
class _Work:
    """The background work of one application."""

    state: AppState
    series: SeriesStore
    clocks: ClockWatch
    coverage: CoverageWatch = field(default_factory=CoverageWatch)

    async def timers(self) -> None:
        await self.clocks.look()
        fired = await work_timers(self.state.database, self.state.clock.now())
        if fired:
            self.state.metrics.moves.labels("escalate").inc(fired)

    async def consoles(self) -> None:
        await watch_consoles(self.state.database, self.state.clock.now())
        await watch_switches(self.state.database, self.state.clock.now())

    async def watch_gateways(self) -> None:
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                now = self.state.clock.now()
                await announce_gateway_states(scope, now)
                await follow_lost_gateways(scope, now)
                await follow_late_stopgaps(scope, now)
                await self.coverage.look(scope, now)

    async def rounds(self) -> None:
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                now = self.state.clock.now()
                await follow_rounds(scope, now)
                await follow_leaves(scope, now)
                await follow_handovers(scope, now)

    async def entitlements(self) -> None:
        for institution_id in await self.state.database.institutions():
            looked_at = -1
            while looked_at != 0:
                async with self.state.database.tenant(institution_id) as scope:
                    looked_at = await follow_entitlements(scope, self.state.clock.now())

    async def indicators(self) -> None:
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                await follow_indicators(scope, self.state.clock.now())

    async def care_map(self) -> None:
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                await follow_counts(scope, self.state.clock.now())

    async def discovery(self) -> None:
        for institution_id in await self.state.database.institutions():
            await run_nightly(
                self.state.database, self.series, institution_id, self.state.clock.now()
            )

    async def tuning(self) -> None:
        """Once a night, when the house is quiet."""
        now = self.state.clock.now()
        if now.astimezone(LOCAL_ZONE).hour != TUNING_HOUR:
            return
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                await propose_for_all(scope, now)

    async def activity(self) -> None:
        """Once a morning, before routes are planned."""
        now = self.state.clock.now()
        if now.astimezone(LOCAL_ZONE).hour != ACTIVITY_HOUR:
            return
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                await follow_activity(scope, now)

    async def housekeeping(self) -> None:
        now = self.state.clock.now()
        await self.tuning()
        await write_all(self.state.database, self.series, now)
        await self.activity()
        ahead = [ns_from_datetime(now), ns_from_datetime(now + timedelta(days=1))]
        await self.series.prepare(ahead, ahead[0])
        await self.series.keep(now)
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                await forget_old(scope, now)
                await forget_found(scope, now)
                await forget_expired(scope, now)


def _operation_id(route: APIRoute) -> str:
    return route.name


# What every call has: its function's name in the clients, and one shape of failure.
_MANNERS: Final[dict[str, Any]] = {
    "generate_unique_id_function": _operation_id,
    "responses": {"default": {"model": Problem, "description": "a problem (RFC 9457)"}},
}


def create_app(
    settings: Settings,
    database: Database,
    clock: Clock | None = None,
    *,
    with_tasks: bool = True,
    dist: Path = DIST,
) -> FastAPI:
    """The application on a migrated database. `with_tasks` False: no timers, watchers, listener."""
    state = AppState(settings, database, clock or SystemClock(), Metrics(), settings.keyring)
    series = series_store(settings, database)
    hub = _make_hub(state)
    bell = GatewayBell(database)
    leadership = Leadership(database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.check()
        await _refuse_demo_in_production(settings, database)
        await series.ready()
        work = _Work(state, series, ClockWatch(database, state.clock))
        supervisor = Supervisor(state.metrics)
        if with_tasks:
            supervisor.start("live_listen", hub.listen)
            supervisor.start("live_pushed", hub.write_pushed)
            supervisor.start("gateway_bell", bell.listen)
            supervisor.start("alert_timers", every(TIMER_INTERVAL_S, work.timers))
            sender = Senders(app.state.vapid(), settings.push_contact)
            deliverer = Deliverer(database, sender, state.keyring, state.clock)
            supervisor.start("notices", every(NOTICE_INTERVAL_S, deliverer.work))
            supervisor.start("console_watch", every(WATCH_INTERVAL_S, work.consoles))
            supervisor.start("gateway_watch", every(WATCH_INTERVAL_S, work.watch_gateways))
            supervisor.start("simulations", Runner(database, state.keyring, state.clock).work)
            lists = MatchingWorker(database, settings.keys_text, state.clock)
            supervisor.start("list_matching", lists.work)
            supervisor.start("leadership", every(LEADER_INTERVAL_S, leadership.beat))
            for name, interval_s, alone in (
                ("round_watch", ROUND_INTERVAL_S, work.rounds),
                ("entitlements", ENTITLEMENT_INTERVAL_S, work.entitlements),
                ("indicators", INDICATOR_INTERVAL_S, work.indicators),
                ("care_map", CARE_MAP_INTERVAL_S, work.care_map),
                ("discovery", DISCOVERY_INTERVAL_S, work.discovery),
                ("housekeeping", HOUSEKEEPING_INTERVAL_S, work.housekeeping),
            ):
                supervisor.start(name, every(interval_s, leadership.only(alone)))
        try:
            yield
        finally:
            await supervisor.stop()
            await leadership.release()
            await series.close()
            await database.close()

    app = FastAPI(
        title="渝悦养老物联网中枢 Yuyue Care Hub",
        version=software_version(),
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        **_MANNERS,
    )
    app.state.yuyue = state
    app.state.series = series
    _set_guards(app)
    app.state.live_hub = hub
    app.state.ingest_gate = IngestGate(settings.ingest_records_per_s)
    app.state.gateway_bell = bell
    app.state.vapid = cache(lambda: load_vapid(settings.data_dir / "vapid.pem"))
    app.state.exchange_key = cache(lambda: load_key(settings.data_dir / "exchange.pem"))
    app.state.oidc = cache(lambda: Provider(settings, state.clock))
    app.state.leadership = leadership
    _install_manners(app, state)
    app.router.routes.extend(_api_routes())
    install_operations(app)
    install_web(app, dist)
    return app


def _install_manners(app: FastAPI, state: AppState) -> None:
    """What holds for every call."""
    install_examples(app)
    app.add_middleware(BodyLimit)
    # Lists on a slow line; never the live stream. A level that costs a tenth of the highest.
    app.add_middleware(GZipMiddleware, minimum_size=1400, compresslevel=4)
    app.add_middleware(SecurityHeaders, map_tiles=state.settings.map_tiles)
    app.add_middleware(RequestMetrics, metrics=state.metrics)
    install_error_handlers(app, operation_outcome)


def _set_guards(app: FastAPI) -> None:
    """Rules of upper slices that lower ones ask for: whom and which alerts a caller reaches."""
    app.state.path_guards = {
        "elder_id": guard_record, "home_id": guard_home, "alert_id": guard_alert,
    }  # fmt: skip


@cache
def _api_routes() -> Sequence[BaseRoute]:
    """Every call of the API. Made once: FastAPI takes a third of a second to prepare them."""
    app = FastAPI(openapi_url=None, **_MANNERS)
    for router in (
        session_router,
        oidc_router,
        account_router,
        users_router,
        oversight_router,
        alerts_router,
        notices_router,
        duty_router,
        consoles_router,
        drills_router,
        drill_plans_router,
        figures_router,
        rules_router,
        tuning_router,
        live_router,
        coverage_router,
        relatives_router,
        series_router,
        places_router,
        people_router,
        family_router,
        family_points_router,
        invitation_router,
        night_router,
        device_register_router,
        records_router,
        floor_router,
        day_router,
        elder_series_router,
        status_router,
        gateway_router,
        operator_router,
        simulation_key_router,
        machine_router,
        assessment_router,
        service_list_router,
        rounds_router,
        leave_router,
        visits_router,
        homebed_router,
        orders_router,
        statement_router,
        matching_router,
        clues_router,
        handover_router,
        observations_router,
        incidents_router,
        care_tasks_router,
        discovery_router,
        found_router,
        found_machine_router,
        exchange_router,
        fhir_router,
        simulation_router,
        bureau_router,
        care_map_router,
        rights_router,  # last: what walks all routes meets the erasure at the end
    ):
        app.include_router(router)
    for _ in iter_route_contexts(app.routes):
        pass  # now, not while the first callers wait
    return app.routes


async def _refuse_demo_in_production(settings: Settings, database: Database) -> None:
    """The demo's logins stand in a file and on screens: never beside people's real data."""
    if settings.environment is Environment.PRODUCTION and await database.demo_institutions():
        raise DemoDataError(
            "this database holds the demo's institution, whose logins are known: production needs "
            "a database of its own"
        )


def create_lasting_app(settings: Settings, database: Database) -> FastAPI:
    """The application of a process that is made for it and lasts as long.

    What stands after the start stays for good: the collector need not walk through it again and
    again. A full collection took 230 ms, in which no request was answered.
    """
    app = create_app(settings, database)
    gc.collect()
    gc.freeze()
    return app


def _make_hub(state: AppState) -> LiveHub:
    """The live stream, and what it asks of the slices above it."""
    rules = rules_of(state.settings)

    async def reaches(scope: TenantScope, keys: Collection[UUID]) -> dict[UUID, Reach]:
        now = state.clock.now()
        standing = await still_standing(scope, keys, now, rules)
        # A role may have been taken away since.
        may = {key: who for key, who in standing.items() if who.may(Permission.ALERTS_READ)}
        return dict(zip(may, await reaches_of(scope, list(may.values()), now), strict=True))

    async def admit(scope: TenantScope, keys: frozenset[UUID]) -> dict[UUID, Visitor]:
        return {key: Visitor(reach.units) for key, reach in (await reaches(scope, keys)).items()}

    async def seen_by(scope: TenantScope, keys: frozenset[UUID], alert_id: UUID) -> frozenset[UUID]:
        return await who_sees(scope, await reaches(scope, keys), alert_id)

    async def status(scope: TenantScope) -> str:
        return (await status_of(scope, state.clock.now())).model_dump_json()

    async def status_for(scope: TenantScope, key: UUID) -> str | None:
        reach = (await reaches(scope, [key])).get(key)
        if reach is None:
            return None
        said = await status_of(scope, state.clock.now(), await reach.hidden())
        return said.model_dump_json()

    async def pushed(scope: TenantScope, alert_id: UUID) -> None:
        await note_pushed(scope, alert_id, state.clock.now())

    asks = Asks(admit, seen_by, status, status_for, pushed)
    return LiveHub(state.database, state.metrics, state.clock, asks)


def software_version() -> str:
    """The installed version; from a bare checkout there is none."""
    try:
        return version("yuyue-care-hub")
    except PackageNotFoundError:
        return "0+source"


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, without a database."""
    from sqlalchemy import make_url  # noqa: PLC0415

    app = create_app(Settings(), Database(make_url("postgresql+psycopg://nobody@/nothing")))
    return app.openapi()
