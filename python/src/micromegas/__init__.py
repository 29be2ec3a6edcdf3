"""Client of the micromegas observability lakehouse.

``connect()`` gives a client without credentials, ``connect_with_profile()`` one that is set up by
the environment and ``~/.micromegas/config.json``. The submodules are imported when they are first
used, so that ``import micromegas`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micromegas import (
        admin,
        auth,
        cli,
        connection,
        flightsql,
        oidc_connection,
        perfetto,
        profiles,
        time,
    )
    from micromegas.connection import connect_with_profile
    from micromegas.flightsql.client import FlightSQLClient
    from micromegas.profiles import ProfileError

__all__ = [
    "FlightSQLClient",
    "ProfileError",
    "admin",
    "auth",
    "cli",
    "connect",
    "connect_with_profile",
    "connection",
    "flightsql",
    "oidc_connection",
    "package_version",
    "perfetto",
    "profiles",
    "time",
]

_MODULES = frozenset(
    (
        "admin",
        "auth",
        "cli",
        "connection",
        "flightsql",
        "oidc_connection",
        "perfetto",
        "profiles",
        "time",
    )
)
_NAMES = {
    "FlightSQLClient": "micromegas.flightsql.client",
    "ProfileError": "micromegas.profiles",
    "connect_with_profile": "micromegas.connection",
}


def connect(uri: str | None = None, preserve_dictionary: bool = False) -> FlightSQLClient:
    """A client without credentials for ``uri``, or for ``grpc://localhost:50051``.

    Reads neither the environment nor a configuration file; ``connect_with_profile`` does.
    """
    from micromegas.flightsql.client import FlightSQLClient
    from micromegas.profiles import DEFAULT_URI

    return FlightSQLClient(uri or DEFAULT_URI, preserve_dictionary=preserve_dictionary)


def package_version() -> str:
    """The version of the installed package; ``unknown`` in a source tree that is not installed."""
    from importlib import metadata

    try:
        return metadata.version("micromegas")
    except metadata.PackageNotFoundError:
        return "unknown"


def __getattr__(name: str) -> Any:  # noqa: ANN401 # modules, a class, a function, a text
    if name in _MODULES:
        return importlib.import_module(f"micromegas.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    elif name == "__version__":
        value = package_version()
    else:
        raise AttributeError(f"module 'micromegas' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
