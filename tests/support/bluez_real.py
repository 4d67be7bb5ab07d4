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
_CONTROLLERS: Final = ("/usr/bin/btvirt", f"-l{_ADAPTERS}")
_KERNEL: Final = Path("/sys/class/bluetooth")
_MEMORY: Final = Path("/var/lib/bluetooth")
_LOG: Final = Path("/run/bluetoothd.log")


class RealBluez:
    """As BluezBus. Each has controllers and a daemon of its own that remember nobody.

    One that lived on would tell of the last test's advertisement as of the next test's device,
    since both have the address of their adapter.
    """

    address = "unix:path=/run/dbus/system_bus_socket"

    def __init__(self, directory: Path) -> None:
        del directory
        assert _GUEST.exists(), "only in the guest of tests/bluetooth_vm"
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        shutil.rmtree(_MEMORY, ignore_errors=True)
        wait_until(lambda: not _controllers(), "the last test's controllers are gone", 20)
        self._start(_CONTROLLERS)
        wait_until(lambda: len(_controllers()) == _ADAPTERS, "the kernel has its controllers", 20)
        self._start(_DAEMON)
        for number in range(_ADAPTERS):
            wait_until(partial(_is_powered, number), f"hci{number} has power", 20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._started):
            process.terminate()
            process.wait(20)

    def _start(self, command: tuple[str, ...]) -> None:
        with _LOG.open("ab") as log:
            self._started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))

    def address_of(self, number: int) -> str:
        """The controller's own address."""
        told = _busctl("get-property", number, "Address")
        assert told.returncode == 0, told.stderr
        return told.stdout.split('"')[1]

    async def add_adapter(self, number: int) -> str:
        """It is there."""
        return f"hci{number}"


def _controllers() -> list[str]:
    return [one.name for one in _KERNEL.glob("hci*") if ":" not in one.name]


def _is_powered(number: int) -> bool:
    return _busctl("set-property", number, "Powered", "b", "true").returncode == 0


def _busctl(what: str, number: int, *more: str) -> subprocess.CompletedProcess[str]:
    adapter = ("org.bluez", f"/org/bluez/hci{number}", "org.bluez.Adapter1")
    return subprocess.run(
        ["busctl", "--system", what, *adapter, *more], check=False, capture_output=True, text=True
    )
