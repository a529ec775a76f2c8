"""Many files from few servers: in parallel, with patience and politeness, each checked before it counts."""

import hashlib
import os
import random
import re
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import psutil

from cleanbench.core import UserError
from cleanbench.download.connections import Changed, Gone, Retry, one_line
from cleanbench.download.hosts import Host
from cleanbench.download.items import Item, Outcome, Status
from cleanbench.download.requests import get
from cleanbench.encoders.hub import unreachable

T = TypeVar("T")

# Requests at the same time, over all servers.
PARALLEL = 16

# Seconds that requests under way are given to end when everything is to end; what looks up a name may take longer.
LEAVE = 1.0


@dataclass(frozen=True)
class Manners:
    """How servers are asked.

    Attributes:
        per_host: Requests to one server at the same time.
        delay: Seconds between the beginnings of two requests to it.
        retries: Further attempts after one that failed in a way that may pass.
        timeout: Seconds without a byte after which an attempt has failed; four times as long for all of it.
        pause: Seconds before the second attempt; before each later one twice as long as before the last. Of that, a
            random part between one half and all is waited, so that workers do not come back together.
        longest: Seconds to wait at most; a server that asks for more is left alone until the next call.
    """

    per_host: int = 4
    delay: float = 0.25
    retries: int = 4
    timeout: float = 30.0
    pause: float = 2.0
    longest: float = 120.0

    def __post_init__(self) -> None:
        """Check what a user may get wrong.

        Raises:
            UserError: If a number is out of range.
        """
        for name, least, most in (("per_host", 1, PARALLEL), ("delay", 0, 3600), ("retries", 0, 100)):
            if not least <= getattr(self, name) <= most:  # NaN too
                raise UserError(f"{name}={getattr(self, name)} must be from {least} to {most}")
        if not 0 < self.timeout <= 3600:
            raise UserError(f"timeout={self.timeout} must be a positive number of seconds, up to 3600")


def fetch(items: Sequence[Item], manners: Manners, begun: Counter[str] | None = None) -> Generator[Outcome]:
    """Fetch files and yield what became of each, in the order in which it is known.

    A file appears under its name when its MD5 sum has been checked, and not before. Closing the iterator ends the
    requests, within about a second.

    Args:
        items: What is wanted; the folders must exist.
        manners: How servers are asked.
        begun: Takes how many requests were begun for each key.

    Raises:
        UserError: If a file cannot be written.
    """
    stop = threading.Event()
    hosts: dict[str, Host] = {}
    done: SimpleQueue[Outcome | UserError] = SimpleQueue()
    left = len(items)
    for item in items:
        name = _host(item.url)
        if name is None:
            reason = f"{item.url!r} is no address in the web" if item.url else "no address is known"
            done.put(Outcome(item, Status.NO_ADDRESS, reason))
        else:
            hosts.setdefault(name, Host(name, manners.delay, stop)).queue.append(item)
    # In turn, so that no server's workers take all threads before those of the others.
    work = deque(list(hosts.values()) * manners.per_host)
    asked = Counter() if begun is None else begun
    # Daemons, because a thread that waits for the address of a name cannot be told to end.
    threads = [
        threading.Thread(target=_work, args=(work, manners, stop, done, asked), daemon=True)
        for _ in range(min(PARALLEL, len(work)))
    ]
    try:
        for thread in threads:
            thread.start()
        while left:
            try:
                outcome = done.get(timeout=0.5)  # a wait without an end would not see Ctrl-C everywhere
            except Empty:
                continue
            if isinstance(outcome, UserError):
                raise outcome
            left -= 1
            yield outcome
    finally:
        stop.set()
        ends = time.monotonic() + LEAVE
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, ends - time.monotonic()))


def md5(content: bytes) -> str:
    """Return the MD5 sum by which a file is known; it keeps nobody out who means harm."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _work(
    hosts: deque[Host],
    manners: Manners,
    stop: threading.Event,
    done: "SimpleQueue[Outcome | UserError]",
    begun: Counter[str],
) -> None:
    """Fetch what waits for each server in turn until nothing is left."""
    while (host := _next(hosts)) is not None:
        while not stop.is_set() and (item := _next(host.queue)) is not None:
            try:
                done.put(_fetched(item, host, manners, stop, begun))
            except UserError as error:
                done.put(error)
                return
            # Whatever one server sends, the other files are fetched.
            except Exception as error:
                reason = one_line(f"{type(error).__name__}: {error}")
                done.put(Outcome(item, Status.FAILED, reason, begun[item.key], True))


def _next(queue: deque[T]) -> T | None:
    """Take what comes next, before another worker does; None if nothing is left."""
    try:
        return queue.popleft()
    except IndexError:
        return None


def _fetched(item: Item, host: Host, manners: Manners, stop: threading.Event, begun: Counter[str]) -> Outcome:
    host.look_up(unknown)
    reason, reached = "", False
    for attempt in range(manners.retries + 1):
        if not host.turn():
            status = Status.FAILED if attempt else Status.NOT_TRIED
            return Outcome(item, status, host.lost or reason or "interrupted", attempt, reached)
        begun[item.key] += 1
        try:
            answer = get(item.url, manners.timeout, stop)
        except Gone as error:
            host.answered()
            status = Status.CHANGED if isinstance(error, Changed) else Status.GONE
            return Outcome(item, status, str(error), attempt + 1, True)
        except Retry as error:
            reason = str(error)
            reached = reached or error.connected
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
        reached = True
        found = md5(answer.content)
        if found == item.key:
            _write(item, answer.content)
            return Outcome(item, Status.FETCHED, attempts=attempt + 1, reached=True)
        reason = f"another content: {answer.kind}, {len(answer.content):,} bytes, MD5 {found}"
        if answer.complete or attempt:  # else it may have been cut off, which shows in nothing but the sum
            return Outcome(item, Status.CHANGED, reason, attempt + 1, True)
    return Outcome(item, Status.FAILED, host.lost or reason, manners.retries + 1, reached)


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


def remove_parts(folders: Iterable[Path]) -> None:
    """Remove the parts of files that processes left which were killed while they wrote."""
    for folder in folders:
        for path in folder.glob(".*.part"):
            written_by = re.fullmatch(r"[.][0-9a-f]{32}[.]\w+[.]([0-9]{1,9})[.]part", path.name)
            if written_by and not psutil.pid_exists(int(written_by[1])):
                with suppress(OSError):
                    path.unlink()


def _host(url: str) -> str | None:
    """Return the server of an address; None if it is no address in the web."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}"


def unknown(name: str) -> str:
    """Say why the name of a server leads nowhere, within seconds; empty if it does lead somewhere."""
    parts = urllib.parse.urlsplit(name)
    if parts.scheme in urllib.request.getproxies():  # then the proxy looks it up
        return ""
    problem = unreachable(lambda: socket.getaddrinfo(parts.hostname, parts.port or parts.scheme))
    return f"{name} cannot be found ({problem})" if problem else ""
