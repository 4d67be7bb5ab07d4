"""GB/T 42195-2022: the worked cases of the domain page, and properties of score and level."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.care.assessment.form import load_form
from cloud.care.assessment.scoring import (
    CONSCIOUSNESS,
    Circumstances,
    Draft,
    FormError,
    Result,
    RuleSettings,
    assess,
)
from tests.support.data import shared_domain

FORM = load_form()
DEMENTIA = Circumstances(dementia_confirmed=True)
BEST = {code: item.options[0].code for code, item in FORM.items.items()}
WORST = dict.fromkeys(FORM.items, "0")


def answers_with(total: int) -> dict[str, str]:
    """A full form of this total: points are taken away item by item from the end."""
    answers, to_lose = dict(BEST), FORM.total - total
    for code, item in reversed(FORM.items.items()):
        loss = min(to_lose, item.highest)
        answers[code] = str(item.highest - loss)
        to_lose -= loss
    return answers


def result(
    answers: dict[str, str],
    circumstances: Circumstances | None = None,
    settings: RuleSettings | None = None,
) -> Result:
    found = assess(answers, circumstances, settings)
    assert isinstance(found, Result)
    return found


def test_the_form_is_the_domain_page_s() -> None:
    page = shared_domain("ability-assessment.json")
    assert json.loads(page.read_text("utf-8")) == FORM.document


@pytest.mark.parametrize(
    ("total", "circumstances", "level"),
    [
        (90, None, 0),
        (89, None, 1),
        (66, None, 1),
        (65, None, 2),
        (46, None, 2),
        (45, None, 3),
        (30, None, 3),
        (29, None, 4),
        (0, None, 4),
        (70, DEMENTIA, 2),
        (70, Circumstances(mental_disorder_by_psychiatrist=True), 2),
        (70, Circumstances(risk_events={"fall": 2}), 2),
        (70, Circumstances(risk_events={"fall": 1}), 1),
        (70, Circumstances(dementia_confirmed=True, risk_events={"fall": 2}), 3),
        (40, Circumstances(dementia_confirmed=True, risk_events={"fall": 2}), 4),
        (90, Circumstances(coma=True), 4),
        (90, Circumstances(risk_events={"fall": 1, "choke": 1}), 1),
        (20, Circumstances(dementia_confirmed=True), 4),
    ],
)
def test_worked_cases(total: int, circumstances: Circumstances | None, level: int) -> None:
    found = result(answers_with(total), circumstances)
    assert (found.total, found.final_level) == (total, level)


def test_the_coma_option_is_not_stupor_although_both_score_nothing() -> None:
    stupor = result({**BEST, CONSCIOUSNESS: "0"})
    coma = result({**BEST, CONSCIOUSNESS: "coma"})
    assert (stupor.total, stupor.final_level) == (88, 1)
    assert (coma.total, coma.final_level) == (88, 4)
    assert [ground.rule for ground in coma.grounds] == ["coma"]


def test_each_step_of_a_change_is_explained() -> None:
    found = result(
        answers_with(70), Circumstances(dementia_confirmed=True, risk_events={"fall": 2})
    )
    assert found.first_level == 1
    assert [(g.rule, g.level_before, g.level_after) for g in found.grounds] == [
        ("dementia_or_mental_disorder", 1, 2),
        ("risk_events_30d", 2, 3),
    ]
    assert found.grounds[1].because_zh == "近 30 天照护风险事件合计 2 次"
    assert sum(domain.score for domain in found.domains) == found.total


def test_open_points_are_settings() -> None:
    both = Circumstances(dementia_confirmed=True, risk_events={"fall": 2})
    assert result(answers_with(70), both, RuleSettings(changes_add_up=False)).final_level == 2
    mixed = Circumstances(risk_events={"fall": 1, "choke": 1})
    by_kind = RuleSettings(events_count_together=False)
    assert result(answers_with(90), mixed, by_kind).final_level == 0
    same = Circumstances(risk_events={"fall": 2})
    assert result(answers_with(90), same, by_kind).final_level == 1


@pytest.mark.parametrize("left_out", ["B.1.1", "B.3.9", "B.4.5"])
def test_a_partial_form_has_no_level_even_in_a_coma(left_out: str) -> None:
    answers = {code: answer for code, answer in BEST.items() if code != left_out}
    found = assess(answers, Circumstances(coma=True))
    assert isinstance(found, Draft)
    assert found.missing == (left_out,)
    assert not hasattr(found, "final_level")


def test_impossible_answers_are_all_named_at_once() -> None:
    with pytest.raises(FormError) as caught:
        assess(
            {**BEST, "B.2.4": "4", "B.9.9": "1"},
            Circumstances(risk_events={"fall": 4, "quarrel": 1}),
        )
    assert {mistake.field for mistake in caught.value.mistakes} == {
        "B.2.4", "B.9.9", "risk_events.fall", "risk_events.quarrel",
    }  # fmt: skip
    stairs = next(m for m in caught.value.mistakes if m.field == "B.2.4")
    assert stairs.zh == "上下楼梯：没有“4”这个选项，可选 3、2、1、0"


option_codes = st.fixed_dictionaries(
    {
        code: st.sampled_from([option.code for option in item.options])
        for code, item in FORM.items.items()
    }
)
circumstances = st.builds(
    Circumstances,
    coma=st.booleans(),
    dementia_confirmed=st.booleans(),
    mental_disorder_by_psychiatrist=st.booleans(),
    risk_events=st.dictionaries(st.sampled_from(FORM.risk_events), st.integers(0, 3)),
)
settings = st.builds(RuleSettings, st.booleans(), st.booleans())


@given(option_codes, circumstances, settings)
def test_bounds(answers: dict[str, str], around: Circumstances, how: RuleSettings) -> None:
    found = result(answers, around, how)
    assert 0 <= found.total <= FORM.total
    assert found.first_level <= found.final_level <= 4
    assert all(0 <= domain.score <= domain.highest for domain in found.domains)
    assert all(ground.level_before < ground.level_after for ground in found.grounds)


@given(option_codes, circumstances, settings, st.sampled_from(sorted(FORM.items)))
def test_a_worse_answer_never_gives_a_better_level(
    answers: dict[str, str], around: Circumstances, how: RuleSettings, worsened: str
) -> None:
    before = result(answers, around, how)
    options = FORM.items[worsened].options
    position = [option.code for option in options].index(answers[worsened])
    worse = options[min(position + 1, len(options) - 1)].code
    after = result({**answers, worsened: worse}, around, how)
    assert after.total <= before.total
    assert after.final_level >= before.final_level


@given(option_codes, circumstances, settings)
def test_a_finding_never_gives_a_better_level(
    answers: dict[str, str], around: Circumstances, how: RuleSettings
) -> None:
    plain = result(answers, None, how)
    assert result(answers, around, how).final_level >= plain.final_level


@given(option_codes, circumstances, settings, st.sampled_from(FORM.risk_events))
def test_one_more_event_or_diagnosis_never_gives_a_better_level(
    answers: dict[str, str], around: Circumstances, how: RuleSettings, kind: str
) -> None:
    before = result(answers, around, how).final_level
    more = min(around.risk_events.get(kind, 0) + 1, 3)
    events = {**around.risk_events, kind: more}
    for worse in (
        replace(around, risk_events=events),
        replace(around, dementia_confirmed=True),
        replace(around, mental_disorder_by_psychiatrist=True),
        replace(around, coma=True),
    ):
        assert result(answers, worse, how).final_level >= before


@given(st.integers(0, FORM.total - 1))
def test_a_point_more_is_never_a_worse_level(total: int) -> None:
    assert FORM.level_of(total + 1).level <= FORM.level_of(total).level


@pytest.mark.parametrize("total", [-1, 91])
def test_a_total_that_cannot_be_has_no_level(total: int) -> None:
    with pytest.raises(ValueError, match=r"0 \.\. 90"):
        FORM.level_of(total)


@given(option_codes, st.sets(st.sampled_from(sorted(FORM.items)), min_size=1))
def test_a_partial_form_never_has_a_level(answers: dict[str, str], left_out: set[str]) -> None:
    some = {code: answer for code, answer in answers.items() if code not in left_out}
    found = assess(some, Circumstances(coma=True))
    assert isinstance(found, Draft)
    assert set(found.missing) == left_out
