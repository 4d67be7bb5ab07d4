"""A time in which nobody listened: the machine was off, or cut from every sensor."""

from __future__ import annotations

import numpy as np

from edge.inactivity.state import NONE_NS
from edge.inactivity.watch import Watch


def missed(watch: Watch, until_ns: int) -> None:
    """Silence counts from `until_ns`, and nothing is learned of it. What was alarmed stays so."""
    state, heard_ns = watch.state, watch.devices.heard_ns
    if state.last_ns == NONE_NS:
        return
    heard_ns[heard_ns > NONE_NS] = np.maximum(heard_ns[heard_ns > NONE_NS], until_ns)
    state.base_ns, state.unlearnable = max(state.base_ns, until_ns), 1
    if state.stage == 0:
        state.forget_deadline()
