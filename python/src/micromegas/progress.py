"""A counter on standard error for what takes long; silent when that is not a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_QUIET_FOR = 1.5  # seconds; most answers are there before


class Progress:
    """Counts rows or bytes between ``with`` and its end.

    ``show=None`` shows the counter on a terminal, once the download has taken a moment.
    """

    def __init__(self, what: str, unit: str = " rows", show: bool | None = None) -> None:
        self._what = what
        self._unit = unit
        self.shown = sys.stderr.isatty() if show is None else show
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self.shown:
            from tqdm import tqdm

            self._bar = tqdm(
                desc=self._what,
                unit=self._unit,
                unit_scale=True,
                delay=_QUIET_FOR,
                leave=False,
                file=sys.stderr,
            )
        return self

    def add(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
