"""Starting, refusing to start, stopping and starting again."""

import json
import socket
from collections.abc import Callable

import pytest
import requests
from support.client import connect, rows, value
from support.lake import FLAVOURS, Flavour, Lake
from support.vectors import Capture

PROGRAMS = ["micromegas", "telemetry-ingestion-srv", "flight-sql-srv"]
ENDS_WITHIN = 20.0  # seconds

NewLake = Callable[..., Lake]


def refuses_to_start(lake: Lake, name: str) -> str:
    """Starts the program, which must end by itself with an error; returns what it says."""
    program = lake.start_program(name)
    code = program.exit_code(ENDS_WITHIN)
    lake.programs.pop(name)
    assert code not in (0, None), program.output()
    assert code > 0, f"ended by signal {-code}"
    assert "panic" not in program.output()
    assert "goroutine" not in program.output()
    return program.output()


@pytest.mark.parametrize("name", PROGRAMS)
def test_port_in_use(new_lake: NewLake, name: str) -> None:
    lake = new_lake()
    ports = {
        "micromegas": [lake.http_port, lake.grpc_port],
        "telemetry-ingestion-srv": [lake.http_port],
        "flight-sql-srv": [lake.grpc_port, lake.health_port],
    }
    for port in ports[name]:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()
            said = refuses_to_start(lake, name)
        assert f"127.0.0.1:{port}" in said
        assert "in use" in said


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_authentication_configured(new_lake: NewLake, name: str) -> None:
    lake = new_lake(environment={"MICROMEGAS_API_KEYS": ""})
    said = refuses_to_start(lake, name)
    assert "MICROMEGAS_API_KEYS" in said
    assert "MICROMEGAS_OIDC_CONFIG" in said
    assert "--disable-auth" in said


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_mistake_is_reported_at_once(new_lake: NewLake, name: str) -> None:
    lake = new_lake(
        environment={
            "MICROMEGAS_API_KEYS": json.dumps([{"name": "a"}, {"name": "b", "key": "se cret-é"}]),
            "MICROMEGAS_OIDC_CONFIG": json.dumps({"issuers": [{"issuer": "nowhere"}]}),
            "MICROMEGAS_ADMINS": "{not JSON",
        }
    )
    said = refuses_to_start(lake, name)
    for variable in ("MICROMEGAS_API_KEYS", "MICROMEGAS_OIDC_CONFIG", "MICROMEGAS_ADMINS"):
        assert variable in said
    assert "issuers[0].issuer" in said
    assert "issuers[0].audience" in said
    assert "cret-" not in said, "a key is never printed"


@pytest.mark.parametrize("name", PROGRAMS)
def test_unknown_flag(new_lake: NewLake, name: str) -> None:
    assert "no-such-flag" in refuses_to_start(new_lake(flags=("--no-such-flag",)), name)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_restart_keeps_the_data(new_lake: NewLake, flavour: Flavour) -> None:
    """SIGTERM ends everything with what was acknowledged; the next start has it all."""
    lake = new_lake(flavour).start()
    capture = Capture("v030")
    capture.replay(lake.ingestion)
    sql = {
        "log_entries": "SELECT * FROM log_entries ORDER BY block_id, time, msg",
        "measures": "SELECT * FROM measures ORDER BY block_id, time, name",
        "blocks": "SELECT * FROM blocks ORDER BY block_id",
        "processes": "SELECT * FROM processes ORDER BY process_id",
    }
    before = {view: rows(connect(lake.analytics), text) for view, text in sql.items()}
    assert len(before["log_entries"]) == len(capture.rows["log_entries"])
    for _ in range(2):
        lake.stop()
        lake.start()
        for view, text in sql.items():
            # Rows compare as text because NaN differs from itself.
            assert repr(rows(connect(lake.analytics), text)) == repr(before[view]), view


def test_sigterm_right_after_the_answer(new_lake: NewLake) -> None:
    lake = new_lake().start()
    Capture("unreal-synthetic").replay(lake.ingestion)
    lake.stop()
    lake.start()
    assert value(connect(lake.analytics), "SELECT count(*) FROM log_entries") == 9


def test_the_same_request_again_changes_nothing(new_lake: NewLake) -> None:
    lake = new_lake().start()
    for _ in range(3):
        Capture("v030").replay(lake.ingestion)
    client = connect(lake.analytics)
    expected = Capture("v030").rows
    for view in ("log_entries", "measures", "processes"):
        assert value(client, f"SELECT count(*) FROM {view}") == len(expected[view])


def test_any_order_of_arrival(new_lake: NewLake) -> None:
    """Blocks before their stream, streams before their process: visible once all are there."""
    lake = new_lake().start()
    capture = Capture("v030")
    order = ["insert_block", "insert_stream", "insert_process"]
    client = connect(lake.analytics)
    for kind in order:
        assert value(client, "SELECT count(*) FROM log_entries") == 0
        for request in capture.requests:
            if request["path"].endswith(kind):
                answer = requests.post(
                    lake.ingestion.url + request["path"],
                    data=capture.body(request["file"]),
                    headers={"Authorization": f"Bearer {lake.key}"},
                    timeout=30,
                )
                assert answer.status_code == 200
    for view in ("log_entries", "measures", "processes"):
        assert value(client, f"SELECT count(*) FROM {view}") == len(capture.rows[view])
