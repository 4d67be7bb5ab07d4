"""Health profiles: bytes laid out as the services' specifications say, to readings.

Sources: GATT Specification Supplement (characteristic layouts), IEEE 11073-20601 annex F
(special values), and the worked examples in Nordic's and Bluetooth SIG's parsers where named.
"""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.signals import Reading
from gateway.ble import uuids
from gateway.ble.record_access import RecordAccessError, check_response, report_records
from gateway.drivers import DriverError
from gateway.drivers.ble import BLE_DRIVERS
from gateway.drivers.ble.device_information import decode_device_information
from gateway.drivers.ble.fields import Special, float32, sfloat
from tests.gateway.ble.frames_of import LOCAL_BYTES, NOW_NS, decode, notified, values

TIME = LOCAL_BYTES.hex()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x0000, 0.0),
        (0x0078, 120.0),
        (0xF4B0, 120.0),  # 1200 * 10^-1
        (0xF16E, 36.6),
        (0xB00F, 0.00015),  # 15 * 10^-5
        (0x0FFF, -1.0),
        (0xFFFF, -0.1),
        (0x7001, 1e7),
        (0x8001, 1e-8),
        (0x07FD, 2045.0),
        (0x0803, -2045.0),
        (0x17FF, 20470.0),  # the special mantissa with another exponent is a number
    ],
)
def test_medfloat16(word: int, expected: float) -> None:
    assert sfloat(word) == expected


@pytest.mark.parametrize(
    ("word", "name"),
    [(0x07FF, "NaN"), (0x0800, "NRes"), (0x07FE, "+INFINITY"), (0x0802, "-INFINITY"),
     (0x0801, "reserved")],
)  # fmt: skip
def test_special_values_of_medfloat16(word: int, name: str) -> None:
    value = sfloat(word)
    assert isinstance(value, Special)
    assert value.name == name


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0xFF00016E, 36.6),  # the example of the Health Thermometer Profile's PDF
        (0xFE000E4C, 36.6),
        (0x00000025, 37.0),
        (0xFFFFFFFF, -0.1),
        (0x017FFFFF, 83886070.0),
    ],
)
def test_medfloat32(word: int, expected: float) -> None:
    assert float32(word) == expected


@pytest.mark.parametrize(
    ("word", "name"),
    [(0x007FFFFF, "NaN"), (0x00800000, "NRes"), (0x007FFFFE, "+INFINITY"),
     (0x00800002, "-INFINITY"), (0x00800001, "reserved")],
)  # fmt: skip
def test_special_values_of_medfloat32(word: int, name: str) -> None:
    value = float32(word)
    assert isinstance(value, Special)
    assert value.name == name


