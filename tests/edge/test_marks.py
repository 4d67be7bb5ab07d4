"""A mark with its tag: believed as it was made, and in no other way."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.marks import (
    AIR_TAG_BYTES,
    TAG_BYTES,
    KeyTextError,
    Proof,
    air_proof,
    air_tag,
    connection_proof,
    connection_tag,
    key_from_text,
    origin_of,
    proof_of,
    tagged_message,
)
from edge.signals import Origin
from firmware_sim.devices.wearable import (
    FLAG_CLOCK_SET,
    FLAG_DRILL,
    FLAG_SIMULATED,
    Block,
    encode_block,
)

KEY, OTHER = bytes(range(32)), bytes(32)
TOPIC = "yuyue/v1/w-1/senml"
WORDS = st.sampled_from(["simulated", "drill"])
CONTENTS = st.dictionaries(
    st.text(max_size=12).filter(lambda name: not name.endswith("origin")),
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    max_size=5,
)


def marked(content: dict[str, Any], word: str, label: str = "origin") -> bytes:
    return json.dumps([{**content, label: word}, {"n": "steps", "v": 1}]).encode()


@given(CONTENTS, WORDS, st.sampled_from(["origin", "yuyue_origin"]))
def test_what_a_simulator_tagged_is_believed_and_says_the_same(
    content: dict[str, Any], word: str, label: str
) -> None:
    said = tagged_message(KEY, TOPIC, marked(content, word, label))
    assert proof_of(KEY, TOPIC, said) is Proof.GOOD
    (first, second) = json.loads(said)
    assert origin_of(first[label]) is Origin(word)
    assert ({**first, label: word}, second) == ({**content, label: word}, {"n": "steps", "v": 1})


@given(CONTENTS, WORDS, st.data())
def test_no_byte_of_it_can_be_another(content: dict[str, Any], word: str, data: Any) -> None:
    said = bytearray(tagged_message(KEY, TOPIC, marked(content, word)))
    at = data.draw(st.integers(0, len(said) - 1))
    said[at] ^= data.draw(st.integers(1, 255))
    assert proof_of(KEY, TOPIC, bytes(said)) is not Proof.GOOD


def test_a_tag_is_of_one_key_and_one_device() -> None:
    said = tagged_message(KEY, TOPIC, marked({}, "simulated"))
    assert proof_of(OTHER, TOPIC, said) is Proof.BAD
    assert proof_of(KEY, "yuyue/v1/w-2/senml", said) is Proof.BAD
    # Where the topic ends and the message begins is no matter of opinion either.
    assert proof_of(KEY, TOPIC + "[", said[1:]) is Proof.BAD


def test_a_list_of_devices_has_one_tag_in_every_mark() -> None:
    listed = json.dumps([{"name": n, "yuyue_origin": "simulated"} for n in "ab"] + [{}]).encode()
    said = tagged_message(KEY, "zigbee2mqtt/bridge/devices", listed)
    first, second, third = json.loads(said)
    assert first["yuyue_origin"] == second["yuyue_origin"] != "simulated"
    assert third == {}
    assert proof_of(KEY, "zigbee2mqtt/bridge/devices", said) is Proof.GOOD
    mixed = said.replace(first["yuyue_origin"].encode(), b"simulated:" + b"0" * 32, 1)
    assert proof_of(KEY, "zigbee2mqtt/bridge/devices", mixed) is Proof.BAD


@pytest.mark.parametrize(
    "payload",
    [b"online", b"", b"Y", b"YW", b'{"state":"offline"}', b'[{"n":"steps","v":1,"origin":"live"}]',
     b'{"note":"simulated"}'],
)  # fmt: skip
def test_what_is_not_marked_stays_as_it_is(payload: bytes) -> None:
    assert tagged_message(KEY, TOPIC, payload) == payload
    assert proof_of(KEY, TOPIC, payload) is Proof.NONE


@given(st.binary(max_size=80))
def test_any_bytes_are_judged(payload: bytes) -> None:
    assert proof_of(KEY, TOPIC, payload) is not Proof.GOOD
    assert proof_of(KEY, TOPIC, b"YW\x01\x0f" + payload) is not Proof.GOOD


# -- a wearable's block ----------------------------------------------------------------------


def block_of(flags: int) -> bytes:
    counts = np.arange(9, dtype=np.int16).reshape(3, 3)
    return encode_block(Block(1, 2, 0, 50_000, 122_070, 4_000, counts, flags))


@pytest.mark.parametrize("flags", [FLAG_SIMULATED, FLAG_SIMULATED | FLAG_DRILL, FLAG_DRILL])
def test_a_block_is_tagged_behind_its_end(flags: int) -> None:
    block = block_of(flags | FLAG_CLOCK_SET)
    said = tagged_message(KEY, TOPIC, block)
    assert len(said) == len(block) + TAG_BYTES
    assert proof_of(KEY, TOPIC, said) is Proof.GOOD
    assert proof_of(KEY, TOPIC, block) is Proof.NONE
    # The mark taken off, the tag left: nobody's.
    assert proof_of(KEY, TOPIC, said[:3] + bytes([said[3] & 0b1100]) + said[4:]) is Proof.BAD
    assert proof_of(KEY, TOPIC, said[:-1]) is Proof.BAD


def test_a_block_of_a_person_has_no_tag() -> None:
    block = block_of(FLAG_CLOCK_SET)
    assert tagged_message(KEY, TOPIC, block) == block


# -- on the air ------------------------------------------------------------------------------


def test_an_advertisement_and_a_connection_are_of_one_address() -> None:
    body = b"\x40\x00\x07\x21\x01\x54\x0aYS"
    at = len(body)
    tag = air_tag(KEY, "aa:00:00:00:00:01", body + bytes(AIR_TAG_BYTES))
    assert len(tag) == AIR_TAG_BYTES
    assert air_proof(KEY, "AA:00:00:00:00:01", body + tag, at) is Proof.GOOD
    assert air_proof(KEY, "AA:00:00:00:00:02", body + tag, at) is Proof.BAD
    moved = body.replace(b"\x21\x01", b"\x21\x00")
    assert air_proof(KEY, "AA:00:00:00:00:01", moved + tag, at) is Proof.BAD
    answer = connection_tag(KEY, "aa:00:00:00:00:01")
    assert connection_proof(KEY, "AA:00:00:00:00:01", answer) is Proof.GOOD
    assert connection_proof(OTHER, "AA:00:00:00:00:01", answer) is Proof.BAD
    assert connection_proof(KEY, "AA:00:00:00:00:01", bytes(TAG_BYTES)) is Proof.NONE


# -- words and keys --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "real", "live:" + "0" * 32, "simulated:", "simulated:00", "drill:" + "G" * 32]
)
def test_another_word_is_no_mark(text: str) -> None:
    with pytest.raises(ValueError, match=r"mark|Origin"):
        origin_of(text)


@pytest.mark.parametrize("text", ["00", "zz" * 32, "00" * 31, "00" * 33])
def test_a_bad_key_is_told_and_not_shown(text: str) -> None:
    with pytest.raises(KeyTextError) as error:
        key_from_text(text)
    assert text not in str(error.value)


def test_no_key_is_no_fault() -> None:
    assert key_from_text("") is None
    assert key_from_text("00" * 32) == bytes(32)
