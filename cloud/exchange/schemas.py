"""What the API says about exchange, beside FHIR itself."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from cloud.schema_types import ApiModel, UtcMs

Text = Annotated[str, Field(min_length=1, max_length=200)]
_KEY: dict[str, Any] = {
    "kty": "EC", "crv": "P-256", "x": "WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis",
    "y": "y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE",
}  # fmt: skip


class PartnerIn(ApiModel):
    """A body from whom results are taken: its name and its public key (JWK, EC P-256)."""

    name: Text = Field(examples=["渝东评估中心"])
    jwk: dict[str, Any] = Field(examples=[_KEY])


class PartnerOut(ApiModel):
    """A body whose signature is known. `key_id`: the key's thumbprint (RFC 7638)."""

    id: UUID
    name: str
    key_id: str
    created_at: UtcMs
    ended_at: UtcMs | None


class PartnersOut(ApiModel):
    """All of them, those that have ended last."""

    partners: list[PartnerOut]


class BundleIn(ApiModel):
    """Whom a record goes to and what for; both are written into the audit."""

    recipient: Text = Field(examples=["渝中区民政局"])
    purpose: Text = Field(examples=["评估结果互认"])
    version: Literal["r4b", "r5"] = "r5"
    with_citizen_number: bool = False


class OutsideIn(ApiModel):
    """Another body's signed bundle. `elder_id`: who it is, by a person, where it has no number."""

    bundle: dict[str, Any] = Field(examples=[{"resourceType": "Bundle", "type": "collection"}])
    elder_id: UUID | None = None


class OutsideOut(ApiModel):
    """A result from elsewhere. `accepted` null: nobody has decided yet."""

    id: UUID
    partner: str
    elder_id: UUID
    elder_name: str
    reference_date: date
    total: int
    level: int
    level_name: str
    matched_by: Literal["citizen_number", "person"]
    own_level: int | None
    received_at: UtcMs
    accepted: bool | None
    decided_at: UtcMs | None
    note: str
    assessment_id: UUID | None


class OutsideListOut(ApiModel):
    """Results from elsewhere, undecided first, then newest first."""

    results: list[OutsideOut]


class DecisionIn(ApiModel):
    """Take it over, or not and why."""

    accept: bool
    note: Annotated[str, Field(max_length=500)] = ""


class KeysOut(ApiModel):
    """A JWK set (RFC 7517): the public half of the key that signs our bundles."""

    keys: list[dict[str, Any]]