@given(st.integers(0, 0xFFFF))
def test_every_word_is_a_finite_number_or_special(word: int) -> None:
    value = sfloat(word)
    assert isinstance(value, Special) or math.isfinite(value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("heart_rate", "0048", {"heart_rate": 72}),
        ("heart_rate", "013201", {"heart_rate": 306}),  # 16 bits
        ("heart_rate", "0648", {"worn": 1, "heart_rate": 72}),
        ("heart_rate", "0448", {"worn": 0}),  # no skin contact: the rate is the last one
        ("heart_rate", "0600", {"worn": 1}),
        ("heart_rate", "1e5034120004e803", {"worn": 1, "heart_rate": 80}),  # energy, RR intervals
        ("blood_pressure", "00780050005d00", {"systolic_pressure": 120, "diastolic_pressure": 80}),
        (
            "blood_pressure",  # time, pulse, user, status; 121/81, pulse 72
            f"1e790051006a00{TIME}4800010000",
            {"systolic_pressure": 121, "diastolic_pressure": 81, "heart_rate": 72},
        ),
        (
            "blood_pressure",  # pulse NaN: the pressures stand
            f"06780050005d00{TIME}ff07",
            {"systolic_pressure": 120, "diastolic_pressure": 80},
        ),
        (
            "blood_pressure",  # kPa: 16.0 / 10.7
            "01a0f06bf07cf0",
            {"systolic_pressure": 16.0 * 7.500617, "diastolic_pressure": 10.7 * 7.500617},
        ),
        ("thermometer", "006e0100ff", {"body_temperature": 36.6}),
        ("thermometer", f"066e0100ff{TIME}02", {"body_temperature": 36.6}),
        ("thermometer", "01da0300ff", {"body_temperature": (98.6 - 32) / 1.8}),
        ("oximeter_spot", "0062004800", {"spo2": 98, "heart_rate": 72}),
        ("oximeter_spot", f"0f62004800{TIME}0001000000a5f0", {"spo2": 98, "heart_rate": 72}),
        ("oximeter_spot", "006200ff07", {"spo2": 98}),
        ("oximeter_spot", "0462004800000800", {"worn": 0}),  # sensor unconnected to user
        ("oximeter", "0061004600", {"spo2": 97, "heart_rate": 70}),
        ("oximeter", "0f61004600600045006200470020000000000000", {"spo2": 97, "heart_rate": 70}),
        (
            "glucose",  # 5.5 mmol/l = 0.0055 mol/l = 55 * 10^-4
            f"060100{TIME}37c011",
            {"blood_glucose": 5.5},
        ),
        (
            "glucose",  # 100 mg/dl = 100 * 10^-5 kg/l; time offset 0
            f"030200{TIME}000064b011",
            {"blood_glucose": 100e-5 * 1e6 / 180.156},
        ),
        ("weight", "00dc37", {"body_weight": 71.5}),
        ("weight", f"0edc37{TIME}01e6009106", {"body_weight": 71.5}),
        ("weight", "01983a", {"body_weight": 150 * 0.45359237}),
        ("battery", "64", {"battery_level": 100}),
    ],
)
def test_values(kind: str, value: str, expected: dict[str, float]) -> None:
    assert values(decode(kind, notified(value))) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("heart_rate", "", "truncated"),
        ("heart_rate", "0100", "truncated"),
        ("heart_rate", "104801", "truncated"),  # half an RR interval
        ("heart_rate", "0000", "no_value"),
        ("heart_rate", "01ffff", "bad_value"),
        ("blood_pressure", "00ff07ff07ff07", "no_value"),  # a measurement that failed
        ("blood_pressure", "00fe0750005d00", "over_range"),
        ("blood_pressure", "0078005000", "truncated"),
        ("blood_pressure", "00500078005d00", "bad_value"),  # upside down
        ("blood_pressure", "02780050005d00ea070d180a0f00", "bad_time"),  # month 13
        ("blood_pressure", "02780050005d00df0701010c0000", "bad_time"),  # 2015: never set
        ("blood_pressure", "02780050005d00ea0707190a0f00", "bad_time"),  # tomorrow
        ("thermometer", "00ffff7f00", "no_value"),
        ("thermometer", "0002008000", "under_range"),
        ("thermometer", "0064000000", "bad_value"),  # 100 Cel
        ("oximeter_spot", "00ff07ff07", "no_value"),
        ("oximeter_spot", "02620048000004", "not_a_person"),  # demonstration data
        ("oximeter_spot", "02620048000040", "doubtful_value"),
        ("oximeter_spot", "02620048000080", "no_value"),
        ("glucose", f"060100{TIME}37c01a", "not_a_person"),  # control solution
        ("glucose", f"0e0100{TIME}37c0112000", "over_range"),  # "HI"
        ("glucose", f"060100{TIME}fe0711", "over_range"),
        ("glucose", f"060100{TIME}ff0711", "no_value"),
        ("glucose", f"000100{TIME}", "no_value"),
        ("glucose", "0601000000000000000037c011", "bad_time"),
        ("weight", "00ffff", "no_value"),
        ("battery", "65", "bad_value"),
        ("battery", "6400", "trailing_bytes"),
    ],
)
def test_refused(kind: str, value: str, reason: str) -> None:
    with pytest.raises(DriverError) as caught:
        decode(kind, notified(value))
    assert caught.value.reason == reason
    assert caught.value.detail


def test_the_devices_local_time_becomes_utc() -> None:
    (reading,) = decode("weight", notified(f"02dc37{TIME}"))
    assert isinstance(reading, Reading)
    assert NOW_NS - reading.time_ns == 30 * 10**9
    assert reading.clock_uncertainty_s == 120.0


def test_a_clock_some_minutes_ahead_dates_nothing_after_its_arrival() -> None:
    (reading,) = decode("weight", notified("02dc37ea0707180a1400"))  # 4 min 30 s ahead
    assert isinstance(reading, Reading)
    assert reading.time_ns == NOW_NS
    assert reading.clock_uncertainty_s == 270.0


def test_an_unknown_date_is_stamped_on_receipt() -> None:
    (reading,) = decode("weight", notified("02dc3700000000000000"))
    assert isinstance(reading, Reading)
    assert (reading.time_ns, reading.clock_uncertainty_s) == (NOW_NS, None)


@given(kind=st.sampled_from(sorted(BLE_DRIVERS)), payload=st.binary(max_size=64))
def test_any_payload_gives_signals_or_a_driver_error(kind: str, payload: bytes) -> None:
    with suppress(DriverError):
        decode(kind, payload)


@given(
    kind=st.sampled_from(sorted(set(BLE_DRIVERS) - {"advertisement", "polar", "witmotion"})),
    value=st.binary(max_size=24),
)
def test_any_characteristic_value_gives_signals_or_a_driver_error(kind: str, value: bytes) -> None:
    with suppress(DriverError):
        assert decode(kind, notified(value.hex()))


def test_record_access() -> None:
    assert report_records() == bytes.fromhex("0101")
    assert report_records(258) == bytes.fromhex("0103010201")
    check_response(bytes.fromhex("06000101"))
    check_response(bytes.fromhex("06000106"))  # no records found
    for bad in ("06000102", "0600", "05000300"):
        with pytest.raises(RecordAccessError):
            check_response(bytes.fromhex(bad))


def test_device_information() -> None:
    assert decode_device_information(
        {
            uuids.MANUFACTURER_NAME: b"Made-up Works\0junk",
            uuids.MODEL_NUMBER: b"\xff\xfe M1 ",
            uuids.SERIAL_NUMBER: b"",
        }
    ) == {"manufacturer": "Made-up Works", "model": "\ufffd\ufffd M1"}
