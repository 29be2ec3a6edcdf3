"""The commands as processes: what they print, and how they end."""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow
import pyarrow.parquet
import pytest

from auth.issuer import CLIENT, Issuer
from conftest import Run
from lakes import Lake, captured_rows
from recorder import Recorder

WITHIN = 60.0  # seconds
CLIENT_SECRET = "confidential-client-secret"  # noqa: S105
FIRST = captured_rows()["processes"][0]
PROCESS = FIRST["process_id"]
HOSTILE = "x' OR '1'='1"


# A122: the address of the environment counts without OIDC too.
def test_a120_query_processes_as_documented(ask: Run) -> None:
    done = ask("--since", "1h", module="query_processes")
    assert (done.returncode, done.stderr) == (0, "")
    header, rule, *rows = done.stdout.splitlines()
    assert header.split() == [
        "process_id",
        "exe",
        "start_time",
        "username",
        "computer",
        "distro",
        "cpu_brand",
    ]
    assert set(rule) == {"-", " "}
    assert len(rows) == len(captured_rows()["processes"])
    assert rows[0].split()[0] == "0"
    assert PROCESS in done.stdout


def test_filters_of_processes_are_text(ask: Run) -> None:
    for name, value, found in (
        ("--exe", "VECTOR-gen", True),
        ("--username", HOSTILE, False),
        ("--computer", "%", False),
        ("--exe", "(", False),
    ):
        done = ask("--since", "1d", name, value, module="query_processes")
        assert done.returncode == 0
        assert (PROCESS in done.stdout) == found, (name, value)
    assert done.stderr == "no data\n"


def test_a120_query_process_log_as_documented(ask: Run) -> None:
    done = ask(PROCESS, module="query_process_log")
    assert (done.returncode, done.stderr) == (0, "")
    everything = done.stdout.splitlines()[2:]
    assert len(everything) > 2
    last = ask(PROCESS, "--last", "2", "--first", "1", module="query_process_log")
    # Only the index before the first column differs.
    assert [line.split()[1:] for line in last.stdout.splitlines()[2:]] == [
        line.split()[1:] for line in everything[-2:]
    ]
    none = ask(PROCESS, "--msg", "o'clock", "--target", "'", module="query_process_log")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "no data\n")


def test_query_process_metrics_with_both_filters(ask: Run) -> None:
    done = ask(
        PROCESS,
        "--name",
        "float_metric",
        "--target",
        "e",
        "--stats",
        module="query_process_metrics",
    )
    assert (done.returncode, done.stderr) == (0, "")
    header, _, row = done.stdout.splitlines()
    assert header.split() == ["name", "count", "min", "mean", "median", "max", "sum"]
    assert row.split() == ["float_metric", "1", *["3.25"] * 5]
    hostile = ask(PROCESS, "--name", HOSTILE, module="query_process_metrics")
    assert (hostile.returncode, hostile.stderr) == (0, "no data\n")


def test_query_in_every_format(ask: Run, home: Path) -> None:
    sql = f"SELECT start_time, properties FROM processes WHERE process_id = '{PROCESS}'"
    nanoseconds = f".{FIRST['start_time'] % 10**9:09d}"

    (row,) = json.loads(ask("query", sql, "--all", "--format", "json").stdout)
    assert row["start_time"].endswith(f"{nanoseconds}Z")
    assert row["properties"] == json.loads(FIRST["properties"])

    (line,) = ask("query", sql, "--all", "--format", "ndjson").stdout.splitlines()
    assert json.loads(line) == row

    header, only = ask("query", sql, "--all", "--format", "csv").stdout.splitlines()
    assert header == "start_time,properties"
    assert only.startswith(f"{row['start_time']},")

    done = ask("query", sql, "--all", "--format", "parquet", "--output", "out.parquet")
    assert (done.returncode, done.stdout) == (0, "")
    table = pyarrow.parquet.read_table(home / "out.parquet")
    assert table["start_time"].cast(pyarrow.int64()).to_pylist() == [FIRST["start_time"]]

    cells = ask("query", sql, "--all", "--max-colwidth", "40").stdout.splitlines()[2]
    assert nanoseconds in cells
    assert cells.endswith("...")


