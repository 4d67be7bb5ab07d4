"""Tags of simulated data: who made it, and that nobody changed, dropped or slipped in a part.

A simulator and whoever reads it share a key made for one run. Each part of the run carries its
number, counted from 1 without gaps, and an HMAC-SHA-256 over run, number and body (RFC 2104). A
line on the wire is `NUMBER TAG BODY`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

KEY_BYTES: Final = 32
_PARTS: Final = 3


class TagError(ValueError):
    """A line that is not of this run, not in its turn, or was changed."""


def tag_of(key: bytes, run_id: str, number: int, body: str) -> str:
    """The tag of one part, in hexadecimal."""
    said = f"simulated\n{run_id}\n{number}\n{body}".encode()
    return hmac.new(key, said, hashlib.sha256).hexdigest()


def tagged_line(key: bytes, run_id: str, number: int, body: str) -> str:
    """One part as it is sent; `body` is JSON on one line."""
    return f"{number} {tag_of(key, run_id, number, body)} {body}\n"


def open_line(key: bytes, run_id: str, expected: int, line: str) -> tuple[str, str]:
    """(tag, body) of a line. Raises TagError; the message never shows the key or the body."""
    parts = line.rstrip("\n").split(" ", _PARTS - 1)
    if len(parts) != _PARTS or not (parts[0].isascii() and parts[0].isdigit()):
        raise TagError("is not NUMBER TAG BODY")
    number, tag, body = int(parts[0]), parts[1], parts[2]
    if number != expected:
        raise TagError(f"has number {number}, expected {expected}")
    if not hmac.compare_digest(tag.encode(), tag_of(key, run_id, number, body).encode()):
        raise TagError(f"number {number} has a wrong tag")
    return tag, body
