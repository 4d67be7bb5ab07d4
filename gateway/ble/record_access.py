"""Record Access Control Point, 0x2A52 (Glucose Service 1.0.1, section 3.4)."""

from __future__ import annotations

from typing import Final

_REPORT: Final = 0x01
_RESPONSE: Final = 0x06
_ALL: Final = 0x01
_AT_LEAST: Final = 0x03
_BY_SEQUENCE: Final = 0x01
_SUCCESS: Final = 0x01
_NO_RECORDS: Final = 0x06
_RESPONSE_BYTES: Final = 4


class RecordAccessError(ValueError):
    """The device did not report its records; the message says with which code."""


def report_records(from_sequence: int | None = None) -> bytes:
    """The request for all stored records, or for those numbered `from_sequence` and later."""
    if from_sequence is None:
        return bytes([_REPORT, _ALL])
    return bytes([_REPORT, _AT_LEAST, _BY_SEQUENCE]) + from_sequence.to_bytes(2, "little")


def check_response(value: bytes) -> None:
    """All were reported, or there were none. Raises RecordAccessError."""
    if len(value) < _RESPONSE_BYTES or value[0] != _RESPONSE or value[2] != _REPORT:
        raise RecordAccessError(f"not a response to a report: {value[:8].hex()}")
    if value[3] not in {_SUCCESS, _NO_RECORDS}:
        raise RecordAccessError(f"the device answered with code {value[3]}")


def sequence_number(measurement: bytes) -> int | None:
    """The number of a glucose measurement."""
    return int.from_bytes(measurement[1:3], "little") if len(measurement) >= 3 else None  # noqa: PLR2004
