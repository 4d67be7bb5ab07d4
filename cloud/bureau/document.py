"""The signed document of a sheet: the same bytes for whoever has the same numbers.

Its hash stands on the PDF and in the Excel file; the signature is a detached JWS (ES256) by the
key of cloud/exchange, whose public half is at `/api/v1/exchange/keys`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey

from cloud.bureau.masking import SMALL
from cloud.bureau.sheet import Sheet
from cloud.canonical import canonical_json
from cloud.schema_types import iso_ms

FORMAT: Final = "yuyue-oversight-sheet-1"
_ALGORITHM: Final = "ES256"


def document_of(sheet: Sheet, whose: str) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "whose": whose,
        "month": f"{sheet.month:%Y-%m}",
        "masked_below": SMALL,
        "computed_at": None if sheet.computed_at is None else iso_ms(sheet.computed_at),
        "nodes": [asdict(node) for node in sheet.nodes],
        "figures": [asdict(figure) for figure in sheet.figures],
    }
    return canonical_json(said).encode()


def hash_of(document: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(document).hexdigest()


def signature_of(document: bytes, key: ECKey) -> str:
    """A detached JWS: header and signature, without the document between them."""
    header = {"alg": _ALGORITHM, "kid": key.thumbprint()}
    head, _, tail = jws.serialize_compact(header, document, key, algorithms=[_ALGORITHM]).split(".")
    return f"{head}..{tail}"
