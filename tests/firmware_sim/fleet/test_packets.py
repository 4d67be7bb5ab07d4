"""The fleet's packets against the standard's own examples, and against paho's reading of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.fleet.packets import (
    MAX_PACKET_ID,
    PacketError,
    again,
    connect,
    publish,
    read_answers,
    topic_field,
)


def test_connect_of_the_standard() -> None:
    """Figure 3.6 of MQTT 3.1.1's CONNECT, with our client id; lengths by hand."""
    packet = connect("fleet-1", "u", "pw", 60)
    assert packet[:2] == bytes((0x10, 10 + 2 + 7 + 2 + 1 + 2 + 2))
    assert packet[2:12] == b"\x00\x04MQTT\x04\xc2\x00\x3c"
    assert packet[12:] == b"\x00\x07fleet-1\x00\x01u\x00\x02pw"


def test_without_credentials() -> None:
    assert connect("a", None, None, 0)[9] == 0x02


@pytest.mark.parametrize("keepalive_s", [-1, 65_536])
def test_a_keepalive_that_cannot_be(keepalive_s: int) -> None:
    with pytest.raises(ValueError, match="keepalive_s"):
        connect("a", None, None, keepalive_s)


@pytest.mark.parametrize(
    ("payload_bytes", "length_field"),
    [(119, b"\x7f"), (120, b"\x80\x01"), (16_375, b"\xff\x7f"), (16_376, b"\x80\x80\x01")],
)
def test_the_length_grows_by_a_byte_where_the_standard_says(
    payload_bytes: int, length_field: bytes
) -> None:
    packet = publish(topic_field("a/bc"), 1, b"x" * payload_bytes)
    assert packet[1 : 1 + len(length_field)] == length_field
    assert len(packet) == 1 + len(length_field) + 2 + 4 + 2 + payload_bytes


def test_sent_again_is_the_same_and_says_so() -> None:
    packet = publish(topic_field("t"), 7, b"{}")
    assert again(packet) == b"\x3a" + packet[1:]
    assert again(again(packet)) == again(packet)


@given(
    ids=st.lists(st.integers(1, MAX_PACKET_ID), max_size=40),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=20),
)
def test_answers_in_any_pieces(ids: list[int], cuts: list[int]) -> None:
    stream = b"\x20\x02\x00\x00" + b"".join(b"\x40\x02" + i.to_bytes(2, "big") for i in ids)
    stream += b"\xd0\x00"
    heard, acknowledged, connack, at, turn = b"", [], None, 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        answers = read_answers(heard + stream[at : at + size])
        heard, at, turn = answers.rest, at + size, turn + 1
        acknowledged += answers.acknowledged
        connack = answers.connack if answers.connack is not None else connack
    assert acknowledged == ids
    assert connack == 0
    assert heard == b""


@pytest.mark.parametrize(
    "data", [b"\x30\x05\x00\x01ahi", b"\x90\x03\x00\x01\x00", b"\x40\x03\x00\x01", b"HTTP"]
)
def test_who_is_no_broker_is_named(data: bytes) -> None:
    with pytest.raises(PacketError, match="packet type"):
        read_answers(data)
