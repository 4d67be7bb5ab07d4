"""What follows a suspected fall: lying still, or getting up. One small state per open episode."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Final

import numpy as np

from edge.events import Reason
from edge.fall.decision import angle_deg
from edge.signals import FloatArray

# Root mean square of the acceleration about its mean over one second, all axes, in g.
# Lying people in the development data stay below 0.05 g when still and below 0.1 g while they
# breathe hard or shift a hand; walking is above 0.15 g at the trunk and above 0.2 g at the wrist.
QUIET_G: Final = 0.10
ACTIVE_TRUNK_G: Final = 0.15
ACTIVE_WRIST_G: Final = 0.20
# Trunk within this angle of where it was before the fall counts as upright; sitting down leans
# the trunk up to 30 degrees, lying is 60 to 90.
UPRIGHT_DEG: Final = 40.0
# Confirmed: mostly still this long. 15 of 18 s as the alarm table's "lying, no recovery"; twice
# that without a change of posture (fell from bed to floor, or sat down hard and sits).
CONFIRM_STILL_S: Final = 15
CONFIRM_WINDOW_S: Final = 18
CONFIRM_SAME_POSTURE_STILL_S: Final = 30
CONFIRM_SAME_POSTURE_WINDOW_S: Final = 36
# Moving on the floor but not up: confirmed when the alarm table lets a suspicion become high.
NO_RECOVERY_S: Final = 60
# Recovered: this many active (and, at the trunk, upright) seconds of the last ones; a person who
# struggles on the floor does not keep that up.
RECOVER_ACTIVE_S: Final = 6
RECOVER_WINDOW_S: Final = 8
# After a confirmed fall, getting up is still looked for this long; then the episode is staff's.
WATCH_S: Final = 600


class Outcome(StrEnum):
    """What the follow-up concludes."""

    CONFIRMED = "confirmed"
    RECOVERED = "recovered"
    UNCLEAR = "unclear"


@dataclass(slots=True)
class FollowUp:
    """Seconds after a decision, judged one by one.

    `upright` is the mean acceleration before the fall, in g. The lists are the last
    `CONFIRM_SAME_POSTURE_WINDOW_S` seconds, newest last.
    """

    upright: list[float]
    trunk: bool
    elapsed_s: int = 0
    lying_s: int = 0
    confirmed: bool = False
    motion_g: list[float] = field(default_factory=list)
    angle_deg: list[float] = field(default_factory=list)

    def second(self, values_g: FloatArray) -> tuple[Outcome, tuple[Reason, ...]] | None:
        """Take one second of samples (n, 3) in g; say what is concluded, if anything."""
        mean = values_g.mean(axis=0)
        self.motion_g.append(float(np.sqrt(values_g.var(axis=0).sum())))
        self.angle_deg.append(angle_deg(mean, np.asarray(self.upright)))
        del self.motion_g[:-CONFIRM_SAME_POSTURE_WINDOW_S]
        del self.angle_deg[:-CONFIRM_SAME_POSTURE_WINDOW_S]
        self.elapsed_s += 1
        self.lying_s += self.angle_deg[-1] > UPRIGHT_DEG
        return self._judge()

    def lost(self, seconds: int) -> tuple[Outcome, tuple[Reason, ...]] | None:
        """Seconds without data: they prove neither stillness nor recovery."""
        self.elapsed_s += seconds
        return (Outcome.UNCLEAR, ()) if self._is_over() else None

    def _judge(self) -> tuple[Outcome, tuple[Reason, ...]] | None:
        recovery = self._recovery()
        if recovery:
            return Outcome.RECOVERED, recovery
        if not self.confirmed:
            reasons = self._stillness() or self._no_recovery()
            if reasons:
                self.confirmed = True
                return Outcome.CONFIRMED, reasons
        return (Outcome.UNCLEAR, ()) if self._is_over() else None

    def _is_over(self) -> bool:
        return self.elapsed_s >= (WATCH_S if self.confirmed else NO_RECOVERY_S)

    def _recovery(self) -> tuple[Reason, ...]:
        limit_g = ACTIVE_TRUNK_G if self.trunk else ACTIVE_WRIST_G
        active = sum(m >= limit_g for m in self.motion_g[-RECOVER_WINDOW_S:])
        if active < RECOVER_ACTIVE_S:
            return ()
        moving = Reason(
            "active_again", {"active_s": float(active), "window_s": float(RECOVER_WINDOW_S)}
        )
        if not self.trunk:
            return (moving,)
        angles = self.angle_deg[-RECOVER_ACTIVE_S:]
        if max(angles) > UPRIGHT_DEG:
            return ()
        return (Reason("upright_again", {"angle_deg": round(angles[-1], 1)}), moving)

    def _stillness(self) -> tuple[Reason, ...]:
        angle = median(self.angle_deg[-CONFIRM_WINDOW_S:])
        changed = angle > UPRIGHT_DEG
        need, window = (
            (CONFIRM_STILL_S, CONFIRM_WINDOW_S)
            if changed
            else (CONFIRM_SAME_POSTURE_STILL_S, CONFIRM_SAME_POSTURE_WINDOW_S)
        )
        still = sum(m <= QUIET_G for m in self.motion_g[-window:])
        if still < need:
            return ()
        seen = min(window, len(self.motion_g))
        reasons = [Reason("stillness", {"still_s": float(still), "window_s": float(seen)})]
        if changed:
            reasons.append(Reason("posture_change", {"angle_deg": round(angle, 1)}))
        return tuple(reasons)

    def _no_recovery(self) -> tuple[Reason, ...]:
        # An arm's direction says nothing about lying; at the trunk most of the time must be.
        if not self.trunk or self.elapsed_s < NO_RECOVERY_S or 2 * self.lying_s < self.elapsed_s:
            return ()
        return (Reason("no_recovery", {"elapsed_s": float(self.elapsed_s)}),)
