"""Lines of care: assessments, rounds, leave, visits."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from cloud.bureau.rehearsal.diary import Act, DiaryError, House, Line
from cloud.care.assessment import service as assessments
from cloud.care.assessment.form import load_form
from cloud.care.assessment.schemas import DraftIn
from cloud.care.leave.models import ElderLeave
from cloud.care.leave.service import Absence, register, take_back
from cloud.care.rounds.schemas import FrequencyIO, LevelPlanIO, RoundCheckIn, RoundPlanIn
from cloud.care.rounds.service import plans, set_plan, take_checks
from cloud.care.visits import service as visits
from cloud.care.visits.catalogue import ALL_WELL, ways
from cloud.care.visits.checkin import correct_visit, take_visit
from cloud.care.visits.schemas import (
    VisitCorrectionIn,
    VisitIn,
    VisitPlanIn,
    VisitRequestIn,
    VisitSettingsIn,
)
from cloud.crypto import Keyring
from cloud.identity.service import Principal
from cloud.series.service import SeriesStore

_HOURLY: Final = FrequencyIO(per_shift=None, every_min=60)
_SIGNED: Final = {"name": "家属", "relationship": "子女", "signed": True}
# In the middle of each level's range of totals (GB/T 42195: 90; 66-89; 46-65; 30-45; 0-29).
_TOTALS: Final = {0: 90, 1: 80, 2: 55, 3: 38, 4: 15}


class CareActs:
    """Of one institution at a time; `acts` by the words of the diary."""

    def __init__(self, keyring: Keyring, series: SeriesStore) -> None:
        self._keyring = keyring
        self._series = series
        self.acts: Mapping[str, Act] = {
            "assess": self._assess,
            "plan": self._plan,
            "out": self._out,
            "home": self._home,
            "visit_rules": self._visit_rules,
            "visit_plan": self._visit_plan,
            "visit": self._visit,
            "visit_wrong": self._visit_wrong,
            "visit_asked": self._visit_asked,
        }

    async def _assess(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        draft = DraftIn.model_validate(
            {
                "version": 0, "reason": 1, "reference_date": line["on"],
                "answers": answers_for(line["level"]),
                "circumstances": {"risk_events": {"fall": 0}}, "informant": _SIGNED,
                "assessors": ["评估员一", "评估员二"],
            }
        )  # fmt: skip
        assessment_id = uuid.uuid4()
        elder_id = house.elders[line["person"]]
        await assessments.save_draft(who, elder_id, assessment_id, draft, at)
        filed = await assessments.file(who, assessment_id, 1, at)
        if filed.final_level != line["level"]:
            raise DiaryError(f"level {line['level']} came out as {filed.final_level}")

    async def _plan(self, _house: House, who: Principal, line: Line, at: datetime) -> None:
        held = (await plans(who.scope)).get(None)
        levels = []
        if line["stricter"]:
            by_day = {0: FrequencyIO(per_shift=1), 1: FrequencyIO(per_shift=2)}
            levels = [
                LevelPlanIO(level=level, night=_HOURLY, day=day) for level, day in by_day.items()
            ]
        wanted = RoundPlanIn(
            active=True, version=0 if held is None else held.version, levels=levels
        )  # fmt: skip
        await set_plan(who, wanted, at)

    async def _out(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        wanted = Absence(at, datetime.fromisoformat(line["due"]), "", "")
        await register(who, house.elders[line["person"]], wanted, at)

    async def _home(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        elder_id = house.elders[line["person"]]
        statement = who.scope.select(ElderLeave).where(
            ElderLeave.elder_id == elder_id, ElderLeave.back_at.is_(None)
        )
        leave = (await who.scope.session.scalars(statement)).one()
        await take_back(who, elder_id, leave.id, at)

    async def checks(
        self, house: House, who: Principal, lines: Sequence[Line], at: datetime
    ) -> None:
        """Several of one house together, as a phone without a network sends them."""
        wanted = [
            RoundCheckIn(
                id=uuid.uuid4(), elder_id=house.elders[line["person"]],
                at=datetime.fromisoformat(line["seen"]),
                finding="asleep" if line["there"] else "not_there",
            )
            for line in lines
        ]  # fmt: skip
        await take_checks(who, self._series, wanted, at)

    async def _visit_rules(self, _house: House, who: Principal, line: Line, at: datetime) -> None:
        wanted = VisitSettingsIn(
            interval_days=line["interval_days"], pull_forward_h=line["pull_forward_h"],
            remote_in_a_row=line["remote_in_a_row"],
        )  # fmt: skip
        await visits.set_figures(who, wanted, at)

    async def _visit_plan(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        elder_id = house.elders[line["person"]]
        held = await visits.find_plan(who.scope, elder_id)
        wanted = VisitPlanIn(
            group=line["group"], interval_days=line["own_days"], starts_on=line["starts_on"],
            ended=line["ended"], version=0 if held is None else held.version,
        )  # fmt: skip
        await visits.set_plan(who, elder_id, wanted, self._keyring, at)

    async def _visit(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        wanted = VisitIn(
            id=uuid.uuid4(), elder_id=house.elders[line["person"]], way=line["way"],
            outcome=line["outcome"], started_at=line["began"], ended_at=line["ended"],
            no_place_reason="" if ways()[line["way"]].remote else "室内无信号",
            findings=[ALL_WELL] if line["outcome"] == "done" else [],
        )  # fmt: skip
        house.visits[line["visit"]] = (await take_visit(who, wanted, self._keyring, at)).id

    async def _visit_wrong(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        wanted = VisitCorrectionIn(
            reason="登记有误", void=line["began"] is None, started_at=line["began"],
            ended_at=line["ended"],
        )  # fmt: skip
        await correct_visit(who, house.visits[line["visit"]], wanted, at)

    async def _visit_asked(self, house: House, who: Principal, line: Line, at: datetime) -> None:
        wanted = VisitRequestIn(due_at=line["due"], note="家属希望早些去看看")
        await visits.request_visit(who, house.elders[line["person"]], wanted, at)


def answers_for(level: int) -> dict[str, str]:
    """Answers whose total lies in the level's range: worse and worse ones until it does."""
    form = load_form()
    answers = {code: item.options[0].code for code, item in form.items.items()}
    target = _TOTALS[level]
    total = form.total
    for code, item in form.items.items():
        for option in item.options:
            if total <= target:
                return answers
            held = next(o for o in item.options if o.code == answers[code])
            total -= held.score - option.score
            answers[code] = option.code
    return answers
