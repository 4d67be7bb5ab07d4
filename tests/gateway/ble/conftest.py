"""A gateway with a radio: on a bus of its own, or on a real one in the guest of bluetooth_vm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.ble.radio import Radio
from tests.gateway.conftest import World
from tests.support.bluez_bus import ADDRESS_VARIABLE, BluezBus
from tests.support.bluez_real import IS_REAL, RealBluez


@pytest.fixture
def radio(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Radio]:
    directory = tmp_path / "bus"
    directory.mkdir()
    with RealBluez(directory) if IS_REAL else BluezBus(directory) as bus:
        # For the simulated devices in this process, and for the gateway's own.
        monkeypatch.setenv(ADDRESS_VARIABLE, bus.address)
        world.gateway._environment |= {
            ADDRESS_VARIABLE: os.environ[ADDRESS_VARIABLE],
            "YUYUE_GATEWAY_BLE_ADAPTERS": "hci0",
        }
        yield Radio(world, bus)
