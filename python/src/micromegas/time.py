"""Times as the server takes them: RFC 3339 texts out, RFC 3339 texts and durations in."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

__all__ = ["format_datetime", "parse_datetime", "parse_moment", "parse_time_delta"]

# RFC 3339 section 5.6, with what ISO 8601 lets one leave out: offset, seconds, the time of day.
_RFC3339 = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<minute>\d{2}:\d{2})(?P<second>:\d{2})?(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}  # seconds, longest first
_DELTA = re.compile(
    r"(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?", re.ASCII
)


def _split(value: str) -> tuple[datetime, str]:
    """The time to the microsecond, and the digits of its fraction as they were written."""
    match = _RFC3339.fullmatch(value)
    if match is None:
        try:
            return datetime.fromisoformat(value), ""
        except ValueError:
            raise ValueError(
                f"not a time: {value!r}; write it as in 2026-01-31T12:00:00Z"
            ) from None
    fraction = match["fraction"] or ""
    offset = match["offset"] or ""
    if offset in ("Z", "z"):
        offset = "+00:00"
    elif offset and ":" not in offset:
        offset = f"{offset[:3]}:{offset[3:]}"
    text = f"{match['day']}T{match['minute'] or '00:00'}{match['second'] or ':00'}"
    try:
        return datetime.fromisoformat(f"{text}.{fraction[:6]:0<6}{offset}"), fraction
    except ValueError as error:  # the thirteenth month and its like
        raise ValueError(f"not a time: {value!r}: {error}") from None


def parse_datetime(value: str) -> datetime:
    """Parses RFC 3339 or ISO 8601; digits beyond microseconds are cut.

    A text without offset becomes a naive datetime. Raises ``ValueError`` for anything else.
    """
    return _split(value)[0]


def format_datetime(value: object) -> str | None:
    """The text that the server understands; nanoseconds are kept, ``None`` stays ``None``.

    Takes a datetime, a pandas Timestamp or a text. Raises ``RuntimeError`` when there is no time
    zone or for values of another type, ``ValueError`` for a text that is not a time.
    """
    if value is None:
        return None
    if isinstance(value, str):
        parsed, fraction = _split(value)
        text = _zoned(parsed).isoformat()
        if len(fraction) > 6 and fraction[6:].strip("0"):
            seconds = parsed.replace(microsecond=0).isoformat()
            text = f"{seconds[:19]}.{fraction:0<9}{seconds[19:]}"
        return text
    if isinstance(value, datetime):  # a pandas Timestamp is one, and its isoformat has nanoseconds
        return _zoned(value).isoformat()
    raise RuntimeError(f"a time must be a datetime or a text, not {type(value).__name__}")


def _zoned(value: datetime) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise RuntimeError("datetime needs a valid time zone")
    return value


def parse_time_delta(user_string: str) -> timedelta:
    """Parses ``90s``, ``1h``, ``2w`` and combinations such as ``1d2h30m``.

    Units are w, d, h, m and s, each at most once and the longest first. Raises ``RuntimeError`` for
    any other text, ``OverflowError`` for more than ``timedelta`` can hold.
    """
    match = _DELTA.fullmatch(user_string) if user_string else None
    if match is None:
        raise RuntimeError(
            f"invalid time delta {user_string!r}: expected numbers with the units w, d, h, m, s, "
            "as in 90s, 1h or 1d2h30m"
        )
    seconds = sum(int(match[unit] or 0) * size for unit, size in _UNITS.items())
    try:
        return timedelta(days=seconds // 86400, seconds=seconds % 86400)
    except OverflowError:
        raise OverflowError(f"time delta {user_string!r} is too large") from None


def parse_moment(text: str, now: datetime) -> str:
    """A point in time as commands take it, in the form that the server understands.

    ``1h`` and ``now-1h`` are back from now, ``now`` is now; anything else is RFC 3339 or a date, in
    UTC when there is no offset. Raises ``ValueError``.
    """
    if text == "now":
        return now.isoformat()
    back = text.removeprefix("now-")
    try:
        delta = parse_time_delta(back)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    except RuntimeError:
        if back is not text:
            raise ValueError(f"not a time: {text!r}; write now-1h or now-1d2h") from None
    else:
        try:
            return (now - delta).isoformat()
        except OverflowError:
            raise ValueError(f"{text!r} is before the year 1") from None
    try:
        parsed, _ = _split(text)
    except ValueError:
        raise ValueError(
            f"not a time: {text!r}; write 1h or 1d2h (back from now), a date, "
            "or a time as in 2026-01-31T12:00:00Z"
        ) from None
    if parsed.tzinfo is None:
        if "T" not in text and "t" not in text and " " not in text:
            text = datetime.combine(
                date(parsed.year, parsed.month, parsed.day), datetime.min.time(), timezone.utc
            ).isoformat()
        else:
            text = f"{text}+00:00"
    formatted = format_datetime(text)
    assert formatted is not None  # noqa: S101 # only None gives None
    return formatted
