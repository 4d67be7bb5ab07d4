"""What the cloud wants of this gateway: fetched by a question that waits, kept on disk, applied."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from edge.gateway_wire import GatewayConfig, SettingValue
from gateway.cloud_client import CallError, CloudClient
from gateway.identity import (
    CloudSettings,
    IdentityError,
    load_cloud_settings,
    load_identity,
    save_cloud_settings,
    save_identity,
)
from gateway.settings import CLOUD_FIELDS, SettingsError, token_is_given
from gateway.uplink import ASK_AGAIN_S, Backoff, CloudState

log = structlog.get_logger(__name__)

Apply = Callable[[Mapping[str, SettingValue]], Awaitable[None]]


class ConfigSync:
    """Settings and token as the cloud wants them. `run` lasts for ever.

    `version` is what is applied; `error` why the newest could not be, for the heartbeat.
    """

    def __init__(
        self, data_dir: Path, client: CloudClient, state: CloudState, apply: Apply
    ) -> None:
        self._data_dir = data_dir
        self._client = client
        self._state = state
        self._apply = apply
        self._refused_version: int | None = None
        self.error: str | None = None
        try:
            self.version = load_cloud_settings(data_dir).version
        except IdentityError as error:
            self.version, self.error = 0, str(error)

    async def run(
        self,
        registry_version: Callable[[], int],
        want_registry: Callable[[], None],
        use_token: Callable[[str], None],
        tell: Callable[[], None],
    ) -> None:
        """Ask, wait, apply. `tell`: something changed that the heartbeat should say."""
        backoff = Backoff()
        while True:
            have = self.version if self._refused_version is None else self._refused_version
            try:
                config = await self._client.config(have, registry_version())
                if config.rotate_token:
                    await self._rotate(use_token)
            except CallError as error:
                self._state.failed("config", error)
                await asyncio.sleep(max(ASK_AGAIN_S, backoff.after(error)))
                continue
            self._state.worked("config")
            backoff.reset()
            if config.settings_version != have:
                await self._take(config)
                tell()
            if config.registry_version != registry_version():
                want_registry()
                await asyncio.sleep(1.0)  # it is being fetched: do not ask in circles meanwhile

    async def _take(self, config: GatewayConfig) -> None:
        unknown = sorted(config.settings.keys() - CLOUD_FIELDS)
        if unknown:
            log.warning("settings_unknown", names=unknown)  # a newer cloud; the rest counts
        try:
            await self._apply(config.settings)
            kept = CloudSettings(config.settings_version, dict(config.settings))
            await asyncio.to_thread(save_cloud_settings, self._data_dir, kept)
        except (SettingsError, OSError) as error:
            self._refused_version = config.settings_version
            self.error = str(error)[:500]
            log.warning("settings_refused", version=config.settings_version, why=str(error))
            return
        self._refused_version = None
        self.version, self.error = config.settings_version, None
        log.info("settings_applied", version=config.settings_version)

    async def _rotate(self, use_token: Callable[[str], None]) -> None:
        """A new token: on disk before it is used. Raises CallError."""
        identity = load_identity(self._data_dir)
        if identity is None or token_is_given():
            self.error = "the token is set by the environment; it cannot be renewed from here"
            raise CallError("token_given", self.error, is_slow=True)
        token = await self._client.new_token()
        try:
            await asyncio.to_thread(
                save_identity,
                self._data_dir,
                replace(identity, token=token),
            )
        except OSError as error:
            raise CallError("disk", str(error)) from error
        use_token(token)
        log.info("token_renewed")
