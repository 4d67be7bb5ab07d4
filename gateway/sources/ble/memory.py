"""What the source must not forget in a restart: counters against replays, boots, record numbers."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import msgspec
import structlog

from gateway.ble.seal import ReplayCounters

log = structlog.get_logger(__name__)

_NS_PER_S = 1_000_000_000


class _State(msgspec.Struct):
    counters: dict[str, int] = {}
    boots: dict[str, int] = {}
    records: dict[str, int] = {}


class BleMemory:
    """One small file, written whole. A file that cannot be read is told of and begun anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        state = _State()
        try:
            state = msgspec.json.decode(path.read_bytes(), type=_State)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.DecodeError) as error:
            log.warning("ble_memory_unreadable", why=str(error))
        self.counters = ReplayCounters(state.counters)
        self._boots = state.boots
        self.records = state.records
        # Housekeeping and a new connection may both save.
        self._saving = threading.Lock()

    def next_boot(self, device_id: str, now_ns: int) -> int:
        """The number of a new connection: above all before it, even if the file was lost."""
        boot_id = max(self._boots.get(device_id, 0) + 1, now_ns // _NS_PER_S)
        self._boots[device_id] = boot_id
        return boot_id

    def save(self) -> None:
        """Raises OSError; the file is then as before."""
        state = _State(self.counters.snapshot(), dict(self._boots), dict(self.records))
        temporary = self._path.with_name(self._path.name + ".new")
        with self._saving:
            with temporary.open("wb") as file:
                file.write(msgspec.json.encode(state))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
