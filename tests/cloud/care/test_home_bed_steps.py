"""The life of a home bed as a state machine: whatever is tried, in whatever order."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloud.care.homebed.steps import (
    BACK,
    BedMove,
    BedStep,
    Known,
    Refusal,
    RefusedError,
    after,
    allowed,
    due_on,
    steps,
    warranty_months,
)

ALL = Known(
    assessed=True, assessment_fresh=True, has_plan=True, signed=True, has_home=True,
    home_taken=False, unfitted=0, unchecked=0, warranty_long_enough=True, consent=True, reason=True,
)  # fmt: skip
WAY = (
    BedMove.ASSESS, BedMove.PLAN, BedMove.AGREE, BedMove.BEGIN_FITTING, BedMove.ACCEPT,
    BedMove.START, BedMove.REVIEW,
)  # fmt: skip
known = st.builds(
    Known,
    **{
        one.name: st.booleans() if one.type == "bool" else st.integers(0, 2)
        for one in fields(Known)
    },  # type: ignore[arg-type]
)


class Life(RuleBasedStateMachine):
    """Any moves with anything known; what has happened is remembered beside the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.step = BedStep.APPLIED
        self.held: set[BedStep] = set()
        self.refusals: tuple[Refusal, ...] | None = None

    @rule(move=st.sampled_from(BedMove), known=known)
    def try_to(self, move: BedMove, known: Known) -> None:
        before = self.step
        try:
            self.step = after(before, move, known)
        except RefusedError as error:
            self.refusals = error.refusals
            assert move not in allowed(before) or known != ALL
            return
        assert move in allowed(before)
        if move is BedMove.STEP_BACK:
            self.held.discard(before)
        else:
            self.held.add(self.step)

    @rule(move=st.sampled_from(BedMove))
    def with_everything_known_what_is_allowed_is_done(self, move: BedMove) -> None:
        if move in allowed(self.step):
            after(self.step, move, ALL)
        else:
            with pytest.raises(RefusedError):
                after(self.step, move, ALL)

    @invariant()
    def nothing_is_fitted_before_the_agreement(self) -> None:
        if self.step in (BedStep.FITTING, BedStep.ACCEPTED, BedStep.IN_SERVICE):
            assert BedStep.AGREED in self.held

    @invariant()
    def nothing_is_in_service_before_the_acceptance(self) -> None:
        if self.step is BedStep.IN_SERVICE:
            assert {
                BedStep.ASSESSED,
                BedStep.PLANNED,
                BedStep.AGREED,
                BedStep.ACCEPTED,
            } <= self.held

    @invariant()
    def every_refusal_is_named(self) -> None:
        if self.refusals is not None:
            assert self.refusals
            assert all(one.code and one.zh for one in self.refusals)

    @invariant()
    def what_has_ended_has_ended(self) -> None:
        if self.step is BedStep.ENDED:
            assert allowed(self.step) == ()


TestLife = Life.TestCase


def test_the_way_from_application_to_service() -> None:
    step = BedStep.APPLIED
    for move in WAY:
        assert allowed(step)[0] is move is steps()[step].move
        step = after(step, move, ALL)
    assert step is BedStep.IN_SERVICE


@pytest.mark.parametrize("step", list(BACK))
def test_one_step_back_and_forward_again_is_where_it_was(step: BedStep) -> None:
    back = after(step, BedMove.STEP_BACK, ALL)
    forward = steps()[back].move
    assert forward is not None
    assert after(back, forward, ALL) is step


@pytest.mark.parametrize(
    ("step", "move", "lacking", "codes"),
    [
        (BedStep.APPLIED, BedMove.ASSESS, {"assessed": False}, ["no_assessment"]),
        (BedStep.APPLIED, BedMove.ASSESS, {"assessment_fresh": False}, ["assessment_old"]),
        (BedStep.PLANNED, BedMove.BEGIN_FITTING, {}, ["not_agreed"]),
        (BedStep.FITTING, BedMove.START, {}, ["not_accepted"]),
        (
            BedStep.FITTING, BedMove.ACCEPT,
            {"unfitted": 2, "unchecked": 1, "warranty_long_enough": False},
            ["kit_unfitted", "checklist_open", "warranty_short"],
        ),
        (BedStep.ACCEPTED, BedMove.START, {"consent": False}, ["no_consent"]),
        (BedStep.AGREED, BedMove.BEGIN_FITTING, {"home_taken": True}, ["home_taken"]),
        (BedStep.IN_SERVICE, BedMove.END, {"reason": False}, ["no_reason"]),
        (BedStep.IN_SERVICE, BedMove.STEP_BACK, {}, ["out_of_order"]),
        (BedStep.ENDED, BedMove.APPLY, {}, ["out_of_order"]),
    ],
)  # fmt: skip
def test_a_refused_move_names_every_reason(
    step: BedStep, move: BedMove, lacking: dict[str, object], codes: list[str]
) -> None:
    with pytest.raises(RefusedError) as refused:
        after(step, move, replace(ALL, **lacking))  # type: ignore[arg-type]
    assert [one.code for one in refused.value.refusals] == codes


@given(st.sampled_from(BedStep), st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_everything_but_the_end_is_due_some_day(step: BedStep, since: date) -> None:
    due = due_on(step, since)
    assert (due is None) == (step is BedStep.ENDED)
    assert due is None or due > since


def test_the_warranty_of_the_domain_page() -> None:
    assert warranty_months() == 12
