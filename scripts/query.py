"""Sends one SQL statement to the lake that `make run` started and prints the answer.

    scripts/query.py "SELECT time, level, msg FROM log_entries ORDER BY time DESC LIMIT 10"

The address is read from MICROMEGAS_ANALYTICS_URI, the key from MICROMEGAS_API_KEY or the file that
`make run` wrote. With --begin only rows from that time on count; with --wait it asks again until
there is one.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import micromegas
import pandas

KEY_FILE = Path(__file__).parent.parent / ".build" / "run" / "key"


def main() -> int:
    parser = argparse.ArgumentParser(description="Query the lake that `make run` started.")
    parser.add_argument("sql")
    parser.add_argument("--begin", metavar="TIME", help="RFC 3339, as in 2026-01-31T12:00:00Z")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS")
    args = parser.parse_args()

    uri = os.environ.get("MICROMEGAS_ANALYTICS_URI", "grpc://127.0.0.1:50051")
    key = os.environ.get("MICROMEGAS_API_KEY") or KEY_FILE.read_text().strip()
    warnings.simplefilter("ignore", DeprecationWarning)  # static headers are how a key is sent
    client = micromegas.flightsql.client.FlightSQLClient(
        uri, headers={"authorization": f"Bearer {key}"}
    )

    # A range has two ends; far ahead, clocks differ.
    end = "2200-01-01T00:00:00Z" if args.begin else None
    give_up = time.monotonic() + args.wait
    while (rows := client.query(args.sql, args.begin, end)).empty:
        if time.monotonic() >= give_up:
            print("no rows", file=sys.stderr)
            return 1
        time.sleep(0.1)
    pandas.set_option("display.width", 160, "display.max_columns", None, "display.max_colwidth", 80)
    print(rows.to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
