"""The loopback listener that receives the browser's redirect (RFC 8252 section 7.3).

It listens on this machine's loopback addresses only and only while a login waits. Whatever is not
the redirect of this login (a browser's favicon request or idle connection, a port scan, another
login's state) gets an error and does not end the wait.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import html
import os
import queue
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .errors import LoginError
from .http import is_loopback, scrub

# IDLE is when a connection without a request is closed, in seconds.
IDLE = 10


@dataclass(frozen=True)
class Redirect:
    """What the identity provider sent along: either a code, or an error."""

    code: str = ""
    error: str = ""
    error_description: str = ""
    iss: str = ""


class Listener:
    """Waits for one redirect with the given state; `open_listener` makes it."""

    def __init__(self, state: str, path: str) -> None:
        self.state = state
        self.path = path
        self._redirects: queue.Queue[Redirect] = queue.Queue()
        self._taken = threading.Lock()

    def wait(self, seconds: float) -> Redirect:
        try:
            return self._redirects.get(timeout=seconds)
        except queue.Empty:
            raise LoginError(
                f"no answer from the browser within {seconds:g} s; log in again, or use the "
                "device login where no browser can open"
            ) from None

    def answer(self, target: str) -> tuple[int, str, Redirect | None]:
        """Decides about one GET: status, text for the person, and the redirect if it is ours."""
        url = urlsplit(target)
        if url.path != self.path:
            return 404, "There is nothing here.", None
        query = parse_qs(url.query, keep_blank_values=True)
        if any(len(values) > 1 for values in query.values()):
            return 400, "A parameter is given twice. Go back and log in again.", None
        given = {name: values[0] for name, values in query.items()}
        if not hmac.compare_digest(given.get("state", "").encode(), self.state.encode()):
            return 400, "This belongs to another login (wrong state).", None
        redirect = Redirect(
            code=given.get("code", ""),
            error=scrub(given.get("error", ""), []),
            error_description=scrub(given.get("error_description", ""), []),
            iss=given.get("iss", ""),
        )
        if redirect.error:
            text = f"The login was refused: {redirect.error} {redirect.error_description}"
        elif redirect.code:
            text = "The login is done. You can close this window and return to your program."
        else:
            return 400, "The answer has no code. Go back and log in again.", None
        if not self._taken.acquire(blocking=False):
            return 409, "This login has been answered already.", None
        return 400 if redirect.error else 200, text, redirect

    def deliver(self, redirect: Redirect) -> None:
        self._redirects.put(redirect)


@contextlib.contextmanager
def open_listener(redirect_uri: str, state: str) -> Iterator[Listener]:
    """Listens where redirect_uri points to; afterwards the port is free again."""
    uri = urlsplit(redirect_uri)
    if uri.scheme != "http" or not uri.hostname or not is_loopback(uri.hostname) or not uri.port:
        raise ValueError(
            f"redirect_uri {redirect_uri!r} must be http, on localhost, and with a port, such as "
            "http://localhost:48080/callback"
        )
    listener = Listener(state, uri.path or "/")
    servers: list[ThreadingHTTPServer] = []
    threads: list[threading.Thread] = []
    try:
        for family, address in _addresses(uri.hostname):
            try:
                servers.append(_Server(family, address, uri.port, listener))
            except OSError as err:
                if err.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and address == "::1":
                    continue  # no IPv6 here
                raise LoginError(_bind_problem(err, address, uri.port)) from err
        for server in servers:
            # The poll interval (seconds) bounds how long closing takes.
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            threads.append(thread)
        yield listener
    finally:
        for server in servers[: len(threads)]:
            server.shutdown()
        for server in servers:
            server.server_close()
        for thread in threads:
            thread.join()


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    v4, v6 = (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")
    if host == "localhost":  # a browser may try either
        return [v4, v6] if socket.has_ipv6 else [v4]
    return [v6] if host == "::1" else [(socket.AF_INET, host)]


def _bind_problem(err: OSError, address: str, port: int) -> str:
    if err.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {address} is in use, and the browser must be sent back there; end the "
            f"program that listens on it (perhaps another login), or pass a redirect_uri with "
            "another port that is registered at the identity provider"
        )
    return f"cannot listen on port {port} of {address}: {err.strerror}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an idle connection must not hold up the login
    # On Windows SO_REUSEADDR would let another program take the port over.
    allow_reuse_address = os.name == "posix"

    def __init__(
        self, family: socket.AddressFamily, address: str, port: int, listener: Listener
    ) -> None:
        self.address_family = family
        self.listener = listener
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Not HTTPServer.server_bind, which looks the host's name up.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, self.allow_reuse_address)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks off is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE
    server: _Server
    server_version = "micromegas"
    sys_version = ""

    def do_GET(self) -> None:
        status, text, redirect = self.server.listener.answer(self.path)
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Micromegas login</title>'
            f"<p>{html.escape(text)}</p></html>"
        ).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("X-Frame-Options", "DENY")
            self.send_header("Content-Security-Policy", "default-src 'none'")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page)
        finally:  # the redirect counts even if the browser did not wait for the page
            if redirect:
                self.server.listener.deliver(redirect)

    def log_message(self, format: str, *args: object) -> None:
        """Request lines hold codes; they go nowhere."""
