"""Optimistic locking: a record's version is its ETag, and a change says which one it changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Response

from cloud.errors import ProblemError

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description='the ETag that was read, as in `"3"`')
]


def show_version(response: Response, version: int) -> None:
    """The ETag of an answer."""
    response.headers["ETag"] = f'"{version}"'


def require_version(if_match: str | None, version: int) -> None:
    """Raises ProblemError 428 without If-Match, 412 where someone else was faster."""
    if if_match is None:
        raise ProblemError(
            428, "version_needed", "If-Match: send the ETag of the record as you read it."
        )
    if if_match.strip().removeprefix("W/").strip('"') != str(version):
        raise ProblemError(
            412,
            "changed_meanwhile",
            "If-Match: someone changed this record meanwhile; read it again.",
            version=version,
        )
