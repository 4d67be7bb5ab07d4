"""What a demonstration of list matching and the service list begins with; all of it made up."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from cloud.care.matching.models import ListState, MatchingList, file_context
from cloud.care.matching.service import KEEP
from cloud.care.service_list.models import ServiceRuleSet
from cloud.care.service_list.rules import NATIONAL
from cloud.clock import local_date
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.people.citizen_number import check_character
from cloud.seed_people import Person

DISTRICT: Final = "500109"
# Of these many people somebody's list says something; the last of them in a wrong way.
_LISTED: Final = 6


def give_lists(
    scope: TenantScope, keyring: Keyring, people: Sequence[Person], now: datetime
) -> None:
    """A list that waits to be compared, as soon as a server runs; and a district's overlay."""
    content = _csv(people).encode("gb18030")
    one = MatchingList(
        id=uuid.uuid4(), institution_id=scope.institution_id, source="示范区民政局社会救助科",
        field="economic_status", purpose="核对在院老人的救助身份", legal_basis="示范：信息共享协议",
        as_of=local_date(now) - timedelta(days=1), file_name="示范低保特困名单.csv",
        file_sha256=hashlib.sha256(content).digest(), state=ListState.QUEUED, uploaded_at=now,
        uploaded_by="许文", expires_on=local_date(now) + KEEP,
    )  # fmt: skip
    one.file_sealed = keyring.encrypt_bytes(content, file_context(one.id))
    scope.session.add(one)
    for published in (True, False):
        scope.session.add(_overlay(scope, now, published=published))


def _csv(people: Sequence[Person]) -> str:
    """Some as they are, one with another name, one nobody knows, one that cannot be read."""
    rows = ["示范区低保特困人员名单,,,", "姓名,身份证号码,出生日期,救助类别"]
    for order, person in enumerate(people[:_LISTED]):
        record = person.record
        name = record.name[0] + "某某" if order == _LISTED - 1 else record.name
        rows.append(f"{name},{record.citizen_number},,{('低保', '特困')[order % 2]}")
    stranger = "99011219450101" + "003"
    rows.append(f"马无人,{stranger}{check_character(stranger)},,低保边缘")
    rows.append("赵*华,9.90112E+17,1944年13月1日,低保")
    return "\r\n".join(rows)


def _overlay(scope: TenantScope, now: datetime, *, published: bool) -> ServiceRuleSet:
    """One edition in force and the next as a draft with a lower age."""
    age = 75 if published else 70
    service: dict[str, Any] = {
        "key": "meals", "zh": "助餐服务", "en": "Meals", "category": "照护服务",
        "target_zh": "本区高龄老年人", "hub_use": "orders", "status": "unverified", "excludes": [],
        "eligibility": {"all": [{"field": "age", "op": ">=", "value": {"parameter": "meals_age"}}]},
    }  # fmt: skip
    return ServiceRuleSet(
        id=uuid.uuid4(), institution_id=scope.institution_id, key="set-demo",
        edition=1 if published else 2, title="示范区基本养老服务清单（示范）", region=DISTRICT,
        extends=NATIONAL, document={"services": [service], "parameters": {"meals_age": age}},
        valid_from=local_date(now) if published else None, valid_until=None, edited_at=now,
        edited_by="何静", published_at=now if published else None,
        published_by="何静" if published else None, reason="示范" if published else "", version=1,
    )  # fmt: skip
