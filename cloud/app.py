"""The cloud's application: slices put together, tasks started and stopped."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from cloud.alerts.consoles.routes import router as consoles_router
from cloud.alerts.consoles.service import watch_consoles
from cloud.alerts.drills.routes import router as drills_router
from cloud.alerts.drills.service import watch_switches
from cloud.alerts.escalation.routes import router as duty_router
from cloud.alerts.figures.routes import router as figures_router
from cloud.alerts.lost_gateways import follow_lost_gateways
from cloud.alerts.notify.deliver import Deliverer
from cloud.alerts.notify.routes import router as notices_router
from cloud.alerts.notify.senders import Senders, load_vapid
from cloud.alerts.routes import router as alerts_router
from cloud.alerts.service import note_pushed
from cloud.alerts.timers import work_timers
from cloud.care.assessment.routes import router as assessment_router
from cloud.care.leave.routes import router as leave_router
from cloud.care.leave.service import follow_leaves
from cloud.care.rounds.routes import router as rounds_router
from cloud.care.rounds.watch import follow_rounds
from cloud.care.service_list.routes import router as service_list_router
from cloud.clock import Clock, SystemClock, ns_from_datetime
from cloud.coverage.routes import router as coverage_router
from cloud.coverage.watch import CoverageWatch
from cloud.database import Database, TenantScope
from cloud.devices.found import forget_found
from cloud.devices.found_routes import machine_router as found_machine_router
from cloud.devices.found_routes import router as found_router
from cloud.devices.gateway_bell import GatewayBell
from cloud.devices.gateway_routes import machine_router, operator_router
from cloud.devices.gateways import announce_gateway_states
from cloud.devices.register_routes import router as device_register_router
from cloud.election import Leadership
from cloud.errors import Problem, install_error_handlers
from cloud.family.routes import router as relatives_router
from cloud.identity.routes import account_router
from cloud.identity.routes import router as session_router
from cloud.identity.user_routes import router as users_router
from cloud.ingest.limits import IngestGate
from cloud.ingest.routes import gateway_router, status_router
from cloud.ingest.status import status_of
from cloud.limits import BodyLimit
from cloud.live.hub import LiveHub
from cloud.live.routes import router as live_router
from cloud.live.service import forget_old
from cloud.metrics import Metrics
from cloud.operations import RequestMetrics, install_operations
from cloud.oversight.access import guard_record
from cloud.oversight.routes import router as oversight_router
from cloud.people.family_routes import router as family_router
from cloud.people.routes import router as people_router
from cloud.places.routes import router as places_router
from cloud.records.routes import router as records_router
from cloud.series.choose import series_store
from cloud.series.elder_routes import router as elder_series_router
from cloud.series.routes import router as series_router
from cloud.series.service import SeriesStore
from cloud.settings import Environment, Settings
from cloud.state import AppState
from cloud.tasks import Supervisor, every
from cloud.web_files import DIST, SecurityHeaders, install_web

# An escalation fires within 1 s of its time; a round that finds nothing is one look at an index.
TIMER_INTERVAL_S: Final = 0.25
# A gateway counts as lost after 90 s; these are the seconds on top until a desk knows.
WATCH_INTERVAL_S: Final = 2.0
NOTICE_INTERVAL_S: Final = 0.25
# A round is minutes late before it is missed; half a minute more matters to nobody.
ROUND_INTERVAL_S: Final = 30.0
HOUSEKEEPING_INTERVAL_S: Final = 3600.0
# Another worker leads this long after the one that led was killed.
LEADER_INTERVAL_S: Final = 5.0


class DemoDataError(RuntimeError):
    """Production on the demo's database."""


@dataclass(frozen=True, slots=True)
class _Work:
    """The background work of one application."""

    state: AppState
    series: SeriesStore
    coverage: CoverageWatch = field(default_factory=CoverageWatch)

    async def timers(self) -> None:
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
                await self.coverage.look(scope, now)

    async def rounds(self) -> None:
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                now = self.state.clock.now()
                await follow_rounds(scope, now)
                await follow_leaves(scope, now)

    async def housekeeping(self) -> None:
        now = self.state.clock.now()
        ahead = [ns_from_datetime(now), ns_from_datetime(now + timedelta(days=1))]
        await self.series.prepare(ahead, ahead[0])
        await self.series.keep(now)
        for institution_id in await self.state.database.institutions():
            async with self.state.database.tenant(institution_id) as scope:
                await forget_old(scope, now)
                await forget_found(scope, now)


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
        work = _Work(state, series)
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
            supervisor.start("leadership", every(LEADER_INTERVAL_S, leadership.beat))
            for name, interval_s, alone in (
                ("round_watch", ROUND_INTERVAL_S, work.rounds),
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
    app.state.record_guard = guard_record
    app.state.live_hub = hub
    app.state.ingest_gate = IngestGate(settings.ingest_records_per_s)
    app.state.gateway_bell = bell
    app.state.vapid = cache(lambda: load_vapid(settings.data_dir / "vapid.pem"))
    app.state.leadership = leadership
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestMetrics, metrics=state.metrics)
    install_error_handlers(app)
    app.router.routes.extend(_api_routes())
    install_operations(app)
    install_web(app, dist)
    return app


@cache
def _api_routes() -> Sequence[BaseRoute]:
    """Every call of the API. Made once: FastAPI takes a third of a second to prepare them."""
    app = FastAPI(openapi_url=None, **_MANNERS)
    for router in (
        session_router,
        account_router,
        users_router,
        oversight_router,
        alerts_router,
        notices_router,
        duty_router,
        consoles_router,
        drills_router,
        figures_router,
        live_router,
        coverage_router,
        relatives_router,
        series_router,
        places_router,
        people_router,
        family_router,
        device_register_router,
        records_router,
        elder_series_router,
        status_router,
        gateway_router,
        operator_router,
        machine_router,
        assessment_router,
        service_list_router,
        rounds_router,
        leave_router,
        found_router,
        found_machine_router,
    ):
        app.include_router(router)
    return app.routes


async def _refuse_demo_in_production(settings: Settings, database: Database) -> None:
    """The demo's logins stand in a file and on screens: never beside people's real data."""
    if settings.environment is Environment.PRODUCTION and await database.demo_institutions():
        raise DemoDataError(
            "this database holds the demo's institution, whose logins are known: production needs "
            "a database of its own"
        )


def _make_hub(state: AppState) -> LiveHub:
    async def status_payload(scope: TenantScope) -> str:
        return (await status_of(scope, state.clock.now())).model_dump_json()

    async def record_pushed(scope: TenantScope, alert_id: uuid.UUID) -> None:
        await note_pushed(scope, alert_id, state.clock.now())

    return LiveHub(state.database, state.metrics, status_payload, record_pushed)


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
