"""A signature: somebody proves on the spot that it is they, whoever is logged in at this screen.

At a desk that two people share the second one signs with their own user name and password; the
login of the screen stays whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from cloud.crypto import Keyring
from cloud.database import Database
from cloud.errors import BadFieldError, ProblemError
from cloud.identity import second_factor
from cloud.identity.models import User
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.secrets import password_matches
from cloud.identity.service import Principal, find_user
from cloud.identity.throttle import count_login_try, forgive
from cloud.schema_types import ApiModel

# Who logs in elsewhere (OIDC, home institution) has no password here: a login this fresh is proof.
FRESH_LOGIN: Final = timedelta(minutes=10)


class SignatureIn(ApiModel):
    """Who signs: `username` None is who is logged in. `code`: where they have a second factor."""

    username: Annotated[str, Field(max_length=100)] | None = None
    password: Annotated[str, Field(max_length=200)] = ""
    code: Annotated[str, Field(max_length=20)] | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who has proved who they are, and how."""

    user: User
    signed_with: str  # password, password+code or login


async def prove_signer(
    principal: Principal,
    said: SignatureIn,
    needs: Permission,
    *,
    database: Database,
    keyring: Keyring,
    address: str,
    now: datetime,
) -> Signer:
    """Raises BadFieldError, ProblemError (403), TooManyTriesError."""
    if principal.login is None:
        raise ProblemError(403, "person_needed", "签字要由本人在页面上完成，接口令牌不能代签。")
    username = said.username or principal.user.username
    own = username == principal.user.username
    if own and not said.password and _proved_elsewhere(principal, now):
        return Signer(principal.user, "login")
    # Guessing a colleague's password from an open desk is guessing too.
    await count_login_try(database, username, address, now)
    user = principal.user if own else await find_user(principal.scope, username)
    usable = user is not None and user.disabled_at is None and user.home_account_id is None
    known = user.password_hash if user is not None and usable else None
    if not await password_matches(said.password, known) or user is None:
        raise BadFieldError("signature.password", "用户名或密码不对，没有签字")
    if user.must_change_password:
        raise BadFieldError("signature.username", "请先登录一次，设好自己的密码")
    signed_with = "password"
    if user.totp_confirmed_at is not None:
        code = (said.code or "").replace(" ", "")
        if not second_factor.code_matches(keyring, user, code, now):
            raise BadFieldError("signature.code", "请填验证器现在显示的 6 位数字")
        signed_with = "password+code"
    await forgive(principal.scope.session, username)
    if needs not in GRANTS[Role(user.role)]:
        raise ProblemError(403, "signer_may_not", f"{user.display_name} 的角色不能签这份记录。")
    return Signer(user, signed_with)


def _proved_elsewhere(principal: Principal, now: datetime) -> bool:
    login = principal.own_login
    has_no_password = principal.user.home_account_id is not None or login.signed_in_by != "password"
    return has_no_password and now - login.created_at <= FRESH_LOGIN
