"""What the API says about the care map."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from cloud.places.schemas import BedKind, Line, Note
from cloud.schema_types import ApiModel, UtcMs

Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^(\+?[0-9][0-9 \-]{4,19})?$")
]
Keys = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=30)]
WithinKm = Annotated[float, Field(ge=0.5, le=200)]


class MapPoint(ApiModel):
    """Degrees, WGS 84."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class CareMapProfileIn(ApiModel):
    """What a house says of itself. To be published it needs address, phone and place."""

    address: Line = ""
    phone: Phone = ""
    place: MapPoint | None = None
    services: Keys = Field(default_factory=list)
    home_bed_capacity: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="home beds that can be served at a time; none: not offered"
    )
    note: Note = ""
    published: bool = False
    version: Annotated[int, Field(ge=0)]


class KindOfBedsOut(ApiModel):
    """Beds of a kind. `total` and `free` none: a capacity that nobody has said.

    `taken` none: of another house, where it would be a bare count of people.
    """

    kind: BedKind
    total: int | None
    taken: int | None
    reserved: int
    free: int | None


class CareServiceOut(ApiModel):
    """A service of houses, or a skill of responders."""

    key: str
    zh: str
    en: str
    of: list[Literal["house", "responder"]]


class CareMapProfileOut(ApiModel):
    """One's own house: its words, and its beds as they stand now."""

    address: str
    phone: str
    place: MapPoint | None
    services: list[str]
    home_bed_capacity: int | None
    note: str
    published: bool
    version: int
    updated_at: UtcMs | None
    updated_by: str | None
    beds: list[KindOfBedsOut]
    catalogue: list[CareServiceOut]
    may_change: bool


class MapHouseOut(ApiModel):
    """A house on the map. `stale`: its beds were counted too long ago to be believed."""

    id: UUID
    name: str
    own: bool
    published: bool
    district_code: str | None
    district_name: str
    address: str
    phone: str
    place: MapPoint | None
    services: list[str]
    note: str
    beds: list[KindOfBedsOut]
    counted_at: UtcMs | None
    stale: bool


class UnpublishedHouse(ApiModel):
    """A member of the bureau that has not published its place."""

    id: UUID
    name: str
    district_name: str


class WaitingOut(ApiModel):
    """Open needs of a node; a count of 1 to 4, and what would give it away, is masked."""

    node: str
    level: Literal["all", "district", "institution"]
    name: str
    kind: Literal["bed", "home", "task"]
    count: int | None
    masked: bool
    known: bool


class CareMapOut(ApiModel):
    """Houses that the caller may see, and what waits."""

    whose: Literal["bureau", "house"]
    kinds: list[BedKind]
    services: list[CareServiceOut]
    houses: list[MapHouseOut]
    unpublished: list[UnpublishedHouse]
    waiting: list[WaitingOut]
    masked_below: int
    map_tiles: str = Field(description="address of map tiles with {z}/{x}/{y}; empty: none")
    server_time: UtcMs


class BedNeedIn(ApiModel):
    """A bed that is looked for, without a word of who needs it. `needs` must be there."""

    kind: BedKind
    place: MapPoint | None = None
    within_km: WithinKm = 10
    needs: Keys = Field(default_factory=list)
    wishes: Keys = Field(default_factory=list)


class CareNeedIn(ApiModel):
    """A bed or a person that an elder needs. Without a place: that of the elder's door."""

    kind: BedKind | Literal["responder"]
    elder_id: UUID | None = None
    place: MapPoint | None = None
    within_km: WithinKm = 10
    needs: Keys = Field(default_factory=list)
    wishes: Keys = Field(default_factory=list)


class MatchReasonOut(ApiModel):
    """A reason, for the page to put into words."""

    code: str
    value: float | None
    names: list[str]


class OfferOut(ApiModel):
    """A house or a person. `score` none: left out, and the reasons say why."""

    id: UUID
    who: Literal["house", "staff", "helper"]
    name: str
    own: bool
    phone: str
    address: str
    place: MapPoint | None
    score: float | None
    distance_km: float | None
    free: int | None
    total: int | None
    reasons: list[MatchReasonOut]


class MatchesOut(ApiModel):
    """Fitting ones by score, then those left out. `place_from`: whose place distances are from."""

    fitting: list[OfferOut]
    left_out: list[OfferOut]
    place: MapPoint | None
    place_from: Literal["given", "door", "house"] | None


class OpenNeedOut(ApiModel):
    """Somebody who waits. `kind` none: which bed is for the worker to say."""

    id: UUID
    elder_id: UUID
    elder_name: str
    source: Literal["home_bed", "no_bed", "task"]
    kind: BedKind | Literal["responder"] | None
    task: str | None
    why: str
    since: UtcMs
    due_on: date | None
    has_place: bool


class OpenNeedsOut(ApiModel):
    """Of whom the caller reaches, the longest waiting first."""

    needs: list[OpenNeedOut]
    services: list[CareServiceOut]
    kinds: list[BedKind]
    map_tiles: str


class ResponderIn(ApiModel):
    """What somebody can do, and how much at a time (none: the default)."""

    skills: Keys = Field(default_factory=list)
    capacity: Annotated[int, Field(ge=1, le=500)] | None = None
    version: Annotated[int, Field(ge=0)]


class ResponderOut(ApiModel):
    """Somebody who may be sent. `id` is the user's, or the relative's entry of a helper."""

    id: UUID
    who: Literal["staff", "helper"]
    name: str
    paired_with: str | None
    on_duty: bool
    skills: list[str]
    capacity: int
    own_capacity: int | None
    version: int


class RespondersOut(ApiModel):
    """Staff and paired helpers of one's own house."""

    responders: list[ResponderOut]
    services: list[CareServiceOut]
    may_change: bool
