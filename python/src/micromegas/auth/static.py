"""Credentials that somebody else issued: fixed tokens, API keys, files and commands."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from . import idtoken
from .errors import AuthError
from .expiry import margin

# COMMAND_TIMEOUT is how long a token command may take, in seconds.
COMMAND_TIMEOUT = 60

# COMMAND_KEEPS is how long the output of a token command is used when it is not a JWT that says
# so itself, in seconds.
COMMAND_KEEPS = 60.0


def clean(token: str, source: str) -> str:
    """A token without the line end of its file; ValueError if no header could carry it."""
    token = token.strip()
    if not token:
        raise ValueError(f"{source} is empty; it must be the credential itself")
    if not all("!" <= c <= "~" for c in token):
        raise ValueError(
            f"{source} contains blanks or characters outside printable ASCII; "
            "it must be the credential itself, without 'Bearer' before it"
        )
    return token


class StaticTokenAuthProvider:
    """One token, never renewed."""

    def __init__(self, token: str) -> None:
        self._token = clean(token, "the token")

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> StaticTokenAuthProvider:
        """Reads the token once; `~` is the home directory."""
        file = Path(path).expanduser()
        return cls(clean(_read(file), str(file)))

    def get_token(self) -> str:
        return self._token

    def __repr__(self) -> str:
        return f"{type(self).__name__}([secret])"


class ApiKeyAuthProvider(StaticTokenAuthProvider):
    """An API key of the analytics server."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> ApiKeyAuthProvider:
        """Reads MICROMEGAS_ANALYTICS_API_KEY."""
        return cls(_variable("MICROMEGAS_ANALYTICS_API_KEY", env))


class BearerFileAuthProvider:
    """A token in a file that another program renews, such as a projected Kubernetes token.

    The file is read again whenever it has changed. While it is missing or empty, as during a
    careless replacement, the last token is used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser()
        self._lock = threading.Lock()
        self._token = ""
        self._seen: tuple[int, int, int] | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> BearerFileAuthProvider:
        """Reads MICROMEGAS_BEARER_TOKEN_FILE."""
        return cls(_variable("MICROMEGAS_BEARER_TOKEN_FILE", env))

    def get_token(self) -> str:
        with self._lock:
            try:
                status = self._path.stat()
                seen = (status.st_ino, status.st_mtime_ns, status.st_size)
                if seen != self._seen:
                    self._token = clean(_read(self._path), str(self._path))
                    self._seen = seen
            except (OSError, ValueError):
                if not self._token:
                    raise
            return self._token

    def __repr__(self) -> str:
        return f"BearerFileAuthProvider({str(self._path)!r})"


class TokenCommandAuthProvider:
    """A token that a command prints, such as `gcloud auth print-identity-token`.

    The command is run by the shell, as git and kubectl do with theirs, and again when its token is
    about to expire.
    """

    def __init__(self, command: str) -> None:
        if not command.strip():
            raise ValueError("the token command is empty")
        self._command = command
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0  # Unix seconds

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> TokenCommandAuthProvider:
        """Reads MICROMEGAS_TOKEN_COMMAND."""
        return cls(_variable("MICROMEGAS_TOKEN_COMMAND", env))

    def get_token(self) -> str:
        with self._lock:
            if not self._token or time.time() >= self._renew_at:
                self._token = clean(self._run(), "the token command's output")
                self._renew_at = _renew_at(self._token)
            return self._token

    def _run(self) -> str:
        try:
            done = subprocess.run(  # noqa: S602 the person's own command line
                self._command,
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # standard error stays the person's
                timeout=COMMAND_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:  # holds what the command printed
            raise AuthError(
                f"the token command (MICROMEGAS_TOKEN_COMMAND) ran for over {COMMAND_TIMEOUT} s"
            ) from None
        if done.returncode != 0:
            raise AuthError(
                f"the token command (MICROMEGAS_TOKEN_COMMAND) ended with status {done.returncode}; "
                "run it by hand to see why"
            )
        return done.stdout.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return "TokenCommandAuthProvider(…)"  # a command line may hold a secret


def _renew_at(token: str) -> float:
    try:
        claims = idtoken.unverified_claims(token)
        end = float(claims["exp"])
        begin = float(claims.get("iat", time.time()))
    except (idtoken.InvalidToken, KeyError, TypeError, ValueError):
        return time.time() + COMMAND_KEEPS
    return end - margin(end - begin)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:  # its text would quote the file
        raise ValueError(f"{path} does not hold a token but binary data") from None


def _variable(name: str, env: Mapping[str, str] | None) -> str:
    value = (os.environ if env is None else env).get(name)
    if not value:
        raise ValueError(f"{name} is not set")
    return value
