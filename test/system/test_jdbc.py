"""The published JDBC driver, with a user and a password and with a token (B39)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.lake import Lake
from support.oidc import OidcProvider
from support.process import ROOT

SOURCES = ROOT / "test" / "jdbc"
DRIVER = ROOT / ".build" / "jdbc"


@pytest.fixture(scope="module")
def driver() -> Path:
    """The driver's jar, fetched once."""
    if not (shutil.which("java") and shutil.which("mvn")):
        pytest.skip("java or mvn is missing")
    if not list(DRIVER.glob("*.jar")):
        fetch = ["mvn", "-q", "-B", "-f", str(SOURCES / "pom.xml"), "dependency:copy-dependencies"]
        ended = subprocess.run(
            [*fetch, f"-DoutputDirectory={DRIVER}"],
            capture_output=True,
            check=False,
            text=True,
            timeout=150,
        )
        if ended.returncode and not os.environ.get("CI"):
            pytest.skip("the JDBC driver cannot be fetched")
        assert ended.returncode == 0, ended.stdout + ended.stderr
    (jar,) = DRIVER.glob("*.jar")
    return jar


def jdbc(driver: Path, lake: Lake, sql: str, **properties: str) -> subprocess.CompletedProcess[str]:
    address = f"127.0.0.1:{lake.grpc_port}"
    return subprocess.run(
        [  # noqa: S607 # java is found on the PATH
            "java",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-cp",
            str(driver),
            str(SOURCES / "Query.java"),
            f"jdbc:arrow-flight-sql://{address}/?useEncryption=false",
            sql,
            *(f"{name}={text}" for name, text in properties.items()),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


def test_b39_key_as_password(driver: Path, lake: Lake) -> None:
    ended = jdbc(driver, lake, "SELECT 1 AS a, 'x' AS b", user="anybody", password=lake.key)
    assert (ended.returncode, ended.stdout) == (0, "1|x\n"), ended.stderr


def test_b39_token_as_password(driver: Path, lake: Lake, oidc: OidcProvider) -> None:
    ended = jdbc(driver, lake, "SELECT 1 AS a", user="anybody", password=oidc.token("service"))
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr


def test_b39_token(driver: Path, lake: Lake, oidc: OidcProvider) -> None:
    ended = jdbc(driver, lake, "SELECT 1 AS a", token=oidc.token("service"))
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr


def test_b39_refused(driver: Path, lake: Lake) -> None:
    ended = jdbc(driver, lake, "SELECT 1 AS a", user="anybody", password="wrong")  # noqa: S106
    assert ended.returncode == 1
    assert "UNAUTHENTICATED: invalid token" in ended.stderr


def explore(driver: Path, lake: Lake, what: str) -> dict[str, str]:
    """Runs Explore.java and returns what it found, by name."""
    ended = subprocess.run(
        [  # noqa: S607 # java is found on the PATH
            "java",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-cp",
            str(driver),
            str(SOURCES / "Explore.java"),
            f"jdbc:arrow-flight-sql://127.0.0.1:{lake.grpc_port}/?useEncryption=false",
            what,
            f"token={lake.key}",
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return dict(line.split("=", 1) for line in ended.stdout.splitlines())


def test_prepared_statements(driver: Path, lake: Lake) -> None:
    found = explore(driver, lake, "parameters")
    assert found == {
        "count": "2",
        "type": "Int(64, true)",
        "range": "3;4;5",
        "again": "8;9",
        "text": "it's; -- ?,Ü",
        "null": "null,",
        "logs": "0",
    }


def test_metadata(driver: Path, lake: Lake) -> None:
    """What a driver is not told it falls over: every method of DatabaseMetaData is called."""
    found = explore(driver, lake, "metadata")
    assert found["product"] == "Micromegas Flight SQL Server"
    assert found["types"] == "table"
    assert ",,log_entries,table" in found["tables"]
    assert "time:TIMESTAMP_WITH_TIMEZONE" in found["columns"]
    for keys in ("keys", "imported", "exported", "cross"):
        assert found[keys] == ""
    assert found["failed"] == "[]"


def test_cancel(driver: Path, lake: Lake) -> None:
    found = explore(driver, lake, "cancel")
    assert found["after"] == "1"
