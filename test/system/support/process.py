"""A program of ours as a child process: its log, its end."""

import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

ROOT = Path(__file__).parents[3]
BIN = ROOT / "bin"

READY_WITHIN = 30.0  # seconds; a cold start on two busy cores
STOPPED_WITHIN = 30.0  # seconds; flush and drain included


# Below what Linux gives to outgoing connections, which would take a port between the look and the
# server's start; each is tried once in a run.
_ports = iter(random.sample(range(15_000, 32_000), 16_000))


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    for port in _ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port left")


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without anything that configures our programs, plus extra."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MICROMEGAS_")}
    return inherited | dict(extra)


def wait_until(condition: Callable[[], bool], within: float, what: str) -> None:
    give_up = time.monotonic() + within
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what} did not happen within {within} s")
        time.sleep(0.02)


class Program:
    """A running program whose standard error and output go to a file."""

    def __init__(
        self, name: str, args: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._log_from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(BIN / name), *args],
                env=clean_environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def output(self) -> str:
        """What this start of the program has said so far."""
        return self.log.read_bytes()[self._log_from :].decode(errors="replace")

    def wait_ready(self, url: str) -> None:
        def ready() -> bool:
            assert self.running, f"{self.name} ended with {self._process.poll()}:\n{self.output()}"
            try:
                return requests.get(url, timeout=5).status_code == 200
            except requests.RequestException:  # not yet, or not in time
                return False

        wait_until(ready, READY_WITHIN, f"{url} saying ready")

    def kill(self) -> None:
        """The end without a warning, as a crash or the kernel brings it."""
        self._process.kill()
        self._process.wait()

    def exit_code(self, within: float = STOPPED_WITHIN) -> int:
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} had not ended after {within} s:\n{self.output()}"
            ) from None

    def stop(self) -> int:
        """Asks the program to end and waits for it."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        return self.exit_code()

    def stop_cleanly(self) -> None:
        """Ends the program and checks that it never had anything serious to report."""
        code = self.stop()
        output = self.output()
        assert code == 0, f"{self.name} ended with {code} on SIGTERM:\n{output}"
        serious = re.findall(r"^.*(?:\bERROR\b|\bpanic\b|DATA RACE).*$", output, re.MULTILINE)
        assert not serious, f"{self.name} reported:\n" + "\n".join(serious)
