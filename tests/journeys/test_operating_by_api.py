"""docs/operating.md, step by step, by the API alone, with the Python client it describes.

A new institution on a running hub, a home bed with its fitting, an elder, a gateway enrolled by
its code as a real process, a device assigned; then its reading, sent by MQTT, is on the record.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as paho
import pytest

from tests.cloud.records import picture
from tests.support.processes import Process, wait_until
from tests.support.python_client import generate_client
from tests.support.stack import CHANGES, Stack

NOW = datetime.now(UTC)
WATCH = "api-watch"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The generated package: `client.call("elders.add_elder")`, `client.models`, `client.new`."""
    directory = tmp_path_factory.mktemp("client")
    said = generate_client(directory)
    assert "WARNING" not in said, said
    assert "Unable" not in said, said
    sys.path.insert(0, str(directory))
    package = importlib.import_module("yuyue_client")
    yield SimpleNamespace(
        new=package.Client,
        models=importlib.import_module("yuyue_client.models"),
        types=importlib.import_module("yuyue_client.types"),
        call=lambda name: importlib.import_module(f"yuyue_client.api.{name}").sync_detailed,
    )
    sys.path.remove(str(directory))
    for name in [name for name in sys.modules if name.partition(".")[0] == "yuyue_client"]:
        del sys.modules[name]


class Person:
    """Somebody at the API: `person("elders.add_elder", body=...)` answers what the client read."""

    def __init__(self, client: Any, stack: Stack, username: str, password: str) -> None:
        self._client, self._models = client, client.models
        self._http = client.new(base_url=stack.cloud_url, headers=CHANGES, timeout=20)
        self("session.create_session", body=self._models.Login(username, password))

    def __call__(self, call: str, *where: Any, body: Any = None, **more: Any) -> Any:
        given = more if body is None else {"body": body, **more}
        answer = self._client.call(call)(*where, client=self._http, **given)
        assert answer.status_code < 300, answer.content.decode()
        return answer.parsed

    def close(self) -> None:
        self._http.get_httpx_client().close()

    def refused(self, call: str, *where: Any, **given: Any) -> Any:
        """The problem that it answers."""
        answer = self._client.call(call)(*where, client=self._http, **given)
        assert 400 <= answer.status_code < 500, answer.content
        return answer.parsed


@pytest.fixture
def people() -> Iterator[list[Person]]:
    """Whoever is put in is logged off the wire at the end."""
    logged_in: list[Person] = []
    yield logged_in
    for person in logged_in:
        person.close()


def settle(client: Any, stack: Stack, username: str, first: str, people: list[Person]) -> Person:
    """A first password is changed before anything else."""
    own = "correct horse battery staple"
    person = Person(client, stack, username, first)
    models = client.models
    problem = person.refused("places.get_places")
    assert problem.code == "password_change_needed"
    person("account.change_own_password", body=models.PasswordIn(first, own))
    people += [person, Person(client, stack, username, own)]
    return people[-1]


def fit_home(person: Person, client: Any, unit_id: Any) -> Any:
    """A home bed from the application to the acceptance."""
    models = client.models
    home = person(
        "places.add_home",
        body=models.HomeIn(name="张家", operator_unit_id=unit_id, address="某路 2 号"),
    )
    room = person("places.add_room", body=models.RoomIn(name="卧室", home_id=home.id))
    bed = person(
        "places.add_bed", body=models.BedIn(name="1", room_id=room.id, kind=models.BedInKind.HOME)
    )
    accepted = models.AcceptanceIn("张建国", date(2027, 3, 1))
    early = person.refused("places.accept_home", home.id, body=accepted)
    assert [one.field for one in early.errors] == ["body.accepted_by"]
    for item in home.kit:
        body = models.KitItemIn(kind=item.kind, spot="床头", fitted=True)
        person("places.change_kit_item", home.id, item.id, body=body)
    for check in home.checks:
        person("places.mark_home_check", home.id, check.id, body=models.CheckIn(done=True))
    photo = client.types.File(payload=picture(), mime_type="image/jpeg")  # type: ignore[arg-type]
    person("places.add_home_check_photo", home.id, home.checks[0].id, body=photo)
    assert person("places.accept_home", home.id, body=accepted).state == "in_service"
    return bed


