"""The second factor: time-based codes (RFC 6238) and recovery codes for when the phone is gone."""

from __future__ import annotations

import hmac
import io
import secrets
import uuid
from datetime import datetime
from typing import Final

import pyotp
import segno
from sqlalchemy import delete, update

from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.identity.models import RecoveryCode, User
from cloud.identity.secrets import token_hash

RECOVERY_CODES: Final = 10
_STEP_S: Final = 30
# A phone may be one step off, either way; more would only help who guesses.
_STEPS_AROUND: Final = 1
_CODE_DIGITS: Final = 6
_ISSUER: Final = "渝悦养老 Yuyue"


def new_secret() -> str:
    """A secret to share with an authenticator application: 160 bits."""
    return pyotp.random_base32()


def seal_secret(keyring: Keyring, user_id: uuid.UUID, secret: str) -> bytes:
    """As it is kept."""
    return keyring.encrypt(secret, totp_context(user_id))


def provisioning_uri(secret: str, username: str) -> str:
    """What the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER)


def qr_svg(uri: str) -> str:
    """As an SVG image, dark on light, with the quiet zone that scanners need."""
    image = io.BytesIO()
    segno.make(uri, error="m").save(
        image, kind="svg", scale=5, border=4, light="#ffffff", xmldecl=False, svgns=True
    )
    return image.getvalue().decode("utf-8")


def code_matches(keyring: Keyring, user: User, code: str, now: datetime) -> bool:
    """Whether it is a code of now that was not used before; it is used then."""
    if user.totp_sealed is None or not (code.isascii() and code.isdigit()):
        return False
    if len(code) != _CODE_DIGITS:
        return False
    totp = pyotp.TOTP(keyring.decrypt(user.totp_sealed, totp_context(user.id)))
    present = int(now.timestamp()) // _STEP_S
    for step in range(present - _STEPS_AROUND, present + _STEPS_AROUND + 1):
        right = totp.generate_otp(step)
        if hmac.compare_digest(right, code) and step > user.totp_last_step:
            user.totp_last_step = step
            return True
    return False


async def new_recovery_codes(scope: TenantScope, user: User) -> list[str]:
    """Ten codes, shown once; earlier ones no longer open anything."""
    await forget_recovery_codes(scope, user)
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    for code in codes:
        scope.session.add(
            RecoveryCode(
                id=uuid.uuid4(), institution_id=scope.institution_id, user_id=user.id,
                code_hash=_recovery_hash(code),
            )
        )  # fmt: skip
    await scope.session.flush()
    return codes


async def use_recovery_code(scope: TenantScope, user: User, code: str, now: datetime) -> bool:
    """Whether it is an unused code of theirs; it is used then."""
    used = await scope.session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.institution_id == scope.institution_id,
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == _recovery_hash(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    return used.first() is not None


async def forget_recovery_codes(scope: TenantScope, user: User) -> None:
    """None of them opens anything any more."""
    await scope.session.execute(
        delete(RecoveryCode).where(
            RecoveryCode.institution_id == scope.institution_id, RecoveryCode.user_id == user.id
        )
    )


def _recovery_code() -> str:
    """`xxxxx-xxxxx`: 49 bits, far beyond guessing at a door that slows down."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(2))


def _recovery_hash(code: str) -> bytes:
    return token_hash(code.strip().casefold().replace(" ", ""))


def totp_context(user_id: uuid.UUID) -> str:
    """What binds a sealed secret to its user."""
    return f"user_account.totp:{user_id}"