def test_the_statement_may_come_from_a_file(ask: Run, home: Path) -> None:
    (home / "q.sql").write_text("SELECT 'é' AS e", encoding="utf-8")
    assert '"é"' in ask("query", "--file", "q.sql", "--all", "--format", "json").stdout
    done = ask("--file", "-", "--all", "--format", "csv", module="query", stdin="SELECT 1 AS x")
    assert done.stdout == "x\n1\n"


def test_an_empty_answer_is_a_document(ask: Run) -> None:
    sql = "SELECT exe FROM processes WHERE exe = 'none'"
    done = ask("query", sql, "--begin", "1h", "--format", "json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("query", "SELECT 1"), "--begin"),
        (("query", "SELECT 1", "--all", "--begin", "1h"), "--all excludes"),
        (("query", "--all"), "--file"),
        (("query", "SELECT 1", "--begin", "1hour"), "not a time"),
        (("query", "--file", "absent.sql", "--all"), "absent.sql"),
        (("log", "--since", "1x"), "invalid time delta"),
        (("log", "--level", "loud"), "loud"),
        (("log", "--follow", "--format", "csv"), "--follow"),
        (("processes", "--profile", "absent"), "absent"),
        (("processes", "--profile", "../x"), "not a profile name"),
        (("login",), "MICROMEGAS_OIDC_ISSUER"),
        (("nope",), "nope"),
        (("qeury",), "is query meant?"),
        (("serve",), "of the server's program"),
    ],
)
def test_usage_errors_end_with_2_in_one_line(run: Run, args: tuple[str, ...], said: str) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("micromegas: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_and_version(run: Run) -> None:
    assert run().returncode == 2
    shown = run("--help")
    assert shown.returncode == 0
    for verb in ("login", "whoami", "logout", "query", "processes", "log", "metrics", "doctor"):
        assert verb in shown.stdout
    assert run("--version", module="query").stdout.startswith("micromegas-query ")


def test_errors_of_the_server_end_with_1_in_one_line(ask: Run, run: Run) -> None:
    done = ask("query", "SELECT nope FROM processes", "--all")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "at line 1, column 8" in line
    gone = run("query", "SELECT 1", "--all", env={"MICROMEGAS_ANALYTICS_URI": "grpc://127.0.0.1:1"})
    assert gone.returncode == 1
    assert len(gone.stderr.splitlines()) == 1


def test_a127_a_wrong_key_is_not_shown(run: Run, lake: Lake) -> None:
    secret = "very-secret-key"  # noqa: S105
    settings = {"MICROMEGAS_ANALYTICS_URI": lake.uri, "MICROMEGAS_ANALYTICS_API_KEY": secret}
    for args in (("query", "SELECT 1", "--all"), ("doctor",), ("whoami",)):
        done = run(*args, env=settings)
        assert secret not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    refused = run("query", "SELECT 1", "--all", env=settings)
    assert (refused.returncode, refused.stderr) == (1, "micromegas: invalid token\n")


def test_doctor_says_what_is_wrong(ask: Run, run: Run) -> None:
    well = ask("doctor")
    assert well.returncode == 0, well.stdout
    assert {line.split()[0] for line in well.stdout.splitlines()} == {"ok"}
    ill = run("doctor", env={"MICROMEGAS_ANALYTICS_URI": "grpc://127.0.0.1:1"})
    assert ill.returncode == 1
    assert "FAIL  network: 127.0.0.1:1: Connection refused" in ill.stdout


def test_processes_log_and_metrics(ask: Run) -> None:
    found = json.loads(ask("processes", "--since", "1d", "--format", "json").stdout)
    assert {row["process_id"] for row in found} == {
        row["process_id"] for row in captured_rows()["processes"]
    }
    entries = json.loads(
        ask("log", PROCESS, "--limit", "5", "--level", "info", "--format", "json").stdout
    )
    assert [e["time"] for e in entries] == sorted(e["time"] for e in entries)
    assert {e["level"] for e in entries} <= {1, 2, 3, 4}
    (measure,) = json.loads(
        ask("metrics", PROCESS, "--name", "float_metric", "--format", "json").stdout
    )
    assert (measure["value"], measure["name"]) == (3.25, "float_metric")


class Lines:
    """Lines of a running command as they come, with a bound on the wait for each."""

    def __init__(self, out: IO[str]) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read, args=(out,), daemon=True)
        self._thread.start()

    def _read(self, out: IO[str]) -> None:
        for line in out:
            self._lines.put(line)
        self._lines.put(None)

    def next(self) -> str:
        line = self._lines.get(timeout=WITHIN)
        assert line is not None, "the command has ended"
        return line


