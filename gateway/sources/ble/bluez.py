"""The little that bleak does not tell: how an adapter is, and switching it off and on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from bleak.exc import BleakError
from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

_BLUEZ: Final = "org.bluez"
_ADAPTER: Final = "org.bluez.Adapter1"
_BATTERY: Final = "org.bluez.Battery1"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_CALL_TIMEOUT_S: Final = 10.0
# BlueZ needs a moment between off and on, else the controller stays as it was.
_OFF_S: Final = 1.0

# What bleak and D-Bus raise when an adapter, bluetoothd or the bus goes away.
RADIO_ERRORS: Final = (BleakError, DBusError, OSError, EOFError, TimeoutError)


@dataclass(frozen=True, slots=True)
class AdapterState:
    """`org.bluez.Adapter1` at this moment."""

    address: str
    is_powered: bool
    is_discovering: bool


async def adapter_state(adapter: str) -> AdapterState:
    """Raises one of RADIO_ERRORS when there is no such adapter."""
    reply = await _call(_path(adapter), "GetAll", "s", [_ADAPTER])
    properties = reply[0]
    return AdapterState(
        address=properties["Address"].value,
        is_powered=properties["Powered"].value,
        is_discovering=properties["Discovering"].value,
    )


async def battery_level(path: str) -> int | None:
    """What BlueZ itself read from a connected device, whose battery service it keeps to itself.

    `path`: of the device. None when it has none. Raises one of RADIO_ERRORS.
    """
    try:
        reply = await _call(path, "Get", "ss", [_BATTERY, "Percentage"])
    except BleakError:
        return None
    return int(reply[0].value)


async def power_cycle(adapter: str) -> None:
    """Off and on again: what BlueZ offers to shake a controller that hears nothing.

    Raises one of RADIO_ERRORS.
    """
    for is_on in (False, True):
        await _call(_path(adapter), "Set", "ssv", [_ADAPTER, "Powered", Variant("b", is_on)])
        await asyncio.sleep(_OFF_S)


def _path(adapter: str) -> str:
    return f"/org/bluez/{adapter}"


async def _call(path: str, member: str, signature: str, body: list[Any]) -> list[Any]:
    """One call on a connection of its own, so that no broken one is ever kept."""
    async with asyncio.timeout(_CALL_TIMEOUT_S):
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        try:
            reply = await bus.call(
                Message(
                    destination=_BLUEZ,
                    path=path,
                    interface=_PROPERTIES,
                    member=member,
                    signature=signature,
                    body=body,
                )
            )
        finally:
            bus.disconnect()
    if reply.message_type is MessageType.ERROR:
        why = reply.body[0] if reply.body else reply.error_name
        raise BleakError(f"{path}: {why}")
    return list(reply.body)
