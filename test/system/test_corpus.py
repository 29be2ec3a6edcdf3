"""The dialect: a corpus of statements gives the same answers here and in DataFusion."""

from pathlib import Path

import pytest
from support import corpus
from support.client import connect
from support.lake import Lake
from support.vectors import Capture

PROCESS = "7a7df7a3-75d4-4027-b181-2bf5bdf674fe"  # of the capture v030
STREAM = "90cde96b-ccda-4527-a9a0-d1cc40450368"  # one of its threads

# How much of the corpus must be the same down to the last flag. What is not says why in its file.
IDENTICAL = 0.89


@pytest.mark.timeout(300)
def test_corpus(tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = Lake("one process", Path(tmp_path_factory.mktemp("corpus")))
    try:
        lake.start()
        for name in ("unreal-synthetic", "v015", "v030"):
            Capture(name).replay(lake.ingestion)
        outcomes = judge_all(lake)
        lake.stop()
    finally:
        lake.abandon()
    problems = [f"{o.statement}: {o.problem}\n    {o.statement.sql}" for o in outcomes if o.problem]
    identical = sum(o.identical for o in outcomes)
    summary = f"{len(outcomes)} statements, {identical} identical, {len(problems)} not as expected"
    print(summary)
    assert not problems, "\n".join([summary, *problems])
    assert identical >= IDENTICAL * len(outcomes), summary


def judge_all(lake: Lake) -> list[corpus.Outcome]:
    client = connect(lake.analytics)
    views = {n: n for n in ("log_entries", "measures", "processes", "streams", "blocks")}
    for view, instance in (
        ("log_entries", PROCESS),
        ("measures", PROCESS),
        ("async_events", PROCESS),
        ("thread_spans", STREAM),
    ):
        views[corpus.table_of(view, instance)] = f"view_instance('{view}', '{instance}')"
    oracle = corpus.Oracle.over(
        connect(lake.analytics, preserve_dictionary=True), views, process=PROCESS, stream=STREAM
    )
    return [corpus.judge(client, oracle, statement) for statement in corpus.load()]
