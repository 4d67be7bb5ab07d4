"""Sealed columns: each opens in its own row only, and nothing is sealed as nothing."""

from __future__ import annotations

import uuid

from cloud.crypto import Keyring


def seal(keyring: Keyring, text: str, column: str, row_id: uuid.UUID) -> bytes | None:
    """For the column of this row."""
    return keyring.encrypt(text, f"{column}:{row_id}") if text else None


def unseal(keyring: Keyring, sealed: bytes | None, column: str, row_id: uuid.UUID) -> str:
    """Back again. Raises BadCiphertextError."""
    return "" if sealed is None else keyring.decrypt(sealed, f"{column}:{row_id}")
