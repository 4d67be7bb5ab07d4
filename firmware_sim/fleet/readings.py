"""What the devices of a fleet say: SenML readings of believable kinds, marked simulated. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.marks import tagged_message
from edge.signals import QUANTITIES
from firmware_sim.transports.mqtt import readings_topic

# A reading drifts through so many values and begins again: no arithmetic for each message.
_STEPS: Final = 256


@dataclass(frozen=True, slots=True)
class Kind:
    """One quantity of `edge.signals.QUANTITIES`: its middle and how far it swings, in its unit."""

    quantity: str
    middle: float
    swing: float
    digits: int


# What a home bed's kit reports most often (the domain page on home beds).
KINDS: Final = (
    Kind("heart_rate", 72.0, 14.0, 0),
    Kind("respiration_rate", 16.0, 4.0, 0),
    Kind("air_temperature", 22.0, 3.0, 1),
    Kind("relative_humidity", 58.0, 12.0, 0),
    Kind("battery_level", 70.0, 20.0, 0),
)


def fleet_topics(devices: int) -> tuple[str, ...]:
    """The topic of each device, named `fleet-000001` and so on."""
    return tuple(readings_topic(f"fleet-{number + 1:06d}") for number in range(devices))


def fleet_payloads(seed: int) -> Callable[[int, int, float], bytes]:
    """f(number of the device, number of its message, s since 1970): its next SenML pack.

    The same seed gives the same values, whatever the clock says.
    """
    rng = np.random.default_rng(seed)
    swing = np.sin(np.linspace(0.0, 2.0 * np.pi, _STEPS, endpoint=False))
    heads = [
        [
            f'[{{"n":"{kind.quantity}","u":"{QUANTITIES[kind.quantity].unit}","v":{value:.{kind.digits}f},'
            f'"origin":"simulated","t":'.encode()
            for value in kind.middle
            + kind.swing * (0.8 * swing + 0.2 * rng.uniform(-1.0, 1.0, _STEPS))
        ]
        for kind in KINDS
    ]
    kinds = len(heads)

    def payload(device: int, message: int, time_s: float) -> bytes:
        return b"%s%.3f}]" % (heads[device % kinds][(device * 7 + message) % _STEPS], time_s)

    return payload


def tagged_payloads(
    payload: Callable[[int, int, float], bytes], topics: Sequence[str], key: bytes
) -> Callable[[int, int, float], bytes]:
    """The same messages with their tags (`edge.marks`)."""
    return lambda device, message, time_s: tagged_message(
        key, topics[device], payload(device, message, time_s)
    )
