"""Recorded homes: readers refuse bad files by line and field; the figures of the card hold."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from edge.inactivity.devices import QUANTITY_INDEX
from edge.inactivity.limits import S_PER_DAY
from edge.inactivity.training.backtest import deadlines, no_returns, run, score, warmup_days
from edge.inactivity.training.cli import backtest_app
from edge.inactivity.training.homes import HomeFileError, read_home, role_of, room_of
from edge.subject import RoomKind, SensorRole

DATA = Path(os.environ.get("YUYUE_DATA", Path(__file__).parents[3] / ".." / "shared" / "data"))
ROUTINE = DATA / "routine"
needs_recordings = pytest.mark.skipif(
    not ROUTINE.is_dir(), reason="recorded homes are not here (YUYUE_DATA)"
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


EVENTS = "time,sensor,state\n2026-01-01 08:00:00,KitchenA,ON\n2026-01-01 08:00:03,KitchenA,OFF\n"
INTERVALS = (
    "start,end,location,type,place\n"
    "2026-01-01 01:00:00,2026-01-01 07:00:00,Bed,Pressure,Bedroom\n"
    "2026-01-01 07:05:00,2026-01-01 07:05:09,Maindoor,Magnetic,Entrance\n"
)
HOURLY = "window_start,Kitchen,OutsideDoor,total_events\n2026-01-01 08:00:00,3,0,3\n"


def test_the_three_layouts(tmp_path: Path) -> None:
    events = read_home(write(tmp_path / "a_events.csv", EVENTS))
    assert events.quantity.tolist() == [QUANTITY_INDEX["motion"]] * 2
    assert events.value.tolist() == [1.0, 0.0]
    intervals = read_home(write(tmp_path / "b.csv", INTERVALS))
    assert [s.role for s in intervals.settings.sensors] == [SensorRole.BED, SensorRole.OUTER_DOOR]
    assert len(intervals.time_ns) == 4
    assert len(intervals.row_ns) == 2  # a deadline is wanted for beginnings only
    hourly = read_home(write(tmp_path / "c_hourly.csv", HOURLY), hourly=True)
    assert hourly.row_ns[0] - intervals.row_ns[0] == 8 * 3600 * 10**9  # the end of its hour
    assert [s.report_interval_s for s in hourly.settings.sensors] == [3600.0, 3600.0]


def test_one_name_in_two_rooms_is_two_sensors(tmp_path: Path) -> None:
    row = "2026-01-01 08:00:00,2026-01-01 08:01:00,Door,PIR,{}\n"
    home = read_home(
        write(tmp_path / "b.csv", INTERVALS + row.format("Kitchen") + row.format("Living"))
    )
    doors = [s for s in home.settings.sensors if s.device_id.startswith("Door/")]
    assert [(s.role, s.room_kind) for s in doors] == [
        (SensorRole.MOTION, RoomKind.KITCHEN),
        (SensorRole.MOTION, RoomKind.LIVING),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "none of the known layouts"),
        ("a,b\n1,2\n", "none of the known layouts"),
        (EVENTS + "yesterday,KitchenA,ON\n", "line 4, time"),
        (HOURLY + "2026-01-01 09:00:00,many,0,3\n", "line 3"),
        (INTERVALS + "2026-01-01 08:00:00,,Bed,Pressure,Bedroom\n", "line 4, end"),
    ],
)
def test_a_bad_file_is_refused_by_line_and_field(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(HomeFileError, match=says):
        read_home(write(tmp_path / "home.csv", text))


@pytest.mark.parametrize(
    ("name", "technique", "role", "room"),
    [
        ("OutsideDoor", "", SensorRole.OUTER_DOOR, RoomKind.ENTRANCE),
        ("MainEntryway", "", SensorRole.OUTER_DOOR, RoomKind.ENTRANCE),
        ("BedroomADoor", "", SensorRole.DOOR, RoomKind.BEDROOM),
        ("BedroomABed", "", SensorRole.MOTION, RoomKind.BEDROOM),
        ("Bed", "Pressure", SensorRole.BED, RoomKind.BEDROOM),
        ("Seat", "Pressure", SensorRole.SEAT, RoomKind.LIVING),
        ("Toilet", "Flush", SensorRole.APPLIANCE, RoomKind.BATHROOM),
        ("M017", "", SensorRole.MOTION, RoomKind.OTHER),
        ("D002", "", SensorRole.OUTER_DOOR, RoomKind.OTHER),
        ("Door", "PIR", SensorRole.MOTION, RoomKind.OTHER),
    ],
)
def test_what_a_name_says(name: str, technique: str, role: SensorRole, room: RoomKind) -> None:
    assert (role_of(name, technique), room_of(name)) == (role, room)


@needs_recordings
@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "warmup", "reach"),  # false alarms a week, median, mean, p90 in h
    [
        ("casas_hh101_hourly.csv.gz", None, (0.10, 4.0, 5.0, 6.0)),
        ("casas_tm000_events_7d.csv.gz", None, (0.5, 2.5, np.inf, np.inf)),
        ("ordonez_A_sensors.csv", None, (0.5, 2.5, np.inf, np.inf)),
        ("ordonez_A_sensors.csv", 7.0, (0.5, 2.5, np.inf, np.inf)),
    ],
)
def test_the_figures_of_the_card_hold(
    name: str, warmup: float | None, reach: tuple[float, float, float, float]
) -> None:
    home = read_home(ROUTINE / name)
    result = run(home)
    days = warmup_days(home) if warmup is None else warmup
    figures = score(home, deadlines(result.rows, any_call=False), days * S_PER_DAY)
    measured = (figures.per_week, figures.median_h, figures.mean_h, figures.p90_h)
    assert all(ours <= limit for ours, limit in zip(measured, reach, strict=True)), measured
    assert no_returns(result, days * S_PER_DAY) <= 0.1 * max(figures.weeks, 1.0)
    timer = score(home, np.full(len(result.rows), 4 * 3600.0), days * S_PER_DAY)
    assert figures.false_alarms < timer.false_alarms


@needs_recordings
@pytest.mark.recordings
def test_the_command_writes_deadlines_and_a_report(tmp_path: Path) -> None:
    home = ROUTINE / "ordonez_A_sensors.csv"
    out, plot = tmp_path / "deadlines.csv", tmp_path / "report.html"
    outcome = CliRunner().invoke(
        backtest_app,
        ["inactivity", "--home", str(home), "--out", str(out), "--plot", str(plot)],
    )
    assert outcome.exit_code == 0, outcome.output
    assert "timer 4 h" in outcome.output
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "time,deadline,no_return,reasons"
    assert len(lines) == len(read_home(home).row_ns) + 1
    page = plot.read_text(encoding="utf-8")
    assert "学到的一天" in page
    assert "<svg" in page


@pytest.mark.parametrize("arguments", [[], ["--home", "none.csv"], ["--data", "/nonexistent"]])
def test_the_command_refuses_what_it_cannot_read(arguments: list[str]) -> None:
    outcome = CliRunner().invoke(backtest_app, ["inactivity", *arguments])
    assert outcome.exit_code == 2
