"""Files that hold credentials.

Invariants:
  - A file is 0600 from its first byte, whatever stood there before: it is written beside its final
    name, synced and renamed over it. A reader sees the old file or the new one, never a mixture.
  - Symbolic links and files of other users are refused, for reading and for writing: another user
    could have put them there to plant or to collect tokens.
  - Directories that we create get 0700. Existing ones are left alone, except ~/.micromegas, which
    is ours.
  - Whoever reads, renews and writes does so under the advisory lock NAME.lock beside the file
    (`locked`). Refresh tokens may be single-use: two renewals with one of them make some providers
    revoke the whole family. The lock file is left behind, because deleting a lock file that others
    wait for lets two of them in.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import TokenFileError

DEFAULT_TOKEN_FILE = "~/.micromegas/tokens.json"  # noqa: S105 a path

# LOCK_TIMEOUT is how long to wait for another process's renewal, in seconds: one takes at most
# twice http.TIMEOUT, and a queue of them only reads once the first is through.
LOCK_TIMEOUT = 60.0


def token_path(token_file: str | os.PathLike[str] | None) -> Path:
    """The absolute path of a token file; None is the default one, `~` is the home directory."""
    given = os.fspath(token_file) if token_file else DEFAULT_TOKEN_FILE
    return Path(os.path.abspath(os.path.expanduser(given)))


def read_private_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object that only this user may have written.

    A mode wider than 0600 is repaired with a warning.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise FileNotFoundError(f"no token file at {path}: log in first") from None
    except OSError as err:
        if path.is_symlink():
            raise _symlink(path) from None
        raise TokenFileError(f"cannot read {path}: {err.strerror}") from err
    with open(descriptor, encoding="utf-8") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise TokenFileError(f"{path} is not a regular file; remove it and log in again")
        _require_own(path, status)
        if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
            warnings.warn(
                f"{path} had mode {stat.S_IMODE(status.st_mode):04o}, so other users could read "
                "the tokens; it is 0600 now",
                RuntimeWarning,
                stacklevel=3,
            )
            os.fchmod(descriptor, 0o600)
        try:
            document = json.load(file)
        except ValueError:  # its text would quote the file
            document = None
    if not isinstance(document, dict):
        raise TokenFileError(
            f"{path} does not hold a JSON object; remove it and log in again"
        ) from None
    return document


def write_private_json(path: Path, document: dict[str, Any]) -> None:
    """Replaces path atomically by a file of mode 0600."""
    make_private_parents(path)
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISLNK(status.st_mode):
            raise _symlink(path)
        _require_own(path, status)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_directory(path.parent)


def make_private_parents(path: Path) -> None:
    """Creates the directories above path with mode 0700 and repairs ~/.micromegas."""
    parent = path.parent
    missing = []
    while not parent.exists():
        missing.append(parent)
        parent = parent.parent
    for directory in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            directory.mkdir(mode=0o700)
    home = token_path(None).parent
    if os.name == "posix" and path.parent == home:
        status = home.stat()
        if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != 0o700:
            home.chmod(0o700)


@contextlib.contextmanager
def locked(path: Path, timeout: float | None = None) -> Iterator[None]:
    """Holds the lock beside path; a TokenFileError says that somebody else keeps it too long."""
    timeout = LOCK_TIMEOUT if timeout is None else timeout
    make_private_parents(path)
    name = f"{path}.lock"
    if os.path.islink(name):
        raise _symlink(Path(name))
    lock = FileLock(name, timeout=timeout, mode=0o600)
    try:
        lock.acquire(poll_interval=0.02)
    except Timeout:
        raise TokenFileError(
            f"another process has held {name} for {timeout:g} s; end it and try again"
        ) from None
    except OSError as err:
        raise TokenFileError(f"cannot lock {name}: {err.strerror}") from err
    try:
        yield
    finally:
        lock.release()


def _symlink(path: Path) -> TokenFileError:
    return TokenFileError(
        f"{path} is a symbolic link, which is refused for credentials; "
        "give the path of the file itself"
    )


def _require_own(path: Path, status: os.stat_result) -> None:
    if os.name == "posix" and status.st_uid != os.geteuid():
        raise TokenFileError(
            f"{path} belongs to another user (uid {status.st_uid}); choose another token file"
        )


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
