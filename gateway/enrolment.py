"""Becoming a gateway: the code for an identity, settings and the registry, all on disk."""

from __future__ import annotations

import platform
from pathlib import Path

from edge.gateway_wire import EnrolRequest
from gateway.cloud_client import CONTROL_TIMEOUT_S, CloudClient
from gateway.identity import CloudSettings, Identity, save_cloud_settings, save_identity
from gateway.registry import Registry
from gateway.version import software_version


async def enrol(cloud_url: str, code: str, data_dir: Path, ca_file: Path | None) -> Identity:
    """Ask, and keep what was told. Raises CallError, OSError.

    The code is used up once the cloud has answered, so the identity is written first.
    """
    stranger = CloudClient(cloud_url, None, CONTROL_TIMEOUT_S, ca_file)
    try:
        told = await stranger.enrol(EnrolRequest(code, software_version(), platform.node()))
    finally:
        await stranger.close()
    identity = Identity(
        cloud_url=cloud_url,
        gateway_id=told.gateway_id,
        name=told.name,
        institution_name=told.institution_name,
        token=told.token,
        cloud_ca_file=None if ca_file is None else str(ca_file),
    )
    save_identity(data_dir, identity)
    save_cloud_settings(data_dir, CloudSettings(told.settings_version, told.settings))
    client = CloudClient(cloud_url, told.token, CONTROL_TIMEOUT_S, ca_file)
    try:
        document = await client.registry(0)
    finally:
        await client.close()
    if document is not None:
        Registry(data_dir / "registry.json").save(document)
    return identity
