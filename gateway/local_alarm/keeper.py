"""Decides what rings here: events that the cloud has not taken for too long.

An event rings once it is older than the delay and still not acknowledged by the cloud, whatever
the reason: cut line, cloud down, token revoked. While the cloud has been out of reach for that
long already, a new event rings at once. It is the event's own id that travels later, together
with what was done here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edge.events import Event, EventKind, stable_id
from edge.gateway_wire import LocalAction, LocalActionKind
from edge.signals import NS_PER_S
from edge.wire import Lane, RegisteredDevice
from gateway.clock import Clock
from gateway.local_alarm.book import Alarm, AlarmBook
from gateway.local_alarm.words import RANK, is_over, words_of
from gateway.outbox import Group, Outbox

_BY_GATEWAY: Final = "gateway"
DeviceOf = Callable[[str], RegisteredDevice | None]


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step did: alarms that ring anew."""

    raised: tuple[Alarm, ...] = ()
    changed: bool = False


class AlarmKeeper:
    """Synchronous; called from one thread at a time."""

    def __init__(self, outbox: Outbox, book: AlarmBook, clock: Clock, device_of: DeviceOf) -> None:
        self._outbox = outbox
        self._book = book
        self._clock = clock
        self._device_of = device_of
        self._seen_seq = 0

    def step(self, delay_s: float, away_s: float) -> Stepped:
        """Look at the urgent lane. `away_s`: how long the cloud has been out of reach. Raises
        sqlite3.Error; the next step goes on where this one was.
        """
        now_ns = self._clock.now_ns()
        raised: list[Alarm] = []
        change = self._book.change
        for seq, stored_ns, event in self._outbox.urgent_waiting(self._seen_seq):
            age_s = (now_ns - stored_ns) / NS_PER_S
            # A negative age: the clock was put back meanwhile.
            if 0 <= age_s < delay_s and away_s < delay_s:
                break
            alarm = None if event is None else self._take(event, seq, now_ns)
            if alarm is not None:
                raised.append(alarm)
            self._seen_seq = seq
        self._note_delivered(now_ns)
        return Stepped(tuple(raised), self._book.change != change)

    def acknowledge(self, alarm_id: str, by: str, note: str = "") -> Alarm | None:
        """Somebody heard it: kept for the cloud before anybody is told. Raises sqlite3.Error."""
        alarm = self._book.alarm(alarm_id)
        if alarm is None or alarm.acknowledged_ns is not None:
            return alarm
        now_ns = self._clock.now_ns()
        self._tell(alarm.event_ids, LocalActionKind.ACKNOWLEDGED, by, now_ns, note)
        return self._book.amend(alarm_id, acknowledged_ns=now_ns, acknowledged_by=by)

    def note_shown(self, alarms: Sequence[Alarm], by: str) -> None:
        """A page of this person has them. Raises sqlite3.Error."""
        now_ns = self._clock.now_ns()
        for alarm in alarms:
            if by not in alarm.shown_by and alarm.delivered_ns is None:
                self._tell(alarm.event_ids[-1:], LocalActionKind.SHOWN, by, now_ns)
                self._book.amend(alarm.alarm_id, shown_by=(*alarm.shown_by, by))

    def note_sent(self, alarm: Alarm, channel: str, error: str | None) -> None:
        """A text went out, or did not. Raises sqlite3.Error."""
        kind = LocalActionKind.SENT if error is None else LocalActionKind.SEND_FAILED
        self._tell(alarm.event_ids[-1:], kind, channel, self._clock.now_ns(), error or "")

    def _take(self, event: Event, seq: int, now_ns: int) -> Alarm | None:
        """The alarm that rings anew because of an event, if one does."""
        words = words_of(event.kind)
        present = self._book.alarm(event.episode_id)
        if present is not None and event.event_id in present.event_ids:
            return None  # after a restart
        if words is None:
            if present is not None and is_over(event.kind):
                ids = (*present.event_ids, event.event_id)
                self._book.put(replace(present, event_ids=ids, seq=seq, recovered_ns=event.time_ns))
            return None
        self._tell((event.event_id,), LocalActionKind.RAISED, _BY_GATEWAY, now_ns)
        alarm = self._new(event, seq, now_ns) if present is None else present
        if present is not None:
            worse = RANK[words.priority] > RANK[present.priority]
            confirmed = event.kind is EventKind.FALL_CONFIRMED
            renewed: dict[str, Any] = {"kind": event.kind.value, "zh": words.zh, "en": words.en}
            renewed |= {"priority": words.priority}
            alarm = replace(
                present,
                event_ids=(*present.event_ids, event.event_id),
                seq=seq,
                recovered_ns=None,
                delivered_ns=None,
                **(renewed if worse or confirmed else {}),
            )
            if worse:  # somebody heard of something lesser
                alarm = replace(alarm, acknowledged_ns=None, acknowledged_by=None)
        self._book.put(alarm)
        rings_anew = present is None or not present.is_ringing
        return alarm if alarm.is_ringing and rings_anew else None

    def _new(self, event: Event, seq: int, now_ns: int) -> Alarm:
        words = words_of(event.kind)
        device = self._device_of(event.device_id)
        return Alarm(
            alarm_id=event.episode_id,
            event_ids=(event.event_id,),
            kind=event.kind.value,
            zh="" if words is None else words.zh,
            en="" if words is None else words.en,
            priority="low" if words is None else words.priority,
            origin=event.origin.value,
            device_id=event.device_id,
            elder=None if device is None else device.elder_name,
            place=None if device is None else device.place,
            happened_ns=event.time_ns,
            raised_ns=now_ns,
            seq=seq,
        )

    def _note_delivered(self, now_ns: int) -> None:
        through = self._outbox.acknowledged_seq(Lane.URGENT)
        for alarm in self._book.alarms():
            if alarm.delivered_ns is None and alarm.seq <= through:
                self._book.amend(alarm.alarm_id, delivered_ns=now_ns)
        self._book.forget_old(now_ns)

    def _tell(
        self,
        event_ids: Sequence[str],
        kind: LocalActionKind,
        by: str,
        now_ns: int,
        note: str = "",
    ) -> None:
        """Into the outbox, behind the events; the id makes a repetition harmless."""
        self._outbox.commit(
            Group(
                actions=[
                    LocalAction(
                        action_id=stable_id("local", event_id, kind, by),
                        event_id=event_id,
                        kind=kind,
                        time_ns=now_ns,
                        by=by,
                        note=note[:500],
                    )
                    for event_id in event_ids
                ]
            )
        )
