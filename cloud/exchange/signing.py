"""Signatures of bundles: a detached JWS (RFC 7515, appendix F) with ES256 over the canonical JSON.

`Bundle.signature.data` holds the JWS, base64. What is signed is the bundle without its signature,
written with sorted keys and no spaces: any JSON library can write the same bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from cloud.canonical import canonical_json
from cloud.exchange.resources import Resource
from cloud.schema_types import iso_ms

ALGORITHM: Final = "ES256"
_CURVE: Final = "P-256"
_SIGNATURE_TYPE: Final = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.5",
    "display": "Verification Signature",
}


class SignatureError(ValueError):
    """Not signed, not by this key, or changed since."""


def load_key(path: Path) -> ECKey:
    """The house's key; made on first use. Partners hold its public half."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(ECKey.generate_key(_CURVE).as_pem(private=True))
    return ECKey.import_key(path.read_bytes())


def public_jwk(key: ECKey) -> dict[str, Any]:
    """Its public half, with its thumbprint (RFC 7638) as `kid`."""
    return {
        **key.as_dict(private=False), "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig",
    }  # fmt: skip


def sign(bundle: Mapping[str, Any], key: ECKey, who: str, at: datetime) -> Resource:
    """The bundle with its signature."""
    header = {"alg": ALGORITHM, "kid": key.thumbprint()}
    compact = jws.serialize_compact(header, _canonical(bundle), key, algorithms=[ALGORITHM])
    head, _, tail = compact.split(".")
    return {
        **bundle,
        "signature": {
            "type": [_SIGNATURE_TYPE],
            "when": iso_ms(at),
            "who": {"display": who},
            "targetFormat": "application/fhir+json",
            "sigFormat": "application/jose",
            "data": base64.b64encode(f"{head}..{tail}".encode()).decode(),
        },
    }


def verify(bundle: Mapping[str, Any], jwk: Mapping[str, Any]) -> None:
    """Raises SignatureError."""
    signature = bundle.get("signature")
    if not isinstance(signature, Mapping) or not isinstance(signature.get("data"), str):
        raise SignatureError("the bundle is not signed")
    try:
        head, empty, tail = base64.b64decode(signature["data"], validate=True).decode().split(".")
    except (binascii.Error, ValueError):
        raise SignatureError("signature.data is not a detached JWS in base64") from None
    if empty:
        raise SignatureError("signature.data: the JWS must be detached")
    payload = base64.urlsafe_b64encode(_canonical(bundle)).rstrip(b"=").decode()
    try:
        jws.deserialize_compact(
            f"{head}.{payload}.{tail}", ECKey.import_key(dict(jwk)), algorithms=[ALGORITHM]
        )
    except (JoseError, ValueError, TypeError):
        raise SignatureError("the signature does not fit: changed since, or not this key") from None


def _canonical(bundle: Mapping[str, Any]) -> bytes:
    signed = {key: value for key, value in bundle.items() if key != "signature"}
    return canonical_json(signed).encode()
