"""Every table that holds something of an elder: how its rows are found, and what becomes of them.

A table with an elder in it, or with a key into one that has, is here or in `EXCEPTIONS` with its
reason: `tests/cloud/rights/test_catalogue.py` walks the metadata and the database's keys and fails
for a new one. The order is that of deletion: whoever refers comes before whom it refers to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

# 养老机构管理办法, art. 32 (V): a resident's file is kept for five years at least after the
# agreement ends. The end of the last stay, home bed or service stands for it (D).
FILE_KEPT: Final = timedelta(days=5 * 365 + 2)


class Fate(StrEnum):
    """What a request to erase does to the rows."""

    NOW = "now"  # nothing asks us to keep them: deleted, whenever it is asked
    FILE = "file"  # of the resident's file: deleted once that need not be kept any longer
    CUT = "cut"  # stays as proof of work, without the person, once the file goes
    KEPT = "kept"  # stays: names nobody, or is the proof itself


@dataclass(frozen=True, slots=True)
class Held:
    """A table. `by`: its column with the elder's id; `through`: its column, and the table whose
    `id` it holds; `where`: another way to be found, in SQL. `cut`: what CUT writes into columns.
    `why`: why it is cut or kept.
    """

    table: str
    zh: str
    en: str
    fate: Fate = Fate.FILE
    by: str | None = "elder_id"
    through: tuple[tuple[str, str], ...] = ()
    cut: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    where: str = ""


def _of(table: str, zh: str, en: str, column: str, parent: str) -> Held:
    return Held(table, zh, en, by=None, through=((column, parent),))


_ANSWER: Final = MappingProxyType(
    {"injury": "NULL", "cause": "NULL", "measure": "NULL", "family": "NULL"}
)
# Homes of the elder where nobody else ever stayed: another's home stays as it is.
_LIVED_ALONE: Final = """
    id IN (
        SELECT home_id FROM home_bed WHERE institution_id = :institution AND elder_id = :elder
        UNION SELECT r.home_id FROM stay s JOIN bed b ON b.id = s.bed_id
        JOIN room r ON r.id = b.room_id
        WHERE s.institution_id = :institution AND s.elder_id = :elder
    ) AND NOT EXISTS (
        SELECT FROM stay s JOIN bed b ON b.id = s.bed_id JOIN room r ON r.id = b.room_id
        WHERE s.institution_id = :institution AND s.elder_id <> :elder AND r.home_id = home.id
    )
