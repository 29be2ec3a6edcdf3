"""The dialect corpus: statements in files, run by our server and by DataFusion on the same rows.

A file of `corpus/` holds statements that end in `;` at the end of a line. Comment lines in front of
one say what is expected of it; without any both engines must give the same answer.

    -- @differs WHAT: reason     they differ in WHAT on purpose: names, types, nulls or rows
    -- @within PERCENT: reason   numbers are estimates and may differ by so much
    -- @error TEXT               both refuse it; TEXT is a part of our message
    -- @refused reason           DataFusion answers, we refuse on purpose
    -- @ours reason              we answer what DataFusion refuses

An expectation that is not needed is a failure: the list of differences stays true.
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datafusion
import pyarrow as pa
import pyarrow.flight
from micromegas.flightsql.client import FlightSQLClient

FOLDER = Path(__file__).parent.parent / "corpus"

# "nulls": we say that a column is never null where DataFusion does not know. The other way round, "looser", is never wrong.
DIFFERENCES = ("names", "types", "nulls", "rows")
DIRECTIVE = re.compile(r"-- @(\w+) ?(.*)")
TABLE = re.compile(r"\w+_of(_[0-9a-f]+){5}")
TABLE = re.compile(r"\w+_of(_[0-9a-f]+){5}")
INSTANCE = re.compile(r"view_instance\(\s*'(\w+)'\s*,\s*'([^']*)'\s*\)")

# Sums come in another order, so their last bits may differ.
FLOAT_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Statement:
    file: str
    line: int
    sql: str
    differs: dict[str, str] = field(default_factory=dict)  # reason by what
    within: float = 0.0  # a share
    error: str = ""
    refused: str = ""
    ours: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def load() -> list[Statement]:
    """All statements of the corpus, in order."""
    return [s for path in sorted(FOLDER.glob("*.sql")) for s in parse(path)]


def parse(path: Path) -> list[Statement]:
    statements = []
    expectations: dict[str, Any] = {"differs": {}}
    text: list[str] = []
    begin = 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.name}:{number}"
        if not text and (match := DIRECTIVE.match(line)):
            kind, rest = match.groups()
            expect(expectations, kind, rest.strip(), where)
            continue
        if not text and (not line.strip() or line.startswith("--")):
            continue
        if not text:
            begin = number
        text.append(line)
        if line.rstrip().endswith(";"):
            statements.append(Statement(path.name, begin, "\n".join(text), **expectations))
            expectations, text = {"differs": {}}, []
    assert not text, f"{path.name}: the last statement has no end"
    return statements


def expect(expectations: dict[str, Any], kind: str, rest: str, where: str) -> None:
    if kind == "differs":
        what, _, reason = rest.partition(":")
        for one in what.split(","):
            assert one.strip() in DIFFERENCES, f"{where}: {one} is none of {DIFFERENCES}"
            assert reason.strip(), f"{where}: a difference needs a reason"
            expectations["differs"][one.strip()] = reason.strip()
    elif kind == "within":
        percent, _, reason = rest.partition("%:")
        assert reason.strip(), f"{where}: a tolerance needs a reason"
        expectations["within"] = float(percent) / 100
    else:
        assert kind in ("error", "refused", "ours"), f"{where}: @{kind} is not known"
        assert rest, f"{where}: @{kind} says why or what"
        expectations[kind] = rest


def table_of(view: str, instance: str) -> str:
    """The oracle's table for an instance of a view."""
    return f"{view}_of_{instance.replace('-', '_')}"


@dataclass(frozen=True)
class Oracle:
    """DataFusion with tables of the same rows and types."""

    context: datafusion.SessionContext
    placeholders: dict[str, str]

    @classmethod
    def over(cls, client: FlightSQLClient, views: dict[str, str], **names: str) -> "Oracle":
        """Takes the rows of each view, whose dictionaries `client` must keep."""
        config = datafusion.SessionConfig().with_information_schema(enabled=True)
        context = datafusion.SessionContext(config)
        for name, relation in views.items():
            table = client.query_arrow(f"SELECT * FROM {relation}")
            context.register_record_batches(name, [table.combine_chunks().to_batches()])
        return cls(context, names)

    def text(self, sql: str) -> str:
        """The statement with view instances as tables."""
        return INSTANCE.sub(lambda m: table_of(m[1], m[2]), sql)

    def answer(self, sql: str) -> pa.Table:
        frame = self.context.sql(self.text(sql).rstrip().rstrip(";"))
        batches = frame.collect()
        # The optimizer may know more of a column than the statement said.
        schema = batches[0].schema if batches else frame.schema()
        return pa.Table.from_batches(batches, schema=schema)


