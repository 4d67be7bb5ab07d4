"""The hub at the other end, by its API and a token: made-up people fitted in, alerts asked for.

A token is made by an administrator (docs/operating.md) with the permissions of `PERMISSIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

import httpx

from edge.events import EventKind
from edge.marks import KeyTextError, key_from_text
from edge.signals import NS_PER_S
from firmware_sim.live.shapes import LiveDevice
from firmware_sim.world.world import Resident

PERMISSIONS: Final = (
    "places_read", "places_manage", "records_read", "records_write", "consents_manage",
    "devices_read", "devices_manage", "alerts_read", "coverage_read", "status_read",
)  # fmt: skip
# What the gateway may take of them: nobody is meant, but it asks all the same.
_PURPOSES: Final = ("safety", "vitals", "location")
_TIMEOUT_S: Final = 20.0
_PAGE: Final = 200
_NAME: Final = "仿真"
_KINDS: Final = frozenset(kind.value for kind in EventKind)
# A device's record begins before its first message: clocks differ a little.
_BEFORE: Final = timedelta(minutes=10)


class HubError(RuntimeError):
    """The hub refuses, or cannot be reached; the message says which call."""


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as the scorecard reads it (`Heard` of an offline run has the same fields)."""

    elder: str
    event: ToldEvent


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """What is held against the truth. `decided_ns`: when the hub raised it."""

    kind: EventKind
    decided_ns: int
    time_ns: int
    episode_id: str
    device_id: str


