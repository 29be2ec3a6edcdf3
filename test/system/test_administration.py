"""Operations of administrators through the published Python client, on real servers."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow
import pytest
from micromegas import admin
from micromegas.flightsql.client import FlightSQLClient
from support.client import Token, connect, rows, value
from support.lake import FLAVOURS, Flavour, Lake
from support.oidc import OidcProvider
from support.vectors import Capture

NewLake = Callable[..., Lake]

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ALL_OF_IT = int((FUTURE - PAST) / timedelta(seconds=1))


def open_lake(new_lake: NewLake, oidc: OidcProvider, flavour: Flavour, **more: str) -> Lake:
    return new_lake(
        flavour,
        environment={
            "MICROMEGAS_OIDC_CONFIG": oidc.server_config(),
            "MICROMEGAS_ADMINS": json.dumps(["admin@example.com"]),
        }
        | more,
        flags=("--no-maintenance",),
    ).start()


def administrator(lake: Lake, oidc: OidcProvider) -> FlightSQLClient:
    return connect(lake.analytics, Token(oidc.token("admin")))


def partitions(client: FlightSQLClient) -> list[dict[str, Any]]:
    return rows(client, "SELECT * FROM list_partitions() ORDER BY view_set_name, file_path")


def counts(client: FlightSQLClient) -> dict[str, int]:
    return {v: value(client, f"SELECT count(*) FROM {v}") for v in ("log_entries", "measures")}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_partitions(
    new_lake: NewLake,
    oidc: OidcProvider,
    flavour: Flavour,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lake = open_lake(new_lake, oidc, flavour)
    Capture("v030").replay(lake.ingestion)
    client = administrator(lake, oidc)
    before = counts(client)
    assert before["log_entries"] > 0
    assert before["measures"] > 0
    assert partitions(client) == []

    for view in before:
        client.materialize_partitions(view, PAST, FUTURE, ALL_OF_IT)
        assert "done" in capsys.readouterr().out
    made = partitions(client)
    assert {p["view_set_name"]: p["num_rows"] for p in made} == before
    assert counts(client) == before

    client.regenerate_partitions("log_entries", PAST, FUTURE, ALL_OF_IT)
    assert "regenerated" in capsys.readouterr().out
    again = partitions(client)
    assert [p["num_rows"] for p in again] == [p["num_rows"] for p in made]
    assert again[0]["file_path"] != made[0]["file_path"]

    # What the client has read it sends back, in microseconds.
    of_logs = client.query(
        "SELECT begin_insert_time, end_insert_time FROM list_partitions()"
        " WHERE view_set_name = 'log_entries'"
    ).iloc[0]
    client.retire_partitions(
        "log_entries",
        "global",
        of_logs.begin_insert_time.to_pydatetime(),
        of_logs.end_insert_time.to_pydatetime(),
    )
    assert "[RETIRE_FOUND]" in capsys.readouterr().out
    assert [p["view_set_name"] for p in partitions(client)] == ["measures"]
    assert counts(client) == before

    with pytest.raises(pyarrow.ArrowInvalid, match="view set nothing not found"):
        client.retire_partitions("nothing", "global", PAST, FUTURE)
    with pytest.raises(pyarrow.ArrowInvalid, match="do not tile"):
        client.regenerate_partitions("measures", PAST, FUTURE, ALL_OF_IT - 1)


def test_incompatible_partitions(new_lake: NewLake, oidc: OidcProvider) -> None:
    lake = open_lake(new_lake, oidc, "one process")
    Capture("v030").replay(lake.ingestion)
    client = administrator(lake, oidc)
    before = counts(client)
    for view in before:
        client.materialize_partitions(view, PAST, FUTURE, ALL_OF_IT)
    assert admin.list_incompatible_partitions(client).empty

    # A partition as an earlier release would have left it.
    with sqlite3.connect(lake.data("micromegas") / "catalog.db") as db:
        db.execute("UPDATE partitions SET schema_version = 0 WHERE view_name = 'log_entries'")
    db.close()
    found = admin.list_incompatible_partitions(client)
    assert list(found.view_set_name) == ["log_entries"]
    assert bytes(found.current_schema_hash.iloc[0]) == b"\x07"
    assert bytes(found.incompatible_schema_hash.iloc[0]) != b"\x07"
    assert admin.list_incompatible_partitions(client, "measures").empty

    done = admin.retire_incompatible_partitions(client)
    assert done.partitions_retired.sum() == 1, done.retirement_messages
    assert done.partitions_failed.sum() == 0
    assert admin.list_incompatible_partitions(client).empty
    assert [p["view_set_name"] for p in partitions(client)] == ["measures"]
    assert counts(client) == before


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_deny_list(new_lake: NewLake, oidc: OidcProvider, flavour: Flavour) -> None:
    lake = open_lake(new_lake, oidc, flavour, MICROMEGAS_QUERY_DENY_REFRESH_SECONDS="1")
    client, user = administrator(lake, oidc), connect(lake.analytics, Token(oidc.token("service")))
    slow = "SELECT count(*) FROM log_entries WHERE msg LIKE '%slow%'"
    assert value(user, slow) == 0
    rule = value(
        client,
        "SELECT msg FROM deny_queries('sql LIKE ''%%slow%%'' AND client = ''python''', 'too slow')",
    )
    with pytest.raises(pyarrow.ArrowInvalid, match=f"query denied by rule {rule}") as refusal:
        user.query(slow)
    assert "reason: too slow" in str(refusal.value)
    with pytest.raises(pyarrow.ArrowInvalid, match="query denied"):
        client.query(slow)
    listed = rows(client, "SELECT rule_id, created_by, reason FROM list_query_denials()")
    assert listed == [{"rule_id": rule, "created_by": "admin@example.com", "reason": "too slow"}]
    assert value(client, f"SELECT remove_query_denial('{rule}')") == f"SUCCESS: removed rule {rule}"
    assert value(user, slow) == 0


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_delete_a_process(new_lake: NewLake, oidc: OidcProvider, flavour: Flavour) -> None:
    lake = open_lake(new_lake, oidc, flavour)
    for name in ("v030", "unreal-synthetic"):
        Capture(name).replay(lake.ingestion)
    client = administrator(lake, oidc)
    for view in ("log_entries", "measures"):
        client.materialize_partitions(view, PAST, FUTURE, ALL_OF_IT)
    processes = rows(client, "SELECT process_id FROM processes")
    victim, others = processes[0]["process_id"], len(processes) - 1
    assert others > 0
    of = "SELECT count(*) FROM {} WHERE process_id {} '" + victim + "'"
    kept = {v: value(client, of.format(v, "<>")) for v in ("log_entries", "measures", "blocks")}
    last = rows(client, f"SELECT msg FROM delete_process('{victim}')")[-1]["msg"]
    assert last.startswith("deleted ")
    for view, n in kept.items():
        assert value(client, of.format(view, "=")) == 0
        assert value(client, of.format(view, "<>")) == n
    assert value(client, "SELECT count(*) FROM processes") == others
