"""What the API says about identity."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cloud.identity.permissions import Permission, Role
from cloud.schema_types import ApiModel, UtcMs


class Login(ApiModel):
    """Name and password."""

    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=1000)
    code: str | None = Field(
        default=None,
        max_length=40,
        description="of the authenticator, or a recovery code; asked for by `second_factor_needed`",
    )


class OidcWay(ApiModel):
    """A button that leads to the identity provider of the house."""

    label: str = Field(description="on the button")
    start: str = Field(description="where it leads: a link, not a call")


class WaysIn(ApiModel):
    """How one can log in here."""

    password: bool
    oidc: OidcWay | None


class InstitutionOut(ApiModel):
    """The institution one works for."""

    id: UUID
    name: str


class Me(ApiModel):
    """Who is logged in."""

    id: UUID
    username: str
    name: str
    role: Role
    permissions: list[Permission] = Field(description="what this role may do, sorted")
    restriction: Literal["password_change", "second_factor"] | None = Field(
        description="what must be done before anything else is allowed"
    )
    second_factor: bool = Field(description="whether logging in asks for a code")
    institution: InstitutionOut
    session_expires_at: UtcMs
    server_time: UtcMs


USERNAME_PATTERN = r"^[A-Za-z0-9_\u4e00-\u9fff][A-Za-z0-9_.@\u4e00-\u9fff-]*$"
Username = Annotated[
    str, Field(min_length=2, max_length=40, pattern=USERNAME_PATTERN, examples=["zhiban3"])
]
PersonName = Annotated[
    str,
    Field(
        min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
    ),
    Field(examples=["周敏"]),
]
Units = Annotated[list[UUID], Field(max_length=200)]
OidcSubject = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]


class UserIn(ApiModel):
    """A new user. Their first password is made up here and told once."""

    username: Username
    name: PersonName
    role: Role
    unit_ids: Units = Field(
        default_factory=list, description="units they serve; none: the whole institution"
    )
    oidc_subject: OidcSubject | None = Field(
        default=None, description="their `sub` at the identity provider, where one is set up"
    )


class LinkIn(ApiModel):
    """An account here for someone of another institution of the same organization."""

    username: Username
    role: Role
    unit_ids: Units = Field(default_factory=list)


class UserPatch(ApiModel):
    """What is to change; what is left out stays."""

    name: PersonName | None = None
    role: Role | None = None
    unit_ids: Units | None = None
    oidc_subject: OidcSubject | None = Field(default=None, description="empty: none any more")


class UserOut(ApiModel):
    """A user as their administrator sees them. The ETag of the answer is `version`."""

    id: UUID
    username: str
    name: str
    role: Role
    unit_ids: list[UUID]
    created_at: UtcMs
    disabled_at: UtcMs | None
    second_factor: bool
    must_change_password: bool
    linked: bool = Field(description="the login of another institution of the organization")
    oidc_subject: str | None
    version: int


class UserPage(ApiModel):
    """Users by user name."""

    users: list[UserOut]
    next_cursor: str | None


class UserWithPassword(ApiModel):
    """A user and the password to tell them: it is shown this once and must be changed."""

    user: UserOut
    password: str


class PasswordIn(ApiModel):
    """One's password, and the one to have from now on."""

    password: str = Field(min_length=1, max_length=1000)
    new_password: str = Field(min_length=1, max_length=1000)


class ProofIn(ApiModel):
    """One's password, to show that it is not only an open screen."""

    password: str = Field(min_length=1, max_length=1000)


class SecondFactorOut(ApiModel):
    """A second factor to scan; it counts once its first code is confirmed."""

    secret: str
    uri: str
    qr_svg: str


class CodeIn(ApiModel):
    """A code of the authenticator."""

    code: str = Field(min_length=6, max_length=12, examples=["123456"])


class RecoveryCodesOut(ApiModel):
    """Each opens a login once where the phone is gone. Shown this once."""

    recovery_codes: list[str]


class SessionOut(ApiModel):
    """One of one's logins."""

    id: UUID
    created_at: UtcMs
    last_used_at: UtcMs
    expires_at: UtcMs
    user_agent: str
    address: str
    current: bool


class SessionList(ApiModel):
    """One's open logins, the newest first."""

    sessions: list[SessionOut]


class WorkplaceOut(ApiModel):
    """An institution that one has an account in."""

    institution: InstitutionOut
    role: Role
    current: bool


class WorkplaceList(ApiModel):
    """Where one works."""

    institutions: list[WorkplaceOut]


class EnterIn(ApiModel):
    """The institution to work in from now on."""

    institution_id: UUID


class TokenIn(ApiModel):
    """A token for a program, with the permissions it needs and no more."""

    name: PersonName
    permissions: list[Permission] = Field(min_length=1, examples=[["status_read"]])
    expires_at: AwareDatetime


class TokenOut(ApiModel):
    """A token, without what opens."""

    id: UUID
    name: str
    user_id: UUID
    permissions: list[Permission]
    created_at: UtcMs
    expires_at: UtcMs
    last_used_at: UtcMs | None


class TokenList(ApiModel):
    """Tokens that open something."""

    tokens: list[TokenOut]


class IssuedToken(ApiModel):
    """A new token; `secret` is shown this once."""

    token: TokenOut
    secret: str
