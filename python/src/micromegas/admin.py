"""Housekeeping for administrators: partitions whose schema is not the current one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pyarrow

from micromegas.sql import quote

if TYPE_CHECKING:
    import pandas

    from micromegas.flightsql.client import FlightSQLClient

__all__ = ["list_incompatible_partitions", "retire_incompatible_partitions"]

_RESULT_COLUMNS = (
    "view_set_name",
    "view_instance_id",
    "partitions_retired",
    "partitions_failed",
    "storage_freed_bytes",
    "retirement_messages",
)


def list_incompatible_partitions(
    client: FlightSQLClient, view_set_name: str | None = None
) -> pandas.DataFrame:
    """One row for each partition that was written with another schema than its view has now."""
    only = f" AND p.view_set_name = {quote(view_set_name)}" if view_set_name is not None else ""
    return client.query(
        "SELECT p.view_set_name, p.view_instance_id, p.begin_insert_time, p.end_insert_time, "
        "p.file_schema_hash AS incompatible_schema_hash, vs.current_schema_hash, "
        "p.file_path, p.file_size "
        "FROM list_partitions() p JOIN list_view_sets() vs ON p.view_set_name = vs.view_set_name "
        f"WHERE p.file_schema_hash != vs.current_schema_hash{only} "
        "ORDER BY p.view_set_name, p.view_instance_id, p.begin_insert_time"
    )


def retire_incompatible_partitions(
    client: FlightSQLClient, view_set_name: str | None = None
) -> pandas.DataFrame:
    """Removes those partitions one by one, and says what came of it for each instance of a view.

    A partition that cannot be removed is counted and printed; the others are still removed.
    """
    import pandas

    found = list_incompatible_partitions(client, view_set_name)
    results: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found.itertuples(index=False):
        key = (str(row.view_set_name), str(row.view_instance_id))
        result = results.setdefault(
            key,
            dict(zip(_RESULT_COLUMNS, (*key, 0, 0, 0, []), strict=True)),
        )
        message = _retire(client, row)
        result["retirement_messages"].append(message)
        if message.startswith("SUCCESS:"):
            result["partitions_retired"] += 1
            result["storage_freed_bytes"] += int(row.file_size or 0)  # type: ignore[arg-type]
        else:
            result["partitions_failed"] += 1
            print(message, file=sys.stderr)
    frame: pandas.DataFrame = pandas.DataFrame(
        list(results.values()), columns=list(_RESULT_COLUMNS)
    )
    return frame


def _retire(client: FlightSQLClient, row: Any) -> str:  # noqa: ANN401 # pandas' named tuple
    times = ", ".join(
        f"CAST({quote(time.isoformat())} AS TIMESTAMP)"
        for time in (row.begin_insert_time, row.end_insert_time)
    )
    sql = (
        f"SELECT retire_partition_by_metadata({quote(row.view_set_name)}, "
        f"{quote(row.view_instance_id)}, {times}, "
        f"decode({quote(bytes(row.incompatible_schema_hash).hex())}, 'hex')) AS message"
    )
    try:
        answer = client.query_arrow(sql).column("message").to_pylist()
    except pyarrow.lib.ArrowException as error:
        return f"ERROR: {error}"
    return str(answer[0]) if answer else "ERROR: the server did not answer"
