"""The simulated home: who lives in it, who falls when, and what the journal says of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.signals import Position
from firmware_sim.home import (
    DEFAULT_HOME,
    RATE_HZ,
    Home,
    HomeError,
    Inhabitant,
    Journal,
    plan_falls,
    read_inhabitants,
)
from tests.firmware_sim.fake_clock import START_NS

PEOPLE = [
    Inhabitant("wearable-0001", Position.WRIST, "王芳", "201"),
    Inhabitant("wearable-0002", Position.WAIST, "李强", "202"),
    Inhabitant("wearable-0003", Position.CHEST, "张敏", "203"),
]


def test_seed_file_gives_the_people_who_wear_something(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(
        json.dumps(
            {
                "devices": [
                    {
                        "device_id": "w1",
                        "position": "waist",
                        "elder": "王芳",
                        "place": {"label": "201-1 床"},
                    },
                    {
                        "device_id": "door",
                        "position": None,
                        "elder": None,
                        "place": {"label": "大门"},
                    },
                    {"device_id": "w2", "position": "wrist", "elder": None, "place": None},
                ]
            }
        )
    )
    assert read_inhabitants(seed) == [
        Inhabitant("w1", Position.WAIST, "王芳", "201-1 床"),
        Inhabitant("w2", Position.WRIST, "", ""),
    ]


def test_without_a_seed_file_the_default_home() -> None:
    assert [person.device_id for person in read_inhabitants(None)] == [
        device_id for device_id, _ in DEFAULT_HOME
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "not a seed file"),
        ("[]", "not a seed file"),
        ('{"devices": [{"position": "waist"}]}', "device_id"),
        ('{"devices": [{"device_id": "w1", "position": "ankle"}]}', "ankle"),
        ('{"devices": []}', "devices"),
    ],
)
def test_bad_seed_file_says_what(tmp_path: Path, content: str, message: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(content)
    with pytest.raises(HomeError, match=message):
        read_inhabitants(seed)


def test_device_left_out_stays_free() -> None:
    left = [person.device_id for person in read_inhabitants(None, ["wearable-0006"])]
    assert left == [device_id for device_id, _ in DEFAULT_HOME][:-1]
    with pytest.raises(HomeError, match="wearable-0099"):
        read_inhabitants(None, ["wearable-0099"])


def test_missing_seed_file(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"seed\.json"):
        read_inhabitants(tmp_path / "seed.json")


def test_two_different_people_fall_those_with_the_surest_sensor_first() -> None:
    first, second = plan_falls(PEOPLE, 20.0, 150.0)
    assert (first.device_id, first.at_s) == ("wearable-0002", 20.0)
    assert (second.device_id, second.at_s) == ("wearable-0003", 150.0)
    assert len(plan_falls(PEOPLE, 20.0, None)) == 1
    assert len(plan_falls(PEOPLE[:1], 20.0, 150.0)) == 1


def test_the_journal_tells_the_impact_that_the_samples_show(tmp_path: Path) -> None:
    journal = tmp_path / "falls.jsonl"
    home = Home(PEOPLE, plan_falls(PEOPLE, 5.0, None), 1, Journal(journal))
    for device in home.devices():
        assert device.on_start is not None
        assert device.before_block is not None
        device.on_start(START_NS)
        peaks = []
        for _ in range(30):
            device.before_block()
            peaks.append(np.linalg.norm(device.source.read(50), axis=1))
        size = np.concatenate(peaks)
        if device.device_id == "wearable-0002":
            (line,) = journal.read_text().splitlines()
            entry = json.loads(line)
            assert entry["device_id"] == device.device_id
            impact_s = (entry["impact_ns"] - START_NS) / 1e9
            assert impact_s > 5.0
            assert abs(size.argmax() / RATE_HZ - impact_s) < 0.5
            assert size.max() > 2.0
        else:
            assert size.max() < 2.0


def test_on_command_somebody_who_has_not_fallen_yet_falls(tmp_path: Path) -> None:
    journal = tmp_path / "falls.jsonl"
    home = Home(PEOPLE, plan_falls(PEOPLE, 1.0, None), 1, Journal(journal))
    devices = home.devices()

    def live(seconds: int) -> None:
        for _ in range(seconds):
            for device in devices:
                assert device.before_block is not None
                device.before_block()
                device.source.read(50)

    live(4)
    for _ in range(3):
        home.fall_next()
        live(2)
    fallen = [json.loads(line)["device_id"] for line in journal.read_text().splitlines()]
    assert fallen == ["wearable-0002", "wearable-0003", "wearable-0001", "wearable-0001"]
