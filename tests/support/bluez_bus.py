"""A message bus of its own with a simulated org.bluez on it: no radio, no system bus.

bluezoo runs as a process that is only talked to over D-Bus.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

ADDRESS_VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:dir={directory}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class BluezBus:
    """The bus, the stack on it, and its adapters. `address` is for DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self, directory: Path, *, scan_interval_s: int = 1) -> None:
        self._directory = directory
        self._scan_interval_s = scan_interval_s
        self.address = ""
        self._bus: subprocess.Popen[bytes] | None = None
        self._stack: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        daemon = shutil.which("dbus-daemon")
        if daemon is None:
            pytest.skip("needs dbus-daemon (tests/support/system_packages.sh)")
        config = self._directory / "bus.conf"
        config.write_text(_CONFIG.format(directory=self._directory))
        self._bus = subprocess.Popen(
            [daemon, f"--config-file={config}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._bus.stdout is not None
        self.address = self._bus.stdout.readline().decode().strip()
        assert self.address, "dbus-daemon did not start"
        self.start_stack()
        return self

    def start_stack(self) -> None:
        """bluetoothd's place is taken by bluezoo."""
        with (self._directory / "bluezoo.log").open("ab") as log:
            self._stack = subprocess.Popen(
                [
                    sys.executable, "-c", "from bluezoo.bluezoo import main; main()",
                    "--auto-enable", "--scan-interval", str(self._scan_interval_s),
                ],
                env={ADDRESS_VARIABLE: self.address, "PATH": ""},
                stdout=log,
                stderr=log,
            )  # fmt: skip

    def stop_stack(self) -> None:
        """As when bluetoothd crashes."""
        assert self._stack is not None
        self._stack.kill()
        self._stack.wait(10)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in (self._stack, self._bus):
            if process is not None:
                process.kill()
                process.wait(10)
        if self._bus is not None and self._bus.stdout is not None:
            self._bus.stdout.close()

    def address_of(self, number: int) -> str:
        """The address of an adapter; locally administered, so that it is nobody's."""
        return f"02:00:00:00:00:{number:02X}"

    async def add_adapter(self, number: int) -> str:
        """Its name, such as hci1. Waits until the stack answers."""
        address = self.address_of(number)
        async with asyncio.timeout(15):
            while True:
                if await self._controller("AddAdapter", "ys", [number, address]):
                    return f"hci{number}"
                await asyncio.sleep(0.1)

    async def remove_adapter(self, number: int) -> None:
        """As when it is unplugged."""
        assert await self._controller("RemoveAdapter", "y", [number])

    async def disconnect(self, adapter: str, address: str) -> None:
        """As when a device goes out of range."""
        path = f"/org/bluez/{adapter}/dev_{address.replace(':', '_')}"
        assert await self._call(path, "org.bluez.Device1", "Disconnect", "", [])

    async def _controller(self, member: str, signature: str, body: list[object]) -> bool:
        return await self._call("/org/bluezoo", "org.bluezoo.Manager1", member, signature, body)

    async def _call(
        self, path: str, interface: str, member: str, signature: str, body: list[object]
    ) -> bool:
        bus = await MessageBus(bus_address=self.address, bus_type=BusType.SYSTEM).connect()
        try:
            reply = await bus.call(
                Message(
                    destination="org.bluez",
                    path=path,
                    interface=interface,
                    member=member,
                    signature=signature,
                    body=body,
                )
            )
        finally:
            bus.disconnect()
        return reply.message_type is not MessageType.ERROR
