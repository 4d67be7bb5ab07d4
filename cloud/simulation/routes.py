"""HTTP for the simulator."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from sse_starlette.sse import EventSourceResponse

from cloud.errors import NotLoggedInError, Problem, ProblemError
from cloud.identity.auth import cookie_name, requires, rules_of
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal, principal_of
from cloud.simulation import export, service
from cloud.simulation.live import run_events
from cloud.simulation.models import RunState
from cloud.simulation.process import SimulatorError, read_gallery
from cloud.simulation.schemas import RunDetail, RunIn, RunList, ScenarioList, ScenarioOut
from cloud.state import ChangeHeader, State

_SEND_TIMEOUT_S: Final = 10.0

Operator = Annotated[Principal, requires(Permission.SIMULATION_RUN)]

router = APIRouter(
    prefix="/api/v1/simulations",
    tags=["simulation"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/scenarios")
async def list_scenarios(request: Request, _: Operator) -> ScenarioList:
    """The gallery of the simulator that is installed here."""
    known: ScenarioList | None = getattr(request.app.state, "scenarios", None)
    if known is None:
        try:
            found = await read_gallery()
        except (OSError, SimulatorError) as error:
            raise ProblemError(
                503, "no_simulator", f"the simulator does not answer: {error}"
            ) from error
        known = ScenarioList(scenarios=[_scenario_out(one) for one in found])
        request.app.state.scenarios = known
    return known


def _scenario_out(one: dict[str, object]) -> ScenarioOut:
    building, staff = one["building"], one["staff"]
    if not isinstance(building, dict) or not isinstance(staff, dict):
        raise SimulatorError("a scenario without building or staff")
    people = (
        building["homes"]
        if building["kind"] == "homes"
        else building["units"] * building["rooms_per_unit"] * building["beds_per_room"]
    )
    names = ("day_carers", "night_carers", "target_bedside_s")
    kept = ("key", "title_zh", "title_en", "story_zh", "story_en", "starts_at", "duration_h")
    return ScenarioOut.model_validate(
        {name: one[name] for name in kept}
        | {name: staff[name] for name in names}
        | {"people": people, "building": building}
    )


@router.get("")
async def list_runs(who: Operator) -> RunList:
    """The last runs, newest first."""
    return RunList(runs=[service.run_out(run) for run in await service.newest(who.scope)])


@router.post("", dependencies=[ChangeHeader])
async def start_run(wanted: RunIn, who: Operator, state: State) -> RunDetail:
    """Put a run in the queue; it begins within a second where no other is under way."""
    by = who.user.display_name
    return service.run_detail(await service.ask(who.scope, wanted, by, state.clock.now()))


@router.get("/{run_id}")
async def get_run(run_id: UUID, who: Operator) -> RunDetail:
    """One run, with its result where it has one."""
    return service.run_detail(await service.find(who.scope, run_id))


@router.post("/{run_id}/stop", dependencies=[ChangeHeader])
async def stop_run(run_id: UUID, who: Operator, state: State) -> RunDetail:
    """Ask it to end; stopping one that has ended changes nothing."""
    return service.run_detail(await service.stop(who.scope, run_id, state.clock.now()))


@router.get("/{run_id}/export", response_class=Response)
async def export_run(
    run_id: UUID,
    who: Operator,
    kind: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    """The result as a file, marked as simulated."""
    run = await service.find(who.scope, run_id)
    if run.state != RunState.DONE:
        raise ProblemError(409, "not_done", "this run has no result to export.")
    made, media = (
        (export.as_json(run), "application/json")
        if kind == "json"
        else (export.as_csv(run), "text/csv; charset=utf-8")
    )
    name = f"simulated-{run.wanted['scenario']}-{run.wanted['seed']}.{kind}"
    return Response(
        made, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.get(
    "/{run_id}/live",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "event: run (RunDetail), frame (id: its number), ping, over, end",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def follow_run(
    run_id: UUID,
    request: Request,
    state: State,
    who: Operator,
    *,
    after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Server-sent events from part `after` on; `Last-Event-ID` wins."""
    if last_event_id:
        if not last_event_id.isascii() or not last_event_id.isdigit():
            raise ProblemError(422, "bad_request", "Last-Event-ID: must be a number")
        after = int(last_event_id)
    await service.find(who.scope, run_id)
    token = request.cookies.get(cookie_name(state.settings))

    async def still_allowed() -> bool:
        try:
            async with state.database.transaction() as session:
                now = state.clock.now()
                seen = await principal_of(session, token, now, rules_of(state.settings))
        except NotLoggedInError:
            return False
        return seen.may(Permission.SIMULATION_RUN)

    told = run_events(
        state.database,
        state.clock,
        who.scope.institution_id,
        run_id,
        after=after,
        still_allowed=still_allowed,
    )
    return EventSourceResponse(told, ping=0, sep="\n", send_timeout=_SEND_TIMEOUT_S)
