"""Who this gateway is to the cloud, and what the cloud last told it to do: two private files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from edge.gateway_wire import SettingValue
from gateway.private_file import write_private

Kind = TypeVar("Kind")
_IDENTITY: Final = "identity.json"
_SETTINGS: Final = "settings.json"


class IdentityError(ValueError):
    """A file that cannot be read; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What enrolment gave us."""

    cloud_url: str
    gateway_id: str
    name: str
    institution_name: str
    token: str
    cloud_ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """What the cloud wants of us; version 0: it has not said anything yet."""

    version: int = 0
    values: dict[str, SettingValue] = field(default_factory=dict)


def load_identity(data_dir: Path) -> Identity | None:
    """None when this machine was never enrolled. Raises IdentityError."""
    return _load(data_dir / _IDENTITY, Identity)


def save_identity(data_dir: Path, identity: Identity) -> None:
    """Raises OSError."""
    write_private(data_dir / _IDENTITY, msgspec.json.encode(identity))


def load_cloud_settings(data_dir: Path) -> CloudSettings:
    """Raises IdentityError."""
    return _load(data_dir / _SETTINGS, CloudSettings) or CloudSettings()


def save_cloud_settings(data_dir: Path, settings: CloudSettings) -> None:
    """Raises OSError."""
    write_private(data_dir / _SETTINGS, msgspec.json.encode(settings))


def _load(path: Path, kind: type[Kind]) -> Kind | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IdentityError(f"{path} is damaged ({error}); enrol again") from error
