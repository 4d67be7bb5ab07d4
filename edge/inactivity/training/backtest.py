"""The detector over recorded homes: its deadlines, its alarms, and what dead sensors do to it.

The scoring is that of the published scorer: a false alarm is a real gap that ran past its deadline;
the delay is that of a collapse straight after an activity, with everything later cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from edge.coverage.intervals import habit
from edge.coverage.tracker import Finding as CoverageFinding
from edge.coverage.tracker import Report, Tracker
from edge.events import EventKind, Reason
from edge.inactivity.devices import Devices
from edge.inactivity.explain import reasons_of
from edge.inactivity.limits import S_PER_DAY, S_PER_HOUR, S_PER_WEEK
from edge.inactivity.state import Finding, Rule
from edge.inactivity.training.homes import Home
from edge.inactivity.watch import Watch
from edge.signals import NS_PER_S, FloatArray, Origin

Progress = Callable[[int, int], None]
"""Called with (done, of) while work goes on."""

# As in the published scorer: longer gaps are absence or outage, "never" is a delay of three days.
SET_ASIDE_S: Final = 36.0 * S_PER_HOUR
NEVER_S: Final = 72.0 * S_PER_HOUR
INJECTION_S: Final = 300.0
TIMERS_H: Final = (4, 6, 8, 12, 24)


@dataclass(frozen=True, slots=True)
class Row:
    """After one activity: when the product would call somebody if nothing more came.

    `inactivity_ns` None: the person is believed to be out, or an alarm stands already; then
    `no_return_ns` says when their absence would be an alarm.
    """

    time_ns: int
    inactivity_ns: int | None
    no_return_ns: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What the detector did in one home."""

    home: Home
    rows: list[Row]
    findings: list[Finding]
    watch: Watch


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one home. Delays in h."""

    weeks: float
    false_alarms: int
    injections: int
    mean_h: float
    median_h: float
    p90_h: float

    @property
    def per_week(self) -> float:
        """False alarms a week."""
        return self.false_alarms / self.weeks if self.weeks > 0 else float("nan")


def run(home: Home, progress: Progress | None = None, *, rows: bool = True) -> Result:
    """Every reading through the detector, in order; a row after each time that is wanted."""
    watch = Watch(home.settings)
    findings: list[Finding] = []
    result: list[Row] = []
    wanted = set(home.row_ns.tolist()) if rows else set()
    times = home.time_ns.tolist()
    columns = (home.device.tolist(), home.quantity.tolist(), home.value.tolist(), times)
    for k, (device, quantity, value, time_ns) in enumerate(zip(*columns, strict=True)):
        watch.take(device, quantity, value, time_ns, findings)
        last_of_its_time = k + 1 == len(times) or times[k + 1] != time_ns
        if last_of_its_time and time_ns in wanted:
            result.append(_row(watch, time_ns))
        if progress is not None and k % 1000 == 0:
            progress(k, len(times))
    if progress is not None:
        progress(len(times), len(times))
    return Result(home, result, findings, watch)


def _row(watch: Watch, time_ns: int) -> Row:
    due_ns, state = watch.outlook()
    rule = Rule(state.deadline_rule)
    reasons = reasons_of(watch, state, rule, due_ns)
    if rule is Rule.NO_RETURN:
        return Row(time_ns, None, due_ns if state.stage == 0 else None, reasons)
    return Row(time_ns, due_ns if state.stage == 0 else None, None, reasons)


def warmup_days(home: Home) -> float:
    """The scorer's own: four weeks for hourly files, two for events, a third of a short file."""
    usual = 28.0 if home.hourly else 14.0
    recorded = float(home.row_ns[-1] - home.row_ns[0]) / (S_PER_DAY * NS_PER_S)
    return usual if recorded > 2 * usual else recorded / 3


