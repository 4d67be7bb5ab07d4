"""Errors as RFC 9457 problem details, each with a stable code.

ProblemError                 anything a caller is told
├── NotLoggedInError         401 not_logged_in
├── UnknownGatewayError      401 unknown_gateway
├── BadLoginError            401 bad_login
├── SecondFactorError        401 second_factor_needed, bad_second_factor
├── ForbiddenError           403 forbidden (with the permissions any of which would do)
├── NotFoundError            404 not_found (also: of another institution)
├── BadFieldError            422 bad_request (the field is named)
├── ConflictError            409 conflict (the field is named)
├── ChangedMeanwhileError    409 changed_meanwhile
├── IllegalMoveError         409 illegal_move (with the state it is in)
├── SequenceGapError         409 sequence_gap (with the number expected)
├── BatchTooLargeError       413 batch_too_large
├── BadBatchError            415 / 422 bad_batch (the field is named)
└── TooManyTriesError        429 busy (Retry-After)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

# An embedded server restarts within a second; a failover takes longer, and callers back off.
RETRY_AFTER_S = 2
PROBLEM_MEDIA_TYPE = "application/problem+json"
# A field as ours are called; what else stands there came from whoever sent it.
_FIELD = re.compile(r"(?!.*\d{8})[A-Za-z0-9_.\[\]-]{1,120}")
_MAX_FIELDS = 20
_log = structlog.get_logger(__name__)


class FieldProblem(BaseModel):
    """One field of a request that is wrong."""

    field: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem; `code` is stable, `detail` is for a person. More fields may follow."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = ""
    errors: list[FieldProblem] | None = Field(default=None, description="fields that are wrong")


class ProblemError(Exception):
    """Something the caller is told. `members` become further members of the problem."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.members = members


class NotLoggedInError(ProblemError):
    """No session, or it has ended."""

    def __init__(self) -> None:
        super().__init__(401, "not_logged_in", "Log in first.")


