"""An S3 service of our own, for lakes that keep their objects there."""

import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from support.process import ROOT, clean_environment, free_port, wait_until

PROGRAM = ROOT / ".build" / "s3server"


class S3:
    """A service in memory on a loopback port, until the end of the with block."""

    def __init__(self, folder: Path) -> None:
        build = [shutil.which("go") or "go", "build", "-o", PROGRAM, "./test/s3server"]
        subprocess.run(build, cwd=ROOT, check=True)
        self._address = f"127.0.0.1:{free_port()}"
        self._log = folder / "s3server.log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, self._address], env=clean_environment({}), stdout=log, stderr=log
            )
        wait_until(self._answers, 10, "the S3 service listens")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self._address}/", timeout=5).status_code < 500
        except requests.RequestException:
            return False

    def environment(self) -> dict[str, str]:
        """What a server needs to keep its objects there."""
        return {
            "MICROMEGAS_OBJECT_STORE_URI": "s3://lake/test",
            "AWS_ENDPOINT_URL": f"http://{self._address}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
