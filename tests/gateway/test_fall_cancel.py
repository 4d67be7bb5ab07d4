"""The button of the simulated wearable, through the gateway's drivers, to the engine's answer."""

from __future__ import annotations

import numpy as np

from edge.engine import Engine, default_detectors
from edge.events import EventKind
from edge.signals import NS_PER_S, Origin, Position
from firmware_sim.devices.wearable import Wearable, encode_block, encode_cancel
from firmware_sim.people.day import living
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.wearer import Wearer
from gateway.drivers.senml import decode_senml
from gateway.drivers.wearable import decode_waveform

START_NS = 1_790_000_000 * NS_PER_S
DEVICE_ID = "wearable-0001"


def test_a_press_on_the_device_cancels_the_fall_of_its_wearer() -> None:
    wearer = Wearer(1, Position.WAIST, 50.0, living(9.0))
    device = Wearable(DEVICE_ID, 1, START_NS, 50.0, 8.0)
    engine = Engine(default_detectors())
    engine.open(DEVICE_ID, Position.WAIST)
    pressed_ns, sent, events = 0, False, []
    for second in range(40):
        if second == 10:
            impact = wearer.fall(FallKind.SIDEWAYS, Aftermath.STILL, 60.0)
            pressed_ns = START_NS + round(impact * NS_PER_S / 50.0) + 6 * NS_PER_S
        for block in device.take(np.asarray(wearer.read(50))):
            events += engine.process(decode_waveform(DEVICE_ID, encode_block(block), block.end_ns))
            if pressed_ns and not sent and pressed_ns <= block.end_ns:
                sent = True
                pack = encode_cancel(pressed_ns)
                events += engine.process(decode_senml(DEVICE_ID, pack, block.end_ns))
    assert [event.kind for event in events] == [EventKind.FALL_SUSPECTED, EventKind.FALL_CANCELLED]
    assert {event.origin for event in events} == {Origin.SIMULATED}
    assert abs(events[1].decided_ns - pressed_ns) < NS_PER_S // 1000
