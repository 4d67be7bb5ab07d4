"""What the API says about places."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from cloud.schema_types import ApiModel, UtcMs

PlaceKind = Literal["building", "unit", "room", "bed", "home"]
BedKind = Literal["general", "nursing", "dementia", "short_stay", "home"]
BedState = Literal["available", "reserved", "out_of_use"]
HomeState = Literal["applied", "planned", "agreed", "fitting", "in_service", "ended"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
DistrictCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class BuildingIn(ApiModel):
    """A building to make or change."""

    name: Name
    address: Line = ""
    sort_order: int = Field(default=0, ge=0, le=10_000)


class UnitIn(ApiModel):
    """A unit to make or change; `building_id` moves it."""

    name: Name
    sort_order: int = Field(default=0, ge=0, le=10_000)
    building_id: UUID | None = None


class RoomIn(ApiModel):
    """A room to make or change: of a unit, or of a home. Another one moves it."""

    name: Name
    unit_id: UUID | None = None
    home_id: UUID | None = None


class BedIn(ApiModel):
    """A bed to make or change; another `room_id` moves it."""

    name: Name
    room_id: UUID
    kind: BedKind = "general"
    state: BedState = "available"
    note: Line = ""


class HomeIn(ApiModel):
    """A home to make or change. Address and ways in are kept encrypted."""

    name: Name
    operator_unit_id: UUID | None = Field(default=None, description="the unit whose desk watches")
    district_code: DistrictCode | None = None
    address: Line = ""
    entry: Note = Field(default="", description="way in, keys and who keeps them")
    state: HomeState = "applied"
    warranty_until: date | None = None


class AcceptanceIn(ApiModel):
    """The fitting is accepted."""

    accepted_by: Name = Field(description="who signed")
    note: Note = ""
    warranty_until: date


class KitItemIn(ApiModel):
    """A device a home is to have, or has."""

    kind: Name
    spot: Line = Field(default="", description="where in the home")
    device_id: Line | None = None
    fitted: bool = False
    warranty_until: date | None = None


class CheckIn(ApiModel):
    """A point of the checklist, done or not."""

    done: bool
    note: Note = ""


class PlaceOut(ApiModel):
    """A place as it is now. The ETag of the answer is its `version`."""

    id: UUID
    kind: PlaceKind
    name: str
    version: int
    closed_at: UtcMs | None


class KitItemOut(ApiModel):
    """A line of a home's kit list."""

    id: UUID
    kind: str
    kind_zh: str
    kind_en: str
    spot: str
    device_id: str | None
    fitted_at: UtcMs | None
    warranty_until: date | None


class CheckOut(ApiModel):
    """A line of a home's fitting checklist."""

    id: UUID
    code: str
    text_zh: str
    text_en: str
    done_at: UtcMs | None
    done_by: str | None
    note: str
    photos: list[UUID]


class HomeOut(ApiModel):
    """A home with its kit and its checklist. The ETag of the answer is its `version`."""

    id: UUID
    name: str
    operator_unit_id: UUID | None
    district_code: str | None
    address: str
    entry: str
    state: HomeState
    accepted_at: UtcMs | None
    accepted_by: str | None
    acceptance_note: str
    warranty_until: date | None
    closed_at: UtcMs | None
    kit: list[KitItemOut]
    checks: list[CheckOut]
    version: int


class PhotoOut(ApiModel):
    """A photo that was taken in."""

    id: UUID
    width_px: int
    height_px: int
