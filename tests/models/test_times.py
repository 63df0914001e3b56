import pickle
from datetime import UTC, datetime

import pytest

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
        ("1 March 2026 10:00", {}, "2026-03-01T10:00:00+00:00"),
        ("1767225600", {}, "2026-01-01T00:00:00+00:00"),
        ("1767225600500", {}, "2026-01-01T00:00:00.500000+00:00"),
        ("2015-02-24T11:35", {"timezone": "Etc/GMT+8"}, "2015-02-24T19:35:00+00:00"),
        # New York's clocks went from 02:00 to 03:00 on 9 March 2025, and from 02:00 to 01:00 on 2 November.
        ("2025-03-09 02:30", {"timezone": "America/New_York"}, "2025-03-09T07:30:00+00:00"),
        ("2025-11-02 01:30", {"timezone": "America/New_York"}, "2025-11-02T05:30:00+00:00"),
        ("24.12.2025", {"formats": ("%d.%m.%Y",)}, "2025-12-24T00:00:00+00:00"),
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
        ("March 2026", "unparsable"),
        ("0001-01-01", "too_old"),
        ("1970-01-01", "too_old"),
        ("2027-01-01", "in_future"),
        ("9" * 70, "unparsable"),
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
