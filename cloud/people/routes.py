"""HTTP for elders: lists, records, photos, facts, contacts; and the tree of places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.errors import NotFoundError, Problem
from cloud.etag import IfMatch, show_version
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people import family, present, record
from cloud.people.models import Elder
from cloud.people.occupancy import PlaceTree, close_empty_place, place_tree
from cloud.people.reach import reach_of
from cloud.people.record import RecordRules
from cloud.people.schemas import (
    CodeOut,
    ContactsIn,
    ContactsOut,
    ElderIn,
    ElderList,
    ElderOut,
    FactIn,
    FactOut,
    FactsOut,
    FieldOut,
    VocabularyOut,
)
from cloud.people.search import MAX_QUERY, Wanted, find_elders
from cloud.people.service import find_elder
from cloud.people.vocabulary import RISKS, diagnoses, fact_fields, form_values
from cloud.places.homes import add_photo, find_photo, jpeg_of
from cloud.places.models import Bed, Building, Home, Room, Unit
from cloud.places.pictures import FACE_PX
from cloud.places.routes import (
    PICTURE_BODY,
    PlaceManager,
    PlaceReader,
    note_place,
    picture_response,
    read_picture,
)
from cloud.places.schemas import PlaceOut
from cloud.places.service import lock_place, place_out
from cloud.settings import Environment
from cloud.state import AppState, ChangeHeader, State

RecordReader = Annotated[Principal, requires(Permission.RECORDS_READ)]
RecordWriter = Annotated[Principal, requires(Permission.RECORDS_WRITE)]
MAX_PAGE: Final = 200

router = APIRouter(
    prefix="/api/v1",
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 412, 422, 428)},
)


def record_rules(state: AppState) -> RecordRules:
    """Made-up numbers with an impossible place code are for demonstrations."""
    return RecordRules(state.keyring, state.settings.environment is Environment.DEMO)


def note_record(
    who: Principal,
    elder_id: UUID,
    action: Action = Action.RECORD_CHANGED,
    *,
    changes: Mapping[str, tuple[object, object]] | None = None,
    subject: tuple[str, object] | None = None,
    reason: str | None = None,
) -> None:
    """For the audit; the elder's family may read it."""
    audit.record(
        who.scope, who.actor, action, who.at, elder_id=elder_id, subject=subject, reason=reason,
        changes=changes,
    )  # fmt: skip


@router.get("/places", tags=["places"])
async def get_places(who: PlaceReader, state: State) -> PlaceTree:
    """The whole tree of open places with occupancy; names only for who may read records."""
    with_names = who.may(Permission.RECORDS_READ)
    reach = await reach_of(who)
    return await place_tree(
        who.scope, state.clock.now(), with_names=with_names, hidden=await reach.hidden(),
        reached=reach.units,
    )  # fmt: skip


