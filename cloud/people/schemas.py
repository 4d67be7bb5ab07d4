"""What the API says about elders and what is written down of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StrictBool, StrictInt, StrictStr, StringConstraints

from cloud.places.schemas import Line, Name, Note
from cloud.schema_types import ApiModel, UtcMs

Sex = Literal["female", "male"]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 -]{4,22}[0-9]$")
]
LivingFlag = Literal["lives_alone", "empty_nest", "children_away", "no_kin"]
Purpose = Literal["safety", "vitals", "location", "family_sharing", "district_sharing"]
FamilyRole = Literal["relative", "helper"]
FamilyKind = Literal[
    "presence", "night", "alerts", "coverage", "vitals", "location", "visits", "entitlements"
]
Signer = Literal["self", "guardian"]
RiskName = Literal[
    "choking", "wrong_intake", "pressure_injury", "scald", "bed_fall", "fall", "wandering",
    "harm", "activity",
]  # fmt: skip
RiskLevel = Literal["not_assessed", "none", "watch", "high"]
EndReason = Literal["moved", "left", "hospital", "died", "other"]
FactValue = StrictBool | StrictInt | StrictStr


class DiagnosisIn(ApiModel):
    """One of the coded groups of illness of the assessment form (part A4)."""

    code: Name
    note: Line = ""


class AllergyIn(ApiModel):
    """What an elder must not get, and what happens then."""

    substance: Name
    reaction: Line = ""
    severe: bool = False


class ElderIn(ApiModel):
    """An elder's record to make or change: part A2 of the form, and what carers must know.

    `citizen_number`: left out it stays as it is, empty it is taken away.
    """

    name: Name
    sex: Sex
    birth_date: date
    care_note: Note = Field(default="", description="shown with every alert")
    citizen_number: str | None = Field(default=None, max_length=30)
    phone: Phone | Literal[""] = ""
    height_cm: float | None = Field(default=None, ge=50, le=250)
    weight_kg: float | None = Field(default=None, ge=10, le=400)
    ethnicity: Line | None = None
    religion: Line | None = None
    education: Line | None = None
    living: list[Line] = Field(default_factory=list, max_length=10)
    marital: Line | None = None
    payment: list[Line] = Field(default_factory=list, max_length=10)
    income: list[Line] = Field(default_factory=list, max_length=10)
    languages: list[Name] = Field(default_factory=list, max_length=10)
    diagnoses: list[DiagnosisIn] = Field(default_factory=list, max_length=40)
    allergies: list[AllergyIn] = Field(default_factory=list, max_length=40)


class FactIn(ApiModel):
    """What is known of one field of the service list, or one of the four living flags."""

    field: Name
    value: FactValue
    source: Name = Field(description="who says so, or which document")
    as_of: date


class FactOut(ApiModel):
    """The newest of a field."""

    field: str
    value: FactValue
    source: str
    as_of: date
    recorded_at: UtcMs


class FactsOut(ApiModel):
    """All that is known; what is not listed is unknown."""

    facts: list[FactOut]


class ElderPlace(ApiModel):
    """Where an elder stays now."""

    bed_id: UUID
    unit: str
    room: str
    bed: str | None
    label: str
    is_home: bool


class ElderLine(ApiModel):
    """An elder in a list."""

    id: UUID
    name: str
    sex: Sex
    age: int
    place: ElderPlace | None
    photo_id: UUID | None
    archived: bool


class ElderList(ApiModel):
    """A page of elders by name; `next` leads to the one after it."""

    elders: list[ElderLine]
    next: str | None


class ElderOut(ApiModel):
    """An elder's record. The ETag of the answer is its `version`."""

    id: UUID
    name: str
    sex: Sex
    birth_date: date
    age: int
    care_note: str
    citizen_number: str | None = Field(description="only its ends, without the right to see all")
    phone: str
    height_cm: float | None
    weight_kg: float | None
    ethnicity: str | None
    religion: str | None
    education: str | None
    living: list[str]
    marital: str | None
    payment: list[str]
    income: list[str]
    languages: list[str]
    diagnoses: list[DiagnosisIn]
    allergies: list[AllergyIn]
    photo_id: UUID | None
    place: ElderPlace | None
    facts: list[FactOut]
    living_flags: dict[LivingFlag, FactValue]
    archived_at: UtcMs | None
    version: int


class CodeOut(ApiModel):
    """A coded diagnosis group."""

    code: str
    name: str


class FieldOut(ApiModel):
    """A field with source and date, and the values it takes (none: a district code)."""

    field: str
    values: list[FactValue]


class VocabularyOut(ApiModel):
    """What a form for a record offers: from the assessment form and the service list."""

    education: list[str]
    living: list[str]
    marital: list[str]
    payment: list[str]
    income: list[str]
    diagnoses: list[CodeOut]
    fields: list[FieldOut]
    risks: dict[str, str]


class StayOut(ApiModel):
    """An elder in a bed over [valid_from, valid_until)."""

    id: UUID
    elder_id: UUID
    bed_id: UUID
    place: str
    valid_from: UtcMs
    valid_until: UtcMs | None
    end_reason: EndReason | None
    note: str


