"""Sealed fields: opened by their own row only, found by an index that says nothing, re-keyed."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.crypto import DEMO_KEYS, BadCiphertextError, Keyring, is_demo, new_key
from cloud.settings import Settings

NUMBER = "990101194103120028"
OLD, NEW = f"k1:{new_key()}", f"k2:{new_key()}"


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.text(max_size=50))
def test_what_is_sealed_opens_again(plain: str, context: str) -> None:
    ring = Keyring.parse(DEMO_KEYS)
    context = context.encode("utf-8", "replace").decode()
    sealed = ring.encrypt(plain, context)
    assert ring.decrypt(sealed, context) == plain
    assert ring.encrypt(plain, context) != sealed  # equal values do not look equal


def test_it_opens_for_its_own_row_only() -> None:
    ring = Keyring.parse(OLD)
    sealed = ring.encrypt(NUMBER, "elder.citizen_number:1")
    assert NUMBER.encode() not in sealed
    with pytest.raises(BadCiphertextError, match="not of this row"):
        ring.decrypt(sealed, "elder.citizen_number:2")


def test_every_changed_bit_is_noticed() -> None:
    ring = Keyring.parse(OLD)
    sealed = ring.encrypt(NUMBER, "row")
    for index, bit in itertools.product(range(len(sealed)), range(8)):
        changed = bytearray(sealed)
        changed[index] ^= 1 << bit
        with pytest.raises(BadCiphertextError):
            ring.decrypt(bytes(changed), "row")
    for length in range(len(sealed)):
        with pytest.raises(BadCiphertextError):
            ring.decrypt(sealed[:length], "row")


def test_an_old_key_opens_until_it_is_taken_away() -> None:
    sealed = Keyring.parse(OLD).encrypt(NUMBER, "row")
    both, new = Keyring.parse(f"{NEW},{OLD}"), Keyring.parse(NEW)
    assert both.decrypt(sealed, "row") == NUMBER
    assert not both.is_current(sealed)
    again = both.encrypt(both.decrypt(sealed, "row"), "row")
    assert both.is_current(again)
    assert new.decrypt(again, "row") == NUMBER
    with pytest.raises(BadCiphertextError, match="'k1', which is not in the keyring"):
        new.decrypt(sealed, "row")


def test_the_index_finds_within_one_purpose_and_across_keys() -> None:
    old, both = Keyring.parse(OLD), Keyring.parse(f"{NEW},{OLD}")
    kept = old.blind_index(NUMBER, "citizen:home")
    assert kept == old.blind_index(NUMBER, "citizen:home")
    assert kept in both.blind_indexes(NUMBER, "citizen:home")
    assert both.blind_indexes(NUMBER, "citizen:home")[0] == both.blind_index(NUMBER, "citizen:home")
    others = [
        old.blind_index(NUMBER, "citizen:other"),
        old.blind_index(NUMBER[:-1] + "9", "citizen:home"),
        old.blind_index("me" + NUMBER, "citizen:ho"),  # no two pairs run into each other
        Keyring.parse(f"k1:{new_key()}").blind_index(NUMBER, "citizen:home"),
    ]
    assert kept not in others


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ID:BASE64"),
        ("abc", "ID:BASE64"),
        ("a b:" + new_key(), "ID:BASE64"),
        ("a:%%%", "not base64"),
        ("a:" + base64.b64encode(b"x" * 16).decode(), "32 bytes, is 16"),
        ("a:" + base64.b64encode(b"x" * 32).decode(), "not random"),
        (f"{OLD},{OLD}", "there twice"),
    ],
)
def test_a_bad_keyring_says_which_key(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        Keyring.parse(text)
    assert OLD.partition(":")[2] not in str(error.value)


SAFE = {
    "environment": "production", "cookie_secure": True, "database_url": "postgresql://o:long-and-random@db/y",
    "data_keys": NEW,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data_keys": ""}, "DATA_KEYS"),
        ({"data_keys": DEMO_KEYS}, "DATA_KEYS"),
        ({"data_keys": f"{NEW},live:{DEMO_KEYS.partition(':')[2]}"}, "DATA_KEYS"),
        ({"data_keys": "k:short"}, "DATA_KEYS"),
        ({"database_url": "postgresql://postgres:postgres@db/y"}, "DATABASE_URL"),
        ({"app_database_url": "postgresql://yuyue_app:changeme@db/y"}, "APP_DATABASE_URL"),
    ],
)
def test_production_does_not_start_with_secrets_that_everybody_knows(
    change: dict[str, str], named: str
) -> None:
    Settings(**SAFE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"(?i){named}") as error:
        Settings(**SAFE | change)  # type: ignore[arg-type]
    assert NEW.partition(":")[2] not in str(error.value)


def test_a_demo_starts_without_keys() -> None:
    assert Settings().keyring.current_id == "demo"
    assert is_demo(DEMO_KEYS)
    assert not is_demo(NEW)
