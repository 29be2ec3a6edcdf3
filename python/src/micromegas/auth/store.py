"""Where tokens are kept: MICROMEGAS_TOKEN_STORE=file|memory|keyring (default file).

Whatever the store, tokens go by the path of their file: two token files are two logins. A store
that is asked for and does not work is an error; tokens never end up in a file instead.

  file     the file itself; see storage.py
  memory   this process only; nothing is written to disk
  keyring  the system's, through the package of that name; only the lock file is on disk
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from . import storage
from .errors import TokenFileError

SERVICE = "micromegas"  # the name under which the system's keyring lists our tokens


class TokenStore(Protocol):
    """Keeps one JSON object per path."""

    on_disk: bool
    """Whether other files, which are no secrets, may be put beside the tokens."""

    def exists(self, path: Path) -> bool: ...

    def read(self, path: Path) -> dict[str, Any]:
        """FileNotFoundError if there is none, TokenFileError if it cannot be used."""
        ...

    def write(self, path: Path, document: dict[str, Any]) -> None: ...

    def remove(self, path: Path) -> None: ...

    def locked(self, path: Path) -> contextlib.AbstractContextManager[None]:
        """Excludes everybody else who could renew these tokens."""
        ...


def chosen() -> TokenStore:
    """The store that the environment asks for."""
    name = os.environ.get("MICROMEGAS_TOKEN_STORE") or "file"
    if name == "file":
        return FileStore()
    if name == "memory":
        return MemoryStore()
    if name == "keyring":
        return KeyringStore()
    raise ValueError(f"MICROMEGAS_TOKEN_STORE is {name!r}; it must be file, memory or keyring")


class FileStore:
    """See storage.py."""

    on_disk = True

    def exists(self, path: Path) -> bool:
        return os.path.lexists(path)

    def read(self, path: Path) -> dict[str, Any]:
        return storage.read_private_json(path)

    def write(self, path: Path, document: dict[str, Any]) -> None:
        storage.write_private_json(path, document)

    def remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as err:
            raise TokenFileError(f"cannot remove {path}: {err.strerror}") from err

    def locked(self, path: Path) -> contextlib.AbstractContextManager[None]:
        return storage.locked(path)


class MemoryStore:
    """All of them share what this process remembers."""

    on_disk = False
    _documents: dict[Path, str] = {}  # noqa: RUF012 shared on purpose
    _lock = threading.Lock()

    def exists(self, path: Path) -> bool:
        return path in self._documents

    def read(self, path: Path) -> dict[str, Any]:
        if path not in self._documents:
            raise FileNotFoundError(f"no tokens for {path} in memory: log in first")
        document: dict[str, Any] = json.loads(self._documents[path])
        return document

    def write(self, path: Path, document: dict[str, Any]) -> None:
        self._documents[path] = json.dumps(document)

    def remove(self, path: Path) -> None:
        self._documents.pop(path, None)

    @contextlib.contextmanager
    def locked(self, path: Path) -> Iterator[None]:
        with self._lock:
            yield


class KeyringStore:
    """The system's keyring; `pip install 'micromegas[keyring]'` brings the package."""

    on_disk = False

    def __init__(self) -> None:
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            raise TokenFileError(
                "MICROMEGAS_TOKEN_STORE is keyring, but the package keyring is not installed: "
                "pip install 'micromegas[keyring]'"
            ) from None
        self._keyring = keyring
        self._error: type[Exception] = KeyringError

    def exists(self, path: Path) -> bool:
        return self._get(path) is not None

    def read(self, path: Path) -> dict[str, Any]:
        text = self._get(path)
        if text is None:
            raise FileNotFoundError(f"no tokens for {path} in the keyring: log in first")
        try:
            document = json.loads(text)
        except ValueError:  # its text would quote the entry
            document = None
        if not isinstance(document, dict):
            raise TokenFileError(
                f"the keyring's entry {SERVICE} for {path} is not ours; remove it and log in again"
            ) from None
        return document

    def write(self, path: Path, document: dict[str, Any]) -> None:
        try:
            self._keyring.set_password(SERVICE, str(path), json.dumps(document))
        except self._error as err:
            raise _unusable(err) from None

    def remove(self, path: Path) -> None:
        try:
            if self._keyring.get_password(SERVICE, str(path)) is not None:
                self._keyring.delete_password(SERVICE, str(path))
        except self._error as err:
            raise _unusable(err) from None

    def locked(self, path: Path) -> contextlib.AbstractContextManager[None]:
        return storage.locked(path)

    def _get(self, path: Path) -> str | None:
        try:
            text: str | None = self._keyring.get_password(SERVICE, str(path))
        except self._error as err:
            raise _unusable(err) from None
        return text


def _unusable(err: Exception) -> TokenFileError:
    return TokenFileError(
        f"the keyring cannot be used: {err}; unlock it, or set MICROMEGAS_TOKEN_STORE=file"
    )
