"""Blind is never well: no sentence comforts about time that nobody saw."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from cloud.family.words import (
    COMFORT,
    AnswerFacts,
    CoverageFacts,
    NightFacts,
    Told,
    WeekFacts,
    coverage_said,
    night_said,
    quarters,
    week_said,
)

MONDAY = date(2026, 3, 2)
minutes = st.integers(0, 720)
nights = st.builds(
    NightFacts, watched=st.booleans(), in_bed_min=minutes, up_min=minutes, out_min=minutes,
    unseen_min=minutes, up_times=st.integers(0, 9),
)  # fmt: skip
answers = st.builds(
    AnswerFacts, code=st.sampled_from(["fall_confirmed", "sos", "something_new"]),
    finding=st.sampled_from([None, "real_fall", "false_alarm", "unclear"]),
    injury=st.sampled_from([None, "none", "hospital"]),
    answered_s=st.none() | st.floats(0, 9000), arrived_s=st.none() | st.floats(0, 9000),
)  # fmt: skip


def comforts(told: Told) -> list[str]:
    return [word for word in COMFORT if word in told.zh or word in told.en.lower()]


def says_unseen(told: Told) -> bool:
    return "看不见" in told.zh and ("not see" in told.en or "cannot see" in told.en)


@given(night=nights)
def test_a_night_that_was_not_seen_is_said_to_be_so(night: NightFacts) -> None:
    told = night_said(night)
    assert comforts(told) == []
    if not night.watched or night.unseen_min > 0 or night.in_bed_min + night.up_min == 0:
        assert says_unseen(told) or (night.out_min > 0 and night.unseen_min == 0)


@given(
    state=st.sampled_from(["blind", "degraded"]), since=st.none() | st.just("02:10"),
    cause=st.none() | st.sampled_from(["gateway_offline", "no_devices", "new_cause"]),
    missing=st.lists(st.tuples(st.sampled_from(["bed", "fall", "new"]), st.none())),
    staff=st.sampled_from(["listed", "alerted", "acknowledged"]),
)  # fmt: skip
def test_what_cannot_be_seen_is_said_with_whether_staff_know(
    state: str, since: str | None, cause: str | None, missing: list[tuple[str, None]], staff: str
) -> None:
    told = coverage_said(CoverageFacts(state, since, cause, missing, staff))
    assert comforts(told) == []
    assert says_unseen(told)
    assert "值班屏" in told.zh or "护理员" in told.zh


@given(
    of=st.none() | st.lists(st.tuples(st.just(MONDAY), nights), max_size=7),
    answered=st.none() | st.lists(answers, max_size=4),
    unseen_h=st.none() | st.floats(0, 168), away=st.none() | st.integers(0, 7),
)  # fmt: skip
def test_a_letter_never_comforts_and_tells_its_holes(
    of: list[tuple[date, NightFacts]] | None, answered: list[AnswerFacts] | None,
    unseen_h: float | None, away: int | None,
) -> None:  # fmt: skip
    told = week_said(WeekFacts("王秀兰", MONDAY, of, answered, unseen_h, away))
    assert comforts(told) == []
    holes = [n for _, n in of or () if not n.watched or n.unseen_min >= 15]
    if holes or (unseen_h or 0) > 0:
        assert "看不见" in told.zh


def test_words_of_a_usual_night_and_of_one_with_a_hole() -> None:
    whole = night_said(NightFacts(True, in_bed_min=437, up_min=20, up_times=2))
    assert whole.zh == "昨夜在床约 7.25 小时，起身 2 次。"
    hole = night_said(NightFacts(True, in_bed_min=300, up_min=10, unseen_min=130, up_times=1))
    assert (
        hole.zh
        == "昨夜在床约 5 小时，起身 1 次。另有约 2.25 小时我们看不见，那段时间的情况不知道。"
    )
    blind = night_said(NightFacts(True, unseen_min=720))
    assert blind.zh == "昨夜我们看不见：床位没有数据，发生了什么我们不知道。"


def test_what_is_there_is_not_rounded_away() -> None:
    assert [quarters(n) for n in (0, 1, 7, 8, 22, 23)] == [0, 15, 15, 15, 15, 30]


def test_staff_know_or_do_not() -> None:
    facts = CoverageFacts("blind", "02:10", "gateway_offline", (), "acknowledged")
    told = coverage_said(facts)
    assert told.zh == "从 02:10 起，我们看不见老人：房间或家里的网关失联。护理员已知道并在处理。"
