"""The life of one handover: a pure machine over its signatures.

    OPEN --give--> GIVEN --take--> TAKEN
                   |  ^ give (anew: the last snapshot counts)
              object  |
                   v  |
                 OBJECTED

Giver and taker are two people. What is taken stays taken: what comes to light later is a note.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class HandoverState(StrEnum):
    """Where a handover is."""

    OPEN = "open"
    GIVEN = "given"
    OBJECTED = "objected"
    TAKEN = "taken"


class Step(StrEnum):
    """What a person may sign."""

    GIVE = "give"
    OBJECT = "object"
    TAKE = "take"


class IllegalStepError(ValueError):
    """What the state does not allow; `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Signature:
    """One step by one person. `named_id`: to whom the giver gives, where they are not rostered."""

    step: Step
    by_id: uuid.UUID
    at: datetime
    words: str = ""
    named_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the signatures so far amount to. `revision` counts the givings."""

    state: HandoverState = HandoverState.OPEN
    revision: int = 0
    giver_id: uuid.UUID | None = None
    given_at: datetime | None = None
    named_id: uuid.UUID | None = None
    taker_id: uuid.UUID | None = None
    taken_at: datetime | None = None


def sign(before: Standing, signature: Signature) -> Standing:
    """The standing after it. Raises IllegalStepError."""
    if before.state is HandoverState.TAKEN:
        raise IllegalStepError("already_taken")
    if signature.step is Step.GIVE:
        if signature.named_id == signature.by_id:
            raise IllegalStepError("same_person")
        return replace(
            before, state=HandoverState.GIVEN, revision=before.revision + 1,
            giver_id=signature.by_id, given_at=signature.at, named_id=signature.named_id,
        )  # fmt: skip
    if before.state is HandoverState.OBJECTED:
        raise IllegalStepError("objected")
    if before.state is not HandoverState.GIVEN:
        raise IllegalStepError("not_given")
    if signature.by_id == before.giver_id:
        raise IllegalStepError("same_person")
    if signature.step is Step.OBJECT:
        if not signature.words.strip():
            raise IllegalStepError("words_needed")
        return replace(before, state=HandoverState.OBJECTED)
    return replace(
        before, state=HandoverState.TAKEN, taker_id=signature.by_id, taken_at=signature.at
    )


def standing_of(signatures: Iterable[Signature]) -> Standing:
    """What all of them amount to, in order. Raises IllegalStepError."""
    standing = Standing()
    for signature in signatures:
        standing = sign(standing, signature)
    return standing