"""
_ANSWERED: Final = "那次报警多久有人应答的凭据；和老人的联系断开"

HELD: Final[tuple[Held, ...]] = (
    # Alerts: that and how fast staff answered stays, of whom and with what words goes.
    _of("notice_attempt", "通知的发送", "attempts to reach people", "notice_id", "notice"),
    Held("notice", "报警通知", "notices", by=None,
         through=(("alert_id", "alert"), ("family_id", "family_member"))),
    Held("alert_relink", "报警归属的更正", "alerts tied anew", Fate.CUT, "elder_id_before",
         (("alert_id", "alert"),), {"elder_id_before": "NULL", "reason": "''"}, _ANSWERED),
    Held("alert_timer", "报警的时限", "timers of alerts", Fate.KEPT, None,
         (("alert_id", "alert"),), why=_ANSWERED),
    Held("alert_ledger", "报警的每一步", "the ledger of alerts", Fate.KEPT, None,
         (("alert_id", "alert"),), why=_ANSWERED),
    Held("alert_move", "报警的处置", "moves of alerts", Fate.CUT, None, (("alert_id", "alert"),),
         {"note": "NULL", **_ANSWER}, _ANSWERED),
    _of("alert_event", "传感器事件", "events of sensors", "alert_id", "alert"),
    Held("drill", "演练", "drills", Fate.KEPT, None, (("alert_id", "alert"),),
         why="演练的凭据，不写老人"),
    _of("incident_move", "事故的处理", "moves of incidents", "incident_id", "incident"),
    Held("incident", "事故", "incidents"),
    Held("alert", "报警", "alerts", Fate.CUT, cut={"elder_id": "NULL", "key": "NULL", **_ANSWER},
         why=_ANSWERED),
    # The family.
    Held("family_letter", "给家属的信", "letters to the family", Fate.NOW),
    _of("family_invitation", "家属邀请", "invitations", "family_id", "family_member"),
    _of("contact_point", "家属的联系方式", "ways to reach relatives", "family_id", "family_member"),
    _of("responder", "互助人员的特长", "skills of helpers", "family_member_id", "family_member"),
    Held("consent", "同意书", "consents"),
    Held("family_member", "家属和互助人员", "relatives and helpers"),
    # Visits, orders, home beds.
    _of("visit_correction", "探访的更正", "corrections of visits", "visit_id", "visit"),
    Held("visit_followup", "探访后续", "follow-ups of visits"),
    Held("visit", "探访", "visits"),
    Held("visit_plan", "探访计划", "visit plans"),
    Held("visit_request", "要求探访", "visits asked for"),
    _of("service_order_move", "订单的步骤", "moves of orders", "order_id", "service_order"),
    Held("service_order", "助餐、助浴、助医", "orders of services"),
    Held("home", "家", "home", Fate.CUT, None,
         cut={"name": "'已删除 ' || left(id::text, 8)", "address_sealed": "NULL",
              "entry_sealed": "NULL", "acceptance_note": "''"},
         why="安装和设备的凭据；地址、钥匙和姓名删去", where=_LIVED_ALONE),
    _of("home_bed_move", "家庭床位的步骤", "moves of home beds", "home_bed_id", "home_bed"),
    Held("home_bed", "家庭养老床位", "home beds"),
    # Discovery, tasks, lists, entitlements.
    Held("discovery_day", "每日活动数字", "days in numbers", Fate.NOW),
    Held("discovery_score", "每晚的分值", "nightly scores", Fate.NOW),
    _of("discovery_move", "主动发现的处理", "answers to discovery", "case_id", "discovery_case"),
    Held("discovery_case", "主动发现", "discovery cases"),
    Held("discovery_clue", "线索", "clues"),
    Held("care_task", "安排的事", "what was asked for"),
    Held("matching_row", "名单比对", "rows of lists", Fate.CUT,
         cut={"elder_id": "NULL", "person_sealed": "NULL", "before": "NULL", "after": "NULL",
              "decision_note": "''", "candidates": "array_remove(candidates, :elder)"},
         why="每份名单的处理要能核对；和老人的联系断开", where=":elder = ANY(candidates)"),
    Held("entitlement_change", "可能享有的服务", "entitlements"),
    Held("entitlement_due", "待重新判断", "waiting to be judged", Fate.NOW),
    # Assessment and daily care.
    Held("outside_result", "外来评估结果", "results from outside"),
    Held("assessed_level", "能力等级", "level in force"),
    Held("assessment", "能力评估", "assessments"),
    Held("care_observation", "观察记录", "observations"),
    Held("round_check", "巡查", "rounds"),
    Held("elder_leave", "请假", "leave"),
    Held("risk_history", "九防的修改", "history of risks"),
    Held("risk_entry", "九防", "risks"),
    # How they are watched over.
    Held("coverage_change", "监护状态的变化", "changes of coverage"),
    Held("coverage_gap", "看不见的时段", "gaps of coverage"),
    Held("coverage_state", "监护状态", "coverage"),
    Held("watch_pause", "暂停监护", "pauses"),
    Held("watch_level_change", "监护等级的变化", "changes of the watch level"),
    Held("watch_plan", "监护计划", "watch plan"),
    Held("tuning_proposal", "调整建议", "proposals of settings", Fate.NOW),
    Held("escalation_policy", "为这位老人定的通知顺序", "own order of notices"),
    Held("device_fault", "设备故障", "faults of devices", Fate.CUT, cut={"elder_id": "NULL"},
         why="设备的履历；和老人的联系断开"),
    Held("assignment", "佩戴的设备", "devices worn"),
    # The record itself.
    Held("break_glass", "紧急打开档案", "emergency access"),
    Held("stay", "入住", "stays"),
    Held("elder_contact", "联系人", "contacts"),
    Held("elder_fact", "档案情况", "facts"),
    Held("series_erasure", "已删除的测量", "measurements erased", Fate.KEPT,
         why="删除本身的凭据，没有测量值"),
    Held("elder_erasure", "已删除的记录", "records erased", Fate.KEPT, why="删除本身的凭据"),
    Held("audit_entry", "谁看过、改过", "who looked and changed", Fate.KEPT,
         why="操作日志逐条相扣，不能抽掉一条；里面只有编号，档案删除后指不到人"),
    Held("elder", "档案", "record", by="id"),
)  # fmt: skip

# Signed documents about many people: of an elder the lines that name them are handed out.
DOCUMENTS: Final[Mapping[str, tuple[str, str, tuple[str, ...], str]]] = MappingProxyType(
    {
        "handover_move": (
            "交接班里写到的", "in handovers", ("at", "by", "move"),
            "两人签过字、带校验码的交接单，抽掉一行就验不了",
        ),
        "service_statement": (
            "结算单里写到的", "in statements", ("month", "purchaser", "signed_at", "signed_by"),
            "签过字、带校验码的结算凭据，数据库不许改",
        ),
    }
)  # fmt: skip

# Tables with an elder's column, or a key into a table above, that are not rows of one elder.
EXCEPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "discovery_run": "`elders` is a count of the whole house",
        "dead_switch": "a switch of the house; a relative's contact point is never its own",
    }
)

# Made from other columns, or secrets that prove something to us: nothing to hand out.
NOT_SHOWN: Final = frozenset(
    {
        "institution_id", "search_keys", "name_pinyin", "citizen_number_index", "address_index",
        "code_hash", "code_expires_at", "previous_hash", "hash", "xact", "candidates",
    }
)  # fmt: skip