def score(home: Home, deadlines_s: FloatArray, warmup_s: float) -> Score:
    """Figures of `deadlines_s` (one an activity, s after it, inf: never) after the warm-up."""
    times = home.row_ns / NS_PER_S
    gaps = np.diff(times) - (S_PER_HOUR if home.hourly else 0.0)
    starts = times[:-1]
    # A file of whole-hour reports begins with its first report, not with its first activity.
    begin = float(home.time_ns[0]) / NS_PER_S - (S_PER_HOUR if home.hourly else 0.0)
    end = float(home.time_ns[-1] if home.hourly else home.row_ns[-1]) / NS_PER_S
    scored = starts >= begin + warmup_s
    gaps, starts, limit = (
        gaps[scored],
        starts[scored],
        np.minimum(deadlines_s[:-1][scored], NEVER_S),
    )
    absent = gaps > SET_ASIDE_S
    weeks = (end - begin - warmup_s - float(gaps[absent].sum())) / S_PER_WEEK
    injected = np.ones(len(starts), dtype=np.bool_)
    if not home.hourly:
        injected[:] = False
        injected[np.unique((starts // INJECTION_S).astype(np.int64), return_index=True)[1]] = True
    delay = limit[injected] / S_PER_HOUR
    return Score(
        weeks=weeks,
        false_alarms=int(((gaps >= limit) & ~absent & (gaps > 0)).sum()),
        injections=int(injected.sum()),
        mean_h=float(delay.mean()),
        median_h=float(np.median(delay)),
        p90_h=float(np.quantile(delay, 0.9)),
    )


def deadlines(rows: Iterable[Row], *, any_call: bool) -> FloatArray:
    """Deadlines in s after their rows: of inactivity alone, or of whatever calls first."""
    result = []
    for row in rows:
        calls = [row.inactivity_ns] + ([row.no_return_ns] if any_call else [])
        due = [(ns - row.time_ns) / NS_PER_S for ns in calls if ns is not None]
        result.append(max(min(due), 0.0) if due else np.inf)
    return np.array(result)


def no_returns(result: Result, warmup_s: float) -> int:
    """Alarms of the other rule, for people who went out and did not come back in time."""
    begin_ns = int(result.home.time_ns[0]) + round(warmup_s * NS_PER_S)
    return sum(
        finding.kind is EventKind.NO_RETURN and finding.time_ns >= begin_ns
        for finding in result.findings
    )


def iso(time_ns: int) -> str:
    """Local time as in the files, to the microsecond."""
    moment = datetime(1970, 1, 1) + timedelta(microseconds=time_ns // 1000)  # noqa: DTZ001
    return moment.isoformat(sep=" ")


@dataclass(frozen=True, slots=True)
class DeadSensor:
    """What happened when one sensor died in a home that was lived in.

    `after` is the silence at the finding in learned intervals; None when it was never found.
    """

    device_id: str
    learned_as: str
    after: float | None
    after_h: float | None
    extra_inactivity: int


def kill(home: Home, device: int, from_ns: int) -> Home:
    """The home with one device dead from then on: it is gone, or (hourly) its hub sends zeros."""
    if not home.hourly:
        return home.without(device, from_ns, int(home.time_ns[-1]) + 1)
    value = np.where((home.device == device) & (home.time_ns >= from_ns), 0.0, home.value)
    return replace(home, value=value)


def dead_sensors(
    home: Home, *, share: float = 0.6, days: float = 7.0, progress: Progress | None = None
) -> list[DeadSensor]:
    """Kill each sensor in turn at `share` of the recording and watch the next `days`."""
    first, last = int(home.time_ns[0]), int(home.time_ns[-1])
    from_ns = first + round((last - first) * share)
    until_ns = min(last, from_ns + round(days * S_PER_DAY * NS_PER_S))
    window = home.time_ns < until_ns
    cut = replace(
        home, time_ns=home.time_ns[window], device=home.device[window],
        quantity=home.quantity[window], value=home.value[window],
    )  # fmt: skip
    usual = _inactivities(cut, from_ns)
    results = []
    for k, sensor in enumerate(home.settings.sensors):
        broken = kill(cut, k, from_ns)
        found = _found(broken, k, from_ns)
        if found is not None:
            extra = _inactivities(broken, from_ns) - usual
            results.append(DeadSensor(sensor.device_id, *found, extra))
        if progress is not None:
            progress(k + 1, len(home.settings.sensors))
    return results


def _inactivities(home: Home, from_ns: int) -> int:
    findings = run(home, rows=False).findings
    return sum(f.kind is EventKind.INACTIVITY and f.time_ns >= from_ns for f in findings)


def _found(home: Home, device: int, from_ns: int) -> tuple[str, float | None, float | None] | None:
    """How and when coverage found it; None when the device had taught no interval by then."""
    tracker = Tracker(home.settings)
    findings: list[CoverageFinding] = []
    columns = (home.device, home.time_ns, home.quantity, home.value)
    learned: tuple[float | None, float] | None = None
    for who, time_ns, quantity, value in zip(*(c.tolist() for c in columns), strict=True):
        if learned is None and time_ns >= from_ns:
            learned = _learned(tracker.devices, device), tracker.usual_s(device)
            findings.clear()
        tracker.take(Report(who, time_ns, Origin.LIVE, quantity, value), findings)
        if learned is None:
            continue
        for finding in findings:
            if finding.device != device:
                continue
            silent_h = (finding.time_ns - max(finding.since_ns, 0)) / NS_PER_S / S_PER_HOUR
            if finding.kind is EventKind.DEVICE_FAULT and learned[0] is not None:
                bouts = finding.reasons[0].values["bouts"]
                return "visits", bouts / learned[0], silent_h
            if finding.kind is EventKind.DEVICE_OFFLINE:
                return "time", silent_h * S_PER_HOUR / learned[1], silent_h
        findings.clear()
    if learned is None or learned[0] is None:
        return None
    return "visits", None, None


def _learned(devices: Devices, device: int) -> float | None:
    return habit(devices.life_counts[device])