@router.delete("/buildings/{building_id}", tags=["places"], dependencies=[ChangeHeader])
async def close_building(
    building_id: UUID, who: PlaceManager, state: State, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Close a building whose units are closed."""
    return await _close(response, who, await lock_place(who.scope, Building, building_id, if_match),
                        state)  # fmt: skip


@router.delete("/units/{unit_id}", tags=["places"], dependencies=[ChangeHeader])
async def close_unit(
    unit_id: UUID, who: PlaceManager, state: State, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Close a unit whose rooms are closed."""
    return await _close(response, who, await lock_place(who.scope, Unit, unit_id, if_match), state)


@router.delete("/rooms/{room_id}", tags=["places"], dependencies=[ChangeHeader])
async def close_room(
    room_id: UUID, who: PlaceManager, state: State, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Close a room whose beds are closed."""
    return await _close(response, who, await lock_place(who.scope, Room, room_id, if_match), state)


@router.delete("/beds/{bed_id}", tags=["places"], dependencies=[ChangeHeader])
async def close_bed(
    bed_id: UUID, who: PlaceManager, state: State, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Close a bed that nobody has."""
    return await _close(response, who, await lock_place(who.scope, Bed, bed_id, if_match), state)


@router.delete("/homes/{home_id}", tags=["places"], dependencies=[ChangeHeader])
async def close_home(
    home_id: UUID, who: PlaceManager, state: State, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Close a home whose rooms are closed."""
    return await _close(response, who, await lock_place(who.scope, Home, home_id, if_match), state)


async def _close(
    response: Response, who: Principal, place: Building | Unit | Room | Bed | Home, state: State
) -> PlaceOut:
    await close_empty_place(who.scope, place, state.clock.now())
    note_place(who, place, "closed")
    show_version(response, place.version)
    return place_out(place)


@router.get("/elders", tags=["elders"])
async def list_elders(
    *,
    who: RecordReader,
    state: State,
    q: Annotated[str, Query(max_length=MAX_QUERY, description="name, pinyin, bed, number")] = "",
    unit_id: UUID | None = None,
    home_only: bool = False,
    everybody: Annotated[bool, Query(description="also who is archived")] = False,
    after: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> ElderList:
    """Elders by name. `q` finds beginnings of the name, its pinyin, its initials, or a bed."""
    now = state.clock.now()
    wanted = Wanted(q, unit_id, home_only, everybody, after, limit)
    reach = await reach_of(who)
    elders, following = await find_elders(who.scope, wanted, state.keyring, now, reach)
    if q.strip():
        audit.record(
            who.scope, who.actor, Action.RECORDS_SEARCHED, now, once_within=audit.READ_AGAIN_AFTER
        )
    return ElderList(elders=await present.lines(who.scope, elders, now), next=following)


@router.get("/vocabulary", tags=["elders"])
async def get_vocabulary(_who: RecordReader) -> VocabularyOut:
    """What the form of a record offers."""
    answers = form_values()
    return VocabularyOut(
        education=list(answers["education"]),
        living=list(answers["living"]),
        marital=list(answers["marital"]),
        payment=list(answers["payment"]),
        income=list(answers["income"]),
        diagnoses=[CodeOut(code=code, name=name) for code, name in diagnoses().items()],
        fields=[FieldOut(field=f.key, values=list(f.values)) for f in fact_fields().values()],
        risks=RISKS,
    )


@router.post("/elders", tags=["elders"], dependencies=[ChangeHeader])
async def add_elder(body: ElderIn, who: RecordWriter, state: State, response: Response) -> ElderOut:
    """A new record."""
    elder = await record.make_elder(who.scope, body, record_rules(state), state.clock.now())
    note_record(who, elder.id, Action.RECORD_CREATED)
    return await _record_out(who, elder, state, response)


@router.get("/elders/{elder_id}", tags=["elders"])
async def get_elder(
    elder_id: UUID, who: RecordReader, state: State, response: Response
) -> ElderOut:
    """A record."""
    return await _record_out(who, await find_elder(who.scope, elder_id), state, response)


@router.put("/elders/{elder_id}", tags=["elders"], dependencies=[ChangeHeader])
async def change_elder(
    *, elder_id: UUID, body: ElderIn, who: RecordWriter, state: State, response: Response,
    if_match: IfMatch = None,
) -> ElderOut:  # fmt: skip
    """Change a record."""
    elder = await record.lock_elder(who.scope, elder_id, if_match)
    rules, now = record_rules(state), state.clock.now()
    changes = await record.change_elder(who.scope, elder, body, rules, now)
    note_record(who, elder.id, changes=changes)
    return await _record_out(who, elder, state, response)


@router.delete("/elders/{elder_id}", tags=["elders"], dependencies=[ChangeHeader])
async def archive_elder(
    elder_id: UUID, who: RecordWriter, state: State, response: Response, if_match: IfMatch = None
) -> ElderOut:
    """Put a record away, or take it out again. It is kept: 5 years at least after the stay."""
    elder = await record.lock_elder(who.scope, elder_id, if_match)
    before = elder.archived_at
    await record.archive(who.scope, elder, state.clock.now())
    note_record(who, elder.id, changes={"archived_at": (before, elder.archived_at)})
    return await _record_out(who, elder, state, response)


@router.put(
    "/elders/{elder_id}/photo",
    tags=["elders"],
    dependencies=[ChangeHeader],
    openapi_extra=PICTURE_BODY,
)
async def put_elder_photo(
    elder_id: UUID, request: Request, who: RecordWriter, state: State, response: Response
) -> ElderOut:
    """A photo of the elder; it is made anew, without what the camera added."""
    elder = await find_elder(who.scope, elder_id)
    now = state.clock.now()
    content = await read_picture(request)
    photo = await add_photo(who.scope, content, FACE_PX, keyring=state.keyring, now=now)
    note_record(who, elder.id, changes={"photo_id": (elder.photo_id, photo.id)})
    elder.photo_id = photo.id
    elder.version += 1
    await who.scope.session.flush()
    return await _record_out(who, elder, state, response)


@router.get(
    "/elders/{elder_id}/photo",
    tags=["elders"],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_elder_photo(elder_id: UUID, who: RecordReader, state: State) -> Response:
    """The photo of an elder."""
    elder = await find_elder(who.scope, elder_id)
    if elder.photo_id is None:
        raise NotFoundError("photo")
    photo = await find_photo(who.scope, elder.photo_id)
    return picture_response(jpeg_of(photo, state.keyring))


@router.post("/elders/{elder_id}/facts", tags=["elders"], dependencies=[ChangeHeader])
async def add_elder_fact(elder_id: UUID, body: FactIn, who: RecordWriter, state: State) -> FactOut:
    """What is known of one field of the service list, from whom and as of when."""
    elder = await find_elder(who.scope, elder_id)
    before = (await record.facts_of(who.scope, elder.id)).get(body.field)
    fact = await record.add_fact(who.scope, elder.id, body, by=who.user.id, now=state.clock.now())
    known = None if before is None else before.value
    note_record(who, elder.id, changes={fact.field: (known, fact.value)}, reason=fact.source)
    return present.fact_out(fact)


@router.get("/elders/{elder_id}/facts", tags=["elders"])
async def get_elder_facts(
    elder_id: UUID,
    who: RecordReader,
    field: Annotated[str | None, Query(max_length=60, description="all there was of one")] = None,
) -> FactsOut:
    """The newest of each field; with `field` everything that was ever written down of it."""
    elder = await find_elder(who.scope, elder_id)
    if field is None:
        rows = list((await record.facts_of(who.scope, elder.id)).values())
    else:
        rows = await record.fact_history(who.scope, elder.id, field)
    return FactsOut(facts=[present.fact_out(row) for row in rows])


@router.get("/elders/{elder_id}/contacts", tags=["elders"])
async def get_elder_contacts(elder_id: UUID, who: RecordReader, state: State) -> ContactsOut:
    """Whom to call in an emergency, in this order."""
    elder = await find_elder(who.scope, elder_id)
    return await present.contacts_out(who.scope, elder, state.keyring)


@router.put("/elders/{elder_id}/contacts", tags=["elders"], dependencies=[ChangeHeader])
async def put_elder_contacts(
    elder_id: UUID, body: ContactsIn, who: RecordWriter, state: State
) -> ContactsOut:
    """All contacts anew, in the order in which to call them."""
    elder = await find_elder(who.scope, elder_id)
    await family.replace_contacts(who.scope, elder.id, body.contacts, state.keyring)
    note_record(who, elder.id, subject=("contacts", len(body.contacts)))
    return await present.contacts_out(who.scope, elder, state.keyring)


async def _record_out(who: Principal, elder: Elder, state: State, response: Response) -> ElderOut:
    show_version(response, elder.version)
    full = who.may(Permission.RECORDS_WRITE)
    return await present.record_out(
        who.scope, elder, record_rules(state), state.clock.now(), full_number=full
    )
