import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.times import BadTime, parse_time

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def parse(value, timezone="UTC", dayfirst=False, formats=()):
    return parse_time(value, timezone=timezone, dayfirst=dayfirst, formats=formats, now=NOW)


@pytest.mark.parametrize(
    ("value", "more", "expected"),
    [
        ("2026-03-01T10:00:00Z", {}, "2026-03-01T10:00:00+00:00"),
        ("2026-03-01T10:00:00+01:00", {"timezone": "Asia/Tokyo"}, "2026-03-01T09:00:00+00:00"),
        ("2026-03-01 10:00", {"timezone": "Africa/Lagos"}, "2026-03-01T09:00:00+00:00"),
        ("04/05/2025 08:00", {"dayfirst": True}, "2025-05-04T08:00:00+00:00"),
        ("04/05/2025 08:00", {}, "2025-04-05T08:00:00+00:00"),
        ("24/12/2025", {}, "2025-12-24T00:00:00+00:00"),
        ("12/24/2025 8:05:09", {"dayfirst": True}, "2025-12-24T08:05:09+00:00"),
        ("1 March 2026 10:00", {}, "2026-03-01T10:00:00+00:00"),
        ("1767225600", {}, "2026-01-01T00:00:00+00:00"),
        ("1767225600500", {}, "2026-01-01T00:00:00.500000+00:00"),
        ("2015-02-24T11:35", {"timezone": "Etc/GMT+8"}, "2015-02-24T19:35:00+00:00"),
        # New York's clocks went from 02:00 to 03:00 on 9 March 2025, and from 02:00 to 01:00 on 2 November.
        ("2025-03-09 02:30", {"timezone": "America/New_York"}, "2025-03-09T07:30:00+00:00"),
        ("2025-11-02 01:30", {"timezone": "America/New_York"}, "2025-11-02T05:30:00+00:00"),
        ("24.12.2025", {"formats": ("%d.%m.%Y",)}, "2025-12-24T00:00:00+00:00"),
        ("٢٤.١٢.٢٠٢٥", {"formats": ("%d.%m.%Y",)}, "2025-12-24T00:00:00+00:00"),
        ("24.12.2025 GMT+0100", {"formats": ("%d.%m.%Y GMT%z",)}, "2025-12-23T23:00:00+00:00"),
        # RFC 2822, ISO 8601, C and Twitter, JavaScript, Java
        ("Sun, 1 Mar 2026 10:00:00 +0100", {}, "2026-03-01T09:00:00+00:00"),
        ("Sun, 01 Mar 2026 10:00:00 GMT", {"timezone": "Africa/Lagos"}, "2026-03-01T10:00:00+00:00"),
        ("Sun Mar  1 10:00:00 +0000 2026", {}, "2026-03-01T10:00:00+00:00"),
        ("20260301T100000Z", {}, "2026-03-01T10:00:00+00:00"),
        ("20260301100000", {}, "2026-03-01T10:00:00+00:00"),
        ("2026-W09-7", {}, "2026-03-01T00:00:00+00:00"),
        ("2026-060", {}, "2026-03-01T00:00:00+00:00"),
        ("2026-02-28T24:00:00", {}, "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T10:00:00−01:00", {}, "2026-03-01T11:00:00+00:00"),
        ("Sun Mar 01 2026 10:00:00 GMT+0100 (West Africa Standard Time)", {}, "2026-03-01T09:00:00+00:00"),
        ("2026-03-01T10:05:00+01:00[Africa/Lagos]", {}, "2026-03-01T09:05:00+00:00"),
        # seconds, and smaller parts, since 1970; spreadsheets' days since 1899-12-30
        ("1767225600.25", {"timezone": "Africa/Lagos"}, "2026-01-01T00:00:00.250000+00:00"),
        ("1767225600000001", {}, "2026-01-01T00:00:00.000001+00:00"),
        ("1767225600000001999", {}, "2026-01-01T00:00:00.000001+00:00"),
        ("46082", {}, "2026-03-01T00:00:00+00:00"),
        ("46082.5", {"timezone": "Africa/Lagos"}, "2026-03-01T11:00:00+00:00"),
        # days first, years of two digits, twelve hours
        ("01-03-26 14:05", {"dayfirst": True}, "2026-03-01T14:05:00+00:00"),
        ("1-Mar-26", {}, "2026-03-01T00:00:00+00:00"),
        ("2/1/2026 10:05 p.m.", {}, "2026-02-01T22:05:00+00:00"),
        ("2/1/2026 12:05AM", {}, "2026-02-01T00:05:00+00:00"),
        ("1 Mar 2026, 10.05 pm", {}, "2026-03-01T22:05:00+00:00"),
        ("01-MAR-26 10.05.07.000000 AM", {}, "2026-03-01T10:05:07+00:00"),
        ("2026-03-01 10:05 PM", {}, "2026-03-01T22:05:00+00:00"),
        # digits and months of other languages
        ("٠١/٠٣/٢٠٢٦ ١٠:٠٥", {"dayfirst": True}, "2026-03-01T10:05:00+00:00"),
        ("२०२६-०३-०१ १०:०५", {}, "2026-03-01T10:05:00+00:00"),
        ("lundi 2 février 2026 à 10h05", {}, "2026-02-02T10:05:00+00:00"),
        ("1er août 2025 10h", {}, "2025-08-01T10:00:00+00:00"),
        ("15 déc. 2025", {}, "2025-12-15T00:00:00+00:00"),
        ("domingo, 1 de febrero de 2026 a las 10:05", {}, "2026-02-01T10:05:00+00:00"),
        ("1 de março de 2026 10:05", {}, "2026-03-01T10:05:00+00:00"),
        ("Montag, 2. März 2026, 10:05 Uhr", {}, "2026-03-02T10:05:00+00:00"),
        ("15. Dez. 2025", {}, "2025-12-15T00:00:00+00:00"),
        # names of zones
        ("2026-03-01 10:00:00 WAT", {}, "2026-03-01T09:00:00+00:00"),
        ("2026-03-01 10:00 (EAT)", {}, "2026-03-01T07:00:00+00:00"),
        ("2026-03-01 10:00 PST", {"timezone": "Africa/Lagos"}, "2026-03-01T18:00:00+00:00"),
        ("2025-07-01 10:00 PT", {}, "2025-07-01T17:00:00+00:00"),
        ("2026-03-01 10:00 GMT+1", {}, "2026-03-01T09:00:00+00:00"),
        ("2026-03-01 10:00 UTC-05:30", {}, "2026-03-01T15:30:00+00:00"),
        ("2026-03-01 10:05:00 Africa/Lagos", {}, "2026-03-01T09:05:00+00:00"),
        # An hour that occurs twice is told by the zone's name.
        ("2025-11-02 01:30 EST", {"timezone": "America/New_York"}, "2025-11-02T06:30:00+00:00"),
        ("2025-11-02 01:30 EDT", {"timezone": "America/New_York"}, "2025-11-02T05:30:00+00:00"),
        # China has a CST too, and Israel an IST.
        ("2026-03-01 10:00 CST", {}, "2026-03-01T16:00:00+00:00"),
        ("2026-03-01 10:00 CST", {"timezone": "Asia/Shanghai"}, "2026-03-01T02:00:00+00:00"),
        ("2026-03-01 10:00 IST", {"timezone": "Asia/Jerusalem"}, "2026-03-01T08:00:00+00:00"),
    ],
)
def test_times_come_out_in_utc(value, more, expected):
    assert parse(value, **more).isoformat() == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("yesterday", "unparsable"),
        ("", "unparsable"),
        ("31/02/2025", "unparsable"),
        ("24/13/2025", "unparsable"),
        ("24/12/2025 25:00", "unparsable"),
        ("March 2026", "unparsable"),
        ("0001-01-01", "too_old"),
        ("1970-01-01", "too_old"),
        ("2027-01-01", "in_future"),
        ("9" * 70, "unparsable"),
        ("2026-03-01 10:00 XYZ", "unparsable"),
        ("2026-03-01 10:00 Africa/Nowhere", "unparsable"),
        ("08031234567", "unparsable"),
        ("12345", "unparsable"),
        ("10:00", "unparsable"),
        ("1 2 3 4 5 6 7 8" * 20_000, "unparsable"),
    ],
)
def test_a_bad_time_says_why(value, code):
    with pytest.raises(BadTime) as error:
        parse(value)
    assert error.value.code == code


def test_with_formats_given_nothing_else_is_taken():
    with pytest.raises(BadTime, match="%Y"):
        parse("2025-12-24", formats=("%d.%m.%Y",))


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(BadTime("too_old", "x is before 1990")))
    assert (error.code, str(error)) == ("too_old", "x is before 1990")


@given(st.text(max_size=90) | st.text(st.sampled_from("0123456789-/:. TZ+apmWATmarsh()[]\u0660"), max_size=40))
def test_any_string_is_a_time_or_says_why_not(text):
    try:
        assert parse(text).utcoffset() == timedelta(0)
    except BadTime as error:
        assert error.code in {"unparsable", "too_old", "in_future"}
