"""The local alarm put together: watches the outbox, rings, serves, texts. Owned by the runtime."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from gateway.clock import Clock
from gateway.local_alarm.bell import Bell
from gateway.local_alarm.book import Alarm, AlarmBook
from gateway.local_alarm.channels import RETRIES_S, channel_name, message_of, send
from gateway.local_alarm.keeper import AlarmKeeper, DeviceOf
from gateway.local_alarm.pin import Doorkeeper
from gateway.outbox import Outbox
from gateway.settings import Settings
from gateway.sources.mqtt import MqttAddress

log = structlog.get_logger(__name__)

# How late, beyond the delay, it may ring.
STEP_S: Final = 0.5
_RETRY_S: Final = 10.0


class LocalAlarm:
    """One of it runs with one set of settings; changed settings make a new one on the same book."""

    def __init__(
        self,
        settings: Settings,
        *,
        outbox: Outbox,
        book: AlarmBook,
        clock: Clock,
        device_of: DeviceOf,
        away_s: Callable[[], float],
        situation: Callable[[], dict[str, Any]],
    ) -> None:
        self._settings = settings
        self.book = book
        self._clock = clock
        self._away_s = away_s
        self._situation = situation
        self._keeper = AlarmKeeper(outbox, book, clock, device_of)
        self._keeper_lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self._bell = Bell(bell_address(settings)) if settings.local_alarm_mqtt else None
        self._sending: set[asyncio.Task[None]] = set()
        self.is_served = False

    @property
    def state(self) -> str:
        """For the heartbeat."""
        if any(alarm.is_ringing for alarm in self.book.alarms()):
            return "alarming"
        return "ready" if self.is_served else "no_page"

    async def run(self) -> None:
        """For ever."""
        works = [self._watch(), self._serve()]
        if self._bell is not None:
            self._bell.tell(self.book.alarms(), [])
            works.append(self._bell.run())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*tasks, *self._sending):
                task.cancel()
            await asyncio.gather(*tasks, *self._sending, return_exceptions=True)

    async def _watch(self) -> None:
        is_failing = False
        while True:
            await asyncio.sleep(STEP_S)
            try:
                async with self._keeper_lock:
                    stepped = await asyncio.to_thread(
                        self._keeper.step, self._settings.local_alarm_delay_s, self._away_s()
                    )
            except sqlite3.Error as error:
                if not is_failing:
                    log.critical("local_alarm_failed", why=str(error))
                is_failing = True
                continue
            is_failing = False
            if stepped.changed:
                self._tell([("raised", alarm) for alarm in stepped.raised])
            for alarm in stepped.raised:
                log.warning("local_alarm", kind=alarm.kind, event_id=alarm.event_ids[-1])
                self._text(alarm)

    def _tell(self, events: list[tuple[str, Alarm]]) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self._bell is not None:
            self._bell.tell(self.book.alarms(), events)

    # -- texts -------------------------------------------------------------------------------

    def _text(self, alarm: Alarm) -> None:
        """Nothing that is simulated or a drill ever reaches a real phone."""
        if alarm.origin != "live":
            return
        for address in self._settings.local_alarm_channels:
            task = asyncio.create_task(self._send(alarm, address), name="local-alarm-text")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, alarm: Alarm, address: str) -> None:
        message = message_of(alarm, address, self._settings.ble_timezone)
        why: str | None = None
        for pause_s in RETRIES_S:
            await asyncio.sleep(pause_s)
            present = self.book.alarm(alarm.alarm_id)
            if why is not None and (present is None or not present.is_ringing):
                break  # somebody knows by now
            try:
                why = await send(message)
            except OSError as error:
                why = str(error)
            if why is None:
                break
            log.warning("local_text_failed", channel=channel_name(address), why=why)
        with suppress(sqlite3.Error):  # it went out all the same; the log has it
            async with self._keeper_lock:
                await asyncio.to_thread(self._keeper.note_sent, alarm, channel_name(address), why)

    # -- the page ----------------------------------------------------------------------------

    async def _serve(self) -> None:
        """The page, where a PIN is set. A port that is taken is told and tried again."""
        settings = self._settings
        try:
            given = settings.local_alarm_pin
            doorkeeper = await asyncio.to_thread(
                Doorkeeper.load,
                settings.data_dir,
                None if given is None else given.get_secret_value(),
            )
        except (OSError, ValueError) as error:
            log.critical("local_page_off", why=f"the PIN cannot be read: {error}")
            doorkeeper = None
        if doorkeeper is None:
            log.info("local_page_off", why="no PIN; set one with 'yuyue gateway local-pin'")
            await asyncio.Event().wait()
            return
        # Only now: Starlette and uvicorn cost memory.
        from gateway.local_alarm.page import Page  # noqa: PLC0415
        from gateway.local_alarm.server import listen, serve  # noqa: PLC0415

        cert, key = settings.local_alarm_cert_file, settings.local_alarm_key_file
        page = Page(self, doorkeeper, self._clock, is_tls=cert is not None)
        app = await asyncio.to_thread(page.app)
        was_down = False
        while True:
            try:
                listener = listen(settings.local_alarm_host, settings.local_alarm_port)
            except OSError as error:
                if not was_down:
                    log.critical("local_page_off", port=settings.local_alarm_port, why=str(error))
                was_down = True
                await asyncio.sleep(_RETRY_S)
                continue
            log.info("local_page_on", port=settings.local_alarm_port)
            self.is_served = True
            try:
                await serve(app, listener, cert, key)
            finally:
                self.is_served = False
                listener.close()
            await asyncio.sleep(_RETRY_S)

    def situation(self) -> dict[str, Any]:
        """What the page says above the list."""
        return self._situation()

    async def acknowledge(self, alarm_id: str, by: str, note: str) -> Alarm | None:
        """Raises sqlite3.Error."""
        async with self._keeper_lock:
            alarm = await asyncio.to_thread(self._keeper.acknowledge, alarm_id, by, note)
        if alarm is not None:
            self._tell([("acknowledged", alarm)])
        return alarm

    async def shown(self, alarms: list[Alarm], by: str) -> None:
        """A page has them."""
        with suppress(sqlite3.Error):  # said again with the next change
            async with self._keeper_lock:
                await asyncio.to_thread(self._keeper.note_shown, alarms, by)

    async def wait(self, timeout_s: float) -> None:
        """Until something changes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()


def bell_address(settings: Settings) -> MqttAddress:
    """The broker of the sensors, for bells and lamps too."""
    password = settings.mqtt_password
    return MqttAddress(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        client_id=settings.mqtt_client_id,
        username=settings.mqtt_username,
        password=password.get_secret_value() if password else None,
        ca_file=settings.mqtt_ca_file,
    )
