"""An OpenID provider of our own on loopback: real HTTP, real signatures, no page to click on.

It knows one person at a time (`person`), who always agrees. What a hostile or broken provider
would do is set by the test: `changed` alters the claims before they are signed, `key` signs.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "yuyue-test"
CLIENT_SECRET = "only for tests: &+%"
LIFE_S = 300


class OidcProvider:
    """The application and what it remembers."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.person: dict[str, Any] = {"sub": "hr-4711", "name": "周敏"}
        self.now: Callable[[], float] = time.time
        self.changed: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.refuses = False
        self.redirect_uris: set[str] = set()
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.published = [self.key]
        self.discovered: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _discovery(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                **self.discovered,
            }
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        wrong = (
            asked.get("client_id") != CLIENT_ID
            or asked.get("response_type") != "code"
            or asked.get("redirect_uri") not in self.redirect_uris
            or asked.get("code_challenge_method") != "S256"
        )
        if wrong:
            return JSONResponse({"error": "invalid_request", "asked": asked}, 400)
        answer = {"state": asked["state"], "iss": self.issuer}
        if self.refuses:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self._codes[answer["code"]] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        client = base64.b64decode(given).decode() if kind == "Basic" else ""
        if unquote_plus(client) != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form.get("code", ""), None)  # a code counts once
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access_token = secrets.token_urlsafe(16)
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        now = int(self.now())
        claims = self.changed(
            {
                "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + LIFE_S,
                "nonce": asked["nonce"],
                "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
                **self.person,
            }
        )  # fmt: skip
        id_token = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        return JSONResponse(
            {"access_token": access_token, "token_type": "Bearer", "id_token": id_token,
             "expires_in": LIFE_S}
        )  # fmt: skip

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]})


@contextmanager
def running_provider() -> Iterator[OidcProvider]:
    """Served on a free port of loopback by uvicorn, in a thread."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        provider = OidcProvider(f"http://127.0.0.1:{listening.getsockname()[1]}")
        config = uvicorn.Config(provider.app, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="oidc-provider"
        )
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join()
