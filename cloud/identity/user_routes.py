"""HTTP for users and API tokens, by those who manage them."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from cloud.database import TenantScope
from cloud.errors import Problem
from cloud.etag import IfMatch, show_version
from cloud.identity import tokens, users
from cloud.identity.auth import requires
from cloud.identity.models import ApiToken, User
from cloud.identity.permissions import Permission, Role
from cloud.identity.schemas import (
    IssuedToken,
    LinkIn,
    TokenIn,
    TokenList,
    TokenOut,
    UserIn,
    UserOut,
    UserPage,
    UserPatch,
    UserWithPassword,
)
from cloud.identity.service import Principal, end_sessions
from cloud.identity.throttle import forgive
from cloud.paging import DEFAULT_LIMIT, Cursor, Limit, after, page
from cloud.state import ChangeHeader

UserManager = Annotated[Principal, requires(Permission.USERS_MANAGE)]

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": Problem} for code in (401, 403, 404, 409, 422)
}
router = APIRouter(prefix="/api/v1", tags=["users"], responses=_PROBLEMS)


@router.get("/users")
async def list_users(
    principal: UserManager,
    role: Annotated[Role | None, Query()] = None,
    q: Annotated[
        str | None, Query(max_length=60, pattern=r"^[^\x00]*$", description="part of a name")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> UserPage:
    """Users of the institution, also disabled ones."""
    scope = principal.scope
    statement = scope.select(User).where(*after(cursor, User.username, User.id))
    if role is not None:
        statement = statement.where(User.role == role)
    if q:
        statement = statement.where(
            User.username.icontains(q, autoescape=True)
            | User.display_name.icontains(q, autoescape=True)
        )
    rows = await scope.session.scalars(statement.order_by(User.username, User.id).limit(limit + 1))
    items, next_cursor = page(rows.all(), limit, lambda user: (user.username, user.id))
    units = await users.units_of(scope, [user.id for user in items])
    shown = [_user_out(user, units.get(user.id, [])) for user in items]
    return UserPage(users=shown, next_cursor=next_cursor)


@router.post("/users", status_code=201, dependencies=[ChangeHeader])
async def create_user(wanted: UserIn, principal: UserManager) -> UserWithPassword:
    """A new user; the password in the answer is shown this once."""
    new = users.NewUser(
        wanted.username, wanted.name, wanted.role, wanted.unit_ids, wanted.oidc_subject
    )
    user, password = await users.create_user(principal, new)
    return UserWithPassword(user=await _shown(principal.scope, user), password=password)


@router.post("/users/links", status_code=201, dependencies=[ChangeHeader])
async def link_user(wanted: LinkIn, principal: UserManager) -> UserOut:
    """Let someone of another institution of the organization in, from their own login."""
    new = users.NewUser(wanted.username, "", wanted.role, wanted.unit_ids)
    return await _shown(principal.scope, await users.link_colleague(principal, new))


@router.get("/users/{user_id}")
async def get_user(user_id: UUID, principal: UserManager, response: Response) -> UserOut:
    """One user."""
    user = await users.find_account(principal.scope, user_id)
    show_version(response, user.version)
    return await _shown(principal.scope, user)


@router.patch(
    "/users/{user_id}",
    dependencies=[ChangeHeader],
    responses={412: {"model": Problem}, 428: {"model": Problem}},
)
async def change_user(
    user_id: UUID,
    change: UserPatch,
    principal: UserManager,
    response: Response,
    if_match: IfMatch = None,
) -> UserOut:
    """Name, role, units; counts from the next call of that user on."""
    wanted = users.UserChange(change.name, change.role, change.unit_ids, change.oidc_subject)
    user = await users.change_user(principal, user_id, wanted, if_match)
    show_version(response, user.version)
    return await _shown(principal.scope, user)


@router.post("/users/{user_id}/disable", dependencies=[ChangeHeader])
async def disable_user(user_id: UUID, principal: UserManager) -> UserOut:
    """Out at once, on every screen."""
    return await _shown(principal.scope, await users.disable_user(principal, user_id))


@router.post("/users/{user_id}/enable", dependencies=[ChangeHeader])
async def enable_user(user_id: UUID, principal: UserManager) -> UserOut:
    """In again."""
    return await _shown(principal.scope, await users.enable_user(principal, user_id))


@router.post("/users/{user_id}/password-reset", dependencies=[ChangeHeader])
async def reset_user_password(user_id: UUID, principal: UserManager) -> UserWithPassword:
    """A new password, shown this once; it must be changed at the next login."""
    user, password = await users.reset_password(principal, user_id)
    return UserWithPassword(user=await _shown(principal.scope, user), password=password)


@router.delete("/users/{user_id}/second-factor", dependencies=[ChangeHeader])
async def remove_user_second_factor(user_id: UUID, principal: UserManager) -> UserOut:
    """For someone whose phone and recovery codes are gone."""
    return await _shown(principal.scope, await users.remove_second_factor(principal, user_id))


@router.post("/users/{user_id}/unlock", dependencies=[ChangeHeader], status_code=204)
async def unlock_user(user_id: UUID, principal: UserManager) -> None:
    """Forget failed logins: they may try again at once."""
    user = await users.find_account(principal.scope, user_id)
    await forgive(principal.scope.session, user.username)


@router.delete("/users/{user_id}/sessions", dependencies=[ChangeHeader], status_code=204)
async def end_user_sessions(user_id: UUID, principal: UserManager) -> None:
    """End all logins of a user: a phone was lost."""
    user = await users.to_act_on(principal, user_id)
    await end_sessions(principal.scope, user.id, principal.at)


@router.get("/tokens")
async def list_tokens(principal: UserManager) -> TokenList:
    """API tokens of the institution."""
    return TokenList(tokens=[_token_out(row) for row in await tokens.tokens_here(principal)])


@router.post("/tokens", status_code=201, dependencies=[ChangeHeader])
async def issue_token(wanted: TokenIn, principal: UserManager) -> IssuedToken:
    """A token for a program, sent as `Authorization: Bearer ...`."""
    row, secret = await tokens.issue_token(
        principal, wanted.name, wanted.permissions, wanted.expires_at
    )
    return IssuedToken(token=_token_out(row), secret=secret)


@router.delete("/tokens/{token_id}", status_code=204, dependencies=[ChangeHeader])
async def revoke_token(token_id: UUID, principal: UserManager) -> None:
    """The token opens nothing any more."""
    await tokens.revoke_token(principal, token_id)


async def _shown(scope: TenantScope, user: User) -> UserOut:
    units = await users.units_of(scope, [user.id])
    return _user_out(user, units.get(user.id, []))


def _user_out(user: User, unit_ids: list[UUID]) -> UserOut:
    return UserOut(
        id=user.id,
        username=user.username,
        name=user.display_name,
        role=Role(user.role),
        unit_ids=unit_ids,
        created_at=user.created_at,
        disabled_at=user.disabled_at,
        second_factor=user.totp_confirmed_at is not None,
        must_change_password=user.must_change_password,
        linked=user.home_account_id is not None,
        oidc_subject=user.oidc_subject,
        version=user.version,
    )


def _token_out(row: ApiToken) -> TokenOut:
    return TokenOut(
        id=row.id,
        name=row.name,
        user_id=row.user_id,
        permissions=[Permission(name) for name in row.permissions],
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
