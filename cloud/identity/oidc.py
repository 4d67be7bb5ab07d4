"""Signing in with the house's own accounts: OpenID Connect, authorization code with PKCE.

One provider for the whole installation (YUYUE_CLOUD_OIDC_...). What an attempt needs to be
checked (state, nonce, verifier) travels sealed in a cookie of the browser that began it, so that
any worker can finish it and nobody can finish another's.

    OpenID Connect Core 1.0, Discovery 1.0; RFC 7636 (PKCE); RFC 9207 (issuer in the answer);
    RFC 8176 (`amr`)
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cloud.clock import Clock
from cloud.crypto import BadCiphertextError, Keyring
from cloud.settings import Settings

# From the button to the way back: a person types a password and takes out a phone meanwhile.
ATTEMPT_LASTS: Final = timedelta(minutes=10)
CALLBACK_PATH: Final = "/api/v1/session/oidc/callback"
_CONTEXT: Final = "oidc.attempt"
_DISCOVERY: Final = "/.well-known/openid-configuration"
_TIMEOUT_S: Final = 10.0
# Providers change keys within days and announce them; addresses hardly ever.
_KEEP_S: Final = 3600.0
# A token signed with a key we do not know may be made up: do not ask for each.
_KEYS_AGAIN_S: Final = 60.0
_LEEWAY_S: Final = 60  # of the two machines' clocks
# Signed by the provider's private key; never `none`, nor with the secret that we share.
_ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip
# RFC 8176, and `mfa` itself: more than a password was asked for.
_STRONG: Final = frozenset({"mfa", "otp", "hwk", "sc", "fpt", "face"})
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OidcError(Exception):
    """A sign-in that did not come about; `code` goes to the login page, `why` to the log."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was asked of the provider, to compare its answer with."""

    state: str
    nonce: str
    verifier: str
    begun_at_s: int

    def sealed(self, keyring: Keyring) -> str:
        """As the cookie's value."""
        text = json.dumps(asdict(self))
        return base64.urlsafe_b64encode(keyring.encrypt(text, _CONTEXT)).decode()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for."""

    subject: str
    strong: bool  # more than one factor, by what the provider says
    username: str = ""
    name: str = ""


def new_attempt(now: datetime) -> Attempt:
    """Fresh secrets for one sign-in."""
    made = [secrets.token_urlsafe(32) for _ in range(2)]
    # 43 to 128 characters (RFC 7636, 4.1).
    return Attempt(made[0], made[1], secrets.token_urlsafe(48), int(now.timestamp()))


def opened(sealed: str | None, state: str, keyring: Keyring, now: datetime) -> Attempt:
    """The attempt that this answer belongs to. Raises OidcError."""
    if not sealed:
        raise OidcError("oidc_stale", "no attempt was begun in this browser")
    try:
        text = keyring.decrypt(base64.urlsafe_b64decode(sealed), _CONTEXT)
    except (BadCiphertextError, binascii.Error, ValueError):
        raise OidcError("oidc_stale", "not an attempt of ours") from None
    attempt = Attempt(**json.loads(text))
    if now.timestamp() - attempt.begun_at_s > ATTEMPT_LASTS.total_seconds():
        raise OidcError("oidc_stale", "the attempt is too old")
    if not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise OidcError("oidc_stale", "state differs")
    return attempt


class Provider:
    """The identity provider, as its discovery document tells; kept for an hour."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._scopes = settings.oidc_scopes
        self._redirect_uri = settings.public_url.rstrip("/") + CALLBACK_PATH
        self._clock = clock
        self._metadata: Mapping[str, Any] = {}
        self._metadata_at_s = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at_s = float("-inf")

    async def address(self, attempt: Attempt) -> str:
        """Where the browser goes to prove who is there. Raises OidcError."""
        metadata = await self._discovered()
        url = prepare_grant_uri(
            metadata["authorization_endpoint"], self._client_id, "code",
            redirect_uri=self._redirect_uri, scope=self._scopes, state=attempt.state,
            nonce=attempt.nonce, code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )  # fmt: skip
        return str(url)

    async def identity(
        self, code: str, issuer: str | None, attempt: Attempt, now: datetime
    ) -> Identity:
        """Exchange the code, and verify what comes back. Raises OidcError."""
        if issuer is not None and issuer != self._issuer:
            raise OidcError("oidc_invalid", "the answer names another issuer")
        token = await self._exchanged(code, attempt)
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise OidcError("oidc_invalid", "no ID token")
        return self._judged(await self._decoded(id_token, token, attempt, now))

    async def _exchanged(self, code: str, attempt: Attempt) -> Mapping[str, Any]:
        """The token response for an authorization code (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
        metadata = await self._discovered()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
            "code_verifier": attempt.verifier,
        }  # fmt: skip
        proof: httpx.Auth | None = None
        offered = metadata.get("token_endpoint_auth_methods_supported")
        if self._secret and (not offered or "client_secret_basic" in offered):
            # Both parts are form-encoded first (RFC 6749, 2.3.1).
            proof = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._secret))
        else:
            form["client_id"] = self._client_id
            if self._secret:
                form["client_secret"] = self._secret
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                where = metadata["token_endpoint"]
                answer = await client.post(where, data=form, auth=proof or httpx.USE_CLIENT_DEFAULT)
                found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise OidcError("oidc_unavailable", f"token endpoint: {type(error).__name__}") from None
        if not answer.is_success or not isinstance(found, dict):
            raise OidcError("oidc_invalid", f"token endpoint: {answer.status_code}")
        return found

    async def _decoded(
        self, id_token: str, token: Mapping[str, Any], attempt: Attempt, now: datetime
    ) -> CodeIDToken:
        try:
            decoded = jwt.decode(id_token, await self._key_set(), algorithms=list(_ALGORITHMS))
        except (JoseError, ValueError):
            # The provider may have changed its keys since we asked for them.
            try:
                keys = await self._key_set(again=True)
                decoded = jwt.decode(id_token, keys, algorithms=list(_ALGORITHMS))
            except (JoseError, ValueError) as error:
                raise OidcError("oidc_invalid", f"ID token: {type(error).__name__}") from None
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
            },
            {
                "nonce": attempt.nonce,
                "client_id": self._client_id,
                "access_token": token.get("access_token"),
            },
        )
        try:
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_S)
        except (JoseError, TypeError, ValueError) as error:
            claim = getattr(error, "claim", None) or getattr(error, "claim_name", "")
            why = f"ID token: {type(error).__name__} {claim}".strip()
            raise OidcError("oidc_invalid", why) from None
        return claims

    @staticmethod
    def _judged(claims: Mapping[str, Any]) -> Identity:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # noqa: PLR2004 - Core, 2
            raise OidcError("oidc_invalid", "no usable subject")
        methods = claims.get("amr") or []
        return Identity(
            subject,
            bool(_STRONG & {str(method) for method in methods}),
            str(claims.get("preferred_username") or ""),
            str(claims.get("name") or ""),
        )

    async def _discovered(self) -> Mapping[str, Any]:
        if self._clock.monotonic_s() - self._metadata_at_s < _KEEP_S:
            return self._metadata
        found = await self._json(self._issuer.rstrip("/") + _DISCOVERY)
        if found.get("issuer") != self._issuer:
            raise OidcError("oidc_unavailable", "the discovery document is of another issuer")
        for name in _NEEDED:
            where = urlsplit(str(found.get(name, "")))
            if where.scheme not in ("http", "https") or not where.netloc:
                raise OidcError("oidc_unavailable", f"the discovery document lacks {name}")
            if self._issuer.startswith("https:") and where.scheme != "https":
                raise OidcError("oidc_unavailable", f"{name} is not https")
        self._metadata, self._metadata_at_s = found, self._clock.monotonic_s()
        return found

    async def _key_set(self, *, again: bool = False) -> KeySet:
        age_s = self._clock.monotonic_s() - self._keys_at_s
        if self._keys is None or age_s > (_KEYS_AGAIN_S if again else _KEEP_S):
            found = await self._json((await self._discovered())["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise OidcError("oidc_unavailable", f"keys: {type(error).__name__}") from None
            self._keys_at_s = self._clock.monotonic_s()
        return self._keys

    @staticmethod
    async def _json(url: str) -> Mapping[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = await client.get(url, headers={"Accept": "application/json"})
                answer.raise_for_status()
                found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise OidcError("oidc_unavailable", f"{url}: {type(error).__name__}") from None
        if not isinstance(found, dict):
            raise OidcError("oidc_unavailable", f"{url}: not an object")
        return found
