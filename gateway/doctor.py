"""`yuyue gateway doctor`: everything the gateway needs, looked at one by one, with what to do.

Works beside a running gateway and without one; changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import aiomqtt
import httpx

from gateway.clock import CLOCK_TOLERANCE_S, SystemClock
from gateway.local_alarm.pin import pin_path
from gateway.local_alarm.service import bell_address
from gateway.machine import disk_free_bytes, is_running, load_health
from gateway.outbox.room import MIB
from gateway.registry import Registry, RegistryError
from gateway.settings import Settings, SettingsError, load_settings

_TIMEOUT_S: Final = 5.0
_STALE_S: Final = 20.0
_LOW_DISK_FACTOR: Final = 2
_CERT_WARN_DAYS: Final = 21


class Level(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    level: Level
    found: str
    what_to_do: str = ""


def _ok(name: str, found: str) -> Check:
    return Check(name, Level.OK, found)


def _warn(name: str, found: str, what_to_do: str) -> Check:
    return Check(name, Level.WARN, found, what_to_do)


def _fail(name: str, found: str, what_to_do: str) -> Check:
    return Check(name, Level.FAIL, found, what_to_do)


async def examine() -> list[Check]:
    """All checks, in the order in which trouble is looked for."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return [
            _fail(
                "settings", str(error).replace("\n", "; "),
                "enrol: yuyue gateway enroll --cloud https://... --code ...",
            )
        ]  # fmt: skip
    health = load_health(settings.data_dir)
    looks: list[Callable[[], Awaitable[list[Check]] | list[Check]]] = [
        lambda: _process(health),
        lambda: _files(settings),
        lambda: _disk(settings, health),
        lambda: _cloud(settings),
        lambda: _broker(settings),
        lambda: _adapters(settings),
        lambda: _registry(settings),
        lambda: _devices(health),
        lambda: _local(settings, health),
        lambda: _power(health),
    ]
    checks = [_ok("settings", f"data in {settings.data_dir}, cloud {settings.cloud_url}")]
    for look in looks:
        found = look()
        checks += found if isinstance(found, list) else await found
    return checks


def _process(health: dict[str, Any] | None) -> list[Check]:
    start = "start it: systemctl start yuyue-gateway, or yuyue gateway run"
    if health is None:
        return [_fail("process", "no gateway has run with this data directory", start)]
    age_s = (SystemClock().now_ns() - int(health.get("at_ns", 0))) / 1e9
    if not is_running(health):
        return [_fail("process", f"not running; last sign of life {age_s:.0f} s ago", start)]
    if abs(age_s) > _STALE_S:
        return [_warn("process", f"runs, but wrote nothing for {age_s:.0f} s", "see its log")]
    down = [name for name, up in health.get("sources", {}).items() if not up]
    if down:
        return [
            _fail("process", f"runs; sources down: {', '.join(down)}", "see below, and its log")
        ]
    return [_ok("process", f"runs, version {health.get('software_version')}")]


def _files(settings: Settings) -> list[Check]:
    directory = settings.data_dir
    if not directory.is_dir():
        return [_fail("permissions", f"{directory} is not there", "enrol, or name it by DATA_DIR")]
    if not os.access(directory, os.W_OK):
        return [
            _fail(
                "permissions", f"{directory} cannot be written",
                f"chown it to the user that runs the gateway (now: uid {os.getuid()})",
            )
        ]  # fmt: skip
    open_files = [
        path.name
        for path in directory.glob("*.json")
        if path.name in _SECRETS and path.stat().st_mode & 0o077
    ]
    if open_files:
        names = ", ".join(open_files)
        return [_fail("permissions", f"others can read {names}", f"chmod 600 in {directory}")]
    return [_ok("permissions", f"{directory} is ours")]


_SECRETS: Final = frozenset({"identity.json", "settings.json", "registry.json", "local_pin.json"})


