"""The recordings packs: found, read, joined; what is missing or damaged is said by name."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from edge.signals import Position
from firmware_sim.devices.recordings import (
    DEFAULT_DATA_DIR,
    RecordingError,
    Recordings,
    data_dir,
    resampled,
)

FIELDS = [
    "rec_id", "dataset", "file", "start", "n", "fs", "subject", "activity", "is_fall", "position",
    "impact_s",
]  # fmt: skip
ROWS = [
    ["a/S1/D01/R01/waist", "a", "a.npz", 0, 100, 50.0, "S1", "D01", 0, "waist", ""],
    ["a/S1/F01/R01/waist", "a", "a.npz", 100, 50, 50.0, "S1", "F01", 1, "waist", 0.5],
    ["b/S2/D01/R01/wrist", "b", "b.npz", 0, 40, 20.0, "S2", "D01", 0, "wrist", ""],
]


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "falls"
    folder.mkdir()
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        writer.writerows(ROWS)
    counts = np.arange(450, dtype=np.int16).reshape(150, 3)
    np.savez(folder / "a.npz", acc=counts)
    np.savez(folder / "b.npz", acc=np.full((40, 3), 500, dtype=np.int16))
    return tmp_path


def test_reads_milli_g_of_its_own_rows(packs: Path) -> None:
    known = Recordings(packs)
    fall = known.get("a/S1/F01/R01/waist")
    assert (fall.is_fall, fall.impact_s, fall.duration_s, fall.rate_hz) == (True, 0.5, 1.0, 50.0)
    samples_g = known.samples_g(fall)
    assert samples_g.shape == (50, 3)
    assert samples_g[0].tolist() == pytest.approx([0.300, 0.301, 0.302])


def test_finds_by_everything_given(packs: Path) -> None:
    known = Recordings(packs)
    assert [row.rec_id for row in known.find(is_fall=True)] == ["a/S1/F01/R01/waist"]
    assert [row.rec_id for row in known.find(dataset="b", position=Position.WRIST)] == [
        "b/S2/D01/R01/wrist"
    ]
    assert not list(known.find(dataset="b", is_fall=True))


def test_joined_keeps_every_second_at_one_rate(packs: Path) -> None:
    known = Recordings(packs)
    both = [known.get("a/S1/F01/R01/waist"), known.get("b/S2/D01/R01/wrist")]
    joined = known.joined_g(both, 50.0)
    assert joined.shape == (50 + 100, 3)
    assert joined[60:] == pytest.approx(0.5, abs=1e-3)  # the filter's ripple


def test_resampling_keeps_a_slow_movement() -> None:
    t = np.arange(400) / 40.0
    slow = np.sin(2 * np.pi * 1.0 * t)[:, None].repeat(3, axis=1)
    there = resampled(slow, 40.0, 50.0)
    assert there.shape == (500, 3)
    expected = np.sin(2 * np.pi * 1.0 * np.arange(500) / 50.0)
    assert np.abs(there[50:-50, 0] - expected[50:-50]).max() < 0.01


def test_missing_data_names_the_guide(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"docs/data\.md.*YUYUE_DATA"):
        Recordings(tmp_path / "nowhere")


def test_unknown_id_gives_examples(packs: Path) -> None:
    with pytest.raises(RecordingError, match="for example a/S1/D01/R01/waist"):
        Recordings(packs).get("a/S9/F01/R01/waist")


def test_damaged_index_names_the_line(packs: Path) -> None:
    index = packs / "falls" / "index.csv"
    index.write_text(index.read_text().replace("wrist,", "ankle,"))
    with pytest.raises(RecordingError, match=r"index\.csv, line 4.*ankle"):
        Recordings(packs)


@pytest.mark.parametrize("damage", ["truncated", "no acc", "missing", "short"])
def test_damaged_pack_is_named(packs: Path, damage: str) -> None:
    pack = packs / "falls" / "a.npz"
    if damage == "truncated":
        pack.write_bytes(pack.read_bytes()[:100])
    elif damage == "no acc":
        np.savez(pack, gyr=np.zeros((150, 3)))
    elif damage == "missing":
        pack.unlink()
    else:
        np.savez(pack, acc=np.zeros((120, 3), dtype=np.int16))
    known = Recordings(packs)
    with pytest.raises(RecordingError, match=r"a\.npz"):
        known.samples_g(known.get("a/S1/F01/R01/waist"))


def test_environment_says_where() -> None:
    assert data_dir({"YUYUE_DATA": "/somewhere"}) == Path("/somewhere")
    assert data_dir({}) == data_dir({"YUYUE_DATA": ""}) == DEFAULT_DATA_DIR


@pytest.mark.recordings
def test_every_real_recording_fits_the_sensor_that_made_it() -> None:
    if not (data_dir() / "falls" / "index.csv").exists():
        pytest.skip(f"no recordings at {data_dir()}: see docs/data.md, or set YUYUE_DATA")
    known = Recordings(data_dir())
    assert len(known) > 1000
    for dataset in ("sisfall", "weda", "smartfallmm", "umafall", "stresspredict"):
        for recording in list(known.find(dataset=dataset))[::40]:
            peak_g = np.abs(known.samples_g(recording)).max()
            # a pack may hold the sensor's last count and its calibration: a few per cent over
            assert peak_g <= recording.full_scale_g * 1.05, recording.rec_id
