"""How rows are shown."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest

from micromegas.cli.output import write

PROPERTIES = bytes.fromhex("40000001 10000001 20000002") + b"n" + b"\x50\x07"  # {"n": 7}
NS = 1_700_000_000_000_000_001


def table() -> pyarrow.Table:
    return pyarrow.table(
        {
            "time": pyarrow.array([NS, None], pyarrow.timestamp("ns", "+00:00")),
            "naive": pyarrow.array([-1, None], pyarrow.timestamp("us")),
            "took": pyarrow.array([-1_500_000_000, None], pyarrow.duration("ns")),
            "day": pyarrow.array([date(2026, 1, 31), None]),
            "at": pyarrow.array([1, None], pyarrow.time64("ns")),
            "n": pyarrow.array([2**63 - 1, None], pyarrow.int64()),
            "x": [float("nan"), None],
            "flag": [True, None],
            "money": pyarrow.array([Decimal("1.10"), None]),
            "blob": [b"\x00\xff", None],
            "properties": pyarrow.array([PROPERTIES, None]).dictionary_encode(),
            "tags": pyarrow.array([["a", 'q"'], None]),
            "struct": pyarrow.array([{"t": timedelta(seconds=1)}, None]),
            "map": pyarrow.array([[("k", 1)], None], pyarrow.map_("string", "int64")),
            "text": ["é, \n\x1b[31m", None],
        }
    )


def shown(form: str, rows: pyarrow.Table, **options: int) -> bytes:
    out = io.BytesIO()
    assert write(form, rows.schema, rows.to_batches(), out, **options) == rows.num_rows
    return out.getvalue()


EXPECTED = {
    "time": "2023-11-14T22:13:20.000000001Z",
    "naive": "1969-12-31T23:59:59.999999",
    "took": "-1.500000000s",
    "day": "2026-01-31",
    "at": "00:00:00.000000001",
    "n": 2**63 - 1,
    "x": None,
    "flag": True,
    "money": "1.10",
    "blob": "AP8=",
    "properties": {"n": 7},
    "tags": ["a", 'q"'],
    "struct": {"t": "1.000000s"},
    "map": {"k": 1},
    "text": "é, \n\x1b[31m",
}


def test_json_keeps_nanoseconds_and_shows_properties() -> None:
    first, second = json.loads(shown("json", table()))
    assert first == EXPECTED
    assert set(second.values()) == {None}


def test_ndjson_is_one_object_in_a_line() -> None:
    lines = shown("ndjson", table()).decode().splitlines()
    assert [json.loads(line) for line in lines] == json.loads(shown("json", table()))


def test_csv_can_be_read_back() -> None:
    header, first, second = csv.reader(io.StringIO(shown("csv", table()).decode()))
    assert header == list(EXPECTED)
    cells = dict(zip(header, first, strict=True))
    assert cells["time"] == EXPECTED["time"]
    assert cells["text"] == EXPECTED["text"]
    assert json.loads(cells["properties"]) == {"n": 7}
    assert (cells["x"], cells["flag"]) == ("nan", "true")
    assert set(second) == {""}


def test_parquet_and_arrow_are_what_the_server_sent() -> None:
    rows = table().drop_columns(["took"])  # Parquet has no durations
    assert (
        pyarrow.parquet.read_table(io.BytesIO(shown("parquet", rows))).to_pylist()[1:]
        == (rows.to_pylist()[1:])
    )
    without_nan = table().drop_columns(["x"])
    assert pyarrow.ipc.open_stream(shown("arrow", without_nan)).read_all().equals(without_nan)


def test_a_table_cannot_move_the_cursor() -> None:
    rows = pyarrow.table({"n": [1, 20], "text": ["a\x1b[31m\nb", "日本"], "last": ["x", "y"]})
    assert shown("table", rows).decode().splitlines() == [
        " n  text          last",
        "--  ------------  ----",
        " 1  a\\x1b[31m\\nb  x",
        "20  日本          y",
    ]


def test_a_table_has_an_index_and_cuts_cells() -> None:
    rows = pyarrow.table(
        {"time": pyarrow.array([NS], pyarrow.timestamp("ns", "+00:00")), "text": ["x" * 60]}
    )
    out = io.BytesIO()
    write("table", rows.schema, rows.to_batches(), out, max_colwidth=40, index=True)
    assert out.getvalue().decode().splitlines()[2] == (
        f" 0  2023-11-14 22:13:20.000000001+00:00  {'x' * 37}..."
    )


@pytest.mark.parametrize(
    ("form", "document"), [("json", "[]\n"), ("ndjson", ""), ("csv", "a,b\n"), ("table", "")]
)
def test_no_rows_are_an_empty_document(
    form: str, document: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pyarrow.table({"a": pyarrow.array([], "int64"), "b": pyarrow.array([], "string")})
    assert shown(form, rows).decode() == document
    assert capsys.readouterr().err == ("no data\n" if form == "table" else "")


def test_columns_of_one_name_are_told_apart() -> None:
    rows = pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2])], ["a", "a"])
    assert json.loads(shown("json", rows)) == [{"a": 1, "a_2": 2}]