def _disk(settings: Settings, health: dict[str, Any] | None) -> list[Check]:
    free = disk_free_bytes(settings.data_dir)
    if free is None:
        return [_warn("disk", "cannot be asked", "is the directory there?")]
    text = f"{free / MIB:,.0f} MiB free"
    if health is not None and not health.get("has_reserve", True):
        return [_fail("disk", f"{text}; the reserve is used up", "make room on this disk")]
    if free < settings.disk_reserve_mib * MIB * _LOW_DISK_FACTOR:
        return [_fail("disk", text, "make room on this disk")]
    if free < settings.disk_budget_mib * MIB:
        used = int((health or {}).get("outbox_bytes") or 0)
        if free + used < settings.disk_budget_mib * MIB:
            advice = "make room, or lower YUYUE_GATEWAY_DISK_BUDGET_MIB"
            return [_warn("disk", f"{text}, less than the budget of the outbox", advice)]
    return [_ok("disk", text)]


async def _cloud(settings: Settings) -> list[Check]:
    """Reachable, TLS, who we are, clock."""
    checks: list[Check] = []
    if not settings.cloud_url.startswith("https://"):
        host = httpx.URL(settings.cloud_url).host
        if host not in {"127.0.0.1", "localhost", "::1", "cloud"}:
            checks.append(
                _warn("TLS", f"{settings.cloud_url} is not encrypted", "put a TLS proxy before it")
            )
    else:
        checks.append(await _certificate(settings))
    verify: ssl.SSLContext | bool = True
    if settings.cloud_ca_file is not None:
        verify = ssl.create_default_context(cafile=str(settings.cloud_ca_file))
    token = settings.token.get_secret_value()
    try:
        async with httpx.AsyncClient(
            base_url=settings.cloud_url, verify=verify, timeout=_TIMEOUT_S, trust_env=False
        ) as client:
            began = datetime.now(UTC)
            answer = await client.get(
                "/api/v1/gateway/config", headers={"Authorization": f"Bearer {token}"}
            )
            ended = datetime.now(UTC)
    except (httpx.HTTPError, OSError, ssl.SSLError) as error:
        advice = "is the address right, the network up, a firewall in between?"
        return [*checks, _fail("cloud", f"{type(error).__name__}: {error}", advice)]
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        advice = "the token is revoked or wrong: make a code and enrol again"
        return [*checks, _fail("cloud", "answers, but does not know this gateway", advice)]
    if answer.status_code != httpx.codes.OK:
        checks.append(_warn("cloud", f"answers {answer.status_code}", "see the cloud's log"))
    else:
        took_ms = (ended - began).total_seconds() * 1000
        checks.append(_ok("cloud", f"knows us, answers in {took_ms:.0f} ms"))
    return [*checks, _clock(answer, began + (ended - began) / 2)]


def _clock(answer: httpx.Response, now: datetime) -> Check:
    """By the answer's Date: good to a second."""
    try:
        there = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return _warn("clock", "the cloud does not say its time", "")
    offset_s = (now - there).total_seconds() - 0.5
    if abs(offset_s) > CLOCK_TOLERANCE_S + 1:
        advice = "the gateway puts it right for itself; let the machine ask NTP (timedatectl)"
        return _warn("clock", f"{offset_s:+.0f} s from the cloud's", advice)
    return _ok("clock", "within a second or two of the cloud's")


