"""Many files from few servers: in parallel, with patience and politeness, each checked before it counts."""

import hashlib
import math
import os
import random
import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from cleanbench.core import UserError
from cleanbench.download.hosts import Host
from cleanbench.download.items import Item, Outcome, Status
from cleanbench.download.requests import Gone, Retry, get
from cleanbench.encoders.hub import unreachable


@dataclass(frozen=True)
class Manners:
    """How servers are asked.

    Attributes:
        per_host: Requests to one server at the same time.
        delay: Seconds between the beginnings of two requests to it.
        retries: Further attempts after one that failed in a way that may pass.
        timeout: Seconds without a byte after which an attempt has failed.
        pause: Seconds before the second attempt; before each later one twice as long as before the last. Of that, a
            random part between one half and all is waited, so that workers do not come back together.
        longest: Seconds to wait at most; a server that asks for more is left alone until the next call.
        parallel: Requests at the same time, over all servers.
    """

    per_host: int = 4
    delay: float = 0.25
    retries: int = 4
    timeout: float = 30.0
    pause: float = 2.0
    longest: float = 120.0
    parallel: int = 16

    def __post_init__(self) -> None:
        """Check what a user may get wrong.

        Raises:
            UserError: If a number is out of range.
        """
        for name, least in (("per_host", 1), ("delay", 0), ("retries", 0)):
            if not least <= getattr(self, name) < math.inf:  # NaN too
                raise UserError(f"{name}={getattr(self, name)} must be at least {least}")
        if not 0 < self.timeout < math.inf:
            raise UserError(f"timeout={self.timeout} must be a positive number of seconds")


def fetch(items: Sequence[Item], manners: Manners) -> Generator[Outcome]:
    """Fetch files and yield what became of each, in the order in which it is known.

    A file appears under its name when its MD5 sum has been checked, and not before. Closing the iterator ends the
    requests.

    Args:
        items: What is wanted; the folders must exist.
        manners: How servers are asked.

    Raises:
        UserError: If a file cannot be written.
    """
    stop = threading.Event()
    hosts: dict[str, Host] = {}
    done: SimpleQueue[Outcome | BaseException] = SimpleQueue()
    left = len(items)
    for item in items:
        name = _host(item.url)
        if name is None:
            reason = f"{item.url!r} is no address in the web" if item.url else "no address is known"
            done.put(Outcome(item, Status.NO_ADDRESS, reason))
        else:
            hosts.setdefault(name, Host(name, manners.delay, stop)).queue.append(item)
    pool = ThreadPoolExecutor(max(1, min(manners.parallel, manners.per_host * len(hosts))), "download")
    try:
        # In turn, so that no server's workers fill the pool before those of the others.
        for host in list(hosts.values()) * manners.per_host:
            pool.submit(_drain, host, manners, stop, done)
        while left:
            try:
                outcome = done.get(timeout=0.5)  # a wait without an end would not see Ctrl-C everywhere
            except Empty:
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            left -= 1
            yield outcome
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def md5(content: bytes) -> str:
    """Return the MD5 sum by which a file is known; it keeps nobody out who means harm."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _drain(host: Host, manners: Manners, stop: threading.Event, done: "SimpleQueue[Outcome | BaseException]") -> None:
    """Fetch what waits for a server until nothing is left."""
    try:
        while not stop.is_set():
            try:
                item = host.queue.popleft()
            except IndexError:
                return
            done.put(_fetched(item, host, manners, stop))
    except BaseException as error:
        done.put(error)


def _fetched(item: Item, host: Host, manners: Manners, stop: threading.Event) -> Outcome:
    host.look_up(unknown)
    reason, answered = "", False
    for attempt in range(manners.retries + 1):
        if not host.turn():
            status = Status.FAILED if attempt else Status.NOT_TRIED
            return Outcome(item, status, host.lost or reason or "interrupted", attempt, answered)
        try:
            answer = get(item.url, manners.timeout, stop)
        except Gone as error:
            host.answered()
            return Outcome(item, Status.GONE, str(error), attempt + 1, True)
        except Retry as error:
            reason = str(error)
            answered = answered or error.answered
            if error.answered:
                host.answered()
            else:
                host.silent(reason)
            pause = manners.pause * 2**attempt * random.uniform(0.5, 1.0)
            if error.wait is not None and error.wait > manners.longest:
                host.give_up(f"{host.name} asks to come back in {error.wait:,.0f} seconds ({reason})")
            elif error.wait is not None:
                host.rest(error.wait)
                pause = error.wait
            if attempt < manners.retries and not host.lost:
                stop.wait(min(pause, manners.longest))
            continue
        host.answered()
        answered = True
        found = md5(answer.content)
        if found == item.key:
            _write(item, answer.content)
            return Outcome(item, Status.FETCHED, attempts=attempt + 1, answered=True)
        reason = f"another content: {answer.kind}, {len(answer.content):,} bytes, MD5 {found}"
        if answer.complete or attempt:  # else it may have been cut off, which shows in nothing but the sum
            return Outcome(item, Status.CHANGED, reason, attempt + 1, True)
    return Outcome(item, Status.FAILED, host.lost or reason, manners.retries + 1, answered)


def _write(item: Item, content: bytes) -> None:
    """Put a file in its place at once, so that no reader ever sees a part of it."""
    part = item.path.with_name(f".{item.path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(item.path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"{item.path} cannot be written: {error.strerror or error}; make room, and call again"
        ) from error


def _host(url: str) -> str | None:
    """Return the server of an address; None if it is no address in the web."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}"


def unknown(name: str) -> str:
    """Say why the name of a server leads nowhere, within seconds; empty if it does lead somewhere."""
    parts = urllib.parse.urlsplit(name)
    if parts.scheme in urllib.request.getproxies():  # then the proxy looks it up
        return ""
    problem = unreachable(lambda: socket.getaddrinfo(parts.hostname, parts.port or parts.scheme))
    return f"{name} cannot be found ({problem})" if problem else ""
