"""A simulated home with troubles of every kind, so that each detector has something to say.

Two ordinary days and nights with fever, a way out at night and a long stay in the bathroom; on the
fourth morning the person lies almost still in the living room. One device breaks on the second day.
"""

from __future__ import annotations

import tomllib

from firmware_sim.scenarios.schema import Scenario
from firmware_sim.world.world import World, make_world

SCENARIO = """
schema_version = 1
key = "one-home"
title_zh = "一户"
title_en = "One home"
story_zh = "发热、夜里走出门、卫生间滞留、倒在客厅里几乎不动，一台设备坏掉。"
story_en = "Fever, out at night, long in the bathroom, then lying almost still; one broken device."
starts_at = 2026-03-02T08:00:00+08:00
duration_h = 77.2
[building]
kind = "homes"
homes = 1
[people]
level_shares = [0.0, 1.0, 0.0, 0.0, 0.0]
wearable_share = 0.0
goes_out_share = 0.0
[[incidents]]
kind = "fever"
at_h = 5.0
person = 0
[[incidents]]
kind = "wandering"
at_h = 18.0
person = 0
[[incidents]]
kind = "bathroom_stuck"
at_h = 26.0
person = 0
helped_after_min = 90
[[incidents]]
kind = "lying_still"
at_h = 72.5
person = 0
helped_after_min = 700
[[faults]]
kind = "broken"
from_h = 28.0
roles = ["climate"]
"""


def one_home(duration_h: float | None = None) -> World:
    """The same each time. Shorter on request; what happens later is left out."""
    told = tomllib.loads(SCENARIO)
    if duration_h is not None:
        told["duration_h"] = duration_h
        told["incidents"] = [one for one in told["incidents"] if one["at_h"] < duration_h]
    return make_world(Scenario.model_validate(told), seed=3)