async def _certificate(settings: Settings) -> Check:
    url = httpx.URL(settings.cloud_url)
    context = ssl.create_default_context(
        cafile=None if settings.cloud_ca_file is None else str(settings.cloud_ca_file)
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(
                url.host, url.port or 443, ssl=context, server_hostname=url.host
            )
    except ssl.SSLError as error:
        advice = "a private authority? name it: YUYUE_GATEWAY_CLOUD_CA_FILE; is the clock right?"
        return _fail("TLS", str(error), advice)
    except (OSError, TimeoutError) as error:
        return _warn("TLS", f"no connection: {error}", "see cloud")
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    until_s = ssl.cert_time_to_seconds(certificate.get("notAfter", "Jan 1 00:00:00 2100 GMT"))
    left_days = (until_s - SystemClock().now_ns() / 1e9) / 86_400
    if left_days < _CERT_WARN_DAYS:
        return _warn("TLS", f"the cloud's certificate ends in {left_days:.0f} days", "renew it")
    return _ok("TLS", f"certificate good for {left_days:.0f} days")


async def _broker(settings: Settings) -> list[Check]:
    address = bell_address(settings)
    where = f"{address.host}:{address.port}"
    context = ssl.create_default_context(cafile=address.ca_file) if address.ca_file else None
    try:
        # A name of our own: the gateway's session must not be taken over.
        async with aiomqtt.Client(
            hostname=address.host,
            port=address.port,
            identifier=f"{address.client_id}-doctor-{os.getpid()}",
            username=address.username,
            password=address.password,
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=_TIMEOUT_S,
            tls_context=context,
        ):
            pass
    except (aiomqtt.MqttError, OSError, ssl.SSLError) as error:
        text = str(error)
        if "authori" in text.lower():
            return [_fail("broker", f"{where}: {text}", "user name or password at the broker")]
        return [_fail("broker", f"{where}: {text}", "is mosquitto running, the address right?")]
    if address.username is None:
        return [_warn("broker", f"{where} lets anybody in", "set passwords (docs/gateway.md)")]
    return [_ok("broker", f"{where} takes us")]


def _adapters(settings: Settings) -> list[Check]:
    names = settings.ble_adapter_names
    there = sorted(path.name for path in Path("/sys/class/bluetooth").glob("hci*[0-9]"))
    if not names:
        if there:
            advice = f"to use it: YUYUE_GATEWAY_BLE_ADAPTERS={there[0]}, or in the cloud"
            return [_ok("Bluetooth", f"not used; there is {', '.join(there)} ({advice})")]
        return [_ok("Bluetooth", "not used")]
    if platform.system() != "Linux":
        return [_fail("Bluetooth", "works on Linux only", "leave the adapters out")]
    checks = []
    bus = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket")
    path = bus.partition("path=")[2].partition(",")[0]
    if path and not _can_connect(path):
        advice = "is dbus running, and may this user speak to it?"
        checks.append(_fail("Bluetooth", f"the system bus {path} does not take us", advice))
    for name in names:
        if name in there:
            checks.append(_ok("Bluetooth", f"{name} is there"))
        elif there:
            checks.append(
                _fail("Bluetooth", f"no {name}; there is {', '.join(there)}", "rename it")
            )
        else:
            advice = "plugged in? rfkill list; in a container: share the bus and the device"
            checks.append(_warn("Bluetooth", f"the kernel shows no {name}", advice))
    return checks


def _can_connect(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT_S)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _registry(settings: Settings) -> list[Check]:
    registry = Registry(settings.registry_path)
    try:
        registry.load()
    except RegistryError as error:
        return [_fail("registry", str(error), "delete it; the cloud gives a new one")]
    if registry.document is None:
        return [_fail("registry", "none yet", "it comes with the first contact to the cloud")]
    n = len(registry.assigned())
    text = f"version {registry.version}, {n} devices assigned"
    return [_ok("registry", text)] if n else [
        _warn("registry", text, "assign devices to elders or places in the cloud")
    ]  # fmt: skip


def _devices(health: dict[str, Any] | None) -> list[Check]:
    if health is None or not is_running(health):
        return [_warn("devices", "unknown: the gateway does not run", "")]
    heard, assigned = health.get("devices_heard") or 0, health.get("devices_assigned") or 0
    text = f"{heard} of {assigned} heard in the last minute"
    if assigned and not heard:
        return [_fail("devices", text, "are they on, in reach, at this broker or adapter?")]
    if heard < assigned:
        return [_warn("devices", text, "slow ones are quiet for minutes; see the device list")]
    return [_ok("devices", text)]


def _local(settings: Settings, health: dict[str, Any] | None) -> list[Check]:
    if not settings.local_alarm:
        return [_warn("local alarm", "switched off", "then nobody is told while the cloud is away")]
    if settings.local_alarm_pin is None and not pin_path(settings.data_dir).exists():
        return [_warn("local alarm", "no PIN, no page", "yuyue gateway local-pin, then restart")]
    if health is not None and is_running(health) and health.get("local_alarm") == "no_page":
        advice = f"is port {settings.local_alarm_port} taken? see the log"
        return [_fail("local alarm", "the page is not served", advice)]
    scheme = "http" if settings.local_alarm_cert_file is None else "https"
    return [_ok("local alarm", f"{scheme}://{platform.node()}:{settings.local_alarm_port}/")]


def _power(health: dict[str, Any] | None) -> list[Check]:
    if health is None or health.get("mains") is None:
        return [_ok("power", "no battery to watch: with the mains the gateway goes")]
    if not health["mains"]:
        return [_fail("power", f"on battery, {health.get('battery_percent')} %", "mains!")]
    return [_ok("power", f"mains; battery {health.get('battery_percent')} %")]
