"""Encrypted advertisements: opened with the device's bind key, once each.

BTHome v2 (https://bthome.io/encryption/) and MiBeacon v4/v5 both use AES-128-CCM with a tag of
four bytes and a counter that only grows. MiBeacon v2/v3 carries no tag, so that anybody could
forge it: it is not opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from gateway.ble.uuids import BTHOME, XIAOMI

_TAG_BYTES: Final = 4
_KEY_BYTES: Final = 16

# A counter starts anew when the battery is changed. That takes longer than this, and the counter
# is then small; a lower counter at any other time is a replay. (BTHome's own library uses 100.)
RESTART_BELOW: Final = 100
RESTART_SILENCE_S: Final = 60.0


class SealError(ValueError):
    """An advertisement that stays closed. `reason` is a code to count, `detail` the sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Opened:
    """The same advertisement in plain form, and its counter (None: it was never sealed)."""

    service_data: Mapping[str, bytes]
    counter: int | None


def open_sealed(address: str, service_data: Mapping[str, bytes], key: bytes | None) -> Opened:
    """The plain form. With a key a plain advertisement is refused: anybody can send one.

    Raises SealError.
    """
    if (body := service_data.get(BTHOME)) is not None:
        uuid, (plain, counter) = BTHOME, _open_bthome(address, body, key)
    elif (body := service_data.get(XIAOMI)) is not None:
        uuid, (plain, counter) = XIAOMI, _open_mibeacon(address, body, key)
    else:
        return Opened(service_data, None)
    return Opened({**service_data, uuid: plain}, counter)


def key_from_text(text: str) -> bytes:
    """A bind key from 32 hexadecimal digits. Raises SealError `bad_key`."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SealError("bad_key", "a bind key is 32 hexadecimal digits")
    return key


class ReplayCounters:
    """The last counter of each device. What was heard once is not heard again."""

    def __init__(self, counters: Mapping[str, int] | None = None) -> None:
        self._last: dict[str, int] = dict(counters or {})
        self._heard_s: dict[str, float] = {}

    def admit(self, address: str, counter: int, now_s: float) -> bool:
        """False for the same advertisement once more. Raises SealError `replayed`."""
        last = self._last.get(address)
        silent_s = now_s - self._heard_s.get(address, -RESTART_SILENCE_S)
        if last is not None and counter == last:
            return False
        if last is not None and counter < last:
            restarted = counter < RESTART_BELOW and silent_s >= RESTART_SILENCE_S
            if not restarted:
                raise SealError("replayed", f"counter {counter} after {last}")
        self._last[address] = counter
        self._heard_s[address] = now_s
        return True

    def snapshot(self) -> dict[str, int]:
        """What the constructor takes."""
        return dict(self._last)


def _open_bthome(address: str, body: bytes, key: bytes | None) -> tuple[bytes, int | None]:
    """Layout: information byte, [address], ciphertext, counter (4), tag (4)."""
    if not body:
        raise SealError("truncated", "BTHome service data without its first byte")
    information = body[0]
    if not information & 0b1:
        if key is not None:
            raise SealError("not_encrypted", "the device has a bind key, this came without")
        return body, None
    if key is None:
        raise SealError("no_bind_key", "encrypted, and no bind key is registered for it")
    has_address = bool(information & 0b10)
    start = 7 if has_address else 1
    if len(body) < start + 1 + 4 + _TAG_BYTES:
        raise SealError("truncated", f"{len(body)} bytes are too few for an encrypted BTHome frame")
    mac = body[1:7][::-1] if has_address else bytes.fromhex(address.replace(":", ""))
    counter = body[-8:-4]
    nonce = mac + b"\xd2\xfc" + body[:1] + counter
    plain = _decrypt(key, nonce, body[start:-8] + body[-_TAG_BYTES:], None)
    clear = bytes([information & ~0b1])
    return clear + body[1:start] + plain, int.from_bytes(counter, "little")


def _open_mibeacon(address: str, body: bytes, key: bytes | None) -> tuple[bytes, int | None]:
    """Layout: control (2), product (2), packet (1), [address], [capability], ciphertext,
    extended counter (3), tag (4).
    """
    if len(body) < 5:  # noqa: PLR2004  # up to the packet counter
        raise SealError("truncated", f"{len(body)} bytes are too few for a MiBeacon")
    control = int.from_bytes(body[:2], "little")
    has_object = bool(control & 1 << 6)
    if not control & 1 << 3:
        if key is not None and has_object:
            raise SealError("not_encrypted", "the device has a bind key, this came without")
        return body, None
    if not has_object:
        return body, None
    version = control >> 12
    if version < 4:  # noqa: PLR2004  # see the module
        raise SealError("unsupported_encryption", f"MiBeacon version {version} has no tag")
    if key is None:
        raise SealError("no_bind_key", "encrypted, and no bind key is registered for it")
    start = 5
    mac_reversed = bytes.fromhex(address.replace(":", ""))[::-1]
    if control & 1 << 4:
        mac_reversed = body[5:11]
        start += 6
    if control & 1 << 5:
        start += 2 if len(body) > start and body[start] & 0x20 else 1
    if len(body) < start + 2 + 3 + _TAG_BYTES:
        raise SealError("truncated", f"{len(body)} bytes are too few for an encrypted MiBeacon")
    extended = body[-7:-4]
    nonce = mac_reversed + body[2:5] + extended
    plain = _decrypt(key, nonce, body[start:-7] + body[-_TAG_BYTES:], b"\x11")
    clear = (control & ~(1 << 3)).to_bytes(2, "little")
    counter = int.from_bytes(extended, "little") << 8 | body[4]
    return clear + body[2:start] + plain, counter


def _decrypt(key: bytes, nonce: bytes, sealed: bytes, associated: bytes | None) -> bytes:
    try:
        return AESCCM(key, tag_length=_TAG_BYTES).decrypt(nonce, sealed, associated)
    except InvalidTag:
        raise SealError("wrong_bind_key", "the tag is wrong: another key, or forged") from None
