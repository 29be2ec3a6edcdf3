"""Arrow Flight SQL: the client, its wire format and its errors; imported when first used."""

from __future__ import annotations

import importlib
from types import ModuleType

_MODULES = ("attribution", "client", "errors", "wire")


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return importlib.import_module(f"micromegas.flightsql.{name}")
    raise AttributeError(f"module 'micromegas.flightsql' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
