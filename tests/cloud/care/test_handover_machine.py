"""The handover's machine and its sheet: what may follow what, and what is signed."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloud.care.handover.machine import (
    HandoverState,
    IllegalStepError,
    Signature,
    Standing,
    Step,
    sign,
    standing_of,
)
from cloud.care.handover.sheet import (
    SECTIONS,
    Line,
    changes_in,
    changes_text,
    compare,
    digest,
    lines_in,
    text_of,
)
from tests.cloud.world import START

PEOPLE = [uuid.UUID(int=number) for number in range(1, 5)]


class HandoverMachine(RuleBasedStateMachine):
    """Four people sign in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = Standing()
        self.taken: list[Signature] = []

    @rule(step=st.sampled_from(Step), who=st.sampled_from(PEOPLE), words=st.sampled_from(["", "x"]),
          named=st.sampled_from([None, *PEOPLE]))  # fmt: skip
    def signs(self, step: Step, who: uuid.UUID, words: str, named: uuid.UUID | None) -> None:
        at = START + timedelta(minutes=len(self.taken))
        signature = Signature(step, who, at, words, named if step is Step.GIVE else None)
        before = self.standing
        try:
            self.standing = sign(before, signature)
        except IllegalStepError:
            assert self.standing == before
            return
        self.taken.append(signature)
        if step is Step.GIVE:
            assert self.standing.revision == before.revision + 1
        else:
            assert who != before.giver_id
            assert before.state is HandoverState.GIVEN

    @invariant()
    def two_people_and_replayable(self) -> None:
        standing = self.standing
        assert standing_of(self.taken) == standing
        if standing.state is HandoverState.TAKEN:
            assert standing.taker_id is not None
            assert standing.taker_id != standing.giver_id
            assert standing.taken_at is not None
            with pytest.raises(IllegalStepError):
                sign(standing, Signature(Step.GIVE, PEOPLE[0], START))
        else:
            assert standing.taker_id is None


TestHandoverMachine = HandoverMachine.TestCase

_WORDS = st.text(max_size=12)
LINES = st.lists(
    st.builds(
        Line, section=st.sampled_from(SECTIONS), key=st.sampled_from("abcdef"), zh=_WORDS,
        en=_WORDS, elder=_WORDS, urgent=st.booleans(),
    ),
    max_size=12, unique_by=lambda line: (line.section, line.key),
)  # fmt: skip


@given(LINES, st.randoms())
def test_the_same_facts_have_the_same_hash_in_any_order(lines: list[Line], dice: object) -> None:
    shuffled = list(lines)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    head = {"unit": "2 楼"}
    text = text_of(head, lines)
    assert digest(text) == digest(text_of(head, shuffled))
    assert compare(lines_in(text), lines) == []


@given(LINES, LINES)
def test_changes_lead_from_one_sheet_to_the_other(before: list[Line], after: list[Line]) -> None:
    changes = compare(before, after)
    held = {(line.section, line.key): line for line in before}
    for change in changes_in(changes_text(changes)):
        if change.before is not None:
            assert held.pop((change.before.section, change.before.key)) == change.before
        if change.after is not None:
            held[change.after.section, change.after.key] = change.after
    assert held == {(line.section, line.key): line for line in after}
    assert (text_of({}, before) == text_of({}, after)) == (changes == [])
