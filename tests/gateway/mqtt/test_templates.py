"""The part of Jinja that firmware writes into discovery messages."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.mqtt.templates import MAX_CHARS, Context, NoValueError, TemplateError, compiled

MESSAGE = {"a": {"b": [1, 2.5], "C d": "x"}, "on": True, "t": "21.54", "n": None, "zero": 0}


def value(template: str, message: Any = MESSAGE) -> Any:
    return compiled(template)(Context(json.dumps(message).encode()))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ value_json.a.b[1] }}", 2.5),
        ("{{value_json['a']['C d']}}", "x"),
        ('{{ value_json["a"].b[0] }}', 1),
        ("{{ value_json.get('t') | float }}", 21.54),
        ("{{ value_json.t | float | round(1) }}", 21.5),
        ("{{ (value_json.t | float) * 2 - 1 }}", 42.08),
        ("{{ 10 + value_json.a.b[0] * 2 }}", 12),
        ("{{ value_json.missing | default(7) }}", 7),
        ("{{ value_json.missing | float(0) }}", 0),
        ("{{ float(value_json.t) }}", 21.54),
        ("{{ int(value_json.t) }}", 21),
        ("{{ 'ON' if value_json.on else 'OFF' }}", "ON"),
        ("{{ 'ON' if value_json.zero == 1 else 'OFF' }}", "OFF"),
        ("{{ 'far' if value_json.a.b[1] > 2 else 'near' }}", "far"),
        ("{{ 1 if value_json.x is defined else 2 }}", 2),
        ("{{ 1 if value_json.x is not defined else 2 }}", 1),
        ("{{ value_json.on | string | lower }}", "true"),
        ("{{- value_json.a.b[0] -}}", 1),
        ("{{ -value_json.a.b[1] | abs }}", 2.5),  # as Jinja does
        ("{{ 1 - value_json.a.b[1] }}", -1.5),
    ],
)
def test_read(template: str, expected: Any) -> None:
    assert value(template) == pytest.approx(expected)


def test_the_message_itself() -> None:
    assert compiled("")(Context(b"ON")) == "ON"
    assert compiled("{{ value | float * 0.1 }}")(Context(b"215")) == pytest.approx(21.5)
    assert compiled("{{ value|float|round(1) }}")(Context(b"1.26")) == 1.3


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.x }}", "{{ value_json.x | is_defined }}", "{{ value_json.a.b[9] }}",
        "{{ value_json.t.x }}", "{{ value_json.n | float }}", "{{ 1 / value_json.zero }}",
        "{{ 1 if value_json.zero }}", "{{ value_json.t > 3 }}",
    ],
)  # fmt: skip
def test_nothing_to_say(template: str) -> None:
    with pytest.raises(NoValueError):
        value(template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10**9) %}x{% endfor %}", "{{ value_json.__class__() }}",
        "{{ ''.__class__.__mro__ }}", "{{ cycler.__init__ }}", "{{ 'a' * 'b' ~ 'c' }}",
        "{{ states('sensor.x') }}", "{{ value_json.a | map('int') }}", "text {{ value }}",
        "{{ value }}{{ value }}", "{{ value", "{{ }}", "{{ value_json. }}", "{{ 1 + }}",
        "{{ value_json.a[b] }}", "{{ " + "(" * 40 + "1" + ")" * 40 + " }}",
        "{{ " + "1+" * MAX_CHARS + "1 }}", "{{ value | round(1, 'floor') }}", "{{ 2 ** 99 }}",
    ],
)  # fmt: skip
def test_outside_of_what_is_known(template: str) -> None:
    with pytest.raises(TemplateError):
        compiled(template)


def test_nothing_takes_long() -> None:
    """A text times a number would be a gigabyte in Jinja."""
    began_s = time.process_time()
    with pytest.raises(NoValueError):
        value("{{ 'x' * 1000000000 }}")
    longest = "{{ " + "1+" * 250 + "1 }}"
    assert value(longest) == 251
    assert value("{{ 9999999999 * 9999999999 * 9999999999 }}") > 1e29
    assert time.process_time() - began_s < 1


PARTS = st.sampled_from(
    ["value", "value_json", ".a", "['a']", "[0]", "|", "float", "round(1)", "default(0)", "+", "-",
     "*", "/", "(", ")", "if", "else", "==", "1", "'x'", "is", "not", "defined", "get('a')", " "]
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PARTS, max_size=14).map(" ".join), st.sampled_from([MESSAGE, [], "x", None, {}]))
def test_any_template_is_a_value_or_a_refusal(inner: str, message: Any) -> None:
    with suppress(TemplateError, NoValueError):
        value("{{ " + inner + " }}", message)
