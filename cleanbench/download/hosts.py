"""Politeness towards a server: few requests at a time, a pause between them, and none once it is out of reach."""

import threading
import time
from collections import deque
from collections.abc import Callable

from cleanbench.download.items import Item


class Host:
    """What is asked of one server, and how it takes it.

    Its images wait in a queue, which as many workers drain as may ask it at the same time.

    Args:
        name: Scheme, name and port, as in an address.
        delay: Seconds from one request to the next, over all workers.
        stop: Set when everything is to end; waiting ends then, too.
    """

    # After so many requests in a row without any answer, be it a refusal, nobody is there.
    SILENCE = 5

    def __init__(self, name: str, delay: float, stop: threading.Event) -> None:
        self.name = name
        self.queue: deque[Item] = deque()
        self.lost = ""
        self._delay = delay
        self._stop = stop
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._next = 0.0
        self._silent = 0
        self._looked_up = False

    def look_up(self, problem: Callable[[str], str]) -> None:
        """Find out, once, whether its name leads anywhere; ``problem`` says why not."""
        with self._looking:
            if not self._looked_up:
                self._looked_up = True
                self.lost = problem(self.name)

    def turn(self) -> bool:
        """Wait until the server may be asked; False if it is not to be asked any more."""
        while not (self._stop.is_set() or self.lost):
            with self._lock:
                now = time.monotonic()
                if now >= self._next:
                    self._next = now + self._delay
                    return True
                pause = self._next - now
            self._stop.wait(pause)
        return False

    def rest(self, seconds: float) -> None:
        """Ask nothing for a while, with no worker: the server said that it is asked too much."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def answered(self) -> None:
        """Note that the server is there."""
        with self._lock:
            self._silent = 0

    def silent(self, reason: str) -> None:
        """Note that a request got no answer; many in a row mean that the server is out of reach."""
        with self._lock:
            self._silent += 1
            if self._silent >= self.SILENCE and not self.lost:
                self.lost = f"{self.name} does not answer ({reason})"

    def give_up(self, reason: str) -> None:
        """Ask it nothing any more."""
        with self._lock:
            self.lost = self.lost or reason
