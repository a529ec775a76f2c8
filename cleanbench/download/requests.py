"""One request: the bytes of an address, or what kind of failure it was."""

import email.utils
import http.client
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from cleanbench import __version__

USER_AGENT = f"cleanbench/{__version__} (fetches the images of a public research data set, once, at a low rate)"

# No photograph of these sets comes near; of an answer without end no more is read.
LARGEST = 64 * 2**20

# HTTP statuses that say "not now".
NOT_NOW = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class Gone(Exception):
    """The server answers that it has or gives no such file."""


class Retry(Exception):
    """The request failed in a way that may pass.

    Attributes:
        wait: Seconds that the server asks to wait, or None.
        answered: Whether the server answered at all.
    """

    def __init__(self, reason: str, wait: float | None = None, answered: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.answered = answered


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    Attributes:
        content: Its bytes.
        kind: The media type that the server names.
        complete: Whether the server said how long it is, so that a cut would have shown.
    """

    content: bytes
    kind: str
    complete: bool


def get(url: str, timeout: float, stop: threading.Event) -> Answer:
    """Return what lies at an address.

    Args:
        url: With the scheme http or https; redirections to others are not followed.
        timeout: Seconds without a byte after which the request has failed; four times as long for all of it.
        stop: Set when everything is to end.

    Raises:
        Gone: If asking again is of no use.
        Retry: If it may be.
    """
    request = urllib.request.Request(_quoted(url), headers={"User-Agent": USER_AGENT, "Accept": "image/*,*/*;q=0.5"})
    try:
        with _opener().open(request, timeout=timeout) as response:
            return _read(response, time.monotonic() + 4 * timeout, stop)
    except urllib.error.HTTPError as error:
        with error:
            reason = " ".join(f"HTTP {error.code} {error.reason}".split())
            if error.code in NOT_NOW:
                raise Retry(reason, _retry_after(error.headers.get("Retry-After"))) from error
            raise Gone(reason) from error
    except http.client.InvalidURL as error:
        raise Gone(f"no proper address: {error}") from error
    except urllib.error.URLError as error:
        raise Retry(_told(error.reason), answered=False) from error
    except (OSError, http.client.HTTPException) as error:
        raise Retry(_told(error), answered=False) from error


def _read(response: http.client.HTTPResponse, ends: float, stop: threading.Event) -> Answer:
    """Return the rest of an answer that has begun."""
    if response.status != http.client.OK:
        raise Gone(f"HTTP {response.status} {response.reason}".strip())
    stated = response.headers.get("Content-Length", "")
    parts: list[bytes] = []
    size = 0
    try:
        while size <= LARGEST and (part := response.read1(1 << 16)):  # what has come; `read` would wait for more
            parts.append(part)
            size += len(part)
            if stop.is_set():
                raise Retry("interrupted")
            if time.monotonic() > ends:
                raise Retry(f"too slow: {size:,} bytes so far")
    except (OSError, http.client.HTTPException) as error:
        raise Retry(f"broke off after {size:,} bytes: {_told(error)}") from error
    if stated.isdecimal() and size < min(int(stated), LARGEST):
        raise Retry(f"cut off after {size:,} of {int(stated):,} bytes")
    # The parts of a chunked answer end with a mark, so that a cut raises an error.
    marked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    return Answer(b"".join(parts), response.headers.get_content_type(), stated.isdecimal() or marked)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener of web addresses; the usual one also opens ``file:`` and ``ftp:``."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _told(cause: object) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {cause.verify_message}"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return str(getattr(cause, "strerror", None) or cause) or type(cause).__name__


def _quoted(url: str) -> str:
    """Return an address in ASCII; what is quoted already stays as it is."""
    return urllib.parse.quote(url, safe="%/:=&?~#+!$,;'@()*[]")


def _retry_after(text: str | None) -> float | None:
    """Return the seconds that a server asks to wait: a number, or a date to wait for."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())