@pytest.fixture
def fresh_lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake(tmp_path) as lake:
        yield lake


def test_log_follow_shows_what_arrives_later(fresh_lake: Lake, home: Path) -> None:
    lake = fresh_lake
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "micromegas.cli",
            "log",
            "--since",
            "1d",
            "--follow",
            "--format",
            "ndjson",
            "--interval",
            "0.1",
        ],
        env={
            **os.environ,
            "MICROMEGAS_ANALYTICS_URI": lake.uri,
            "MICROMEGAS_ANALYTICS_API_KEY": lake.key,
        },
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            lines = Lines(process.stdout)
            lake.replay(last=15)
            entries = [json.loads(lines.next())]  # so it has begun
            lake.replay(first=15)
            expected = len(captured_rows()["log_entries"])
            entries += [json.loads(lines.next()) for _ in range(expected - 1)]
            assert {e["process_id"] for e in entries} == {
                p["process_id"] for p in captured_rows()["processes"]
            }
            process.send_signal(signal.SIGINT)
            assert process.wait(WITHIN) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_profiles_reach_the_server(run: Run, recorder: Recorder, home: Path) -> None:
    folder = home / ".micromegas"
    folder.mkdir()
    (home / "key").write_text("key-of-profile\n")
    profile = {"uri": recorder.uri, "api_key_file": "~/key"}
    (folder / "config.json").write_text(
        json.dumps({"profiles": {"here": profile, "away": {"uri": "grpc://127.0.0.1:1"}}})
    )
    assert run("query", "SELECT 1", "--all", "--profile", "here").returncode == 0
    assert run("query", "SELECT 1", "--all", env={"MICROMEGAS_PROFILE": "here"}).returncode == 0
    assert [call["authorization"] for call in recorder.calls] == ["Bearer key-of-profile"] * 2
    assert recorder.calls[0]["x-client-entrypoint"] == "cli-query"
    both = run("whoami", "--profile", "here", "--format", "json")
    assert json.loads(both.stdout)["profile"] == "here"


def test_a118_without_oidc_there_are_no_credentials(run: Run, recorder: Recorder) -> None:
    settings = {"MICROMEGAS_ANALYTICS_URI": recorder.uri}
    assert run(module="query_processes", env=settings).returncode == 1  # no column exe there
    assert run("query", "SELECT 1", "--all", env=settings).returncode == 0
    assert all("authorization" not in call for call in recorder.calls)
    assert len(recorder.calls) == 2


def test_a_wrapper_module_connects(run: Run, recorder: Recorder, home: Path) -> None:
    (home / "mine.py").write_text(
        f"import micromegas\ndef connect():\n    return micromegas.connect({recorder.uri!r})\n"
    )
    done = run("query", "SELECT 1", "--all", env={"MICROMEGAS_PYTHON_MODULE_WRAPPER": "mine"})
    assert (done.returncode, len(recorder.calls)) == (0, 1)


def test_a123_a124_logout_removes_the_token_file(run: Run, home: Path) -> None:
    tokens = home / "elsewhere.json"
    tokens.write_text("{}")
    tokens.chmod(0o600)
    settings = {"MICROMEGAS_TOKEN_FILE": "~/elsewhere.json"}
    done = run("--local", module="logout", env=settings)
    assert (done.returncode, done.stdout) == (0, f"Tokens cleared from {tokens}\n")
    assert not tokens.exists()
    again = run(module="logout", env=settings)
    assert (again.returncode, again.stdout) == (0, "No saved tokens found\n")


