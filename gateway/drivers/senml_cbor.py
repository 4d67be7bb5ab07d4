"""SenML packs in CBOR (RFC 8428 section 6): the same records under numbers, decoded by cbor2."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import cbor2
import msgspec

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.senml import SenmlRecord, readings_of, refuse_must_understand

# RFC 8428 table 4.
_LABELS: Final[Mapping[int, str]] = MappingProxyType(
    {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
     0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd"}
)  # fmt: skip
# A pack of a thousand records is well below; beyond it somebody counts on our memory.
_MAX_BYTES: Final = 256 * 1024


def decode_senml_cbor(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """The readings of a pack, in its order. Raises DriverError."""
    if len(payload) > _MAX_BYTES:
        raise DriverError("not_senml", f"{len(payload)} bytes; at most {_MAX_BYTES}")
    stream = io.BytesIO(payload)
    try:
        content = cbor2.CBORDecoder(stream).decode()
    except (cbor2.CBORError, ValueError, OverflowError, RecursionError, TypeError) as error:
        raise DriverError("not_senml", f"no CBOR: {str(error)[:200]}") from error
    if stream.tell() != len(payload):
        raise DriverError("not_senml", f"{len(payload) - stream.tell()} bytes after the pack")
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise DriverError("not_senml", "is no array of maps")
    records = [_named(record, index) for index, record in enumerate(content)]
    refuse_must_understand(records)
    try:
        packs = msgspec.convert(records, list[SenmlRecord], strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise DriverError("not_senml", str(error)[:300]) from error
    return readings_of(packs, device_id, received_ns)


def _named(record: dict[Any, Any], index: int) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for label, value in record.items():
        if isinstance(label, bool) or not isinstance(label, int | str):
            raise DriverError("not_senml", f"record {index}: a label that is no number or text")
        name = _LABELS.get(label, "") if isinstance(label, int) else label
        # Numbers that the standard does not give are for others (section 12.2).
        if name:
            named[name] = value
    return named
