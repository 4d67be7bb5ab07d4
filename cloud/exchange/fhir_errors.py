"""Problems as FHIR has them: an OperationOutcome for whoever asks FHIR's calls for FHIR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse

_CALLS: Final = "/api/v1/fhir/"
_MEDIA_TYPE: Final = "application/fhir+json"
# FHIR's IssueType for what went wrong.
_ISSUES: Final = {
    401: "login", 403: "forbidden", 404: "not-found", 409: "conflict", 422: "invalid",
    503: "transient",
}  # fmt: skip


def operation_outcome(
    request: Request, status: int, code: str, detail: str, headers: Mapping[str, str] | None
) -> JSONResponse | None:
    """The answer for a problem; None for who reads a problem as ours are (`cloud/errors.py`)."""
    wants_fhir = "fhir+json" in request.headers.get("accept", "")
    if not (wants_fhir and request.url.path.startswith(_CALLS)):
        return None
    issue = {
        "severity": "error",
        "code": _ISSUES.get(status, "processing"),
        "details": {"text": code},
        "diagnostics": detail,
    }
    return JSONResponse(
        {"resourceType": "OperationOutcome", "issue": [issue]},
        status_code=status,
        headers=None if headers is None else dict(headers),
        media_type=_MEDIA_TYPE,
    )
