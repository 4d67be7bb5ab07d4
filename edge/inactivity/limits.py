"""Every number of the inactivity rules, with its reason. One set for every home."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Final, Self

from edge.signals import SignalError
from edge.subject import SubjectSettings

S_PER_HOUR: Final = 3600
S_PER_DAY: Final = 86_400
S_PER_WEEK: Final = 7 * S_PER_DAY

# A silence begins to count when a person sitting quietly would have been seen again: infrared
# sensors in lived-in rooms see a waking person several times in half an hour.
SILENCE_S: Final = 1800
# One trial of "will a silence follow?" is five minutes in which something happened.
BIN_S: Final = 300
# Half-hour slots: getting up at 06:40 or 07:10 is a difference that matters, 5 minutes is not.
SLOT_S: Final = 1800
SLOTS: Final = S_PER_DAY // SLOT_S
# Longer than this nobody is at home or nothing is recorded: absence, not a habit to learn.
ABSENCE_S: Final = 36 * S_PER_HOUR

# Somebody who went out of the door and is not seen inside for ten minutes has gone; coming home,
# people pass the next sensor within seconds.
LEAVE_S: Final = 600
# In an empty home sensors still blink (sun, heating, a mouse): one device, once or twice, hours
# apart. A person coming in passes two devices, or one of them again and again.
RETURN_WINDOW_S: Final = 120
RETURN_DEVICES: Final = 2
RETURN_WEIGHT: Final = 3

# Until so many days with life in them are known, the fixed timer rules. After it, what was learned
# is still held towards a general prior by the pseudo-counts of profile.py, for weeks.
LEARNED_AFTER_DAYS: Final = 2
# A day counts as lived in when something happened in so many bins (of an hourly report: hours).
LIVED_IN_BINS: Final = 6
# Outings known before the usual time of return is believed.
LEARNED_OUTINGS: Final = 8
HIGH_FACTOR: Final = 1.5  # alarms.md: medium at the limit, high at 1.5 x the limit

# Sensors that carry this share of what is usually seen make the learned limit void when they are
# silent: the person may be living in the room we do not see.
MISSING_SHARE: Final = 0.05
# With half of what is usually seen out of order, silence says nothing at all.
DEAD_SHARE: Final = 0.5
DEAD_INTERVALS: Final = 3.0  # alarms.md: no report for 3 heartbeats


class Context(IntEnum):
    """Where a silence begins: habits differ by it."""

    ROOM = 0
    BEDROOM = 1
    BATHROOM = 2
    BED = 3  # the bed says: occupied
    SEAT = 4  # a seat says: occupied
    MAYBE_OUT = 5  # the outer door moved in the last report period; the order is not known
    OUT = 6  # out of the door, and nothing inside since


IN_ROOMS: Final = (Context.ROOM, Context.BEDROOM, Context.BATHROOM, Context.MAYBE_OUT)


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be set per person as `inactivity.<name>` in `SubjectSettings.overrides`."""

    # alarms.md, section 6: one false alarm a person-week swamps a home of 100 beds; one in ten
    # weeks is the aim. A little under it: one home's tail is known only roughly. On the longest
    # recorded home 0.09 gives 0.08 and 0.10 gives 0.10. The figures in the card are for this value.
    false_alarms_per_week: float = 0.09
    min_limit_s: float = 1.5 * S_PER_HOUR  # never sooner: a bath, a nap
    max_limit_s: float = 12.0 * S_PER_HOUR  # never later: the timer of commercial telecare
    start_limit_s: float = 12.0 * S_PER_HOUR  # the fixed timer of the first days
    no_return_min_s: float = 2.0 * S_PER_HOUR
    no_return_max_s: float = 24.0 * S_PER_HOUR
    no_return_start_s: float = 12.0 * S_PER_HOUR

    @classmethod
    def of(cls, settings: SubjectSettings) -> Self:
        """The limits of one person. Raises SignalError for an unknown name or a bad value."""
        values = asdict(cls())
        for name, value in settings.overrides.items():
            group, _, key = name.partition(".")
            if group != "inactivity":
                continue
            if key not in values:
                raise SignalError(name, f"unknown; known are {', '.join(sorted(values))}")
            if not value > 0:
                raise SignalError(name, f"must be a positive number, got {value}")
            values[key] = float(value)
        limits = cls(**values)
        if limits.min_limit_s > limits.max_limit_s:
            raise SignalError("inactivity.min_limit_s", "is above inactivity.max_limit_s")
        if limits.no_return_min_s > limits.no_return_max_s:
            raise SignalError("inactivity.no_return_min_s", "is above inactivity.no_return_max_s")
        return limits
