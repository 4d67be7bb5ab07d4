"""Whose device it is now: the cloud's registry, kept on disk so that a start needs no cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from edge.marks import KeyTextError, key_from_text
from edge.subject import Subject
from edge.wire import RegisteredDevice, RegistryDocument
from gateway.private_file import write_private

_DECODER: Final = msgspec.json.Decoder(RegistryDocument)


class RegistryError(ValueError):
    """A registry that cannot be read; the message says which and why."""


def decode_registry(document: bytes) -> RegistryDocument:
    """From JSON. Raises RegistryError naming the field."""
    try:
        decoded = _DECODER.decode(document)
        key_from_text(decoded.simulation_key)
    except KeyTextError as error:
        raise RegistryError(f"simulation_key: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegistryError(f"not a registry document: {error}") from error
    return decoded


class Registry:
    """The present registry. `document` is None until there was one, on disk or from the cloud."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.document: RegistryDocument | None = None
        self._assigned: dict[str, RegisteredDevice] = {}
        self._allowed: dict[str, frozenset[str]] = {}
        self._simulation_key: bytes | None = None

    def load(self) -> None:
        """From disk, if it was ever saved. Raises RegistryError."""
        try:
            document = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            self._take(decode_registry(document))
        except RegistryError as error:
            raise RegistryError(f"{self._path}: {error}") from error

    def save(self, document: RegistryDocument) -> None:
        """Take it over; on disk first, whole or not at all."""
        # Names of elders and keys of radios: nobody else's to read.
        write_private(self._path, msgspec.json.encode(document))
        self._take(document)

    @property
    def version(self) -> int:
        """0 until there was a registry."""
        return self.document.version if self.document else 0

    @property
    def gateway_id(self) -> str | None:
        """Our own; None until there was a registry."""
        return self.document.gateway_id if self.document else None

    def assigned(self) -> dict[str, RegisteredDevice]:
        """The devices that belong to somebody or somewhere, by id."""
        return dict(self._assigned)

    def allowed_kinds(self, device_id: str) -> frozenset[str] | None:
        """What the person behind a device agreed to; None: no person is meant."""
        return self._allowed.get(device_id)

    def device(self, device_id: str) -> RegisteredDevice | None:
        """An assigned device; None for a stranger's, and for one that lies in a drawer."""
        return self._assigned.get(device_id)

    def subjects(self) -> list[Subject]:
        """Whom this gateway watches over."""
        return self.document.subjects if self.document else []

    @property
    def simulation_key(self) -> bytes | None:
        """What proves a simulator's tag; None where none was told: then marks are taken as said."""
        return self._simulation_key

    def _take(self, document: RegistryDocument) -> None:
        self._simulation_key = key_from_text(document.simulation_key)
        self.document = document
        self._assigned = {
            device.device_id: device
            for device in document.devices
            if device.elder_id is not None or device.place is not None
        }
        self._allowed = {
            device.device_id: frozenset(device.allowed_kinds)
            for device in self._assigned.values()
            if device.allowed_kinds is not None
        }
