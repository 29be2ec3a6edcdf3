"""The Go SDK in a program of its own, test/sdk, against the real server."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.client import ALWAYS, connect, rows
from support.lake import Ingestion, Lake
from support.process import ROOT, clean_environment


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    exe = tmp_path_factory.mktemp("sdk") / "program"
    subprocess.run(["go", "build", "-o", exe, "./test/sdk"], cwd=ROOT, check=True)  # noqa: S607
    return exe


def start(program: Path, mode: str, to: Ingestion, **variables: str) -> subprocess.Popen[str]:
    environment = clean_environment(
        {
            "MICROMEGAS_TELEMETRY_URL": to.url,
            "MICROMEGAS_INGESTION_API_KEY": to.token,
            **variables,
        }
    )
    return subprocess.Popen(
        [program, mode],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(run: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    """The program's process id and what it wrote on standard error."""
    out, err = run.communicate(timeout=120)
    assert run.returncode == status, err
    return out.split()[0], err


def test_everything_comes_back_through_sql(new_lake: Callable[..., Lake], program: Path) -> None:
    lake = new_lake().start()
    process, err = finish(start(program, "all", lake.ingestion))
    client = connect(lake.analytics)

    (record,) = rows(client, f"SELECT * FROM processes WHERE process_id = '{process}'")
    assert record["exe"].endswith("program")
    assert record["tsc_frequency"] == 1_000_000_000

    logs = rows(
        client,
        "SELECT level, target, msg, jsonb_format_json(properties) AS p FROM log_entries"
        f" WHERE process_id = '{process}' ORDER BY time",
    )
    assert [(e["level"], e["target"], e["msg"], json.loads(e["p"])) for e in logs] == [
        (4, "game", "started", {}),
        (4, "game", "started", {"colour": "red"}),
        (3, "game", "slow", {"g.frame": "7"}),
    ]
    assert "WARN  [game] slow g.frame=7" in err  # the console

    measures = rows(
        client,
        "SELECT name, unit, value, jsonb_format_json(properties) AS p FROM measures"
        f" WHERE process_id = '{process}' AND target = 'game' ORDER BY time",
    )
    assert [(e["name"], e["unit"], e["value"], json.loads(e["p"])) for e in measures] == [
        ("frames", "count", 3, {}),
        ("frames", "count", -4, {"colour": "red"}),
        ("ratio", "none", 0.25, {}),
    ]
    system = rows(client, "SELECT DISTINCT name FROM measures WHERE target = 'system'")
    assert "used_memory" in {e["name"] for e in system}

    (stream,) = rows(
        client,
        "SELECT stream_id FROM streams"
        f" WHERE process_id = '{process}' AND property_get(properties, 'thread-name') = 'painter'",
    )
    spans = rows(
        client,
        'SELECT id, parent, depth, name, target, "begin", "end" FROM'
        f" view_instance('thread_spans', '{stream['stream_id']}') WHERE id >= 0 ORDER BY id",
        *ALWAYS,
    )
    assert [(s["depth"], s["name"], s["target"]) for s in spans] == [
        (1, "frame", "game"),
        (2, "paint", "game"),
    ] * 3
    for outer, inner in zip(spans[::2], spans[1::2], strict=True):
        assert inner["parent"] == outer["id"]
        assert outer["begin"] <= inner["begin"] <= inner["end"] <= outer["end"]

    events = rows(
        client,
        "SELECT name, event_type, span_id, parent_span_id, depth FROM"
        f" view_instance('async_events', '{process}')",
        *ALWAYS,
    )
    (request,) = {e["span_id"] for e in events if e["name"] == "request"}
    assert sorted(
        (e["name"], e["event_type"], e["parent_span_id"], e["depth"]) for e in events
    ) == [
        ("lookup", "begin", request, 1),
        ("lookup", "begin", request, 1),
        ("lookup", "end", request, 1),
        ("lookup", "end", request, 1),
        ("request", "begin", 0, 0),
        ("request", "end", 0, 0),
    ]


def test_a_million_events_across_a_killed_server(
    new_lake: Callable[..., Lake], program: Path
) -> None:
    """The server is away at the start, killed twice in the middle, and away again at the end."""
    lake = new_lake()
    run = start(program, "million", lake.ingestion, MICROMEGAS_FLUSH_PERIOD="0.1")
    assert run.stdin is not None
    assert run.stdout is not None
    process = run.stdout.readline().strip()
    for step in range(10):
        if step in (1, 4, 7):
            lake.start_program("micromegas")
            lake.wait_ready("micromegas")
        run.stdin.write("\n")
        run.stdin.flush()
        assert int(run.stdout.readline()) == (step + 1) * 100_000
        if step in (3, 5, 8):
            lake.programs["micromegas"].kill()
    run.stdin.close()
    lake.start_program("micromegas")
    lake.wait_ready("micromegas")
    assert run.wait(timeout=120) == 0

    client = connect(lake.analytics)
    (count,) = rows(
        client,
        "SELECT count(*) AS n, count(DISTINCT value) AS different, min(value) AS low,"
        f" max(value) AS high FROM measures WHERE process_id = '{process}' AND name = 'number'",
    )
    assert count == {"n": 1_000_000, "different": 1_000_000, "low": 0, "high": 999_999}
    lost = rows(client, "SELECT name FROM measures WHERE name LIKE 'telemetry_lost%'")
    assert lost == []


def test_a_panic_is_reported_and_goes_on(new_lake: Callable[..., Lake], program: Path) -> None:
    lake = new_lake().start()
    process, err = finish(start(program, "panic", lake.ingestion), status=2)
    assert "panic: out of paint" in err
    (entry,) = fatal(lake, process)
    assert entry["msg"].startswith("panic: out of paint\n")
    assert "main.main" in entry["msg"]


def test_a_crash_is_reported_by_the_monitor(new_lake: Callable[..., Lake], program: Path) -> None:
    lake = new_lake().start()
    run = start(program, "crash", lake.ingestion)
    process, err = finish(run, status=2)  # returns when the monitor has closed standard error too
    assert "panic: nobody catches this" in err
    (entry,) = fatal(lake, process)
    assert "panic: nobody catches this" in entry["msg"]
    (record,) = rows(connect(lake.analytics), "SELECT process_id FROM processes")
    assert record["process_id"] == process


def fatal(lake: Lake, process: str) -> list[dict[str, str]]:
    return rows(
        connect(lake.analytics),
        f"SELECT msg FROM log_entries WHERE level = 1 AND process_id = '{process}'",
    )
