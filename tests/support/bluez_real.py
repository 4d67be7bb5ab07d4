"""The real org.bluez of the machine the tests run on: the guest of tests/bluetooth_vm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

# Set by tests/bluetooth_vm/guest, where the adapters are there already.
IS_REAL = os.environ.get("YUYUE_TEST_BLUEZ") == "real"


class RealBluez:
    """As BluezBus, for adapters that exist."""

    address = "unix:path=/run/dbus/system_bus_socket"

    def __init__(self, directory: Path) -> None:
        del directory

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """bluetoothd stays."""

    def address_of(self, number: int) -> str:
        """The controller's own address."""
        told = subprocess.run(
            [
                "busctl", "--system", "get-property", "org.bluez", f"/org/bluez/hci{number}",
                "org.bluez.Adapter1", "Address",
            ],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return told.stdout.split('"')[1]

    async def add_adapter(self, number: int) -> str:
        """It is there."""
        return f"hci{number}"
