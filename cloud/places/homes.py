"""Home care beds: the home, its kit list, its fitting checklist with photos, acceptance."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from cloud.conflicts import refusals_named
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.places.models import Home, HomeCheck, HomeKitItem, Photo
from cloud.places.pictures import SCENE_PX, remake
from cloud.places.schemas import (
    AcceptanceIn,
    CheckIn,
    CheckOut,
    HomeIn,
    HomeOut,
    HomeState,
    KitItemIn,
    KitItemOut,
)
from cloud.places.sealing import seal, unseal

ADDRESS: Final = "home.address"
ENTRY: Final = "home.entry"
MAX_PHOTOS_PER_CHECK: Final = 6
# Where a home follows steps: what may be fitted and ticked off (repairs, while it is served).
FITTED_IN: Final = frozenset({"fitting", "in_service"})


@dataclass(frozen=True, slots=True)
class Words:
    """A kind or a point in both languages."""

    zh: str
    en: str


@cache
def _template() -> dict[str, Any]:
    text = (files("cloud.places") / "data" / "home_kit.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@cache
def kit_kinds() -> dict[str, Words]:
    """Kinds of devices of a home, by key."""
    return {row["kind"]: Words(row["zh"], row["en"]) for row in _template()["kit"]}


@cache
def checklist() -> dict[str, Words]:
    """Points of the fitting checklist, by code."""
    return {row["code"]: Words(row["zh"], row["en"]) for row in _template()["checklist"]}


def base_kit() -> list[str]:
    """Kinds that every home gets."""
    return [row["kind"] for row in _template()["kit"] if row["set"] == "base"]


async def add_home(scope: TenantScope, wanted: HomeIn, keyring: Keyring, now: datetime) -> Home:
    """A new home with the base kit on its list and the whole checklist before it."""
    home_id = uuid.uuid4()
    home = Home(
        id=home_id,
        institution_id=scope.institution_id,
        created_at=now,
        **home_values(wanted, keyring, home_id),
    )
    async with refusals_named(scope):
        scope.session.add(home)
    for kind in base_kit():
        scope.session.add(
            HomeKitItem(
                id=uuid.uuid4(), institution_id=scope.institution_id, home_id=home.id, kind=kind
            )
        )
    for code in checklist():
        scope.session.add(
            HomeCheck(
                id=uuid.uuid4(), institution_id=scope.institution_id, home_id=home.id, code=code
            )
        )
    await scope.session.flush()
    return home


def home_values(wanted: HomeIn, keyring: Keyring, home_id: uuid.UUID) -> dict[str, Any]:
    """As the table keeps it."""
    return {
        **wanted.model_dump(exclude={"address", "entry"}),
        "address_sealed": seal(keyring, wanted.address, ADDRESS, home_id),
        "entry_sealed": seal(keyring, wanted.entry, ENTRY, home_id),
    }


async def accept_fitting(
    scope: TenantScope, home: Home, wanted: AcceptanceIn, now: datetime
) -> None:
    """The fitting is accepted; without steps the bed goes into service. Raises ConflictError."""
    undone = [check.code for check in await _checks(scope, home.id) if check.done_at is None]
    if undone:
        raise ConflictError("accepted_by", f"not done yet: {', '.join(undone)}")
    home.accepted_at, home.accepted_by, home.acceptance_note = now, wanted.accepted_by, wanted.note
    home.warranty_until = wanted.warranty_until
    if not home.follows_steps:
        home.state = "in_service"
    home.version += 1
    await scope.session.flush()


def require_fitting(home: Home) -> None:
    """Nothing is fitted before the agreement. Raises ConflictError."""
    if home.follows_steps and home.state not in FITTED_IN:
        raise ConflictError("state", "签约前不能安装：请先在“家庭养老床位”里完成签约并开始安装")


def require_own_state(home: Home, wanted: str) -> None:
    """The steps of a home bed set its home's state. Raises ConflictError."""
    if home.follows_steps and wanted != home.state:
        raise ConflictError("state", "这处房屋的状态由“家庭养老床位”的步骤决定")


