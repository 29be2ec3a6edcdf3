"""Errors of the server in one line.

Each class is also the one that pyarrow raises for the same status, so that callers who expect
``pyarrow.lib.ArrowInvalid`` or ``FlightUnauthenticatedError`` find it. What pyarrow adds around the
server's words (its own prefix, gRPC's debug context) is kept in ``__context__`` and not printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow
from pyarrow import flight

_PREFIX = re.compile(r"\A(?:Flight (?:returned|RPC failed)[^:]*?,? with message: ?)+", re.DOTALL)
_SUFFIX = re.compile(r"\.? ?(?:gRPC client debug context|Client context): .*\Z", re.DOTALL)
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_QUERY_ID = re.compile(r"\(query_id=([0-9A-Za-z-]+)\)")


class FlightSQLError(Exception):
    """A call that failed: ``message`` in one line, and where in the SQL, as far as is known."""

    def __init__(self, message: str, *rest: Any) -> None:  # noqa: ANN401 # what pyarrow's take
        super().__init__(message, *rest)
        self.message = message
        place = _PLACE.search(message)
        self.line = int(place[1]) if place else None  # both count from 1
        self.column = int(place[2]) if place else None
        query_id = _QUERY_ID.search(message)
        self.query_id = query_id[1] if query_id else None

    def __str__(self) -> str:
        return self.message


class InvalidError(FlightSQLError, pyarrow.lib.ArrowInvalid):
    """The statement or an argument is wrong, or the query needs more than it may have."""


class NotFoundError(FlightSQLError, pyarrow.lib.ArrowKeyError):
    """There is no such thing."""


class NotSupportedError(FlightSQLError, pyarrow.lib.ArrowNotImplementedError):
    """The server cannot do that."""


class UnauthenticatedError(FlightSQLError, flight.FlightUnauthenticatedError):
    """The credential is missing, wrong or expired."""


class UnauthorizedError(FlightSQLError, flight.FlightUnauthorizedError):
    """The caller may not do that."""


class UnavailableError(FlightSQLError, flight.FlightUnavailableError):
    """The server cannot be reached."""


class TimedOutError(FlightSQLError, flight.FlightTimedOutError):
    """The answer took longer than ``timeout``."""


class CancelledError(FlightSQLError, flight.FlightCancelledError):
    """The call was cancelled."""


class InternalError(FlightSQLError, flight.FlightInternalError):
    """The server has a fault."""


class ServerError(FlightSQLError, flight.FlightServerError):
    """The server failed in a way that has no status of its own."""


class OtherError(FlightSQLError, pyarrow.lib.ArrowException):
    """Anything else that pyarrow reports."""


_KINDS: tuple[tuple[type[BaseException], type[FlightSQLError]], ...] = (
    (flight.FlightUnauthenticatedError, UnauthenticatedError),
    (flight.FlightUnauthorizedError, UnauthorizedError),
    (flight.FlightUnavailableError, UnavailableError),
    (flight.FlightTimedOutError, TimedOutError),
    (flight.FlightCancelledError, CancelledError),
    (flight.FlightInternalError, InternalError),
    (flight.FlightServerError, ServerError),
    (pyarrow.lib.ArrowNotImplementedError, NotSupportedError),
    (pyarrow.lib.ArrowKeyError, NotFoundError),
    (pyarrow.lib.ArrowInvalid, InvalidError),
)


def one_line(message: str) -> str:
    """The server's own words, without line breaks."""
    text = _SUFFIX.sub("", _PREFIX.sub("", message))
    return "; ".join(line.strip() for line in text.splitlines() if line.strip()) or message.strip()


def translate(error: BaseException) -> FlightSQLError:
    kind = next((ours for theirs, ours in _KINDS if isinstance(error, theirs)), OtherError)
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return kind(one_line(text))


@contextmanager
def translated() -> Iterator[None]:
    """Raises what pyarrow raises inside as one of the classes above."""
    try:
        yield
    except FlightSQLError:
        raise
    except pyarrow.lib.ArrowException as error:
        raise translate(error) from None
