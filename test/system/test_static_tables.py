"""Tables of files that the operator supplies, with the published client."""

from pathlib import Path

import pyarrow
import pytest
import requests
from conftest import NewLake
from support import vectors
from support.client import connect, rows, value
from support.lake import FLAVOURS, Flavour
from support.process import wait_until
from support.s3 import S3

LEVELS = '[{"level": 2, "label": "error"}, {"level": 4, "label": "info"}]'


def tables(folder: Path) -> Path:
    folder.mkdir()
    (folder / "level names.json").write_text(LEVELS)
    (folder / "hosts.csv").write_text("name,cores,since\na,16,2026-01-31T12:00:00\nb,,\n")
    (folder / "README.md").write_text("not a table")
    return folder


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_static_tables(new_lake: NewLake, tmp_path: Path, flavour: Flavour) -> None:
    folder = tables(tmp_path / "tables")
    lake = new_lake(flavour, environment={"MICROMEGAS_STATIC_TABLES_URL": f"file://{folder}"})
    lake.start()
    vectors.Capture("v030").replay(lake.ingestion)
    client = connect(lake.analytics)

    answer = client.query_arrow("SELECT * FROM hosts ORDER BY name")
    assert answer.schema == pyarrow.schema(
        [
            ("name", pyarrow.string()),
            ("cores", pyarrow.int64()),
            ("since", pyarrow.timestamp("ns", tz="+00:00")),
        ]
    )
    assert answer.column("cores").to_pylist() == [16, None]

    joined = rows(
        client,
        """SELECT n.label, count(*) AS entries FROM log_entries l
           JOIN "level names" n ON l.level = n.level GROUP BY n.label ORDER BY n.label""",
    )
    levels = "SELECT count(*) FROM log_entries WHERE level = {}"
    want = [("error", value(client, levels.format(2))), ("info", value(client, levels.format(4)))]
    assert [(row["label"], row["entries"]) for row in joined] == [w for w in want if w[1]]
    assert joined

    prepared = client.prepare_statement("SELECT since, cores FROM hosts")
    assert prepared.dataset_schema.names == ["since", "cores"]
    shown = {row["table_name"] for row in rows(client, "SHOW TABLES")}
    assert {"hosts", "level names", "log_entries"} <= shown
    assert "README" not in shown

    with pytest.raises(pyarrow.ArrowInvalid, match="not found"):
        client.query_arrow(f"SELECT * FROM '{folder}/hosts.csv'")


def test_mistakes_stop_the_start(new_lake: NewLake, tmp_path: Path) -> None:
    folder = tables(tmp_path / "tables")
    (folder / "measures.csv").write_text("a\n")
    (folder / "torn.json").write_text('{"a": 1}\n{"a": ')
    lake = new_lake("one process", environment={"MICROMEGAS_STATIC_TABLES_URL": str(folder)})
    program = lake.start_program("micromegas")
    wait_until(lambda: not program.running, 30, "the server ends")
    log = program.log.read_text()
    assert 'measures.csv: "measures" is the name of a view of the lake; rename the file' in log
    assert "torn.json, line 2: the file ends in the middle of a value" in log
    assert "listening" not in log
    lake.abandon()


def test_static_tables_in_s3(new_lake: NewLake, tmp_path: Path) -> None:
    with S3(tmp_path) as s3:
        environment = s3.environment()
        put(environment["AWS_ENDPOINT_URL"] + "/lake/tables/hosts.csv", b"name\na\n")
        lake = new_lake(
            "one process",
            environment=environment | {"MICROMEGAS_STATIC_TABLES_URL": "s3://lake/tables"},
        )
        lake.start()
        assert value(connect(lake.analytics), "SELECT name FROM hosts") == "a"
        lake.stop()


def put(url: str, data: bytes) -> None:
    requests.put(url, data=data, timeout=10).raise_for_status()
