"""The sources that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.registry import Registry
from gateway.settings import Settings
from gateway.sources import Source
from gateway.sources.mqtt import MqttAddress, MqttSource
from gateway.sources.mqtt_figures import MqttFigures
from gateway.sources.mqtt_router import MqttTopics, Router
from gateway.sources.strangers import OnStranger


def makers_of(
    settings: Settings,
    registry: Registry,
    clock: Clock,
    metrics: Metrics,
    on_stranger: OnStranger,
) -> dict[str, Callable[[], Source]]:
    """MQTT always, Bluetooth with an adapter in the settings; by name, made when they are needed.

    A source's settings are those whose names begin with its own.
    """
    makers: dict[str, Callable[[], Source]] = {
        "mqtt": lambda: _mqtt_source(settings, registry, clock, metrics, on_stranger)
    }
    if settings.ble_adapter_names:
        makers["ble"] = lambda: _ble_source(settings, registry, clock, metrics, on_stranger)
    return makers


def _mqtt_source(
    settings: Settings,
    registry: Registry,
    clock: Clock,
    metrics: Metrics,
    on_stranger: OnStranger,
) -> MqttSource:
    figures = MqttFigures(metrics.part("mqtt"))
    topics = MqttTopics(settings.zigbee2mqtt_bases, settings.mqtt_discovery)
    password = settings.mqtt_password
    return MqttSource(
        MqttAddress(
            host=settings.mqtt_host,
            port=settings.mqtt_port,
            client_id=settings.mqtt_client_id,
            username=settings.mqtt_username,
            password=password.get_secret_value() if password else None,
            ca_file=settings.mqtt_ca_file,
        ),
        clock,
        Router(topics, registry, figures, on_stranger),
        figures,
        settings.data_dir / "mqtt.json",
    )


def _ble_source(
    settings: Settings,
    registry: Registry,
    clock: Clock,
    metrics: Metrics,
    on_stranger: OnStranger,
) -> Source:
    # Imported only where it is used: bleak and the decoders cost 30 MB, and are for Linux.
    from gateway.sources.ble import BleOptions, BleSource  # noqa: PLC0415

    options = BleOptions(
        adapters=settings.ble_adapter_names,
        is_active=settings.ble_scan == "active",
        slots=settings.ble_slots,
        timezone=ZoneInfo(settings.ble_timezone),
        memory_path=settings.data_dir / "ble.json",
    )
    return BleSource(options, registry, clock, metrics.part("ble"), on_stranger)
