"""Messages out of a stream of bytes, whatever the pieces it comes in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.sources.mqtt_packets import PacketReader, Publish


def encode(message: Publish) -> bytes:
    topic = message.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic
    if message.qos:
        body += message.mid.to_bytes(2, "big")
    body += message.payload
    return bytes([0x30 | message.dup << 3 | message.qos << 1 | message.retain]) + length(body)


def length(body: bytes) -> bytes:
    n, out = len(body), b""
    while True:
        n, byte = n >> 7, n & 0x7F
        out += bytes([byte | (0x80 if n else 0)])
        if not n:
            return out + body


messages = st.builds(
    lambda topic, payload, qos, mid, dup, retain: Publish(
        topic, payload, qos, mid if qos else 0, dup, retain
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.binary(max_size=400),
    st.sampled_from([0, 1]), st.integers(1, 65535), st.booleans(), st.booleans(),
)  # fmt: skip
others = st.builds(
    lambda first, body: bytes([first]) + length(body),
    st.sampled_from([0x20, 0x40, 0x90, 0xD0, 0x34]), st.binary(max_size=200),
)  # fmt: skip


@given(st.lists(st.one_of(messages, others), max_size=12), st.data())
def test_any_cut_of_the_stream_gives_the_same(
    packets: list[Publish | bytes], data: st.DataObject
) -> None:
    stream = b"".join(p if isinstance(p, bytes) else encode(p) for p in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader, found = PacketReader(), []
    for first, last in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += list(reader.feed(stream[first:last]))
    assert found == packets


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_no_bytes_whatever_raise(pieces: list[bytes]) -> None:
    reader = PacketReader()
    for piece in pieces:
        list(reader.feed(piece))


def test_a_length_that_cannot_be_is_given_on() -> None:
    reader = PacketReader()
    assert list(reader.feed(b"\x30\xff\xff\xff\xff\xff")) == [b"\x30\xff\xff\xff\xff\xff"]


def test_a_message_too_short_for_its_topic_is_left_to_paho() -> None:
    assert list(PacketReader().feed(b"\x32\x03\x00\x09a")) == [b"\x32\x03\x00\x09a"]
    assert list(PacketReader().feed(b"\x30\x01\x00")) == [b"\x30\x01\x00"]


def test_a_topic_that_is_no_text_is_refused_further_on() -> None:
    (message,) = PacketReader().feed(b"\x30\x04\x00\x01\xffx")
    assert message == Publish("invalid-topic", b"x", 0, 0, False, False)