def test_a124_logout_without_a_choice_removes_all(run: Run, home: Path) -> None:
    folder = home / ".micromegas"
    folder.mkdir(mode=0o700)
    for name in ("tokens.json", "tokens-dev.json"):
        (folder / name).write_text("{}")
        (folder / name).chmod(0o600)
    done = run("logout", "--local")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    assert not list(folder.glob("tokens*.json"))


def test_a_reader_may_leave(ask: Run, lake: Lake, home: Path) -> None:
    settings = {
        **os.environ,
        "MICROMEGAS_ANALYTICS_URI": lake.uri,
        "MICROMEGAS_ANALYTICS_API_KEY": lake.key,
    }
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "micromegas.cli",
            "query",
            "--all",
            "--format",
            "ndjson",
            "SELECT i FROM range(1000000) AS t(i)",
        ],
        env=settings,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline() == b'{"i": 0}\n'
            process.stdout.close()
            assert process.wait(WITHIN) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "_MICROMEGAS_COMPLETE" in done.stdout


def test_verbs_are_completed(run: Run) -> None:
    settings = {
        "_MICROMEGAS_COMPLETE": "bash_complete",
        "COMP_WORDS": "micromegas lo",
        "COMP_CWORD": "1",
    }
    done = run(env=settings)
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == {
        "login",
        "logout",
        "log",
    }


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer(client_secret=CLIENT_SECRET)
    issuer.start()
    issuer.knobs.metadata["device_authorization_endpoint"] = f"{issuer.origin}/device"
    yield issuer
    issuer.stop()


def expired(token: str) -> str:
    """The same ID token, as if its time were over."""
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims |= {"iat": 1, "exp": 3600}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


# A118: with issuer and client id the tools use OIDC. A119: tokens are kept and renewed silently.
# A121: the secret goes along with login and renewal. A123: MICROMEGAS_TOKEN_FILE with its ~.
# A127: none of it is shown.
def test_a118_a_login_serves_later_commands(
    run: Run, recorder: Recorder, issuer: Issuer, home: Path
) -> None:
    settings = {
        "MICROMEGAS_ANALYTICS_URI": recorder.uri,
        "MICROMEGAS_OIDC_ISSUER": issuer.url,
        "MICROMEGAS_OIDC_CLIENT_ID": CLIENT,
        "MICROMEGAS_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "MICROMEGAS_TOKEN_FILE": "~/mine/tokens.json",
    }
    login = run("login", "--device", env=settings)
    assert login.returncode == 0, login.stderr
    path = home / "mine" / "tokens.json"
    assert f"tokens are kept in {path}" in login.stdout
    assert path.stat().st_mode & 0o777 == 0o600

    first = run("query", "SELECT 1", "--all", env=settings)
    kept = json.loads(path.read_text())
    assert first.returncode == 0, first.stderr
    assert recorder.calls[-1]["authorization"] == f"Bearer {kept['token']['id_token']}"

    who = json.loads(run("whoami", "--format", "json", env=settings).stdout)
    assert (who["credential"], who["logged_in"], who["renewable"]) == ("login", True, True)

    over = expired(kept["token"]["id_token"])
    kept["token"] |= {"id_token": over, "expires_at": 3600}
    path.write_text(json.dumps(kept))
    renewed = run("query", "SELECT 1", "--all", env=settings)
    assert (renewed.returncode, renewed.stderr) == (0, "")
    token = json.loads(path.read_text())["token"]["id_token"]
    assert token != over
    assert recorder.calls[-1]["authorization"] == f"Bearer {token}"

    asked = [form for url, form in issuer.requests if form.get("grant_type")]
    assert [form["client_secret"] for form in asked] == [CLIENT_SECRET] * len(asked)
    assert asked[-1]["grant_type"] == "refresh_token"
    said = "".join(d.stdout + d.stderr for d in (login, first, renewed))
    for secret in (CLIENT_SECRET, token, kept["token"]["refresh_token"]):
        assert secret not in said
