"""Passwords and tokens: what is shown once, and what is kept of it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

# 32 bytes cannot be guessed, so a plain hash of a token is enough; passwords get argon2.
TOKEN_BYTES: Final = 32
API_TOKEN_PREFIX: Final = "yut_"  # noqa: S105 - its beginning
_GATEWAY_PREFIX: Final = "ygw_"  # so that a leaked one is recognised in logs and repositories

_passwords = PasswordHash((Argon2Hasher(),))
# Verified where the user does not exist, so that the time taken does not tell.
_NOBODYS_HASH: Final = _passwords.hash(secrets.token_urlsafe(TOKEN_BYTES))


def new_token() -> str:
    """A session token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_gateway_token() -> str:
    """A gateway token."""
    return _GATEWAY_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def new_api_token() -> str:
    """A token of a program."""
    return API_TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def new_password() -> str:
    """A password a person can type: 15 letters and digits without look-alikes, 74 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(3))
    return "-".join(groups)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def hash_password(password: str) -> str:
    """What is kept of a password; in a thread, since it is slow on purpose."""
    return await asyncio.to_thread(_passwords.hash, password)


async def password_matches(password: str, hashed: str | None) -> bool:
    """Whether it is the password; None (no such user) takes as long and is never true."""
    matches = await asyncio.to_thread(_passwords.verify, password, hashed or _NOBODYS_HASH)
    return matches and hashed is not None
