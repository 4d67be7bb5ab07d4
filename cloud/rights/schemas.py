"""What the API says about erasing."""

from __future__ import annotations

from pydantic import Field

from cloud.schema_types import ApiModel, UtcMs


class ElderEraseIn(ApiModel):
    """Why it is taken away: it stands in the audit and in the proof."""

    reason: str = Field(min_length=3, max_length=500)


class KeptOut(ApiModel):
    """What stays of an elder, and why."""

    table: str
    title: str
    title_en: str
    why: str


class ElderEraseOut(ApiModel):
    """`whole`: the record is gone. `file_until`: till when the file is to be kept; None with
    `in_care`: care lasts. `counts`: rows that were deleted, or cut from the person, by table.
    """

    whole: bool
    in_care: bool
    file_until: UtcMs | None
    counts: dict[str, int]
    kept: list[KeptOut]
