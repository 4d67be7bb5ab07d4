"""The PIN of the local page: only a slow hash is kept. Logins are signed: a restart keeps them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from edge.signals import NS_PER_S
from gateway.private_file import write_private

# 8 digits, five tries a minute from an address: years.
PIN_DIGITS: Final = 8
MAX_TRIES: Final = 5
TRY_WINDOW_S: Final = 60.0
# A shift, and the handover after it.
LOGIN_NS: Final = 24 * 3600 * NS_PER_S
_MAX_NAME: Final = 40
_MAX_ADDRESSES: Final = 1_000
# 16 MiB and about 50 ms on a small machine.
_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class _Kept:
    """The file. A new PIN comes with a new secret: old logins end."""

    salt: bytes
    hashed: bytes
    secret: bytes


def new_pin() -> str:
    """A PIN that can be read out."""
    return "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))


def pin_path(data_dir: Path) -> Path:
    """Where it is kept."""
    return data_dir / "local_pin.json"


def save_pin(data_dir: Path, pin: str) -> None:
    """Set the PIN. Raises OSError."""
    write_private(pin_path(data_dir), msgspec.json.encode(_kept(pin, secrets.token_bytes(32))))


def _kept(pin: str, secret: bytes) -> _Kept:
    salt = secrets.token_bytes(16)
    return _Kept(salt, _hash(pin, salt), secret)


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode("utf-8", "surrogatepass"), salt=salt, **_SCRYPT)


class Doorkeeper:
    """Lets people in who know the PIN, and remembers their names by a signed token."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._tries: dict[str, tuple[float, int]] = {}

    @classmethod
    def load(cls, data_dir: Path, given: str | None) -> Doorkeeper | None:
        """With the PIN that was given by the settings, else with the file's; None: there is none.

        Raises OSError, ValueError.
        """
        if given is not None:
            # The same secret after a restart, and another with another PIN.
            return cls(_kept(given, hashlib.sha256(b"yuyue local " + given.encode()).digest()))
        try:
            content = pin_path(data_dir).read_bytes()
        except FileNotFoundError:
            return None
        return cls(msgspec.json.decode(content, type=_Kept))

    def may_try(self, address: str, now_s: float) -> bool:
        """Counts a try."""
        began_s, n = self._tries.get(address, (now_s, 0))
        if now_s - began_s >= TRY_WINDOW_S:
            began_s, n = now_s, 0
        if len(self._tries) >= _MAX_ADDRESSES:
            self._tries.clear()
        self._tries[address] = (began_s, n + 1)
        return n < MAX_TRIES

    def is_right(self, pin: str) -> bool:
        """Slow on purpose: call it in a thread."""
        return hmac.compare_digest(_hash(pin, self._kept.salt), self._kept.hashed)

    def forget_tries(self, address: str) -> None:
        """Somebody from there knows it."""
        self._tries.pop(address, None)

    def token(self, name: str, now_ns: int) -> str:
        """A login for a name."""
        body = msgspec.json.encode((name, now_ns + LOGIN_NS))
        return f"{_b64(body)}.{_b64(self._sign(body))}"

    def name_of(self, token: str, now_ns: int) -> str | None:
        """Whose login it is; None: nobody's, or too old."""
        body_text, _, sign_text = token.partition(".")
        try:
            body, sign = _unb64(body_text), _unb64(sign_text)
            if not hmac.compare_digest(sign, self._sign(body)):
                return None
            name, until_ns = msgspec.json.decode(body, type=tuple[str, int])
        except (ValueError, binascii.Error, msgspec.DecodeError):
            return None
        return name if now_ns < until_ns else None

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._kept.secret, body, "sha256")


def clean_name(text: str) -> str | None:
    """A name as it may be shown and kept; None: that is no name."""
    name = " ".join("".join(c for c in text if c.isprintable()).split())[:_MAX_NAME]
    return name or None


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
