"""From what the broker gives to frames: announcements go into the catalogue, states come out as
frames of their device with their definition beside them, everything of ours stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import structlog

from edge.marks import Proof, proof_of
from edge.wire import RegisteredDevice
from gateway.mqtt.discovery import DiscoveryError
from gateway.mqtt.frames import Binding, state_frame
from gateway.mqtt.templates import Context, NoValueError, compiled, rendered
from gateway.mqtt.zigbee2mqtt import ZigbeeListError
from gateway.sources import BAD_TAG, NO_TAG, Frame
from gateway.sources.mqtt_catalogue import Catalogue, Route, without
from gateway.sources.mqtt_figures import MqttFigures
from gateway.sources.strangers import OnStranger, Stranger

log = structlog.get_logger(__name__)

OWN: Final = "yuyue/v1/+/+"
_OWN_PREFIX: Final = "yuyue/"


@dataclass(frozen=True, slots=True)
class MqttTopics:
    """Whom to listen to beside our own devices: base topics, and the discovery prefix or ''."""

    zigbee2mqtt: tuple[str, ...] = ()
    discovery: str = ""


class Register(Protocol):
    """What the source needs of the registry."""

    @property
    def version(self) -> int:
        """Grows with every change."""
        ...

    @property
    def simulation_key(self) -> bytes | None:
        """What proves a simulator's tag; None where none was told."""
        ...

    def device(self, device_id: str) -> RegisteredDevice | None:
        """An assigned device; None for a stranger's."""
        ...


class Router:
    """Holds no connection: messages in, frames out."""

    def __init__(
        self, topics: MqttTopics, register: Register, figures: MqttFigures, on_stranger: OnStranger
    ) -> None:
        self._topics = topics
        self._register = register
        self._figures = figures
        self._on_stranger = on_stranger
        self._seen_version = -1
        self._bridges: dict[str, bool] = {}
        self._reached: dict[tuple[str, str], float] = {}
        self._told: dict[tuple[str, str, str], str] = {}
        self._lists = {f"{base}/bridge/devices": base for base in topics.zigbee2mqtt}
        self._states = {f"{base}/bridge/state": base for base in topics.zigbee2mqtt}
        prefix = re.escape(topics.discovery)
        self._config = re.compile(rf"{prefix}/.+/config") if topics.discovery else None
        self.catalogue = Catalogue(register.device)
        self.unwanted: set[str] = set()

    def fixed(self) -> list[str]:
        """Topics that announcements come on."""
        wanted = [*self._lists, *self._states]
        if self._topics.discovery:
            wanted += [f"{self._topics.discovery}/+/{way}/config" for way in ("+", "+/+")]
        return wanted

    def wanted(self) -> set[str]:
        """Topics of announced devices."""
        return set(self.catalogue.routes)

    @property
    def bridges(self) -> dict[str, bool]:
        """Bridges that were ever heard of, and whether each is online."""
        return dict(self._bridges)

    def forget_others(self) -> None:
        """The settings may name other bridges than those whose announcements were kept."""
        self.catalogue.keep(self._topics.zigbee2mqtt, self._is_config)

    def _is_config(self, topic: str) -> bool:
        return self._config is not None and self._config.fullmatch(topic) is not None

    def take(self, messages: Sequence[Frame]) -> list[Frame]:
        """The frames that a group of messages makes; they may be none, or more."""
        self.refresh()
        frames: list[Frame] = []
        key = self._register.simulation_key
        for arrived in messages:
            message = arrived if key is None else _judged(key, arrived)
            if message.topic.startswith(_OWN_PREFIX):
                frames.append(message)
            else:
                frames += self._foreign(message)
        return frames

    def refresh(self) -> None:
        """The registry may say something else of an announced device now."""
        version = self._register.version
        if version != self._seen_version:
            self._seen_version = version
            self._rebuild()

    def _rebuild(self) -> None:
        self.catalogue.rebuild()
        for kind, n in self.catalogue.counts().items():
            self._figures.devices.labels(kind).set(n)
        for stranger in self.catalogue.announced():
            if self._register.device(stranger.device_id) is None:
                self._on_stranger(stranger)

    def _foreign(self, message: Frame) -> list[Frame]:
        topic = message.topic
        if topic in self._lists or self._is_config(topic):
            # What was announced before stays: a forged mark must not silence a real device either.
            if message.proof is Proof.BAD:
                return [_refused(message, "bad_simulation_tag", f"{topic[:120]}: {BAD_TAG}")]
            if self._is_untagged(message):
                return [_refused(message, "untagged_origin", f"{topic[:120]}: {NO_TAG}")]
        try:
            if topic in self._lists:
                if self.catalogue.take_zigbee_list(self._lists[topic], message.payload):
                    self._rebuild()
                return []
            if self._is_config(topic):
                if self.catalogue.take_config(topic, message.payload):
                    self._rebuild()
                return []
        except (ZigbeeListError, DiscoveryError) as error:
            reason = "bad_discovery" if isinstance(error, DiscoveryError) else "bad_device_list"
            return [_refused(message, reason, f"{topic[:120]}: {error}")]
        if topic in self._states:
            self._bridge(self._states[topic], message.payload)
            return []
        routes = self.catalogue.routes.get(topic)
        if routes is None:
            self._figures.unrouted.inc()
            self.unwanted.add(topic)
            return []
        return [frame for route in routes for frame in self._state(route, message)]

    def _is_untagged(self, message: Frame) -> bool:
        is_proven = self._register.simulation_key is None or message.proof is Proof.GOOD
        return not is_proven and b"yuyue_origin" in message.payload

    def _bridge(self, base: str, payload: bytes) -> None:
        is_online = b"online" in payload and b"offline" not in payload
        if self._bridges.get(base) is not is_online:
            say = log.info if is_online else log.warning
            say("bridge_up" if is_online else "bridge_down", base=base)
        self._bridges[base] = is_online
        self._figures.bridge_open.labels(base).set(is_online)

    def _state(self, route: Route, message: Frame) -> list[Frame]:
        definition = route.definition
        if route.kind == "availability":
            # Kept by the broker, and true for as long as it is kept; told once when it changes.
            if not self._is_turn(route, message):
                return []
        elif message.retained:
            self._figures.retained.inc()
            return []
        elif route.watched:
            old = self._told_before(route, message)
            if old:
                definition = without(route, old)
        frame = replace(
            message,
            topic=f"{route.family}/v1/{route.device_id}/{route.kind}",
            payload=state_frame(message.payload, definition),
            retained=False,
            proof=_proof(route, message),
        )
        if self._register.device(route.device_id) is None:
            self._figures.strangers.inc()
            if route.kind == "state":
                self._on_stranger(_with_frame(route.about, frame, message))
            return []
        return [frame]

    def _is_turn(self, route: Route, message: Frame) -> bool:
        word = _word(route, route.bindings[0], Context(message.payload))
        value = (route.bindings[0].words or {}).get(word or "")
        key = (message.topic, route.device_id)
        if value is None or self._reached.get(key) == value:
            return False
        self._reached[key] = value
        return True

    def _told_before(self, route: Route, message: Frame) -> frozenset[str]:
        """Paths of calls that stand as they stood: a state told again is no new call."""
        context, old = Context(message.payload), set()
        for binding in route.watched:
            word = _word(route, binding, context)
            key = (message.topic, route.device_id, binding.path)
            if word is None or self._told.get(key) == word:
                old.add(binding.path)
            else:
                self._told[key] = word
        return frozenset(old)


