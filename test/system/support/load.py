"""Valid blocks with fresh ids, sent by several threads until told to stop."""

import threading
import time
import uuid
from dataclasses import dataclass, field

import requests

from support.lake import Ingestion
from support.process import wait_until
from support.vectors import Capture

RETRY_AFTER = 0.05  # seconds between attempts while the server is away
GOES_ON_WITHIN = 60.0  # seconds


@dataclass(frozen=True)
class Template:
    """A captured block that can be sent again and again under another id."""

    capture: Capture
    file: str
    block_id: str
    events: int

    def fresh(self) -> tuple[str, bytes]:
        """A new block id and the request with it in place of the captured one; the length stays."""
        new = str(uuid.uuid4())
        body = self.capture.body(self.file)
        assert body.count(self.block_id.encode()) == 1
        return new, body.replace(self.block_id.encode(), new.encode())


# Three log entries of the captured child process.
SMALL = Template(Capture("v030"), "012-insert_block.bin", "f077beb5-3915-4139-9b89-645ff8e5f225", 3)
# 111 log entries of its parent.
LARGE = Template(
    Capture("v030"), "013-insert_block.bin", "52952b38-ef12-4b41-b3e4-77d849e569c6", 111
)


@dataclass
class Load:
    """Threads that send blocks; a block that was not acknowledged is sent again, as clients do."""

    ingestion: Ingestion
    threads: int
    acknowledged: dict[str, int] = field(default_factory=dict)  # events by block id
    attempted: dict[str, int] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._workers = [
            threading.Thread(target=self._send, args=(number,), daemon=True)
            for number in range(self.threads)
        ]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def go_on(self, blocks: int) -> None:
        """Returns when so many more blocks have been acknowledged."""
        enough = len(self.acknowledged) + blocks
        wait_until(
            lambda: len(self.acknowledged) >= enough or bool(self.unexpected),
            GOES_ON_WITHIN,
            f"acknowledging {blocks} blocks",
        )
        assert not self.unexpected

    def stop(self) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join(30)
            assert not worker.is_alive()

    def _send(self, number: int) -> None:
        template = LARGE if number == 0 else SMALL
        session = requests.Session()
        block_id, body = template.fresh()
        while not self._stop.is_set():
            with self._lock:
                self.attempted[block_id] = template.events
            try:
                answer = session.post(
                    f"{self.ingestion.url}/ingestion/insert_block",
                    data=body,
                    headers={"Authorization": f"Bearer {self.ingestion.token}"},
                    timeout=10,
                )
            except requests.RequestException:
                time.sleep(RETRY_AFTER)
                continue
            if answer.status_code == 200:
                with self._lock:
                    self.acknowledged[block_id] = template.events
                block_id, body = template.fresh()
            elif answer.status_code == 503:
                time.sleep(RETRY_AFTER)
            else:
                with self._lock:
                    self.unexpected.append(f"{answer.status_code} {answer.text}")
                return