def require_no_steps(home: Home) -> None:
    """Where there are steps, the acceptance is one of them. Raises ConflictError."""
    if home.follows_steps:
        raise ConflictError("accepted_by", "请在“家庭养老床位”里登记验收")


async def put_kit_item(
    scope: TenantScope, home: Home, item_id: uuid.UUID | None, wanted: KitItemIn, now: datetime
) -> HomeKitItem:
    """A new line of the kit list, or a line changed. Raises BadFieldError, NotFoundError."""
    if item_id is None:
        item = HomeKitItem(
            id=uuid.uuid4(), institution_id=scope.institution_id, home_id=home.id, kind=wanted.kind
        )
        scope.session.add(item)
    else:
        item = await _kit_item(scope, home.id, item_id)
    if wanted.kind not in kit_kinds():
        raise BadFieldError("kind", f"must be one of {', '.join(kit_kinds())}")
    item.kind, item.spot, item.device_id = wanted.kind, wanted.spot, wanted.device_id
    item.fitted_at = (item.fitted_at or now) if wanted.fitted else None
    item.warranty_until = wanted.warranty_until
    async with refusals_named(scope):
        home.version += 1
    return item


async def remove_kit_item(
    scope: TenantScope, home: Home, item_id: uuid.UUID, now: datetime
) -> None:
    """Off the list; that it was there stays. Raises NotFoundError."""
    (await _kit_item(scope, home.id, item_id)).removed_at = now
    home.version += 1
    await scope.session.flush()


async def _kit_item(scope: TenantScope, home_id: uuid.UUID, item_id: uuid.UUID) -> HomeKitItem:
    statement = scope.select(HomeKitItem).where(
        HomeKitItem.id == item_id, HomeKitItem.home_id == home_id, HomeKitItem.removed_at.is_(None)
    )
    item = (await scope.session.scalars(statement)).one_or_none()
    if item is None:
        raise NotFoundError("line of the kit list")
    return item


async def mark_check(
    scope: TenantScope, home: Home, check_id: uuid.UUID, wanted: CheckIn, *, by: str, now: datetime
) -> None:
    """Done, or not after all. Raises NotFoundError."""
    check = await _check(scope, home.id, check_id)
    check.done_at, check.done_by = (now, by) if wanted.done else (None, None)
    check.note = wanted.note
    home.version += 1
    await scope.session.flush()


async def add_check_photo(
    scope: TenantScope,
    home: Home,
    check_id: uuid.UUID,
    content: bytes,
    *,
    keyring: Keyring,
    now: datetime,
) -> Photo:
    """A photo for a point of the checklist. Raises NotFoundError, ConflictError, ProblemError."""
    check = await _check(scope, home.id, check_id)
    held = scope.select(Photo).where(Photo.home_check_id == check.id).with_only_columns(Photo.id)
    if len((await scope.session.scalars(held)).all()) >= MAX_PHOTOS_PER_CHECK:
        raise ConflictError("body", f"{MAX_PHOTOS_PER_CHECK} photos are there already")
    return await add_photo(
        scope, content, SCENE_PX, keyring=keyring, now=now, home_check_id=check.id
    )


async def add_photo(
    scope: TenantScope,
    content: bytes,
    longest_px: int,
    *,
    keyring: Keyring,
    now: datetime,
    **more: Any,
) -> Photo:
    """A photo made anew. Raises ProblemError."""
    picture, photo_id = remake(content, longest_px), uuid.uuid4()
    photo = Photo(
        id=photo_id, institution_id=scope.institution_id,
        sealed=keyring.encrypt_bytes(picture.jpeg, photo_context(photo_id)),
        width_px=picture.width_px, height_px=picture.height_px, created_at=now, **more,
    )  # fmt: skip
    scope.session.add(photo)
    await scope.session.flush()
    return photo


def photo_context(photo_id: uuid.UUID) -> str:
    """What binds a sealed picture to its row."""
    return f"photo.jpeg:{photo_id}"


