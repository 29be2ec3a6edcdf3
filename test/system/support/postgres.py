"""A PostgreSQL server of our own, for lakes that keep their catalog there."""

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from support.process import free_port


def _programs() -> Path | None:
    """The folder of the server's programs, which Debian keeps off the PATH."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class Postgres:
    """A server on a loopback port over a fresh folder, until the end of the with block."""

    def __init__(self) -> None:
        programs = _programs()
        if programs is None:
            missing = "PostgreSQL is not installed: scripts/need.sh postgres"
            pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._folder, "postgres")
            self._as_user = ["runuser", "-u", "postgres", "--"]
        self._port = free_port()

    def __enter__(self) -> Self:
        self._run("initdb", "--username=lake", "--auth=trust", "--encoding=UTF8", "--no-sync")
        # It is never killed itself, so that it need not sync.
        options = (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
            "-c fsync=off -c full_page_writes=off"
        )
        self._run("pg_ctl", "--wait", f"--log={self._folder}/log", f"--options={options}", "start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run("pg_ctl", "--wait", "--mode=immediate", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *args: str) -> None:
        command = [*self._as_user, str(self._programs / program), f"--pgdata={self._folder}/data"]
        subprocess.run(
            [*command, *args],
            cwd=self._folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"lake_{uuid.uuid4().hex}"
        server = ["--host=127.0.0.1", f"--port={self._port}", "--username=lake"]
        subprocess.run([str(self._programs / "createdb"), *server, name], check=True)
        return f"postgres://lake@127.0.0.1:{self._port}/{name}?sslmode=disable"
