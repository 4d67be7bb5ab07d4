"""A real bluetoothd over virtual controllers: only in the guest of tests/bluetooth_vm."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.support.processes import wait_until

IS_REAL: Final = os.environ.get("YUYUE_TEST_BLUEZ") == "real"
# Made by tests/bluetooth_vm/guest: nobody's own radio is touched.
_GUEST: Final = Path("/run/yuyue-bluetooth-guest")
_ADAPTERS: Final = 5
# Without LE Audio, whose plugins of 5.66 end the daemon when a device disconnects.
_DAEMON: Final = (
    "/usr/libexec/bluetooth/bluetoothd", "-n", "-E", "-P", "bap,vcp,micp,mcp,csip,bass",
)  # fmt: skip
_MEMORY: Final = Path("/var/lib/bluetooth")
_LOG: Final = Path("/run/bluetoothd.log")


class RealBluez:
    """As BluezBus. Each has a daemon of its own that remembers nobody.

    One that lived on would tell of the last test's advertisement as of the next test's device,
    since both have the address of their adapter.
    """

    address = "unix:path=/run/dbus/system_bus_socket"

    def __init__(self, directory: Path) -> None:
        del directory
        assert _GUEST.exists(), "only in the guest of tests/bluetooth_vm"
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        shutil.rmtree(_MEMORY, ignore_errors=True)
        with _LOG.open("ab") as log:
            self._daemon = subprocess.Popen(_DAEMON, stdout=log, stderr=subprocess.STDOUT)
        for number in range(_ADAPTERS):
            wait_until(partial(_is_powered, number), f"hci{number} has power", 20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._daemon is not None
        self._daemon.terminate()
        self._daemon.wait(20)

    def address_of(self, number: int) -> str:
        """The controller's own address."""
        told = _busctl("get-property", number, "Address")
        assert told.returncode == 0, told.stderr
        return told.stdout.split('"')[1]

    async def add_adapter(self, number: int) -> str:
        """It is there."""
        return f"hci{number}"


def _is_powered(number: int) -> bool:
    return _busctl("set-property", number, "Powered", "b", "true").returncode == 0


def _busctl(what: str, number: int, *more: str) -> subprocess.CompletedProcess[str]:
    adapter = ("org.bluez", f"/org/bluez/hci{number}", "org.bluez.Adapter1")
    return subprocess.run(
        ["busctl", "--system", what, *adapter, *more], check=False, capture_output=True, text=True
    )