def jpeg_of(photo: Photo, keyring: Keyring) -> bytes:
    """The picture. Raises BadCiphertextError."""
    if photo.sealed is None:
        return photo.jpeg or b""
    return keyring.decrypt_bytes(photo.sealed, photo_context(photo.id))


async def find_photo(scope: TenantScope, photo_id: uuid.UUID) -> Photo:
    """Raises NotFoundError."""
    photo = (
        await scope.session.scalars(scope.select(Photo).where(Photo.id == photo_id))
    ).one_or_none()
    if photo is None:
        raise NotFoundError("photo")
    return photo


async def find_check_photo(scope: TenantScope, home_id: uuid.UUID, photo_id: uuid.UUID) -> Photo:
    """A photo of this home's fitting. Raises NotFoundError."""
    statement = (
        scope.select(Photo)
        .join(HomeCheck, HomeCheck.id == Photo.home_check_id)
        .where(Photo.id == photo_id, HomeCheck.home_id == home_id)
    )
    photo = (await scope.session.scalars(statement)).one_or_none()
    if photo is None:
        raise NotFoundError("photo")
    return photo


async def _check(scope: TenantScope, home_id: uuid.UUID, check_id: uuid.UUID) -> HomeCheck:
    statement = scope.select(HomeCheck).where(
        HomeCheck.home_id == home_id, HomeCheck.id == check_id
    )
    check = (await scope.session.scalars(statement)).one_or_none()
    if check is None:
        raise NotFoundError("point of the checklist")
    return check


async def _checks(scope: TenantScope, home_id: uuid.UUID) -> list[HomeCheck]:
    rows = await scope.session.scalars(scope.select(HomeCheck).where(HomeCheck.home_id == home_id))
    order = list(checklist())
    return sorted(rows, key=lambda row: order.index(row.code) if row.code in order else len(order))


async def home_out(scope: TenantScope, home: Home, keyring: Keyring) -> HomeOut:
    """A home with its kit and its checklist."""
    kit = await scope.session.scalars(
        scope.select(HomeKitItem)
        .where(HomeKitItem.home_id == home.id, HomeKitItem.removed_at.is_(None))
        .order_by(HomeKitItem.kind, HomeKitItem.id)
    )
    checks = await _checks(scope, home.id)
    photos: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    of_checks = scope.select(Photo).where(Photo.home_check_id.in_([row.id for row in checks]))
    for photo_id, check_id in await scope.session.execute(
        of_checks.order_by(Photo.created_at).with_only_columns(Photo.id, Photo.home_check_id)
    ):
        if check_id is not None:
            photos[check_id].append(photo_id)
    return HomeOut(
        id=home.id,
        name=home.name,
        operator_unit_id=home.operator_unit_id,
        district_code=home.district_code,
        address=unseal(keyring, home.address_sealed, ADDRESS, home.id),
        entry=unseal(keyring, home.entry_sealed, ENTRY, home.id),
        state=cast(HomeState, home.state),
        accepted_at=home.accepted_at,
        accepted_by=home.accepted_by,
        acceptance_note=home.acceptance_note,
        warranty_until=home.warranty_until,
        closed_at=home.closed_at,
        kit=[_kit_out(row) for row in kit],
        checks=[_check_out(row, photos[row.id]) for row in checks],
        version=home.version,
    )


def _kit_out(row: HomeKitItem) -> KitItemOut:
    words = kit_kinds().get(row.kind, Words(row.kind, row.kind))
    return KitItemOut(
        id=row.id, kind=row.kind, kind_zh=words.zh, kind_en=words.en, spot=row.spot,
        device_id=row.device_id, fitted_at=row.fitted_at, warranty_until=row.warranty_until,
    )  # fmt: skip


def _check_out(row: HomeCheck, photos: list[uuid.UUID]) -> CheckOut:
    words = checklist().get(row.code, Words(row.code, row.code))
    return CheckOut(
        id=row.id, code=row.code, text_zh=words.zh, text_en=words.en, done_at=row.done_at,
        done_by=row.done_by, note=row.note, photos=photos,
    )  # fmt: skip