def compare(ours: pa.Table, theirs: pa.Table, ordered: bool, within: float) -> dict[str, str]:
    """What differs: a description by kind."""
    found = {}
    # DataFusion names the columns of a call of a table function after the function.
    names = [TABLE.sub("view_instance()", name) for name in theirs.schema.names]
    if ours.schema.names != names:
        found["names"] = f"{ours.schema.names}, DataFusion {names}"
    if len(ours.schema) != len(theirs.schema):
        return found | {"types": "another number of columns"}
    kinds = [
        (str(plain(a.type)), str(plain(b.type)))
        for a, b in zip(ours.schema, theirs.schema, strict=True)
    ]
    if any(a != b for a, b in kinds):
        found["types"] = ", ".join(f"{a} is {b}" for a, b in kinds if a != b)
    flags = [
        (a.name, a.nullable, b.nullable) for a, b in zip(ours.schema, theirs.schema, strict=True)
    ]
    if any(b and not a for _, a, b in flags):
        found["nulls"] = "never null: " + ", ".join(n for n, a, b in flags if b and not a)
    elif any(a and not b for _, a, b in flags):
        found["looser"] = ", ".join(n for n, a, b in flags if a and not b)
    left, right = values(ours), values(theirs)
    if not ordered:
        left, right = sorted(left, key=key), sorted(right, key=key)
    if len(left) != len(right):
        found["rows"] = f"{len(left)} rows, DataFusion {len(right)}"
    else:
        for a, b in zip(left, right, strict=True):
            if not same(a, b, within):
                found["rows"] = f"{a}, DataFusion {b}"
                break
    return found


def plain(kind: pa.DataType) -> pa.DataType:
    """The type without what no client can tell apart: views, large offsets, names of children."""
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_binary_view(kind) or pa.types.is_large_binary(kind):
        return pa.binary()
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("item", plain(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([(f.name, plain(f.type)) for f in kind])
    return kind


def values(table: pa.Table) -> list[list[Any]]:
    """Rows of plain Python values; times and durations are integers."""
    columns = []
    for column in table.columns:
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        elif pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("ns", kind.tz)).cast(pa.int64())
        elif pa.types.is_duration(kind):
            column = column.cast(pa.duration("ns")).cast(pa.int64())
        columns.append(column.to_pylist())
    return [list(row) for row in zip(*columns, strict=True)]


def key(row: list[Any]) -> str:
    return repr([f"{v:.9g}" if isinstance(v, float) else v for v in row])


def same(a: Any, b: Any, within: float) -> bool:  # noqa: ANN401 # any value of a table
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, within) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k], within) for k in a)
    number = isinstance(a, int | float) and isinstance(b, int | float)
    if (
        number
        and not isinstance(a, bool)
        and (within or isinstance(a, float) or isinstance(b, float))
    ):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return math.isclose(a, b, rel_tol=within or FLOAT_TOLERANCE)
    return bool(a == b)


def is_ordered(sql: str) -> bool:
    """Whether the outermost query has an ORDER BY, or tells of itself."""
    depth, rest = 0, []
    for c in re.sub(r"'[^']*'", "''", sql):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if depth == 0:
            rest.append(c)
    return "order by" in " ".join("".join(rest).lower().split())


@dataclass(frozen=True)
class Outcome:
    """What came of a statement; no problem means as expected."""

    statement: Statement
    problem: str = ""
    identical: bool = False


def judge(client: FlightSQLClient, oracle: Oracle, statement: Statement) -> Outcome:
    """Runs the statement on both and compares with what is expected of it."""
    sql = statement.sql
    for name, text in oracle.placeholders.items():
        sql = sql.replace("{" + name + "}", text)
    ours, our_error = None, ""
    theirs, their_error = None, ""
    try:
        ours = client.query_arrow(sql)
    except (pa.ArrowException, pyarrow.flight.FlightError) as error:
        our_error = f"{type(error).__name__}: {str(error).split(' gRPC client debug context')[0]}"
    try:
        theirs = oracle.answer(sql)
    except Exception as error:  # noqa: BLE001 # the bindings raise bare exceptions
        their_error = str(error).splitlines()[0]
    problem, identical = verdict(statement, ours, our_error, theirs, their_error)
    return Outcome(statement, problem, identical)


def verdict(
    statement: Statement,
    ours: pa.Table | None,
    our_error: str,
    theirs: pa.Table | None,
    their_error: str,
) -> tuple[str, bool]:
    if statement.error:
        if ours is not None:
            return "we answer what must be refused", False
        if theirs is not None:
            return "DataFusion answers; expected an error of both", False
        return ("" if statement.error in our_error else f"our message is {our_error}"), True
    if statement.refused:
        if theirs is None:
            return f"DataFusion refuses it too: {their_error}", False
        return ("we answer it" if ours is not None else ""), False
    if ours is None:
        return f"{our_error[:400]} | DataFusion: {their_error or 'answers'}", False
    if statement.ours:
        return ("DataFusion answers it too" if theirs is not None else ""), False
    if theirs is None:
        return f"DataFusion refuses: {their_error}", False
    found = compare(ours, theirs, is_ordered(statement.sql), statement.within)
    looser = found.pop("looser", "")
    unexpected = [
        f"{what}: {text}" for what, text in found.items() if what not in statement.differs
    ]
    stale = [f"{what} do not differ" for what in statement.differs if what not in found]
    return "; ".join(unexpected + stale), not found and not looser and not statement.within