class UnknownGatewayError(ProblemError):
    """The gateway's token is missing, unknown or revoked."""

    def __init__(self) -> None:
        super().__init__(
            401,
            "unknown_gateway",
            "This gateway token is unknown or revoked.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class BadLoginError(ProblemError):
    """Name or password is wrong; never says which."""

    def __init__(self) -> None:
        super().__init__(401, "bad_login", "The user name or the password is wrong.")


class ForbiddenError(ProblemError):
    """Logged in, but the role may not do this. Says nothing of what the call would have found."""

    def __init__(self, any_of: Sequence[str]) -> None:
        super().__init__(
            403,
            "forbidden",
            "Your role does not allow this; ask an administrator of your institution.",
            required=list(any_of),
        )


class SecondFactorError(ProblemError):
    """The password is right; the second factor is missing or wrong."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(401, code, detail)


class NotFoundError(ProblemError):
    """Not there, or not of this institution: the two look the same."""

    def __init__(self, what: str) -> None:
        super().__init__(404, "not_found", f"No such {what}.")


class IllegalMoveError(ProblemError):
    """A move the alert's state does not allow."""

    def __init__(self, move: str, state: str, by: str | None, why: str = "") -> None:
        who = f" by {by}" if by else ""
        reason = f" ({why})" if why else ""
        super().__init__(
            409,
            "illegal_move",
            f"Cannot {move}: the alert is {state}{who}.{reason}",
            state=state,
            by=by,
        )


class SequenceGapError(ProblemError):
    """A batch that starts after the next number; nothing of it was taken."""

    def __init__(self, expected_seq: int, first_seq: int) -> None:
        super().__init__(
            409,
            "sequence_gap",
            f"first_seq: expected {expected_seq}, got {first_seq}",
            expected_seq=expected_seq,
        )


class BatchTooLargeError(ProblemError):
    """Over the limit of bytes or records."""

    def __init__(self, detail: str) -> None:
        super().__init__(413, "batch_too_large", detail)


class BadBatchError(ProblemError):
    """Not a batch: the field is named."""

    def __init__(self, detail: str, status: int = 422) -> None:
        super().__init__(status, "bad_batch", detail)


class TooManyTriesError(ProblemError):
    """Back-pressure: come again in `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(429, "busy", detail, headers={"Retry-After": str(retry_after_s)})


class BadFieldError(ProblemError):
    """A field that cannot be taken, as FastAPI's own check would tell it."""

    def __init__(self, field: str, message: str) -> None:
        errors = [{"field": f"body.{field}", "message": message}]
        super().__init__(422, "bad_request", f"body.{field}: {message}", errors=errors)


class ConflictError(ProblemError):
    """Right in itself, but not together with what is there already."""

    def __init__(self, field: str, message: str) -> None:
        errors = [{"field": f"body.{field}", "message": message}]
        super().__init__(409, "conflict", f"body.{field}: {message}", errors=errors)


class ChangedMeanwhileError(ProblemError):
    """What was read is not what stands there any more. `what`: a noun of the page, in Chinese."""

    def __init__(self, what: str) -> None:
        super().__init__(409, "changed_meanwhile", f"{what}已在别处修改过，请先看最新内容。")


def problem_response(
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """The answer for a problem."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
            **members,
        },
        status_code=status,
        headers=headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )


# What Starlette and FastAPI raise by themselves, in our codes.
_CODES_BY_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    422: "bad_request",
}


def _field_problem(item: Any) -> dict[str, str]:
    if item["type"] == "json_invalid":  # its place is a number of characters, not a field
        return {"field": "body", "message": f"is not JSON (at character {item['loc'][-1]})"}
    return {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}


def _log_refused(request: Request, code: str, errors: Any) -> None:
    """What was refused and where: never a value, and no name that somebody wrote as a field."""
    fields = [str(one.get("field", "")) for one in errors or ()][:_MAX_FIELDS]
    _log.warning(
        "input_refused",
        route=getattr(request.scope.get("route"), "path", "unknown"),
        code=code,
        fields=[field if _FIELD.fullmatch(field) else "(not a field of ours)" for field in fields],
    )


# A problem in the shape of somebody else's standard; None where a call is not of it.
OtherShape = Callable[
    [Request, int, str, str, Mapping[str, str] | None], JSONResponse | None
]  # request, status, code, detail, headers


def install_error_handlers(app: FastAPI, other_shape: OtherShape | None = None) -> None:
    """Every error leaves as a problem, FastAPI's and Starlette's own ones too."""

    def answer(
        request: Request,
        status: int,
        code: str,
        detail: str,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> JSONResponse:
        other = other_shape and other_shape(request, status, code, detail, headers)
        return other or problem_response(status, code, detail, headers, **members)

    @app.exception_handler(ProblemError)
    async def on_problem(request: Request, error: ProblemError) -> JSONResponse:
        if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            _log_refused(request, error.code, error.members.get("errors"))
        return answer(
            request, error.status, error.code, error.detail, error.headers, **error.members
        )

    @app.exception_handler(RequestValidationError)
    async def on_validation(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [_field_problem(item) for item in error.errors()]
        detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors)
        _log_refused(request, "bad_request", errors)
        return answer(request, 422, "bad_request", detail, errors=errors)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES_BY_STATUS.get(error.status_code, f"http_{error.status_code}")
        if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI could not read the body at all
            errors = [{"field": "body", "message": "is not UTF-8 text as its Content-Type says"}]
            return answer(request, 422, "bad_request", "body: is not UTF-8 text", errors=errors)
        headers = dict(error.headers) if error.headers else None
        return answer(request, error.status_code, code, str(error.detail), headers)

    @app.exception_handler(DataError)
    async def on_data(request: Request, _error: DataError) -> JSONResponse:
        # Checked by schemas where we thought of it; PostgreSQL itself is the last to refuse.
        message = "holds what cannot be kept: a NUL in a text, or a number or date out of range"
        errors = [{"field": "request", "message": message}]
        return answer(request, 422, "bad_request", f"request: {message}", errors=errors)

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    @app.exception_handler(PoolTimeoutError)
    async def on_database(request: Request, error: Exception) -> JSONResponse:
        _log.warning("database_busy", path=request.url.path, error=type(error).__name__)
        detail = "The database does not answer just now."
        return answer(request, 503, "busy", detail, {"Retry-After": str(RETRY_AFTER_S)})

    @app.exception_handler(Exception)
    async def on_failure(request: Request, error: Exception) -> JSONResponse:
        _log.error("request_failed", path=request.url.path, exc_info=error)
        return answer(request, 500, "internal", "Something broke here; it has been logged.")
