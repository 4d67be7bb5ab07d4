"""The table of Bluetooth drivers: what a frame of topic `ble/v1/{device_id}/{kind}` holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from edge.signals import Origin, Signal
from gateway.drivers.base import Driver
from gateway.drivers.ble.advertisement import decode_advertisement
from gateway.drivers.ble.battery import decode_battery
from gateway.drivers.ble.blood_pressure import decode_blood_pressure
from gateway.drivers.ble.glucose import decode_glucose
from gateway.drivers.ble.heart_rate import decode_heart_rate
from gateway.drivers.ble.oximeter import decode_oximeter_continuous, decode_oximeter_spot
from gateway.drivers.ble.polar import decode_polar
from gateway.drivers.ble.thermometer import decode_thermometer
from gateway.drivers.ble.weight import decode_weight
from gateway.drivers.ble.witmotion import decode_witmotion

BLE_DRIVERS: Final[Mapping[str, Driver]] = MappingProxyType(
    {
        "advertisement": decode_advertisement,
        "heart_rate": decode_heart_rate,
        "blood_pressure": decode_blood_pressure,
        "thermometer": decode_thermometer,
        "oximeter_spot": decode_oximeter_spot,
        "oximeter": decode_oximeter_continuous,
        "glucose": decode_glucose,
        "weight": decode_weight,
        "battery": decode_battery,
        "polar": decode_polar,
        "witmotion": decode_witmotion,
    }
)


def _simulated(driver: Driver) -> Driver:
    """The same signals, marked: no format of the air has room for it."""

    def decode(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
        signals = driver(device_id, payload, received_ns)
        return tuple(replace(signal, origin=Origin.SIMULATED) for signal in signals)

    return decode


# Frames of topic `ble-sim/v1/{device_id}/{kind}`: of a device that says it is the simulator's.
SIMULATED_DRIVERS: Final[Mapping[str, Driver]] = MappingProxyType(
    {kind: _simulated(driver) for kind, driver in BLE_DRIVERS.items()}
)