class StaysOut(ApiModel):
    """All stays of an elder, newest first."""

    stays: list[StayOut]


class MoveInIn(ApiModel):
    """Admission, or a move to another bed: from `at` on."""

    bed_id: UUID
    at: AwareDatetime
    note: Line = ""


class LeaveIn(ApiModel):
    """The end of a stay."""

    at: AwareDatetime
    reason: EndReason
    note: Line = ""


class StayCorrectionIn(ApiModel):
    """The past as it really was; `reason` goes into the audit trail."""

    bed_id: UUID
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    reason: Name


class ContactIn(ApiModel):
    """Whom to call in an emergency."""

    name: Name
    relationship: Name
    phone: Phone
    note: Line = ""


class ContactsIn(ApiModel):
    """All contacts in the order in which to call them."""

    contacts: list[ContactIn] = Field(max_length=10)


class ContactOut(ContactIn):
    """A contact; `rank` 1 is called first."""

    rank: int


class ContactsOut(ApiModel):
    """In the order in which to call them."""

    contacts: list[ContactOut]


class FamilyIn(ApiModel):
    """A relative, and what the institution lets them see where a consent covers it."""

    name: Name
    relationship: Name
    phone: Phone | Literal[""] = ""
    username: Line | None = Field(default=None, description="their login, with the role family")
    may_see: list[FamilyKind] = Field(default_factory=list)
    role: FamilyRole = Field(
        default="relative", description="helper: a paired neighbour, told of alerts only"
    )


class FamilyOut(ApiModel):
    """A relative. `sees_now`: what they may see and a consent in force covers."""

    id: UUID
    name: str
    relationship: str
    phone: str
    username: str | None
    may_see: list[FamilyKind]
    role: FamilyRole
    sees_now: list[FamilyKind]
    ended_at: UtcMs | None
    version: int


class FamilyListOut(ApiModel):
    """The relatives of an elder."""

    family: list[FamilyOut]


class ConsentIn(ApiModel):
    """A consent as it was signed."""

    purpose: Purpose
    family_member_id: UUID | None = Field(default=None, description="for family_sharing: to whom")
    kinds: list[FamilyKind] = Field(default_factory=list, description="for family_sharing: what")
    text_version: Name
    signer: Signer
    signer_name: Name
    proof: Line = Field(default="", description="of a guardian: what shows that they are one")
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None


class WithdrawalIn(ApiModel):
    """As easily withdrawn as given."""

    withdrawn_by: Name
    note: Line = ""


class ConsentOut(ApiModel):
    """A consent, and whether it is in force now."""

    id: UUID
    purpose: Purpose
    family_member_id: UUID | None
    kinds: list[FamilyKind]
    text_version: str
    signer: Signer
    signer_name: str
    proof: str
    valid_from: UtcMs
    valid_until: UtcMs | None
    recorded_at: UtcMs
    withdrawn_at: UtcMs | None
    withdrawn_by: str | None
    withdrawal_note: str
    in_force: bool


class ConsentsOut(ApiModel):
    """All consents of an elder, and the purposes that nobody agreed to."""

    consents: list[ConsentOut]
    missing: list[Purpose]


class RiskIn(ApiModel):
    """An assessment of one of the nine risks. `version`: the one that was read (0: none yet)."""

    risk: RiskName
    level: RiskLevel
    measures: Note = ""
    owner: Line = ""
    review_on: date | None = None
    version: int = Field(ge=0)


class RiskOut(ApiModel):
    """One of the nine risks. `not_assessed` is an open task; so is a review that is due."""

    risk: RiskName
    name_zh: str
    level: RiskLevel
    measures: str
    owner: str
    review_on: date | None
    assessed_at: UtcMs | None
    assessed_by: str | None
    is_due: bool
    version: int


class RisksOut(ApiModel):
    """All nine, always."""

    risks: list[RiskOut]


class RiskRow(ApiModel):
    """One of the nine risks of one elder, in the register of the house."""

    elder_id: UUID
    elder_name: str
    place: str
    unit: str
    entry: RiskOut


class RiskCount(ApiModel):
    """How many elders stand where with one risk. `overdue`: their review is."""

    risk: RiskName
    name_zh: str
    not_assessed: int
    none: int
    watch: int
    high: int
    overdue: int


class RiskRegister(ApiModel):
    """Everybody who stays here: counts over all of them, and the rows that were asked for."""

    counts: list[RiskCount]
    rows: list[RiskRow]
    elders: int


class RiskChange(ApiModel):
    """What one risk was said to be at a time."""

    risk: RiskName
    name_zh: str
    version: int
    level: RiskLevel
    measures: str
    owner: str
    review_on: date | None
    at: UtcMs
    by: str


class RiskHistoryOut(ApiModel):
    """Newest first."""

    changes: list[RiskChange]


class OpenRisk(ApiModel):
    """An elder with something to assess or to review."""

    elder_id: UUID
    name: str
    place: str | None
    not_assessed: list[RiskName]
    reviews_due: list[RiskName]


class OpenRisksOut(ApiModel):
    """Open tasks of the nine risks, of everybody who stays here."""

    elders: list[OpenRisk]
