"""Views that an administrator defines in SQL, with the published client and its views command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import NewLake
from support import vectors
from support.client import connect, rows, value
from support.lake import FLAVOURS, Flavour, Lake

DEFINITION = """CREATE MATERIALIZED VIEW levels_a_minute WITH (
    extract_query = $$
        SELECT date_bin('1 minute', time) AS time_bin, process_id, level, count(*) AS entries
        FROM log_entries
        WHERE insert_time >= '{begin}' AND insert_time < '{end}'
        GROUP BY time_bin, process_id, level
    $$,
    count_src_query = $$
        SELECT sum(nb_objects) AS count FROM blocks
        WHERE insert_time >= '{begin}' AND insert_time < '{end}'
    $$,
    merge_partitions_query = $$
        SELECT time_bin, process_id, level, sum(entries) AS entries
        FROM {source} GROUP BY time_bin, process_id, level
    $$,
    update_group = 3000,
    time_column = 'time_bin'
);
"""


def views(lake: Lake, folder: Path, *command: str) -> str:
    ran = subprocess.run(
        [Path(sys.executable).parent / "micromegas-views", *command, "--dir", folder],
        env=os.environ | {"MICROMEGAS_ANALYTICS_URI": lake.analytics.uri, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_published_views_command(new_lake: NewLake, tmp_path: Path, flavour: Flavour) -> None:
    lake = new_lake(flavour, flags=("--disable-auth",)).start()
    vectors.Capture("v030").replay(lake.ingestion)
    folder = tmp_path / "views"
    folder.mkdir()
    (folder / "levels_a_minute.sql").write_text(DEFINITION)

    assert "levels_a_minute" in views(lake, folder, "apply", "--auto-approve", "--no-color")

    client = connect(lake.analytics)
    everything = value(client, "SELECT count(*) FROM log_entries")
    assert everything > 0
    assert value(client, "SELECT sum(entries) FROM levels_a_minute") == everything
    assert "levels_a_minute" in [r["table_name"] for r in rows(client, "SHOW TABLES")]
    # More rows, and a restart: the view follows both.
    lake.stop()
    lake.start()
    vectors.Capture("v015").replay(lake.ingestion)
    client = connect(lake.analytics)
    more = value(client, "SELECT count(*) FROM log_entries")
    assert more > everything
    assert value(client, "SELECT sum(entries) FROM levels_a_minute") == more

    assert "levels_a_minute" in views(lake, folder, "list")
    (folder / "levels_a_minute.sql").unlink()
    (folder / "others.sql").write_text(DEFINITION.replace("levels_a_minute", "others"))
    views(lake, folder, "apply", "--auto-approve", "--prune", "--no-color")
    names = rows(client, "SELECT view_set_name FROM list_view_set_definitions()")
    assert [r["view_set_name"] for r in names] == ["others"]
