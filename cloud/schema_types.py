"""Types shared by the API schemas of all slices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema


def iso_ms(moment: datetime) -> str:
    """ISO 8601 UTC with milliseconds, as the screens read it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


UtcMs = Annotated[
    datetime,
    PlainSerializer(iso_ms, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class ApiModel(BaseModel):
    """Base of everything the API answers: unknown fields in a request are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
