"""Times and durations."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pandas
import pytest

from micromegas.time import format_datetime, parse_datetime, parse_moment, parse_time_delta

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


class SubclassedDatetime(datetime):
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (datetime(2024, 1, 1, tzinfo=timezone.utc), "2024-01-01T00:00:00+00:00"),
        (SubclassedDatetime(2024, 1, 1, tzinfo=timezone.utc), "2024-01-01T00:00:00+00:00"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00+00:00"),
        ("2024-01-01t00:00:00z", "2024-01-01T00:00:00+00:00"),
        ("2024-01-01 00:00:00Z", "2024-01-01T00:00:00+00:00"),
        ("2024-01-01T00:00:00.5+0200", "2024-01-01T00:00:00.500000+02:00"),
        ("2024-01-01T00:00:00.123456789+02:00", "2024-01-01T00:00:00.123456789+02:00"),
        (pandas.Timestamp("2024-01-01T00:00:00.123456789Z"), "2024-01-01T00:00:00.123456789+00:00"),
    ],
)
def test_times_become_texts_with_an_offset(value: object, text: str | None) -> None:
    assert format_datetime(value) == text


@pytest.mark.parametrize(
    "value", ["2024-01-01", "2024-01-01T00:00:00", datetime(2024, 1, 1), pandas.Timestamp(0), 5]
)
def test_a_time_without_zone_is_refused(value: object) -> None:
    with pytest.raises(RuntimeError, match=r"time zone|datetime"):
        format_datetime(value)


@pytest.mark.parametrize("text", ["junk", "", "2024-13-01T00:00:00Z", "2024-01-01T00:00:00Zjunk"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        parse_datetime(text)


def test_digits_beyond_microseconds_are_cut_in_a_datetime() -> None:
    parsed = parse_datetime("2024-01-01T00:00:00.123456789z")
    assert parsed == datetime(2024, 1, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)
    assert parse_datetime("2024-01-01").tzinfo is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h", 3600),
        ("7d", 7 * 86400),
        ("2w", 14 * 86400),
        ("1d2h30m", 86400 + 9000),
        ("1w1d1h1m1s", 604800 + 86400 + 3661),
        ("0d", 0),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_time_delta(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "1", "h", "1hour", "1h2d", "1h1h", "-1h", "1.5h", " 1h", "1h ", "1h\n", "1H", "\u0661h"],
)
def test_junk_is_no_duration(text: str) -> None:
    with pytest.raises(RuntimeError, match="invalid time delta"):
        parse_time_delta(text)


def test_a_duration_can_be_too_long() -> None:
    with pytest.raises(OverflowError):
        parse_time_delta("99999999999999d")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-01-31T12:00:00+00:00"),
        ("1h", "2026-01-31T11:00:00+00:00"),
        ("now-1d2h", "2026-01-30T10:00:00+00:00"),
        ("2026-01-01", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T10:00", "2026-01-01T10:00:00+00:00"),
        ("2026-01-01T10:00:00.000000001Z", "2026-01-01T10:00:00.000000001+00:00"),
    ],
)
def test_moments_of_a_command_line(text: str, moment: str) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "now-", "now-junk", "1h2", "9999999w"])
def test_other_texts_are_no_moments(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|before the year|too large"):
        parse_moment(text, NOW)