def record_of(person: Person, client: Any, bed_id: Any) -> Any:
    """An elder with a bed, contacts, consents and a relative."""
    models = client.models
    wanted = models.ElderIn(
        name="张玉珍", sex=models.ElderInSex.FEMALE, birth_date=date(1940, 5, 6),
        care_note="右耳听力差",
    )  # fmt: skip
    elder = person("elders.add_elder", body=wanted)
    person("elders.move_elder_in", elder.id, body=models.MoveInIn(bed_id=bed_id, at=NOW))
    contact = models.ContactIn("张建国", "儿子", "13000000000")
    person("elders.put_elder_contacts", elder.id, body=models.ContactsIn([contact]))
    for purpose in ("safety", "vitals"):
        consent = models.ConsentIn(
            purpose=models.ConsentInPurpose(purpose), text_version="2026-1",
            signer=models.ConsentInSigner.SELF, signer_name="张玉珍", valid_from=NOW,
        )  # fmt: skip
        person("elders.add_consent", elder.id, body=consent)
    fact = models.FactIn("lives_alone", True, "社区登记", date(2026, 2, 1))
    person("elders.add_elder_fact", elder.id, body=fact)
    relative = models.FamilyIn(name="张建国", relationship="儿子")
    person("elders.add_family_member", elder.id, body=relative)
    assert len(person("elders.get_risks", elder.id).risks) == 9
    return elder


def enrolled_gateway(stack: Stack, code: str, directory: Path) -> Process:
    """As the installer does on the machine; then it runs."""
    enroll = Process(
        "api-enroll",
        ["gateway", "enroll", "--cloud", stack.cloud_url, "--code", code, "--data-dir",
         str(directory)],
        {}, stack.directory,
    )  # fmt: skip
    enroll.start()
    assert enroll.wait(60) == 0, enroll.log_tail()
    environment = {
        "YUYUE_GATEWAY_DATA_DIR": str(directory),
        "YUYUE_GATEWAY_MQTT_CLIENT_ID": "api-gateway",
        **stack._mqtt_environment("YUYUE_GATEWAY"),
    }
    gateway = Process("api-gateway", ["gateway", "run"], environment, stack.directory)
    gateway.start()
    return gateway


def publish(stack: Stack, value: float) -> None:
    sender = paho.Client(paho.CallbackAPIVersion.VERSION2)
    sender.username_pw_set(stack.mosquitto.username, stack.mosquitto.password)
    sender.connect("127.0.0.1", stack.mosquitto.port)
    sender.loop_start()
    body = json.dumps([{"n": "heart_rate", "u": "beat/min", "v": value}]).encode()
    sender.publish(f"yuyue/v1/{WATCH}/senml", body, qos=1).wait_for_publish(10)
    sender.disconnect()
    sender.loop_stop()


@pytest.mark.timeout(240)
def test_from_nothing_to_a_reading(
    client: Any, stack: Stack, tmp_path: Path, people: list[Person]
) -> None:
    models = client.models
    printed = stack.run(
        "cloud", "add-institution", "接口养老院", "--username", "api-admin",
        "--display-name", "管理员",
    )  # fmt: skip
    found = re.search(r"接口养老院: api-admin (\S+)", printed)
    assert found is not None, printed
    admin = settle(client, stack, "api-admin", found[1], people)
    made = admin(
        "users.create_user", body=models.UserIn("api-manager", "陈院长", models.Role.MANAGER)
    )
    manager = settle(client, stack, "api-manager", made.password, people)

    unit = manager("places.add_unit", body=models.UnitIn("居家服务部"))
    bed = fit_home(manager, client, unit.id)
    elder = record_of(manager, client, bed.id)

    created = manager("gateways.create_gateway", body=models.GatewayIn("张家网关"))
    gateway = enrolled_gateway(stack, created.code, tmp_path / "gateway")
    try:
        device = models.DeviceIn(WATCH, "watch-1", models.DeviceInKind.WEARABLE)
        manager("devices.add_device", body=device)
        given = models.AssignmentIn(at=NOW, elder_id=elder.id)
        manager("devices.assign_device", WATCH, body=given)

        def latest() -> list[Any]:
            publish(stack, 71.0)
            page = manager("elders.get_elder_page", elder.id)
            return [(one.quantity, one.value, one.device_id) for one in page.latest]

        told = "the reading is on the record"
        wait_until(lambda: ("heart_rate", 71.0, WATCH) in latest(), told, 60)
        gateways = manager("gateways.list_gateways").gateways
        assert [one.state for one in gateways] == ["online"]
    except AssertionError:
        sys.stderr.write(gateway.log_tail() + "\n")
        raise
    finally:
        gateway.stop()
    chart = manager(
        "series.get_elder_series", elder.id, quantity="heart_rate",
        from_=NOW - timedelta(hours=1), to=datetime.now(UTC) + timedelta(minutes=1),
    )  # fmt: skip
    assert {value for line in chart.lines for value in line.values} == {71.0}
    overlapping = manager.refused("devices.assign_device", WATCH, body=given)
    assert overlapping.errors[0].field
