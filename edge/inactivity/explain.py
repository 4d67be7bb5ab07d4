"""The reasons of a deadline or a finding, taken from the watch as it was then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.events import Reason
from edge.inactivity.limits import (
    HIGH_FACTOR,
    LEARNED_AFTER_DAYS,
    LEARNED_OUTINGS,
    S_PER_DAY,
    S_PER_HOUR,
    Context,
)
from edge.inactivity.profile import ROOM_KINDS
from edge.inactivity.state import NONE_NS, Rule, State
from edge.signals import NS_PER_S

if TYPE_CHECKING:  # the watch asks for the reasons while it decides
    from edge.inactivity.watch import Watch

# "Usually by": four times out of five something has happened again by then.
USUAL_SHARE: Final = 0.8


def clock(local_s: float) -> dict[str, float]:
    """Hour and minute on the wall clock."""
    second = int(local_s) % S_PER_DAY
    return {"hour": float(second // S_PER_HOUR), "minute": float(second % S_PER_HOUR // 60)}


def reasons_of(watch: Watch, state: State, rule: Rule, at_ns: int) -> tuple[Reason, ...]:
    """Why `at_ns` is the limit, most telling first."""
    if rule == Rule.NO_RETURN:
        return _no_return(watch, state, at_ns)
    return _inactive(watch, state, at_ns)


def beyond() -> Reason:
    """It is high now because so many times the limit has passed."""
    return Reason("beyond_limit", {"factor": HIGH_FACTOR})


def active_again(watch: Watch, at_ns: int) -> Reason:
    """What ended it."""
    return Reason("active_again", clock(watch.local.local_s(at_ns)))


def _elapsed(watch: Watch, since_ns: int, at_ns: int) -> dict[str, float]:
    hours = (at_ns - since_ns) / (S_PER_HOUR * NS_PER_S)
    return {**clock(watch.local.local_s(since_ns)), "elapsed_h": round(hours, 2)}


def _inactive(watch: Watch, state: State, at_ns: int) -> tuple[Reason, ...]:
    local, profile = watch.local, watch.profile
    reasons = []
    if profile.active_days < LEARNED_AFTER_DAYS:
        reasons.append(_learning(profile.active_days, watch.limits.start_limit_s))
    else:
        usual = profile.usual_end(state.context, local.local_s(state.last_ns), USUAL_SHARE)
        room = profile.usual_room(usual)
        if room is not None:
            reasons.append(Reason(f"usually_{room}", clock(usual)))
    reasons.append(Reason("silent_since", _elapsed(watch, state.last_ns, at_ns)))
    if state.context == Context.BED:
        reasons.append(Reason("in_bed"))
    elif state.context == Context.SEAT:
        reasons.append(Reason("on_seat"))
    else:
        reasons.append(Reason(f"last_{ROOM_KINDS[state.room]}"))
    if state.context == Context.MAYBE_OUT:
        reasons.append(Reason("maybe_out"))
    elif state.door_used_ns != NONE_NS:
        reasons.append(Reason("door_unused"))
    if state.widened:
        reasons.append(Reason("sensors_missing", {"count": float(state.widened)}))
    return tuple(reasons)


def _no_return(watch: Watch, state: State, at_ns: int) -> tuple[Reason, ...]:
    reasons = [Reason("out_since", _elapsed(watch, state.out_since_ns, at_ns))]
    if watch.profile.outings < LEARNED_OUTINGS:
        reasons.append(_learning(watch.profile.active_days, watch.limits.no_return_start_s))
    else:
        left_s = watch.local.local_s(state.out_since_ns)
        usual = watch.profile.usual_end(Context.OUT, left_s, USUAL_SHARE)
        reasons.append(Reason("usually_back", clock(usual)))
    if state.blipped:
        reasons.append(Reason("stirred_while_out"))
    return tuple(reasons)


def _learning(days: float, limit_s: float) -> Reason:
    return Reason("still_learning", {"days": days + 1, "limit_h": limit_s / S_PER_HOUR})
