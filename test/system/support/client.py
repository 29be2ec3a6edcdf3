"""The published Python client, and answers in a form that tests can compare exactly."""

import warnings
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow
import pyarrow.flight
from micromegas.flightsql.client import FlightSQLClient

from support.lake import Analytics

# A range that holds everything, for views that insist on one.
ALWAYS = (datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


class TokenSource(Protocol):
    def get_token(self) -> str: ...


class Token:
    """An authentication provider that always hands out the same token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self) -> str:
        return self._token


def connect(
    analytics: Analytics,
    provider: TokenSource | None = None,
    preserve_dictionary: bool = False,
) -> FlightSQLClient:
    """A client with the lake's API key, or with what the provider hands out."""
    if provider is None:
        provider = Token(analytics.token)
    return FlightSQLClient(
        analytics.uri, auth_provider=provider, preserve_dictionary=preserve_dictionary
    )


def connect_with_headers(analytics: Analytics, headers: dict[str, str] | None) -> FlightSQLClient:
    """A client with fixed headers, or with none: the old way to send an API key."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return FlightSQLClient(analytics.uri, headers=headers)


def rows(
    client: FlightSQLClient,
    sql: str,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> list[dict[str, Any]]:
    """The answer as dictionaries; times are integers, nanoseconds since 1970."""
    table = client.query_arrow(sql, begin, end)
    for index, column in enumerate(table.schema):
        if pyarrow.types.is_timestamp(column.type):
            assert column.type.unit == "ns", f"{column.name} is {column.type}"
            table = table.set_column(index, column.name, table.column(index).cast(pyarrow.int64()))
    return table.to_pylist()


def value(client: FlightSQLClient, sql: str) -> Any:  # noqa: ANN401 # whatever the statement says
    """The only value of a one-row, one-column answer."""
    (row,) = rows(client, sql)
    (only,) = row.values()
    return only