def _judged(key: bytes, message: Frame) -> Frame:
    proof = proof_of(key, message.topic, message.payload)
    return message if proof is Proof.NONE else replace(message, proof=proof)


def _proof(route: Route, message: Frame) -> Proof:
    """A bare `online` has no room for a tag: it is its device's, whose announcement had one."""
    is_by_announcement = route.kind == "availability" and ":" in (route.origin or "")
    return Proof.GOOD if is_by_announcement and message.proof is Proof.NONE else message.proof


def _word(route: Route, binding: Binding, context: Context) -> str | None:
    try:
        if route.family == "homeassistant":
            return rendered(compiled(binding.path)(context)).lower()
        content: Any = context.json if context.text.lstrip().startswith("{") else context.text
        value = content.get(binding.path) if isinstance(content, dict) else content
    except NoValueError:
        return None
    return None if value is None else rendered(value).lower()


def _with_frame(about: Stranger, frame: Frame, message: Frame) -> Stranger:
    quality: int | None = None
    if about.format == "zigbee2mqtt":
        try:
            stated = Context(message.payload).json
        except NoValueError:
            stated = None
        value = stated.get("linkquality") if isinstance(stated, dict) else None
        quality = value if isinstance(value, int) and not isinstance(value, bool) else None
    return replace(about, frame=frame, link_quality=quality)


def _refused(message: Frame, reason: str, detail: str) -> Frame:
    """Something for the quarantine; no topic of a device looks like this."""
    return replace(message, topic=f"refused/{reason}/{detail[:400]}", retained=False)
