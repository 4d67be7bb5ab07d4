"""Fields that are kept encrypted: AES-256-GCM, with a keyed blind index to find them by.

A keyring holds one or more secrets under short ids, the newest first. From each secret HKDF makes
two keys: one encrypts, one indexes. A ciphertext names the id of its key, so an older key opens
what it sealed until everything has been sealed anew (`yuyue cloud rotate-keys`).

    sealed = keyring.encrypt("99...", context=f"elder.citizen_number:{elder_id}")
    index = keyring.blind_index("99...", f"elder.citizen_number:{institution_id}")
    found = scope.select(Elder).where(Elder.citizen_index.in_(keyring.blind_indexes(...)))

The context binds a ciphertext to its column and row: copied elsewhere it does not open. The
purpose of an index should name the institution, so that two institutions' rows cannot be matched.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_FORMAT: Final = 1
_NONCE_BYTES: Final = 12  # what GCM is made for; random, so a key serves 2^32 fields (NIST 800-38D)
_MAX_ID_BYTES: Final = 32
# Known to everybody who reads this: for demos and tests, refused in production.
DEMO_KEYS: Final = "demo:" + base64.b64encode(hashlib.sha256(b"yuyue demo key").digest()).decode()


class BadCiphertextError(ValueError):
    """Not ours, damaged, of another row, or sealed with a key that is not in the keyring."""


class Keyring:
    """Keys under ids; the first one seals. Made with `Keyring.parse`."""

    def __init__(self, secrets_by_id: Mapping[str, bytes]) -> None:
        if not secrets_by_id:
            raise ValueError("a keyring needs a key")
        self._current = next(iter(secrets_by_id))
        derived = {key_id: _derive(secret) for key_id, secret in secrets_by_id.items()}
        self._sealing = MappingProxyType({k: AESGCM(pair[0]) for k, pair in derived.items()})
        self._indexing = MappingProxyType({k: pair[1] for k, pair in derived.items()})

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `ID:BASE64[,ID:BASE64 ...]`, 32 bytes each. ValueError never shows a key."""
        found: dict[str, bytes] = {}
        for number, entry in enumerate(text.split(","), start=1):
            key_id, colon, encoded = entry.strip().partition(":")
            if not colon or not key_id.isascii() or not key_id.isalnum():
                raise ValueError(f"key {number}: must be ID:BASE64, the id of letters and digits")
            if len(key_id) > _MAX_ID_BYTES or key_id in found:
                raise ValueError(f"key {number}: its id is too long or there twice")
            try:
                secret = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise ValueError(f"key {number}: is not base64") from None
            if len(secret) != KEY_BYTES:
                raise ValueError(f"key {number}: must be {KEY_BYTES} bytes, is {len(secret)}")
            if len(set(secret)) < KEY_BYTES // 4:  # random ones have about 30 different bytes
                raise ValueError(f"key {number}: is not random; make one: yuyue cloud new-key")
            found[key_id] = secret
        return cls(found)

    @property
    def current_id(self) -> str:
        """The id of the key that seals."""
        return self._current

    @property
    def current_header(self) -> bytes:
        """What everything begins with that the newest key sealed."""
        key_id = self._current.encode()
        return bytes((_FORMAT, len(key_id))) + key_id

    def encrypt(self, plain: str, context: str) -> bytes:
        """Seal a text; opens with the same `context` (column and row) only."""
        return self.encrypt_bytes(plain.encode("utf-8"), context)

    def encrypt_bytes(self, plain: bytes, context: str) -> bytes:
        """The same for a picture."""
        header = self.current_header
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._sealing[self._current].encrypt(nonce, plain, header + context.encode())
        return header + nonce + sealed

    def decrypt(self, sealed: bytes, context: str) -> str:
        """Open what `encrypt` sealed. Raises BadCiphertextError."""
        try:
            return self.decrypt_bytes(sealed, context).decode("utf-8")
        except UnicodeDecodeError:
            raise BadCiphertextError("not a text") from None

    def decrypt_bytes(self, sealed: bytes, context: str) -> bytes:
        """Open what `encrypt_bytes` sealed. Raises BadCiphertextError."""
        key_id, header, rest = _taken_apart(sealed)
        key = self._sealing.get(key_id)
        if key is None:
            raise BadCiphertextError(f"sealed with key {key_id!r}, which is not in the keyring")
        nonce, body = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return key.decrypt(nonce, body, header + context.encode())
        except (InvalidTag, ValueError):
            raise BadCiphertextError("damaged, or not of this row") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it."""
        return _taken_apart(sealed)[0] == self._current

    def blind_index(self, value: str, purpose: str) -> bytes:
        """To find a sealed value by: equal for equal values of one purpose, says nothing else."""
        return self._index(self._current, value, purpose)

    def blind_indexes(self, value: str, purpose: str) -> list[bytes]:
        """By every key, the newest first: look for any of them while keys are being changed."""
        return [self._index(key_id, value, purpose) for key_id in self._indexing]

    def _index(self, key_id: str, value: str, purpose: str) -> bytes:
        label = purpose.encode()
        message = len(label).to_bytes(4, "big") + label + value.encode("utf-8")
        return hmac.new(self._indexing[key_id], message, hashlib.sha256).digest()

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._indexing)})"


def new_key() -> str:
    """A new secret as it stands in a keyring, without its id."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def is_demo(text: str) -> bool:
    """Whether a keyring holds the key that everybody knows, under whatever id."""
    known = DEMO_KEYS.partition(":")[2]
    return any(entry.strip().partition(":")[2] == known for entry in text.split(","))


def _derive(secret: bytes) -> tuple[bytes, bytes]:
    """Two independent keys of one secret: to encrypt, to index."""
    made = HKDF(SHA256(), 2 * KEY_BYTES, salt=None, info=b"yuyue field encryption 1").derive(secret)
    return made[:KEY_BYTES], made[KEY_BYTES:]


def _taken_apart(sealed: bytes) -> tuple[str, bytes, bytes]:
    if len(sealed) < 2 or sealed[0] != _FORMAT:  # noqa: PLR2004 - format, length of the id
        raise BadCiphertextError("not a sealed field of this version")
    end = 2 + sealed[1]
    header, rest = sealed[:end], sealed[end:]
    try:
        key_id = header[2:].decode("ascii")
    except UnicodeDecodeError:
        raise BadCiphertextError("not a sealed field of this version") from None
    if len(rest) <= _NONCE_BYTES:
        raise BadCiphertextError("a sealed field that was cut off")
    return key_id, header, rest