class Hub:
    """Use as `with`. Every method raises HubError."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "X-Yuyue-Request": "1"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def install(
        self, devices: Iterable[LiveDevice], now: datetime,
        progress: Callable[[int], None] | None = None,
        links: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> dict[str, str]:  # fmt: skip
        """A unit, rooms, beds, elders and devices for a world; elder id by the resident's key.

        `links`: how those on the air are reached, by their ids.
        What an earlier run of the same world fitted in is found by its device ids and used again.
        """
        by_resident: dict[str, list[LiveDevice]] = {}
        for device in devices:
            by_resident.setdefault(device.resident.key, []).append(device)
        known = self._assigned()
        units: dict[str, str] = {}
        elders: dict[str, str] = {}
        for done, (key, own) in enumerate(by_resident.items(), start=1):
            elder_id = next((known[d.hub_id] for d in own if known.get(d.hub_id)), None)
            if elder_id is None:
                elder_id = self._move_in(own[0].resident, units, now)
            for device in own:
                if device.hub_id not in known:
                    self._fit(device, elder_id, now)
                if device.hub_id in links:
                    link = dict(links[device.hub_id])
                    self._call("PUT", f"/api/v1/devices/{device.hub_id}/link", link)
            self._plan(own, elder_id)
            elders[key] = elder_id
            if progress is not None:
                progress(done)
        return elders

    def simulation_key(self) -> bytes | None:
        """What the institution's gateways believe a mark by."""
        try:
            return key_from_text(self._call("GET", "/api/v1/simulation-key")["key"])
        except KeyTextError as error:
            raise HubError(f"the hub's simulation key {error}") from None

    def last_data(self, device_id: str) -> str | None:
        """When the hub last took something of a device, if ever."""
        devices = self._call("GET", "/api/v1/status")["devices"]["devices"]
        return next((d["last_data_at"] for d in devices if d["device_id"] == device_id), None)

    def alerts(self, devices: Iterable[LiveDevice], elders: dict[str, str]) -> list[Told]:
        """Alerts of these people and devices, simulated ones only, oldest first."""
        key_of_device = {device.hub_id: device.resident.key for device in devices}
        key_of_elder = {elder_id: key for key, elder_id in elders.items()}
        found: dict[str, Told] = {}
        for view in ("recent", "open"):
            for alert in self._call("GET", f"/api/v1/alerts?view={view}")["alerts"]:
                elder = (alert["elder"] or {}).get("id", "")
                key = key_of_elder.get(elder) or key_of_device.get(alert["device_id"] or "")
                # What the cloud alone raises (a gateway that is away) is no finding of detectors.
                is_finding = alert["code"] in _KINDS and alert["origin"] == "simulated"
                if key is not None and is_finding:
                    found[alert["id"]] = Told(key, _told(alert))
        return sorted(found.values(), key=lambda one: one.event.decided_ns)

    # -- what is fitted in -------------------------------------------------------------------

    def _assigned(self) -> dict[str, str | None]:
        """Elder id by device id, of all devices of the institution."""
        known: dict[str, str | None] = {}
        after = ""
        while True:
            page = self._call("GET", f"/api/v1/devices?limit={_PAGE}{after}")
            known |= {d["device_id"]: d["elder_id"] for d in page["devices"]}
            if page["next"] is None:
                return known
            after = f"&after={page['next']}"

    def _move_in(self, resident: Resident, units: dict[str, str], now: datetime) -> str:
        dwelling = resident.dwelling
        if dwelling.unit not in units:
            unit = {"name": f"{_NAME} {dwelling.unit} {now:%m%d-%H%M%S}"}
            units[dwelling.unit] = self._call("POST", "/api/v1/units", unit)["id"]
        room = self._call("POST", "/api/v1/rooms", {
            "name": f"{_NAME} {dwelling.label}"[:40], "unit_id": units[dwelling.unit]})  # fmt: skip
        bed = self._call("POST", "/api/v1/beds", {"name": "1", "room_id": room["id"]})
        born = date(now.year - resident.persona.age, 1, 1)
        elder = self._call("POST", "/api/v1/elders", {
            "name": f"{_NAME}{dwelling.label}"[:20], "birth_date": born.isoformat(),
            "sex": "female" if resident.persona.number % 2 else "male",
            "care_note": "仿真老人，没有这个人 simulated, there is no such person"})  # fmt: skip
        elder_id = str(elder["id"])
        since = (now - _BEFORE).isoformat()
        self._call("POST", f"/api/v1/elders/{elder_id}/stays", {"bed_id": bed["id"], "at": since})
        for purpose in _PURPOSES:
            self._call("POST", f"/api/v1/elders/{elder_id}/consents", {
                "purpose": purpose, "text_version": "sim", "signer": "self",
                "signer_name": _NAME, "valid_from": since})  # fmt: skip
        return elder_id

    def _fit(self, device: LiveDevice, elder_id: str, now: datetime) -> None:
        sensor = device.sensor
        self._call("POST", "/api/v1/devices", {
            "id": device.hub_id, "model": "yuyue-sim", "kind": "other",
            "position": device.resident.position.value if sensor.role == "wearable" else None,
            "label": f"{_NAME} {sensor.device_id}"[:60]})  # fmt: skip
        where = f"/api/v1/devices/{device.hub_id}"
        self._call("PUT", f"{where}/sensor", {
            "role": sensor.role.value, "room": sensor.room, "room_kind": sensor.room_kind.value,
            "report_interval_s": sensor.report_interval_s})  # fmt: skip
        since = (now - _BEFORE).isoformat()
        self._call("POST", f"{where}/assignments", {"elder_id": elder_id, "at": since})

    def _plan(self, own: list[LiveDevice], elder_id: str) -> None:
        settings = own[0].resident.settings()
        self._call("PUT", f"/api/v1/elders/{elder_id}/watch-plan", {
            "timezone": settings.timezone, "ability_level": settings.ability_level,
            "lives_alone": settings.lives_alone, "overrides": settings.overrides,
            "requires": sorted(capability.value for capability in settings.requires)})  # fmt: skip

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise HubError(f"{self._http.base_url}: {error}") from error
        if answer.is_error:
            raise HubError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None


def _told(alert: dict[str, Any]) -> ToldEvent:
    return ToldEvent(
        EventKind(alert["code"]), _at_ns(alert["raised_at"]), _at_ns(alert["happened_at"]),
        alert["id"], alert["device_id"] or "",
    )  # fmt: skip


def _at_ns(stated: str) -> int:
    moment = datetime.fromisoformat(stated).astimezone(UTC)
    return round(moment.timestamp() * 1000) * (NS_PER_S // 1000)
