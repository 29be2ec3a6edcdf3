"""Times ten dashboard queries through Flight against the duckdb package on the same Parquet files, in turn, in one run.

make build && go run ./bench/fill -rows 100000000 -measures 100000000 -dir /tmp/lake100m
.build/venv/bin/python bench/dashboard.py --dir /tmp/lake100m
"""

import argparse
import os
import statistics
from pathlib import Path

import duckdb
from query import Rows, in_turn, live_files, serving

STATEMENTS = {
    "errors a minute, the last hour": """
        SELECT date_trunc('minute', time) AS t, count(*) AS n FROM log_entries
        WHERE level <= 2 AND time >= TIMESTAMP '{hour}' GROUP BY t ORDER BY t""",
    "entries by level, all time": "SELECT level, count(*) AS n FROM log_entries GROUP BY level ORDER BY level",
    "targets by count, the last hour": """
        SELECT target, count(*) AS n FROM log_entries WHERE time >= TIMESTAMP '{hour}'
        GROUP BY target ORDER BY n DESC, target LIMIT 20""",
    "a word, the newest hundred": """
        SELECT time, target, msg FROM log_entries WHERE msg LIKE '%connection reset%' ORDER BY time DESC LIMIT 100""",
    "one process, the newest hundred": """
        SELECT time, level, target, msg FROM log_entries WHERE process_id = '{process}' ORDER BY time DESC LIMIT 100""",
    "slow frames by process": """
        SELECT process_id, count(*) AS n FROM log_entries WHERE level = 3 AND msg LIKE 'slow frame%'
        GROUP BY process_id ORDER BY n DESC, process_id""",
    "a metric a minute, the last hour": """
        SELECT date_trunc('minute', time) AS t, avg(value) AS mean, max(value) AS top FROM measures
        WHERE name = 'frame_time' AND time >= TIMESTAMP '{hour}' GROUP BY t ORDER BY t""",
    "a metric by process": """
        SELECT process_id, count(*) AS n, min(value) AS low, max(value) AS top FROM measures
        WHERE name = 'frame_time' GROUP BY process_id ORDER BY process_id""",
    "metrics by count": "SELECT name, unit, count(*) AS n FROM measures GROUP BY name, unit ORDER BY name",
    "values above, one process": """
        SELECT name, count(*) AS n FROM measures WHERE process_id = '{process}' AND value > 30
        GROUP BY name ORDER BY n DESC, name""",
}


def peak_memory(pid: int) -> int:
    """Bytes that were resident at the most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--dir", type=Path, required=True, help="a data directory filled by bench/fill"
    )
    parser.add_argument("--server", default="bin/flight-sql-srv")
    parser.add_argument(
        "--runs", type=int, default=7, help="of each statement, after one that does not count"
    )
    args = parser.parse_args()

    direct = duckdb.connect()
    direct.execute("SET TimeZone = 'UTC'")
    for view in ("log_entries", "measures"):
        files = live_files(args.dir, view)
        direct.execute(f"CREATE VIEW {view} AS SELECT * FROM read_parquet({files!r})")
        rows = direct.execute(f"SELECT count(*) FROM {view}").fetchall()[0][0]
        size = sum(os.path.getsize(f) for f in files)
        print(
            f"{view}: {rows} rows in {len(files)} files of {size / 1e6:.0f} MB, {size / rows:.1f} bytes a row"
        )
    newest, process = direct.execute("SELECT max(time), min(process_id) FROM measures").fetchall()[
        0
    ]
    hour = f"{newest:%Y-%m-%d %H}:00:00"

    with serving(args.server, args.dir) as (client, server):
        medians = [
            in_turn(
                name,
                template.format(hour=hour, process=process),
                client,
                direct,
                warm=1,
                runs=args.runs,
                same=same,
            )
            for name, template in STATEMENTS.items()
        ]
        print(
            f"median of the ten ratios {statistics.median(medians):.2f}; "
            f"the server's memory at its peak {peak_memory(server) / 2**20:.0f} MiB"
        )


def same(got: Rows, want: Rows) -> bool:
    """Equal but for the last digits of sums of floats, which depend on the order of adding."""
    return len(got) == len(want) and all(
        a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
        for a, b in zip(got, want, strict=True)
    )


def close(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    return a == b


if __name__ == "__main__":
    main()
