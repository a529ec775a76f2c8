"""Connections that nobody can hold up: they end when the time is over, when too much comes, or when told to."""

import functools
import http.client
import io
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

# No photograph of these sets comes near; of an answer without end no more is read.
LARGEST = 64 * 2**20

# Seconds after which a wait for bytes looks whether it is to end.
LOOK = 0.2


def one_line(text: object) -> str:
    """Return what a server said in one short line that a terminal shows as it is."""
    words = " ".join(str(text).split())
    plain = "".join(character if character.isprintable() else "�" for character in words)
    return plain if len(plain) <= 200 else f"{plain[:199]}…"


class Failed(Exception):
    """A request without what it asked for; the reason may hold words of the server, whatever they are."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


class Gone(Failed):
    """The server answers that it has or gives no such file."""


class Changed(Gone):
    """The server sends what cannot be the file."""


class Retry(Failed):
    """The request failed in a way that may pass.

    Attributes:
        wait: Seconds that the server asks to wait, or None.
        answered: Whether the server answered at all.
        connected: Whether it could at least be talked to.
    """

    def __init__(self, reason: str, wait: float | None = None, answered: bool = True, connected: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.answered = answered
        self.connected = connected


class Patience:
    """How long one request is waited for, over all its redirections.

    Args:
        timeout: Seconds without a byte after which it has failed; four times as long for all of it, counted from here.
        stop: Set when everything is to end.

    Attributes:
        connected: Whether a server took the call.
        answered: Whether the head of an answer has come.
        size: How many bytes came, of headers too.
    """

    def __init__(self, timeout: float, stop: threading.Event) -> None:
        self.connected = self.answered = False
        self.size = 0
        self._timeout = timeout
        self._ends = time.monotonic() + 4 * timeout
        self._stop = stop

    def left(self) -> float:
        """Return for how many seconds to wait for the next thing.

        Raises:
            Retry: If for none.
        """
        if self._stop.is_set():
            raise Retry("interrupted", connected=self.connected)
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Retry(f"too slow: {self.size:,} bytes so far", answered=self.answered, connected=self.connected)
        return min(self._timeout, left)

    def receive(self, line: socket.socket, buffer: Any) -> int:
        """Wait for bytes and return how many came.

        Raises:
            Retry: If the request is to end.
            Changed: If too much has come.
            TimeoutError: If nothing came in time.
        """
        silent = time.monotonic() + self._timeout
        while True:
            line.settimeout(min(LOOK, self.left(), max(silent - time.monotonic(), 0.001)))
            try:
                received = line.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() >= silent:
                    raise
                continue
            self.size += received
            if self.size > LARGEST:
                raise too_large()
            return received


def too_large() -> Changed:
    """Return the error about an answer of which no more is read."""
    return Changed(f"larger than {LARGEST / 2**20:g} MiB, and not read to its end")


def opener(patience: Patience) -> urllib.request.OpenerDirector:
    """Return an opener of web addresses; the usual one also opens ``file:`` and ``ftp:``, and waits for ever."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Plain(patience),
        _Secure(patience),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirections(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        made.add_handler(handler)
    return made


class _Bytes(io.RawIOBase):
    """What comes over a connection."""

    def __init__(self, line: socket.socket, patience: Patience) -> None:
        self._line, self._patience = line, patience
        self._held = line.makefile("rb", buffering=0)  # the connection stays open until this is closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._patience.receive(self._line, buffer)

    def close(self) -> None:
        self._held.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, line: socket.socket, *rest: Any, patience: Patience, **named: Any) -> None:
        super().__init__(line, *rest, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Bytes(line, patience))


def _patient(kind: type[http.client.HTTPConnection], patience: Patience) -> Callable[..., http.client.HTTPConnection]:
    """Return a kind of connection that is waited for no longer than for the request."""

    class Connection(kind):  # type: ignore[valid-type, misc]
        response_class = functools.partial(_Response, patience=patience)

        def connect(self) -> None:
            self.timeout = patience.left()
            super().connect()
            patience.connected = True

    return Connection


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_patient(http.client.HTTPConnection, self._patience), request)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_patient(http.client.HTTPSConnection, self._patience), request)


class _Redirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request: Any, file: Any, code: int, message: str, headers: Any, url: str) -> Any:
        if not url.lower().startswith(("http://", "https://")):
            raise Gone(f"redirects to {url}, which is not in the web: not allowed")
        return super().redirect_request(request, file, code, message, headers, url)
