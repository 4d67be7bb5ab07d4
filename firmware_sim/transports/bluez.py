"""The simulated devices' Bluetooth radio: plain org.bluez over D-Bus.

A peripheral advertises through LEAdvertisingManager1 and serves its values through GattManager1,
on whatever adapter it is given: a real one, one of the kernel's virtual ones, or a simulated bus.
Its two D-Bus objects are answered from a table of properties; BlueZ asks for nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import structlog
from dbus_fast import BusType, DBusError, Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus

from edge.marks import TAG_BYTES, connection_tag

log = structlog.get_logger(__name__)

_BLUEZ: Final = "org.bluez"
_ADVERTISEMENT: Final = "org.bluez.LEAdvertisement1"
_SERVICE: Final = "org.bluez.GattService1"
_CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_OBJECTS: Final = "org.freedesktop.DBus.ObjectManager"
_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"
_CALL_TIMEOUT_S: Final = 10.0
# The mark of the simulator behind a connection; in BTHome it is an object (`live/air.py`). What is
# read there proves it; without a key it is zeros.
MARK_SERVICE: Final = "79755359-7375-4d00-8000-6e6f626f6479"
MARK_TAG: Final = "79755359-7375-4d00-8001-6e6f626f6479"

Properties = dict[str, Variant]


@dataclass(slots=True)
class Characteristic:
    """A value of a peripheral. `flags` as BlueZ names them: read, write, notify, indicate.

    `on_write` is called with what was written, `on_subscribed` and `on_confirmed` (of an
    indication) with nothing, each after BlueZ has its answer.
    """

    uuid: str
    flags: Sequence[str]
    value: bytes = b""
    path: str = ""
    written: list[bytes] = field(default_factory=list)
    on_write: Callable[[bytes], None] | None = None
    on_subscribed: Callable[[], None] | None = None
    on_confirmed: Callable[[], None] | None = None
    subscribed: asyncio.Event = field(default_factory=asyncio.Event)
    confirmed: int = 0


@dataclass(frozen=True, slots=True)
class GattService:
    """A primary service of a peripheral. An advertisement of 31 bytes names the chief ones only."""

    uuid: str
    characteristics: Sequence[Characteristic]
    is_advertised: bool = True


class BluezPeripheral:
    """One simulated device on one adapter. Use as `async with`.

    Raises DBusError or OSError when the adapter does not take it.
    """

    def __init__(
        self,
        adapter: str,
        name: str,
        *,
        service_data: Mapping[str, bytes] | None = None,
        services: Sequence[GattService] = (),
        key: bytes | None = None,
    ) -> None:
        self._key = key
        self._tag = Characteristic(MARK_TAG, ["read"], value=bytes(TAG_BYTES))
        self._adapter_path = f"/org/bluez/{adapter}"
        self._root = f"/cn/yuyue/sim/{adapter}"
        # The mark first: who has found any of the services has found it.
        self._services = [GattService(MARK_SERVICE, [self._tag]), *services] if services else ()
        self._advertisement: Properties = {
            "Type": Variant("s", "peripheral"),
            "LocalName": Variant("s", name),
            "ServiceUUIDs": Variant("as", [one.uuid for one in services if one.is_advertised]),
            "ServiceData": _service_data(service_data or {}),
            "Discoverable": Variant("b", True),
        }
        self._characteristics: dict[str, Characteristic] = {}
        self._objects = self._gatt_objects()
        self._bus: MessageBus | None = None
        self._peer = ""  # object path of who is connected, once it has read or written

    async def __aenter__(self) -> Self:
        self._bus = bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        bus.add_message_handler(self._answer)
        try:
            if self._services:
                if self._key is not None:
                    self._tag.value = connection_tag(self._key, await self.address())
                await self._manager("GattManager1", "RegisterApplication", self._root)
            path = f"{self._root}/advertisement"
            await self._manager("LEAdvertisingManager1", "RegisterAdvertisement", path)
        except BaseException:
            bus.disconnect()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # BlueZ drops what belonged to a connection that ended, as when a device loses its power.
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    def advertise(self, service_data: Mapping[str, bytes]) -> None:
        """From now on advertise this."""
        self._advertisement["ServiceData"] = _service_data(service_data)
        self._changed(f"{self._root}/advertisement", _ADVERTISEMENT, "ServiceData")

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        """Notify or indicate a value; who has not subscribed does not get it."""
        characteristic.value = value
        if characteristic.subscribed.is_set():
            self._objects[characteristic.path][_CHARACTERISTIC]["Value"] = Variant("ay", value)
            self._changed(characteristic.path, _CHARACTERISTIC, "Value")

    def hang_up(self) -> None:
        """End the connection of whoever has read or written here."""
        peer, self._peer = self._peer, ""
        if self._bus is not None and peer:
            self._bus.send(
                Message(
                    destination=_BLUEZ,
                    path=peer,
                    interface=_DEVICE,
                    member="Disconnect",
                    flags=MessageFlag.NO_REPLY_EXPECTED,
                )
            )

    def _gatt_objects(self) -> dict[str, dict[str, Properties]]:
        """Object path -> interface -> properties, as ObjectManager gives them."""
        objects: dict[str, dict[str, Properties]] = {}
        for number, service in enumerate(self._services):
            service_path = f"{self._root}/service{number:02d}"
            objects[service_path] = {
                _SERVICE: {
                    "UUID": Variant("s", service.uuid),
                    "Primary": Variant("b", True),
                }
            }
            for index, characteristic in enumerate(service.characteristics):
                characteristic.path = f"{service_path}/char{index:02d}"
                self._characteristics[characteristic.path] = characteristic
                objects[characteristic.path] = {
                    _CHARACTERISTIC: {
                        "UUID": Variant("s", characteristic.uuid),
                        "Service": Variant("o", service_path),
                        "Flags": Variant("as", list(characteristic.flags)),
                        "Value": Variant("ay", characteristic.value),
                    }
                }
        return objects

    async def address(self) -> str:
        """Of its adapter: how a gateway will know it. Raises DBusError or OSError."""
        assert self._bus is not None  # noqa: S101  # only called while connected
        call = Message(
            destination=_BLUEZ, path=self._adapter_path, interface=_PROPERTIES, member="Get",
            signature="ss", body=[_ADAPTER, "Address"],
        )  # fmt: skip
        async with asyncio.timeout(_CALL_TIMEOUT_S):
            reply = await self._bus.call(call)
        if reply.message_type is MessageType.ERROR:
            raise DBusError(reply.error_name or "org.bluez.Error.Failed", self._adapter_path)
        return str(reply.body[0].value)

    async def _manager(self, interface: str, member: str, path: str) -> None:
        """Raises DBusError when BlueZ refuses."""
        assert self._bus is not None  # noqa: S101  # only called while connected
        call = Message(
            destination=_BLUEZ,
            path=self._adapter_path,
            interface=f"org.bluez.{interface}",
            member=member,
            signature="oa{sv}",
            body=[path, {}],
        )
        async with asyncio.timeout(_CALL_TIMEOUT_S):
            reply = await self._bus.call(call)
        if reply.message_type is MessageType.ERROR:
            raise DBusError(
                reply.error_name or "org.bluez.Error.Failed",
                str(reply.body[0]) if reply.body else member,
            )

    # -- what BlueZ asks ---------------------------------------------------------------------

    def _answer(self, message: Message) -> Message | bool:
        """The reply to a call on one of our objects; False for everything else."""
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        if not (message.path or "").startswith(self._root):
            return False
        key = (message.interface, message.member)
        if key == (_OBJECTS, "GetManagedObjects"):
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects])
        if key == (_PROPERTIES, "GetAll"):
            return Message.new_method_return(message, "a{sv}", [self._properties(message)])
        if key == (_ADVERTISEMENT, "Release"):
            return Message.new_method_return(message)
        characteristic = self._characteristics.get(message.path or "")
        if message.interface == _CHARACTERISTIC and characteristic is not None:
            return self._characteristic_call(message, characteristic)
        return False

    def _characteristic_call(
        self, message: Message, characteristic: Characteristic
    ) -> Message | bool:
        match message.member:
            case "ReadValue":
                self._met(message)
                return Message.new_method_return(message, "ay", [characteristic.value])
            case "WriteValue":
                self._met(message)
                value = bytes(message.body[0])
                characteristic.written.append(value)
                if characteristic.on_write is not None:
                    asyncio.get_running_loop().call_soon(characteristic.on_write, value)
            case "StartNotify":
                characteristic.subscribed.set()
                _soon(characteristic.on_subscribed)
            case "StopNotify":
                characteristic.subscribed.clear()
            case "Confirm":
                characteristic.confirmed += 1
                _soon(characteristic.on_confirmed)
            case _:
                return False
        return Message.new_method_return(message)

    def _met(self, message: Message) -> None:
        device = message.body[-1].get("device")
        if device is not None:
            self._peer = str(device.value)

    def _properties(self, message: Message) -> Properties:
        path, interface = message.path or "", str(message.body[0])
        if interface == _ADVERTISEMENT:
            return self._advertisement
        return self._objects.get(path, {}).get(interface, {})

    def _changed(self, path: str, interface: str, name: str) -> None:
        if self._bus is None:
            raise OSError("the peripheral is not on the bus")
        table: dict[str, Any] = (
            self._advertisement if interface == _ADVERTISEMENT else self._objects[path][interface]
        )
        self._bus.send(
            Message.new_signal(
                path,
                _PROPERTIES,
                "PropertiesChanged",
                "sa{sv}as",
                [interface, {name: table[name]}, []],
            )
        )


def _soon(call: Callable[[], None] | None) -> None:
    if call is not None:
        asyncio.get_running_loop().call_soon(call)


def _service_data(data: Mapping[str, bytes]) -> Variant:
    return Variant("a{sv}", {uuid: Variant("ay", body) for uuid, body in data.items()})
