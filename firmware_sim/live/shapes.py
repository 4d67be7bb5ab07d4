"""Which device of a world speaks how, and by which name the hub knows it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from edge.subject import Sensor, SensorRole
from firmware_sim.buildings.plan import Meter, meter_of
from firmware_sim.scenarios.schema import Scenario, Shape
from firmware_sim.world.world import Resident, World

# What each kind mostly is on the market: battery sensors are Zigbee ones, radars are ESP boards
# that announce themselves to Home Assistant, mats, bands and meters are ours.
SHAPE_OF_ROLE: Final[Mapping[SensorRole, Shape]] = MappingProxyType(
    {
        SensorRole.MOTION: Shape.ZIGBEE2MQTT,
        SensorRole.DOOR: Shape.ZIGBEE2MQTT,
        SensorRole.OUTER_DOOR: Shape.ZIGBEE2MQTT,
        SensorRole.BUTTON: Shape.ZIGBEE2MQTT,
        SensorRole.SMOKE: Shape.ZIGBEE2MQTT,
        SensorRole.RADAR: Shape.HOME_ASSISTANT,
        SensorRole.CLIMATE: Shape.HOME_ASSISTANT,
        SensorRole.BED: Shape.OURS,
        SensorRole.WEARABLE: Shape.OURS,
        SensorRole.SPOT_VITALS: Shape.OURS,
    }
)
_BRIDGED: Final = frozenset(SHAPE_OF_ROLE) - {
    SensorRole.BED, SensorRole.WEARABLE, SensorRole.SPOT_VITALS,
}  # fmt: skip
# What a shape can carry at all: neither bridge knows a bed mat's minutes, a band's blocks or what a
# meter measures.
CARRIES: Final[Mapping[Shape, frozenset[SensorRole]]] = MappingProxyType(
    {
        Shape.OURS: frozenset(SHAPE_OF_ROLE),
        Shape.ZIGBEE2MQTT: _BRIDGED,
        Shape.HOME_ASSISTANT: _BRIDGED,
        Shape.BLUETOOTH: frozenset(
            {
                SensorRole.MOTION,
                SensorRole.DOOR,
                SensorRole.OUTER_DOOR,
                SensorRole.WEARABLE,
                SensorRole.SPOT_VITALS,
            }
        ),
    }
)
# Quantities of a role, for an announcement; batteries where they have one.
_QUANTITIES: Final[Mapping[SensorRole, tuple[str, ...]]] = MappingProxyType(
    {
        SensorRole.MOTION: ("motion", "battery_level"),
        SensorRole.DOOR: ("door_open", "battery_level"),
        SensorRole.OUTER_DOOR: ("door_open", "battery_level"),
        SensorRole.BUTTON: ("sos", "battery_level"),
        SensorRole.SMOKE: ("smoke", "battery_level"),
        SensorRole.RADAR: ("presence",),
        SensorRole.CLIMATE: ("air_temperature", "relative_humidity"),
    }
)


class ShapeError(ValueError):
    """A shape that a device cannot have; the message names the field of the scenario."""


@dataclass(frozen=True, slots=True)
class LiveDevice:
    """One device. `number` is that of the track, `hub_id` the name the gateway will see."""

    number: int
    sensor: Sensor
    resident: Resident
    shape: Shape
    hub_id: str
    own_id: str
    adapter: str = ""  # of BlueZ, for one on the air
    is_strap: bool = False  # a wearable on the air that is a chest strap, not a band

    @property
    def meter(self) -> Meter:
        """Which one, of a device for spot values. Raises ValueError for any other."""
        return meter_of(self.sensor)

    @property
    def quantities(self) -> tuple[str, ...]:
        """What it announces on a bridge."""
        return _QUANTITIES[self.sensor.role]

    @property
    def has_clock(self) -> bool:
        """Whether it dates and keeps what it measures; a bridged device is dated by its bridge."""
        is_meter = self.sensor.role is SensorRole.SPOT_VITALS
        return self.shape is Shape.OURS or (self.shape is Shape.BLUETOOTH and is_meter)


def live_devices(
    world: World, allowed: Collection[Shape], prefix: str = ""
) -> tuple[LiveDevice, ...]:
    """All devices of a world in the order of their numbers. Raises ShapeError.

    A shape that is not allowed falls back to ours. `prefix` goes before the ids, so that two runs
    at one hub have devices of their own.
    """
    shapes = {role: _shape(world.scenario, role, allowed) for role in SHAPE_OF_ROLE}
    return tuple(
        LiveDevice(
            number, sensor, world.resident_of_device[sensor.device_id], shapes[sensor.role],
            hub_id(prefix + sensor.device_id, shapes[sensor.role]), prefix + sensor.device_id,
        )
        for number, sensor in enumerate(world.sensors)
    )  # fmt: skip


def _shape(scenario: Scenario, role: SensorRole, allowed: Collection[Shape]) -> Shape:
    spec = scenario.devices.get(role)
    wanted = SHAPE_OF_ROLE[role] if spec is None or spec.shape is None else spec.shape
    if role not in CARRIES[wanted]:
        raise ShapeError(f"devices.{role.value}.shape: a {role.value} cannot be {wanted.value}")
    return wanted if wanted in allowed else Shape.OURS


def hub_id(device_id: str, shape: Shape) -> str:
    """The gateway's name of a device: its own id, an IEEE address, or what discovery makes of it.

    Addresses are of the locally administered kind (EUI-64, bit 1 of the first octet): no maker's.
    """
    match shape:
        case Shape.ZIGBEE2MQTT:
            return "0x02" + blake2b(device_id.encode(), digest_size=7).hexdigest()
        case Shape.HOME_ASSISTANT:
            return f"ha-{device_id}"
        case _:
            return device_id
