"""Marks of simulated devices, and the tags that prove them.

An institution's gateways and its simulators share a key. The tag of a message or frame is an
HMAC-SHA-256 (RFC 2104) over where it goes (topic or address) and all of it, with zeros in the tag's
own place. So a mark cannot be put on a real device's data, be moved to another device, or be taken
off without its being seen (decision 0041).
"""

from __future__ import annotations

import hmac
import re
import struct
import zlib
from enum import Enum
from typing import Final

from edge.signals import Origin
from edge.simulated import KEY_BYTES

# 128 bits, as hexadecimal digits in a text and as bytes behind a block.
TAG_BYTES: Final = 16
_TAG_DIGITS: Final = 2 * TAG_BYTES
# An advertisement of 31 bytes has no room for more: 64 bits, and one guess for each advertisement.
AIR_TAG_BYTES: Final = 8
_CONTEXT: Final = b"yuyue simulated message 1"
# In JSON, written by whoever simulates.
_MARK: Final = re.compile(rb'(?<=["_])origin"\s*:\s*"(?:simulated|drill)(?=")')
# On reading, in any encoding that keeps a text as it is (JSON, CBOR).
_TAGGED: Final = re.compile(rb"(?:(?<=simulated:)|(?<=drill:))([0-9a-f]{%d})" % _TAG_DIGITS)
_ZEROS: Final = b"0" * _TAG_DIGITS
# The header of a wearable's block (docs/devices.md): its first bytes, and where its flags stand.
_BLOCK_MAGIC: Final = b"YW"
_BLOCK_FLAGS_AT: Final = 3
_BLOCK_NOT_LIVE: Final = 0b0011
BLOCK_TAGGED: Final = 0b1000
_CRC: Final = struct.Struct("<I")


class Proof(Enum):
    """What is known of who sent a message."""

    NONE = "none"  # no tag, or no key to check it with
    GOOD = "good"  # a simulator of this institution made it, as it is
    BAD = "bad"  # a tag that is none of this key, topic and content


def origin_of(stated: str) -> Origin:
    """Of a mark in a text, with its tag or without. Raises ValueError for any other text."""
    name, colon, tag = stated.partition(":")
    origin = Origin(name)
    if colon and (origin is Origin.LIVE or not _is_tag(tag)):
        raise ValueError(f"{stated[:64]!r} is no mark")
    return origin


def _is_tag(text: str) -> bool:
    return len(text) == _TAG_DIGITS and all(digit in "0123456789abcdef" for digit in text)


def tagged_message(key: bytes, topic: str, payload: bytes) -> bytes:
    """A message with its tag; as it is when nothing in it is marked (`online`, a bridge's state).

    JSON whose `origin` or `yuyue_origin` is `simulated` or `drill`, or a wearable's block.
    """
    if payload[:2] == _BLOCK_MAGIC and len(payload) > _BLOCK_FLAGS_AT + _CRC.size:
        return _tagged_block(key, topic, payload)
    ends = [mark.end() for mark in _MARK.finditer(payload)]
    if not ends:
        return payload
    parts = [payload[a:b] for a, b in zip([0, *ends], [*ends, len(payload)], strict=True)]
    tag = _tag(key, topic, (b":" + _ZEROS).join(parts)).hex().encode()
    return (b":" + tag).join(parts)


def _tagged_block(key: bytes, topic: str, block: bytes) -> bytes:
    flags = block[_BLOCK_FLAGS_AT]
    if not flags & _BLOCK_NOT_LIVE:
        return block
    head, body = block[:_BLOCK_FLAGS_AT], block[_BLOCK_FLAGS_AT + 1 : -_CRC.size]
    said = head + bytes([flags | BLOCK_TAGGED]) + body
    said += _CRC.pack(zlib.crc32(said))
    return said + _tag(key, topic, said)


def proof_of(key: bytes, topic: str, payload: bytes) -> Proof:
    """What a message's tag proves."""
    if payload[:2] == _BLOCK_MAGIC:
        if len(payload) <= _BLOCK_FLAGS_AT or not payload[_BLOCK_FLAGS_AT] & BLOCK_TAGGED:
            return Proof.NONE
        said, stated = payload[:-TAG_BYTES], payload[-TAG_BYTES:]
        return _judged(stated, _tag(key, topic, said))
    if b"simulated:" not in payload and b"drill:" not in payload:
        return Proof.NONE
    parts = _TAGGED.split(payload)  # what stands around the tags, and the tags
    tags = set(parts[1::2])
    if not tags:
        return Proof.NONE
    if len(tags) > 1:
        return Proof.BAD
    expected = _tag(key, topic, _ZEROS.join(parts[::2])).hex().encode()
    return _judged(tags.pop(), expected)


def air_tag(key: bytes, address: str, body: bytes) -> bytes:
    """Of an advertisement, AIR_TAG_BYTES long; `body` has zeros where the tag goes."""
    return _tag(key, address.upper(), body)[:AIR_TAG_BYTES]


def air_proof(key: bytes, address: str, body: bytes, at: int) -> Proof:
    """What the tag at offset `at` of an advertisement's body proves."""
    end = at + AIR_TAG_BYTES
    zeroed = body[:at] + bytes(AIR_TAG_BYTES) + body[end:]
    return _judged(body[at:end], air_tag(key, address, zeroed))


def connection_tag(key: bytes, address: str) -> bytes:
    """What a simulated peripheral answers who reads its mark; TAG_BYTES long."""
    return _tag(key, address.upper(), b"connection")


def connection_proof(key: bytes, address: str, answer: bytes) -> Proof:
    """What that answer proves; zeros are of a simulator without a key."""
    if answer == bytes(TAG_BYTES):
        return Proof.NONE
    return _judged(answer, connection_tag(key, address))


def _tag(key: bytes, where: str, said: bytes) -> bytes:
    # Lengths first: no topic can be read as the beginning of what is said.
    head = b"%s\n%d\n" % (_CONTEXT, len(where.encode()))
    return hmac.digest(key, head + where.encode() + said, "sha256")[:TAG_BYTES]


def _judged(stated: bytes, expected: bytes) -> Proof:
    return Proof.GOOD if hmac.compare_digest(stated, expected) else Proof.BAD


class KeyTextError(ValueError):
    """A key that is not KEY_BYTES in hexadecimal; the message never shows it."""


def key_from_text(text: str) -> bytes | None:
    """A key as settings and the registry hold it; None for an empty text. Raises KeyTextError."""
    if not text:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise KeyTextError(f"is not hexadecimal: {2 * KEY_BYTES} digits make a key") from None
    if len(key) != KEY_BYTES:
        raise KeyTextError(f"has {len(key)} bytes, a key has {KEY_BYTES}")
    return key
