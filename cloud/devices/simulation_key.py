"""The key of an institution's simulators: they tag their messages with it (`edge.marks`)."""

from __future__ import annotations

import secrets
from datetime import datetime

from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.devices.enrolment import ring
from cloud.devices.gateways import registry_state
from cloud.devices.models import RegistryState
from edge.simulated import KEY_BYTES


def simulation_key_context(state: RegistryState) -> str:
    """What binds the sealed key to its institution."""
    return f"registry_state.simulation_key:{state.institution_id}"


async def simulation_key(scope: TenantScope, keyring: Keyring, now: datetime) -> str:
    """In hexadecimal; made at the first asking, and then the gateways are told.

    Raises BadCiphertextError.
    """
    state = await registry_state(scope, now)
    if state.simulation_key_sealed is None:
        key = secrets.token_hex(KEY_BYTES)
        state.simulation_key_sealed = keyring.encrypt(key, simulation_key_context(state))
        state.version += 1
        await ring(scope)
        return key
    return keyring.decrypt(state.simulation_key_sealed, simulation_key_context(state))
