"""What gateway and cloud say to each other about the gateway itself: enrolment, settings, what it
missed, and what people did at it while the cloud was away (docs/wire.md, 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# Kept in JSON as they are; what each means is checked where it is used, on both sides.
SettingValue = bool | int | float | str | list[str] | None


class GapCause(StrEnum):
    """Why signals are missing, or may be."""

    # A broker or an adapter was out of reach. What a broker kept for us came later all the same.
    SOURCE_DOWN = "source_down"
    # The gateway itself did not run.
    GATEWAY_DOWN = "gateway_down"
    # Old bulk data became a minute's lowest, highest and last, because the disk was nearly full.
    THINNED = "thinned"
    # Old bulk data went altogether.
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Gap:
    """Signals over [from_ns, until_ns) were missed by the gateway, or may have been.

    `source`: the source that was down. `device_ids`: whose signals; empty: all of the source's,
    or of the gateway's. `records`: how many stored records were given up.
    """

    gap_id: str
    cause: GapCause
    from_ns: int
    until_ns: int
    source: str | None = None
    device_ids: tuple[str, ...] = ()
    records: int = 0


class LocalActionKind(StrEnum):
    """What happened to an event at the gateway while the cloud was away."""

    RAISED = "raised"
    SHOWN = "shown"
    ACKNOWLEDGED = "acknowledged"
    SENT = "sent"
    SEND_FAILED = "send_failed"


@dataclass(frozen=True, slots=True)
class LocalAction:
    """One thing done locally about an event. `by`: the person's name, or the part that did it."""

    action_id: str
    event_id: str
    kind: LocalActionKind
    time_ns: int
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """A new gateway shows the code that the operator was given."""

    code: str
    software_version: str
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who the gateway is from now on. `token` is told this once."""

    gateway_id: str
    name: str
    institution_name: str
    token: str
    settings_version: int
    settings: dict[str, SettingValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What the cloud wants of a gateway now. `rotate_token`: fetch a new token."""

    settings_version: int
    settings: dict[str, SettingValue]
    registry_version: int
    rotate_token: bool = False


@dataclass(frozen=True, slots=True)
class NewToken:
    """A further token; the present one ends some minutes after this one was first used."""

    token: str


# How long the cloud may hold a question for news: routers forget quiet connections after a minute.
CONFIG_WAIT_S: Final = 25.0

_DEVICE_PREFIX: Final = "gateway-"
_OWN_TOPICS: Final = "yuyue"


def gateway_device_id(gateway_id: str) -> str:
    """The device id of the gateway's machine: its mains and battery are signals too."""
    return _DEVICE_PREFIX + gateway_id


def check_topics(names: str, *, only_one: bool = False) -> str:
    """Topics to listen below, with commas, tidied. Raises ValueError naming one that is none."""
    found = [name.strip() for name in names.split(",") if name.strip()]
    if only_one and len(found) > 1:
        raise ValueError("one prefix only, such as homeassistant")
    for name in found:
        ours = name == _OWN_TOPICS or name.startswith(f"{_OWN_TOPICS}/")
        if ours or set(name) & set("#+$ ") or name.startswith("/") or name.endswith("/"):
            raise ValueError(f"{name[:64]!r} is no topic to listen below, such as zigbee2mqtt")
    return ",".join(found)
